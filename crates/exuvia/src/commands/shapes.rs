//! `exuvia tools shapes`: what was learned of the answers of tools.

use std::fs::File;
use std::io::{Write as _, stdout};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use exuvia_config::Paths;
use exuvia_shapes::{Learned, Shape, ShapeFile, ShapeFileError, ToolKey, read, shipped, shipped_names, to_json};
use exuvia_text::one_line;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Principals, Recording, configured};
use crate::args::{ServerArgs, ShapesArgs, ShapesCommand};
use crate::file_threads::FileThreads;
use crate::start_progress::GLANCE;
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
    let in_use = match &command {
        ShapesCommand::List { servers } if servers.is_given() => shipped_in_use(servers.clone()).await?,
        _ => Learned::default(),
    };
    let said = FileThreads::default().run(move || done(command, &file, &in_use)).await??;
    match said {
        Said::Output(text) => stdout().write_all(text.as_bytes()).context("standard output")?,
        Said::Notice(text) => Terminal::new().print(&text),
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts these servers, for what ships with this program and is used for them automatically.
async fn shipped_in_use(servers: ServerArgs) -> Result<Learned> {
    let terminal = Terminal::new();
    let config = configured(servers.into(), &terminal).await?;
    let (profiles, principals) = (config.for_operator(), Principals::of(&config));
    let over = CancellationToken::new();
    let app = App::start(config, profiles, &terminal, over, GLANCE, Recording::MemoryOnly, principals).await?;
    app.gateway.ready_with(|_| true).await;
    let in_use = app.answer_shapes.as_ref().map_or_else(Learned::default, |shapes| shapes.shipped_in_use());
    app.end().await;
    terminal.clear_progress();
    Ok(in_use)
}

fn done(command: ShapesCommand, file: &ShapeFile, in_use: &Learned) -> Result<Said> {
    Ok(match command {
        ShapesCommand::List { .. } => Said::Output(listed(&known(file)?, in_use)),
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

/// A line for each tool, in the order of their names. What was imported takes the place of what is used automatically.
fn listed(learned: &Learned, in_use: &Learned) -> String {
    let in_use = in_use.iter().filter(|(tool, _)| learned.get(tool).is_none());
    let mut tools: Vec<_> = learned.iter().chain(in_use).collect();
    tools.sort_by_key(|(tool, _)| *tool);
    let line = |(tool, shape): (&ToolKey, &Shape)| {
        let name = one_line(&name_of(tool), NAME_CHARS);
        let origin = match (tool.is_of_any_schema(), learned.get(tool)) {
            (true, Some(_)) => "as documented".to_owned(),
            (true, None) => "as documented, used automatically".to_owned(),
            (false, _) => format!("seen: {}", shape.seen()),
        };
        format!("{name}  {shape}  # {origin}\n")
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
