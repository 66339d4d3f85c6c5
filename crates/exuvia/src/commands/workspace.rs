//! `exuvia workspace`: the files of scripts.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use exuvia_config::{Config, Paths, Sources};
use exuvia_gateway::Workspaces;
use exuvia_text::one_line;
use exuvia_tool::{FileEntry, FileHandle, FileKind, FileRequest, FileStat, FileValue, OpenHow, RunFiles as _};
use exuvia_workspace::{Access, Quota, Workspace, WorkspaceFiles};

use crate::file_threads::FileThreads;
use crate::workspace_args::{WorkspaceArgs, WorkspaceCommand, WorkspaceOf};

/// How much of a name is shown, in characters.
const NAME_CHARS: usize = 200;
/// How much is read at a time, in bytes.
const CHUNK_BYTES: u32 = 256 << 10;
/// How many files and directories are removed at once.
const MAX_REMOVED: usize = 1_000_000;

pub(crate) async fn workspace(WorkspaceArgs { command }: WorkspaceArgs) -> Result<ExitCode> {
    match command {
        WorkspaceCommand::Ls { of, path } => listed(&Files::of(of, Access::ReadOnly).await?, path).await?,
        WorkspaceCommand::Cat { of, path } => printed(&Files::of(of, Access::ReadOnly).await?, path).await?,
        WorkspaceCommand::Rm { of, path } => removed(&Files::of(of, Access::ReadWrite).await?, path).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn listed(files: &Files, path: String) -> Result<()> {
    let mut lines = String::new();
    for FileEntry { name, kind } in files.list(&path).await? {
        let stat = files.stat(format!("{path}/{name}")).await?;
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

async fn printed(files: &Files, path: String) -> Result<()> {
    let file = files.open(&path).await?;
    let mut offset = 0;
    loop {
        match files.ask(&path, FileRequest::Read { file, offset, length: CHUNK_BYTES }).await? {
            FileValue::Bytes(bytes) if bytes.is_empty() => return Ok(()),
            FileValue::Bytes(bytes) => {
                offset += bytes.len() as u64;
                stdout().write_all(&bytes).context("standard output")?;
            }
            other => bail!("an unexpected answer: {other:?}"),
        }
    }
}

/// Removes what is in a directory before the directory.
async fn removed(files: &Files, path: String) -> Result<()> {
    let mut open = VecDeque::from([path]);
    let mut found = Vec::new();
    while let Some(path) = open.pop_front() {
        let stat = files.stat(path.clone()).await?;
        if stat.kind == FileKind::Directory {
            open.extend(files.list(&path).await?.into_iter().map(|entry| format!("{path}/{}", entry.name)));
        }
        found.push((path, stat.kind));
        if found.len() > MAX_REMOVED {
            bail!("there are more than {MAX_REMOVED} files and directories: remove parts of it");
        }
    }
    for (path, kind) in found.into_iter().rev() {
        let (at, removed) = (FileHandle::ROOT, path.clone());
        let request = match kind {
            FileKind::Directory => FileRequest::RemoveDirectory { at, path },
            FileKind::File | FileKind::Other => FileRequest::RemoveFile { at, path },
        };
        files.ask(&removed, request).await?;
    }
    Ok(())
}

/// The files of a workspace. An operator meets the same walls as a script, but for the quota.
struct Files(WorkspaceFiles);

impl Files {
    async fn of(of: WorkspaceOf, access: Access) -> Result<Self> {
        let WorkspaceOf { config, name, principal } = of;
        FileThreads::default()
            .run(move || {
                let paths = Paths::of_user();
                let config = Sources { config, ..Sources::default() }.load(&paths)?;
                let name = named(&config, name)?;
                let workspace = &config.workspaces.named[&name];
                let workspaces = Workspaces::kept_in(paths.workspace_dir);
                let directory = workspaces.directory(&name, workspace, &principal);
                opened(directory.context("no home directory, so that no files are kept")?, access)
            })
            .await?
    }

    async fn ask(&self, path: &str, request: FileRequest) -> Result<FileValue> {
        let answer = self.0.ask(request).await;
        answer.map_err(|error| anyhow!("{}: {error}", one_line(path, NAME_CHARS)))
    }

    async fn open(&self, path: &str) -> Result<FileHandle> {
        let how = OpenHow { read: true, ..OpenHow::default() };
        match self.ask(path, FileRequest::Open { at: FileHandle::ROOT, path: path.to_owned(), how }).await? {
            FileValue::Opened { file, .. } => Ok(file),
            other => bail!("an unexpected answer: {other:?}"),
        }
    }

    async fn stat(&self, path: String) -> Result<FileStat> {
        match self.ask(&path.clone(), FileRequest::StatAt { at: FileHandle::ROOT, path }).await? {
            FileValue::Stat(stat) => Ok(stat),
            other => bail!("an unexpected answer: {other:?}"),
        }
    }

    async fn list(&self, path: &str) -> Result<Vec<FileEntry>> {
        let directory = self.open(path).await?;
        let listed = self.ask(path, FileRequest::List { directory }).await;
        self.0.close(directory);
        match listed? {
            FileValue::Entries(entries) => Ok(entries),
            other => bail!("an unexpected answer: {other:?}"),
        }
    }
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

fn opened(directory: PathBuf, access: Access) -> Result<Files> {
    if !directory.is_dir() {
        bail!("no script has used this workspace yet");
    }
    let quota = Quota { bytes: u64::MAX, files: u64::MAX, ..Quota::default() };
    let workspace = Workspace::open(&directory, quota)?;
    Ok(Files(WorkspaceFiles::new(Arc::new(workspace), access)))
}
