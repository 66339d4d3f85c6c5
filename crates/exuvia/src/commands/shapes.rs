//! `exuvia tools shapes`: what was learned of the answers of tools.

use std::fs::File;
use std::io::{Write as _, stdout};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use exuvia_config::Paths;
use exuvia_shapes::{Learned, ShapeFile, ShapeFileError, ToolKey, read, shipped, shipped_names, to_json};
use exuvia_text::one_line;

use crate::args::{ShapesArgs, ShapesCommand};
use crate::file_threads::FileThreads;
use crate::terminal::Terminal;

/// How much of a name is shown, in characters.
const NAME_CHARS: usize = 200;

/// What a command has to say.
enum Said {
    Output(String),
    Notice(String),
}

pub(crate) async fn shapes(ShapesArgs { command, role }: ShapesArgs) -> Result<ExitCode> {
    let path = Paths::of_user().shape_file.context("no home directory, so that no shapes are kept")?;
    let file = ShapeFile::new(path);
    let file = role.map_or_else(|| file.clone(), |role| file.of_role(&role));
    let said = FileThreads::default().run(move || done(command, &file)).await??;
    match said {
        Said::Output(text) => stdout().write_all(text.as_bytes()).context("standard output")?,
        Said::Notice(text) => Terminal::new().print(&text),
    }
    Ok(ExitCode::SUCCESS)
}

fn done(command: ShapesCommand, file: &ShapeFile) -> Result<Said> {
    Ok(match command {
        ShapesCommand::List => Said::Output(listed(&known(file)?)),
        ShapesCommand::Export => Said::Output(to_json(&known(file)?) + "\n"),
        ShapesCommand::Shipped => Said::Output(shipped_names().map(|name| format!("{name}\n")).collect()),
        ShapesCommand::Import { file: from, shipped, server } => {
            let learned = match (from, shipped) {
                (Some(from), _) => imported(&from).with_context(|| from.display().to_string())?,
                (None, shipped) => shipped_shapes(&shipped.unwrap_or_default(), server.as_deref())?,
            };
            let count = learned.len();
            file.import(&learned).map_err(|error| unusable(file, error))?;
            Said::Notice(format!("shapes imported: {count}"))
        }
        ShapesCommand::Forget { name } => Said::Notice(forget(file, name.as_deref())?),
    })
}

fn known(file: &ShapeFile) -> Result<Learned> {
    file.read().map_err(|error| unusable(file, error))
}

/// What is the matter with the file, and how to begin anew where it is of no use.
fn unusable(file: &ShapeFile, error: ShapeFileError) -> anyhow::Error {
    let path = file.path().display();
    let place = match error {
        ShapeFileError::Form(_) | ShapeFileError::TooLarge => format!("{path} (`forget` empties it)"),
        _ => path.to_string(),
    };
    anyhow::Error::new(error).context(place)
}

fn imported(from: &Path) -> Result<Learned> {
    Ok(read(File::open(from)?)?)
}

fn shipped_shapes(name: &str, server: Option<&str>) -> Result<Learned> {
    let names = || shipped_names().collect::<Vec<_>>().join(", ");
    shipped(name, server.unwrap_or(name))
        .with_context(|| format!("no shapes of {name:?} are shipped, only of {}", names()))
}

/// A line for each tool, in the order of their names.
fn listed(learned: &Learned) -> String {
    let mut tools: Vec<_> = learned.iter().collect();
    tools.sort_by_key(|(tool, _)| *tool);
    let line = |(tool, shape): (&ToolKey, &exuvia_shapes::Shape)| {
        let name = one_line(&name_of(tool), NAME_CHARS);
        match tool.is_of_any_schema() {
            true => format!("{name}  {shape}  # as documented\n"),
            false => format!("{name}  {shape}  # seen: {}\n", shape.seen()),
        }
    };
    tools.into_iter().map(line).collect()
}

fn name_of(tool: &ToolKey) -> String {
    format!("{}.{}", tool.server, tool.tool)
}

fn forget(file: &ShapeFile, name: Option<&str>) -> Result<String> {
    let Some(name) = name else {
        // Also one that cannot be read.
        file.clear().map_err(|error| unusable(file, error))?;
        return Ok("all shapes forgotten".to_owned());
    };
    let forgotten = file.forget(|tool| tool.server == name || name_of(tool) == name);
    let forgotten = forgotten.map_err(|error| unusable(file, error))?;
    if forgotten == 0 {
        bail!("no shape of {name:?} is known; `exuvia tools shapes list` shows what is");
    }
    Ok(format!("shapes forgotten: {forgotten}"))
}
