//! `exuvia workspace`: the files of scripts.

use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use exuvia_config::{Config, Paths};
use exuvia_gateway::Workspaces;
use exuvia_text::one_line;
use exuvia_tool::{FileError, FileHandle, FileKind, FileRequest, FileValue, OpenHow, Principal, RunFiles as _};
use exuvia_workspace::{Access, Quota, Workspace, WorkspaceFiles};

use crate::args::{WorkspaceArgs, WorkspaceCommand, WorkspaceOf};

/// How much of a name is shown, in characters.
const NAME_CHARS: usize = 200;
/// How much is read at a time, in bytes.
const CHUNK_BYTES: u32 = 256 << 10;

pub(crate) async fn workspace(WorkspaceArgs { command }: WorkspaceArgs) -> Result<ExitCode> {
    match command {
        WorkspaceCommand::Ls { of, path } => listed(&of, &path).await?,
        WorkspaceCommand::Cat { of, path } => printed(&of, &path).await?,
        WorkspaceCommand::Rm { of, path } => removed(&of, &path).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The files that a request is made to. An operator meets the same walls as a script.
struct Files(WorkspaceFiles);

impl Files {
    async fn of(of: &WorkspaceOf, access: Access) -> Result<Self> {
        let config = of.sources.config()?;
        let directory = directory(&config, of)?;
        if !directory.is_dir() {
            bail!("no script has used this workspace yet");
        }
        let quota = Quota { bytes: u64::MAX, files: u64::MAX, ..Quota::default() };
        let opened = tokio::task::spawn_blocking(move || Workspace::open(&directory, quota)).await??;
        Ok(Self(WorkspaceFiles::new(Arc::new(opened), access)))
    }

    async fn ask(&self, path: &str, request: FileRequest) -> Result<FileValue> {
        let shown = || one_line(path, NAME_CHARS).into_owned();
        self.0.ask(request).await.map_err(|error: FileError| anyhow::anyhow!("{}: {error}", shown()))
    }

    async fn open(&self, path: &str) -> Result<(FileHandle, FileKind)> {
        let how = OpenHow { read: true, ..OpenHow::default() };
        let request = FileRequest::Open { at: FileHandle::ROOT, path: path.to_owned(), how };
        match self.ask(path, request).await? {
            FileValue::Opened { file, kind } => Ok((file, kind)),
            other => bail!("{other:?}"),
        }
    }

    async fn size(&self, path: &str) -> Result<u64> {
        match self.ask(path, FileRequest::StatAt { at: FileHandle::ROOT, path: path.to_owned() }).await? {
            FileValue::Stat(stat) => Ok(stat.size),
            other => bail!("{other:?}"),
        }
    }
}
