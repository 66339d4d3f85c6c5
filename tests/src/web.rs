//! Fake servers over HTTP, as processes of their own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::built;

/// A fake server over HTTP. Killed when it is dropped.
pub struct WebServer {
    child: Child,
    url: String,
}

impl WebServer {
    /// With these arguments beside `--http`.
    ///
    /// # Panics
    ///
    /// It does not start.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(built("exuvia-fake-upstream"));
        let mut child = command.arg("--http").args(arguments).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut url).expect("a line");
        Self { child, url: url.trim().to_owned() }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
