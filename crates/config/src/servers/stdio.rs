//! Servers that are child processes.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The variables that every server gets from the gateway's own environment, as far as they are set. Everything else must be
/// named in the server's `env`: tokens of one server are no business of another.
pub const PASSED_VARIABLES: &[&str] =
    &["HOME", "LANG", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"];

/// A child process that speaks MCP on its standard input and output.
#[derive(Clone, PartialEq, Eq)]
pub struct Stdio {
    /// The program. Without a slash it is looked for on the `PATH` in [`env`](Self::env).
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Its working directory; the gateway's own if not given.
    pub cwd: Option<PathBuf>,
}

impl Stdio {
    /// A process with the [passed variables](PASSED_VARIABLES), which `lookup` finds.
    #[must_use]
    pub fn new(
        command: impl Into<String>,
        args: impl IntoIterator<Item = String>,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Self {
        Self { command: command.into(), args: args.into_iter().collect(), env: passed_variables(lookup), cwd: None }
    }
}

/// Those of [`PASSED_VARIABLES`] that `lookup` finds.
#[must_use]
pub fn passed_variables(lookup: &dyn Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    // Bash exports functions as values that start like this; they are code, and not meant for servers.
    let passed = |name: &str| lookup(name).filter(|value| !value.starts_with("()"));
    PASSED_VARIABLES.iter().filter_map(|&name| Some((name.to_owned(), passed(name)?))).collect()
}

impl fmt::Debug for Stdio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Arguments and variables hold tokens.
        f.debug_struct("Stdio").field("command", &self.command).finish_non_exhaustive()
    }
}
