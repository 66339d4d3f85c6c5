//! `exuvia serve` with a configuration of its own, for the suites that measure it from outside.

use std::fs;
use std::net::SocketAddr;

use anyhow::Result;
use exuvia_tests::{Daemon, built};
use tempfile::NamedTempFile;

use crate::memory::memory_of;

/// A daemon on a free port. Killed when it is dropped.
pub struct Served {
    daemon: Daemon,
    _config: NamedTempFile,
}

impl Served {
    /// Starts one with this `exuvia.toml`.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn start(config: &str) -> Result<Self> {
        let file = tempfile::Builder::new().suffix(".toml").tempfile()?;
        fs::write(file.path(), config)?;
        let daemon = Daemon::start(&["--config", &file.path().display().to_string()]);
        Ok(Self { daemon, _config: file })
    }

    /// The table of a bundled echo server of this name.
    ///
    /// # Panics
    ///
    /// The program is not built.
    #[must_use]
    pub fn echo(name: &str) -> String {
        format!("[servers.{name}]\ncommand = {:?}\nargs = [\"sample\", \"echo\"]\n", built("exuvia"))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.daemon.address()
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.daemon.id()
    }

    /// Waits until its servers are there.
    pub async fn ready(&self) {
        self.daemon.ready().await;
    }

    /// The memory that is this process's alone, in bytes.
    ///
    /// # Errors
    ///
    /// The system does not tell.
    pub fn memory(&self) -> Result<i64> {
        Ok(memory_of(&self.daemon.id().to_string())?.anonymous)
    }
}
