//! componentize-py is written against wasmtime-wasi 46. It gets the version that the workspace runs, with the one
//! function that has changed since as it was.
//!
//! docs/decisions/0002-guest-and-artifact.md says when this can go.

use std::path::Path;

use current::cli::{StdinStream, StdoutStream};
use wasmtime::Result;

pub use current::*;

/// What a directory's entries allow.
#[derive(Debug, Clone, Copy)]
pub struct DirPerms(());

/// What a directory's files allow.
#[derive(Debug, Clone, Copy)]
pub struct FilePerms(());

impl DirPerms {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self(())
    }
}

impl FilePerms {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self(())
    }
}

/// Collects what a guest may see.
#[derive(Default)]
pub struct WasiCtxBuilder(current::WasiCtxBuilder);

impl WasiCtxBuilder {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where standard input comes from.
    pub fn stdin(&mut self, stdin: impl StdinStream + 'static) -> &mut Self {
        self.0.stdin(stdin);
        self
    }

    /// Where standard output goes.
    pub fn stdout(&mut self, stdout: impl StdoutStream + 'static) -> &mut Self {
        self.0.stdout(stdout);
        self
    }

    /// Where standard error goes.
    pub fn stderr(&mut self, stderr: impl StdoutStream + 'static) -> &mut Self {
        self.0.stderr(stderr);
        self
    }

    /// Sets a variable of the environment.
    pub fn env(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> &mut Self {
        self.0.env(name, value);
        self
    }

    /// Opens a directory to the guest. The current version has one permission for the directory and its files.
    ///
    /// # Errors
    ///
    /// The directory cannot be opened.
    pub fn preopened_dir(
        &mut self,
        host: impl AsRef<Path>,
        guest: impl AsRef<str>,
        _: DirPerms,
        _: FilePerms,
    ) -> Result<&mut Self> {
        self.0.preopened_dir(host, guest, FsPerms::ReadWrite)?;
        Ok(self)
    }

    /// What the guest sees.
    pub fn build(&mut self) -> WasiCtx {
        self.0.build()
    }
}
