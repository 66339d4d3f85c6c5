//! Child processes under guard, each in a process group of its own.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Stdio;

use nix::unistd::Pid;
use tokio::process::{Child, Command};

use super::reaper::{MARK, Reaper};

/// What is started.
pub(crate) struct Program<'a> {
    pub(crate) command: &'a str,
    pub(crate) args: &'a [String],
    /// The whole environment.
    pub(crate) env: &'a BTreeMap<String, String>,
    /// The working directory; this program's own if not given.
    pub(crate) cwd: Option<&'a Path>,
    pub(crate) stdin: Stdio,
}

/// A process that was started.
pub(crate) struct GuardedChild {
    /// Its output and its errors are piped. Dropping it kills the process, but not what the process has started.
    pub(crate) child: Child,
    /// Also the number of its group, which the reaper watches until it is released.
    pub(crate) pid: Pid,
    /// The value of [`MARK`] in its environment.
    pub(crate) mark: String,
}

impl Program<'_> {
    /// Starts the program and puts its group under guard.
    ///
    /// # Errors
    ///
    /// It cannot be started.
    pub(crate) async fn start(self, reaper: &Reaper) -> io::Result<GuardedChild> {
        let mark = reaper.expect_child().await;
        let mut command = Command::new(self.command);
        command
            .args(self.args)
            .env_clear()
            .envs(self.env)
            .env(MARK, &mark)
            .process_group(0)
            .stdin(self.stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(cwd) = self.cwd {
            command.current_dir(cwd);
        }
        let child = command.spawn()?;
        // A process has an id until it was waited for.
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("it exited immediately"))?;
        reaper.watch(pid);
        Ok(GuardedChild { child, pid, mark })
    }
}
