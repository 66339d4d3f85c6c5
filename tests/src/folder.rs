//! Configurations that change while a daemon follows them.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::{Daemon, built};

/// A folder with an `exuvia.toml`.
pub struct Folder(TempDir);

impl Folder {
    /// With this configuration.
    ///
    /// # Panics
    ///
    /// It cannot be made.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let folder = Self(TempDir::new().expect("a folder"));
        folder.write("exuvia.toml", text);
        folder
    }

    /// Where something in it lies.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The same, as text.
    #[must_use]
    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// Puts a file in place as a whole.
    ///
    /// # Panics
    ///
    /// It cannot.
    pub fn write(&self, name: &str, text: &str) {
        let new = self.path(&format!("{name}.new"));
        fs::write(&new, text).expect("written");
        fs::rename(new, self.path(name)).expect("in place");
    }

    /// A daemon with this configuration and these arguments, ready.
    pub async fn serve(&self, arguments: &[&str]) -> Daemon {
        let daemon = Daemon::start(&[&["--config", &self.text("exuvia.toml")], arguments].concat());
        daemon.ready().await;
        daemon
    }
}

/// The table of a server that tells its process, and whose tools are all listed. Another `trial` makes it another server.
#[must_use]
pub fn fake_table(name: &str, trial: u32) -> String {
    let program = built("exuvia-fake-upstream");
    format!("[servers.{name}]\ncommand = {program:?}\nenv = {{ TRIAL = \"{trial}\" }}\nauto_execute = [\"*\"]\n")
}

/// The table of the bundled echo server, whose tools are all listed.
#[must_use]
pub fn echo_table() -> String {
    format!("[servers.echo]\ncommand = {:?}\nargs = [\"sample\", \"echo\"]\nauto_execute = [\"*\"]\n", built("exuvia"))
}
