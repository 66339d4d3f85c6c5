//! `exuvia workspace`: the files of scripts.

use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use exuvia_config::{Config, Paths, Sources};
use exuvia_gateway::Workspaces;
use exuvia_text::one_line;
use exuvia_tool::{FileEntry, FileError, FileKind};
use exuvia_workspace::{Access, Browser, Quota, Workspace};

use crate::file_threads::FileThreads;
use crate::workspace_args::{WorkspaceArgs, WorkspaceCommand, WorkspaceOf};

/// How much of a name is shown, in characters.
const NAME_CHARS: usize = 200;
/// How much is read at a time, in bytes.
const CHUNK_BYTES: u32 = 256 << 10;

pub(crate) async fn workspace(WorkspaceArgs { command }: WorkspaceArgs) -> Result<ExitCode> {
    match command {
        WorkspaceCommand::Ls { of, path } => listed(&browser(of, Access::ReadOnly).await?, path).await?,
        WorkspaceCommand::Cat { of, path } => printed(&browser(of, Access::ReadOnly).await?, path).await?,
        WorkspaceCommand::Rm { of, path } => removed(&browser(of, Access::ReadWrite).await?, path).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn listed(files: &Browser, path: String) -> Result<()> {
    let mut lines = String::new();
    for FileEntry { name, kind } in files.list(&path).await.map_err(about(&path))? {
        let path = format!("{path}/{name}");
        let stat = files.stat(&path).await.map_err(about(&path))?;
        let kind = match kind {
            FileKind::File => "file",
            FileKind::Directory => "dir",
            FileKind::Other => "other",
        };
        // Writing to a string does not fail.
        let _ = writeln!(lines, "{kind:<5}  {:>12}  {}", stat.size, one_line(&name, NAME_CHARS));
    }
    stdout().write_all(lines.as_bytes()).context("standard output")
}

async fn printed(files: &Browser, path: String) -> Result<()> {
    let file = files.open(&path).await.map_err(about(&path))?;
    let mut offset = 0;
    loop {
        let part = files.part(file, offset, CHUNK_BYTES).await.map_err(about(&path))?;
        if part.is_empty() {
            return Ok(());
        }
        offset += part.len() as u64;
        stdout().write_all(&part).context("standard output")?;
    }
}

async fn removed(files: &Browser, path: String) -> Result<()> {
    files.remove(&path).await.map(drop).map_err(|error| anyhow!("{}", one_line(&error.to_string(), 2 * NAME_CHARS)))
}

fn about(path: &str) -> impl Fn(FileError) -> anyhow::Error {
    let path = one_line(path, NAME_CHARS);
    move |error| anyhow!("{path}: {error}")
}

/// The files that are meant. An operator meets the same walls as a script, but for the quota.
async fn browser(of: WorkspaceOf, access: Access) -> Result<Browser> {
    let WorkspaceOf { config, name, principal, directory } = of;
    FileThreads::default()
        .run(move || {
            let paths = Paths::of_user();
            let config = Sources { config, ..Sources::default() }.load(&paths)?;
            let name = named(&config, name)?;
            let workspace = &config.workspaces.named[&name];
            let workspaces = Workspaces::kept_in(paths.workspace_dir);
            let found = match &directory {
                Some(directory) => workspaces.of_user(&name, workspace, directory),
                None => workspaces.directory(&name, workspace, &principal, None),
            };
            match found {
                Some(found) => opened(found, access),
                None => bail!(
                    "no such directory: name one with --directory: {}",
                    workspaces.users(&name, workspace).join(", ")
                ),
            }
        })
        .await?
}

/// The workspace that is meant.
fn named(config: &Config, name: Option<String>) -> Result<String> {
    let mut names = config.workspaces.named.keys();
    match (name, names.next(), names.next()) {
        (Some(name), ..) if config.workspaces.named.contains_key(&name) => Ok(name),
        (None, Some(only), None) => Ok(only.clone()),
        (_, None, _) => bail!("no workspace is configured: see [workspaces.NAME] of the configuration"),
        _ => {
            let names: Vec<_> = config.workspaces.named.keys().map(String::as_str).collect();
            bail!("name a workspace with --name: {}", names.join(", "))
        }
    }
}

fn opened(directory: PathBuf, access: Access) -> Result<Browser> {
    if !directory.is_dir() {
        bail!("no script has used this workspace yet");
    }
    let quota = Quota { bytes: u64::MAX, files: u64::MAX, ..Quota::default() };
    let workspace = Workspace::open(&directory, quota)?;
    Ok(Browser::new(Arc::new(workspace), access))
}
