//! A server's process and everything it starts.

use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exuvia_tool::locked;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::BufReader;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::child::{GuardedChild, Program};
use super::reaper::Reaper;
use super::server_log::ServerLog;
use super::strays;
use crate::lines::{Line, LineEnd, Lines};

/// How much of what a server wrote to stderr is kept for the operator.
const STDERR_TAIL_BYTES: usize = 8 * 1024;
/// How long a server may take to end after its input closed, after SIGTERM, and after SIGKILL.
const GRACE: Duration = Duration::from_secs(2);

/// A running server in a process group of its own. Dropping it kills the group.
#[derive(Debug)]
pub(crate) struct Process {
    group: Arc<Group>,
    exit: watch::Receiver<Option<ExitStatus>>,
    /// Cancelled when nothing is left of it.
    gone: CancellationToken,
    stderr: Arc<Mutex<VecDeque<u8>>>,
}

impl Process {
    /// Starts a server.
    ///
    /// # Errors
    ///
    /// A sentence for the operator.
    pub(crate) async fn start(
        server: &str,
        config: &exuvia_config::Stdio,
        reaper: &Arc<Reaper>,
        log: &Arc<ServerLog>,
    ) -> Result<(Self, ChildStdin, ChildStdout), String> {
        let program = Program {
            command: &config.command,
            args: &config.args,
            env: &config.env,
            cwd: config.cwd.as_deref(),
            stdin: Stdio::piped(),
        };
        let GuardedChild { mut child, pid, mark } =
            program.start(reaper).await.map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => match &config.cwd {
                    Some(cwd) if !cwd.is_dir() => format!("its cwd `{}` is not a directory", cwd.display()),
                    _ => format!("`{}` was not found; give a full path, or put it on PATH", config.command),
                },
                _ => format!("`{}` cannot be started: {error}", config.command),
            })?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            // They are piped, so there are always three.
            reaper.release(pid, false);
            return Err(format!("`{}` was started without pipes", config.command));
        };
        let group = Arc::new(Group { pid, reaper: reaper.clone(), gone: Mutex::new(false) });
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        tokio::spawn(drain(stderr, tail.clone(), Arc::clone(log), server.to_owned()));
        let (exited, exit) = watch::channel(None);
        let gone = CancellationToken::new();
        tokio::spawn(wait(child, exited, group.clone(), mark, gone.clone().drop_guard()));
        Ok((Self { group, exit, gone, stderr: tail }, stdin, stdout))
    }

    /// Whether the server has not ended.
    pub(crate) fn is_running(&self) -> bool {
        self.exit.borrow().is_none()
    }

    /// Waits for the end, at most this long. Tells whether it came.
    pub(crate) async fn ended_within(&self, time: Duration) -> bool {
        let mut exit = self.exit.clone();
        // An error means that the task that waits is gone, and the child with it.
        tokio::time::timeout(time, exit.wait_for(Option::is_some)).await.is_ok()
    }

    /// Ends the server, whose input is closed already: waits, asks, forces. Takes 6 s at most, and the moment that it takes to
    /// find what it left behind.
    pub(crate) async fn stop(&self) {
        for signal in [Some(Signal::SIGTERM), Some(Signal::SIGKILL), None] {
            if self.ended_within(GRACE).await {
                let _ = tokio::time::timeout(GRACE, self.gone.cancelled()).await;
                return;
            }
            if let Some(signal) = signal {
                self.group.signal(signal);
            }
        }
        tracing::error!(pid = self.group.pid.as_raw(), "process did not exit after SIGKILL");
    }

    /// How it ended and its last words on stderr, for the operator.
    pub(crate) async fn last_words(&self) -> String {
        let ended = self.ended_within(Duration::from_millis(200)).await;
        // What was written last may still be in the pipe.
        tokio::time::sleep(Duration::from_millis(if ended { 50 } else { 0 })).await;
        let status = match *self.exit.borrow() {
            Some(status) => format!("it ended with {status}"),
            None => "it is still running".to_owned(),
        };
        let bytes: Vec<u8> = locked(&self.stderr).iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        match text.trim() {
            "" => format!("{status} and wrote nothing to stderr"),
            // Indented: the server does not write lines of ours.
            text => format!("{status}; its stderr ends with:\n  {}", exuvia_text::indented(text, "  ")),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.group.signal(Signal::SIGKILL);
    }
}

/// The process group of a server: itself and what it started, as long as that did not leave the group.
#[derive(Debug)]
struct Group {
    pid: Pid,
    reaper: Arc<Reaper>,
    gone: Mutex<bool>,
}

impl Group {
    fn signal(&self, signal: Signal) {
        let gone = locked(&self.gone);
        if !*gone {
            let _ = killpg(self.pid, signal);
        }
    }

    /// The leader has ended. The rest of the group is killed, before the kernel may reuse its number. `swept`: processes that
    /// left the group are looked for next.
    fn end(&self, swept: bool) {
        self.signal(Signal::SIGKILL);
        let mut gone = locked(&self.gone);
        if !std::mem::replace(&mut *gone, true) {
            self.reaper.release(self.pid, swept);
        }
    }
}

async fn wait(
    mut child: Child,
    exited: watch::Sender<Option<ExitStatus>>,
    group: Arc<Group>,
    mark: String,
    _gone: DropGuard,
) {
    /// Clears up as well when the runtime ends under the task.
    struct End(Arc<Group>);
    impl Drop for End {
        fn drop(&mut self) {
            self.0.end(false);
        }
    }
    let end = End(group);
    let status = child.wait().await.ok();
    end.0.end(true);
    drop(end);
    exited.send_replace(status.or(Some(ExitStatus::default())));
    // What left the group goes with the server all the same. An error means that the runtime ends: then the reaper does it.
    let _ = tokio::task::spawn_blocking(move || strays::end(&mark)).await;
}

/// Reads stderr to its end, so that the server never blocks on it, and keeps the tail.
async fn drain(stderr: ChildStderr, tail: Arc<Mutex<VecDeque<u8>>>, log: Arc<ServerLog>, server: String) {
    let mut lines = Lines::new(BufReader::new(stderr), STDERR_TAIL_BYTES, LineEnd::Newline);
    while let Ok(Some(line)) = lines.next().await {
        let line = match line {
            Line::Whole(line) => line,
            Line::Long { .. } => match lines.rest(u64::MAX).await {
                Ok(rest) => rest.tail,
                Err(_) => return,
            },
        };
        tracing::debug!(server.name = %server, line = %String::from_utf8_lossy(&line), "stderr");
        log.add(&line);
        let mut tail = locked(&tail);
        tail.extend(line);
        tail.push_back(b'\n');
        let excess = tail.len().saturating_sub(STDERR_TAIL_BYTES);
        tail.drain(..excess);
    }
}
