//! Commands that are run for their output.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use exuvia_config::HeaderCommand;
use exuvia_oauth::http::quote;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;
use tokio::runtime::Handle;

use crate::stdio::{GuardedChild, Program, Reaper, strays};

/// How long it may run.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How much it may write to its standard output.
const OUTPUT_BYTES: u64 = 64 * 1024;
/// How much is kept of what it writes to standard error.
const ERROR_BYTES: u64 = 4 * 1024;

/// Runs a command, which ends with this program however that ends. The error completes "the command".
pub(super) async fn output(config: &HeaderCommand, reaper: &Arc<Reaper>) -> Result<Vec<u8>, String> {
    let HeaderCommand { command, args, env } = config;
    let program = Program { command, args, env, cwd: None, stdin: Stdio::null() };
    let started = program.start(reaper).await.map_err(|error| format!("`{command}` cannot be started: {error}"))?;
    let mut group = Group::of(started, reaper);
    match tokio::time::timeout(TIMEOUT, group.run()).await {
        Ok(result) => result,
        Err(_) => Err(format!("did not exit within {} s", TIMEOUT.as_secs())),
    }
}

/// A process and what it started. Dropping it before the process has ended kills them all. What a command that ended well has
/// put into a group of its own, as the agents of key rings are, may go on until this program ends.
struct Group {
    child: Child,
    /// None: it has ended, and the kernel may reuse its number.
    pid: Option<Pid>,
    reaper: Arc<Reaper>,
    mark: String,
}

impl Group {
    fn of(started: GuardedChild, reaper: &Arc<Reaper>) -> Self {
        let GuardedChild { child, pid, mark } = started;
        Self { child, pid: Some(pid), reaper: reaper.clone(), mark }
    }

    async fn run(&mut self) -> Result<Vec<u8>, String> {
        let (stdout, stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let stdout = async {
            match read(stdout, OUTPUT_BYTES, false).await {
                (output, false) => Ok(output),
                (_, true) => Err(format!("wrote more than {OUTPUT_BYTES} bytes")),
            }
        };
        let stderr = async { Ok(read(stderr, ERROR_BYTES, true).await.0) };
        let (output, said) = tokio::try_join!(stdout, stderr)?;
        let status = self.child.wait().await.map_err(|error| error.to_string())?;
        if let Some(pid) = self.pid.take() {
            let _ = killpg(pid, Signal::SIGKILL);
            self.reaper.release(pid, true);
        }
        match (status.success(), quote(&String::from_utf8_lossy(&said))) {
            (true, _) => Ok(output),
            (false, said) if said.is_empty() => Err(format!("ended with {status}")),
            (false, said) => Err(format!("ended with {status}: {said}")),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.pid {
            let _ = killpg(pid, Signal::SIGKILL);
            self.reaper.release(pid, false);
            let mark = std::mem::take(&mut self.mark);
            if let Ok(runtime) = Handle::try_current() {
                // The runtime may end before that: then the reaper does it.
                runtime.spawn_blocking(move || strays::end(&mark));
            }
        }
    }
}

/// Reads to the end, or to what is kept at most. Tells whether there was more.
async fn read(pipe: Option<impl AsyncRead + Unpin>, most_bytes: u64, to_end: bool) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let Some(mut pipe) = pipe else { return (bytes, false) };
    let _ = (&mut pipe).take(most_bytes).read_to_end(&mut bytes).await;
    let more = if to_end {
        // What is not read would make the command wait.
        tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await.unwrap_or(0)
    } else {
        pipe.read(&mut [0]).await.unwrap_or(0) as u64
    };
    (bytes, more > 0)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    async fn run(script: &str) -> Result<String, String> {
        let env = [("WHO".to_owned(), "ada".to_owned())].into();
        let config = HeaderCommand { command: "/bin/sh".into(), args: vec!["-c".into(), script.into()], env };
        output(&config, &Arc::new(Reaper::new())).await.map(|output| String::from_utf8(output).unwrap())
    }

    #[tokio::test]
    async fn a_command_sees_its_environment_and_no_other() {
        assert_eq!(run("echo $WHO ${HOME-none}").await, Ok("ada none\n".into()));
    }

    #[tokio::test]
    async fn a_command_that_fails_says_why() {
        assert_eq!(run("echo no keyring >&2; exit 3").await, Err("ended with exit status: 3: no keyring".into()));
        assert_eq!(
            run("PATH=/usr/bin:/bin; head -c 700000 /dev/zero").await,
            Err("wrote more than 65536 bytes".into())
        );
        assert_eq!(run("PATH=/usr/bin:/bin; head -c 700000 /dev/zero >&2; echo x").await, Ok("x\n".into()));
        let missing = HeaderCommand { command: "/no/such".into(), args: vec![], env: Default::default() };
        assert!(
            output(&missing, &Arc::new(Reaper::new())).await.unwrap_err().starts_with("`/no/such` cannot be started")
        );
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_ended_with_what_it_started() {
        let file = std::env::temp_dir().join(format!("exuvia-header-command-{}", std::process::id()));
        // A process that left the group is killed too.
        let script = format!("PATH=/usr/bin:/bin; setsid sleep 60 & sleep 60 & echo $! > {}; wait", file.display());
        let begun = Instant::now();
        assert_eq!(run(&script).await, Err("did not exit within 10 s".into()));
        assert!(begun.elapsed() < Duration::from_secs(15));
        let pid = std::fs::read_to_string(&file).unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "{state}");
    }
}
