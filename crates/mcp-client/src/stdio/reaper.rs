//! The last guard against orphans: a process that outlives this one by a second.
//!
//! A shell holds the list of our children's process groups and reads from a pipe. When the pipe closes without a goodbye
//! (this process was killed, crashed, or left without a shutdown), it ends the groups, and every process that carries our
//! mark in its environment: a child whose group was not named yet, a grandchild that left its group. The kernel's own
//! parent-death signal would need `unsafe` code, reaches only the direct child, and fires when the *thread* that started
//! the child ends.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::unistd::Pid;
use tokio::sync::oneshot;

/// The variable by which a child is known before its group is under guard, and after it has left the group.
pub(crate) const MARK: &str = "EXUVIA_SERVED_TO";

/// Follows the list of groups until the pipe closes. If the pipe closes without a goodbye, it sends SIGTERM to what is left
/// of the groups and to every process with the marker, and SIGKILL a second later.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
groups=' '
while read -r op group; do
  case "$op" in
    +) groups="$groups$group " ;;
    -) case "$groups" in *" $group "*) groups="${groups%% $group *} ${groups#* $group }" ;; esac ;;
    bye) exit ;;
  esac
done
end() {
  for group in $groups; do kill -s "$1" -- "-$group"; done
  for environ in $(grep -ls -e "$mark" /proc/[0-9]*/environ); do
    pid=${environ#/proc/}
    kill -s "$1" "${pid%/environ}"
  done
}
mark=$1
end TERM
sleep 1
end KILL
"#;

/// How long a child waits for its guard: the start of a shell takes milliseconds.
const START: Duration = Duration::from_secs(2);

/// One such process, for all children of one set of servers. Without `/bin/sh` it guards nothing: children
/// then still see their input close.
///
/// A thread of its own talks to the shell: a pipe may be full, and a shell takes its time to start and to end. Nobody who serves
/// others waits for that. With no child there is neither.
#[derive(Debug)]
pub struct Reaper {
    instructions: OnceLock<Sender<Instruction>>,
    children: AtomicU64,
    mark: String,
}

/// What the thread is asked for.
#[derive(Debug)]
enum Instruction {
    /// A child is about to be started.
    Expect(oneshot::Sender<()>),
    /// A group is under guard from now on.
    Watch(Pid),
    /// A group is not any more. Whether what left it was looked for.
    Release(Pid, bool),
    /// Nothing is left to guard for now.
    Rest(oneshot::Sender<()>),
}

#[derive(Debug)]
struct Shell {
    mark: String,
    child: Option<Child>,
    groups: Vec<i32>,
    /// Something that left its group may be there.
    is_unclean: bool,
}

impl Reaper {
    /// A reaper that guards nothing yet.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "no two are equal: each has a mark of its own")]
    pub fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mark = format!("{}-{:x}", std::process::id(), now.as_nanos());
        Self { instructions: OnceLock::new(), children: AtomicU64::new(0), mark }
    }

    /// The value of [`MARK`] for a child that is about to be started: another one for each child. From now on it is under
    /// guard: a child exists for a moment before [`watch`](Self::watch) can name its group.
    pub(crate) async fn expect_child(&self) -> String {
        let (done, is_done) = oneshot::channel();
        self.instruct(Instruction::Expect(done));
        // What keeps a shell from starting is warned of where it is started.
        let _ = tokio::time::timeout(START, is_done).await;
        // Ends with a point, so that no value is the beginning of another.
        format!("{}.{}.", self.mark, self.children.fetch_add(1, Ordering::Relaxed))
    }

    /// Puts a group under guard.
    pub(crate) fn watch(&self, group: Pid) {
        self.instruct(Instruction::Watch(group));
    }

    /// Stops watching a group, whose number the kernel may reuse from now on. `swept`: the caller looks for processes that left
    /// the group; else the shell does, at the end.
    pub(crate) fn release(&self, group: Pid, swept: bool) {
        self.instruct(Instruction::Release(group, swept));
    }

    /// Waits until the shell has processed all instructions, and ends it if no group is watched. The next child starts it
    /// again.
    pub async fn rest(&self) {
        if self.instructions.get().is_some() {
            let (done, is_done) = oneshot::channel();
            self.instruct(Instruction::Rest(done));
            let _ = tokio::time::timeout(START, is_done).await;
        }
    }

    fn instruct(&self, instruction: Instruction) {
        let instructions = self.instructions.get_or_init(|| {
            let (instructions, asked) = channel();
            let shell = Shell { mark: self.mark.clone(), child: None, groups: Vec::new(), is_unclean: false };
            let thread = std::thread::Builder::new().name("exuvia-reaper".into());
            if let Err(error) = thread.spawn(move || shell.follow(&asked)) {
                unguarded(&error);
            }
            instructions
        });
        // Without the thread there is no guard, which was warned of.
        let _ = instructions.send(instruction);
    }
}

fn unguarded(error: &std::io::Error) {
    tracing::warn!(%error, "no /bin/sh: children may outlive this process if it is killed");
}

impl Shell {
    /// Executes instructions until their channel closes.
    fn follow(mut self, asked: &Receiver<Instruction>) {
        while let Ok(instruction) = asked.recv() {
            match instruction {
                Instruction::Expect(done) => {
                    if self.child.is_none()
                        && let Err(error) = self.start()
                    {
                        unguarded(&error);
                    }
                    let _ = done.send(());
                }
                Instruction::Watch(group) => self.watch(group),
                Instruction::Release(group, swept) => {
                    self.is_unclean |= !swept;
                    self.groups.retain(|&other| other != group.as_raw());
                    let _ = self.write_line(&format!("- {group}\n"));
                }
                Instruction::Rest(done) => {
                    if self.groups.is_empty() {
                        self.end();
                    }
                    let _ = done.send(());
                }
            }
        }
    }

    fn watch(&mut self, group: Pid) {
        self.groups.push(group.as_raw());
        if self.write_line(&format!("+ {group}\n")).is_err() {
            // It died. What cannot be started again was warned of before.
            let _ = self.start();
        }
    }

    fn write_line(&mut self, line: &str) -> std::io::Result<()> {
        let stdin = self.child.as_mut().and_then(|child| child.stdin.as_mut());
        stdin.ok_or(std::io::ErrorKind::NotConnected)?.write_all(line.as_bytes())
    }

    /// Starts the shell, also after it died, with the current list.
    fn start(&mut self) -> std::io::Result<()> {
        self.end();
        let child = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "exuvia-reaper", &format!("{MARK}={}", self.mark)])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir("/")
            // Out of reach of a Ctrl-C at the terminal, which ends this process and then has something to clear up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        self.child = Some(child);
        let groups: String = self.groups.iter().map(|group| format!("+ {group}\n")).collect();
        self.write_line(&groups)
    }

    fn end(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if let Some(mut stdin) = child.stdin.take()
            && self.groups.is_empty()
            && !std::mem::take(&mut self.is_unclean)
        {
            let _ = stdin.write_all(b"bye\n");
        }
        // With nothing under guard it is gone in a moment.
        for _ in 0..100 {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::time::Instant;

    use nix::sys::signal::{Signal, kill};

    use super::*;

    /// The shell of a reaper, by the mark among its arguments.
    fn shell(reaper: &Reaper) -> Option<Pid> {
        let of = |pid: &i32| {
            let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            arguments.contains(&reaper.mark)
        };
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        processes.filter_map(|process| process.file_name().to_str()?.parse().ok()).find(of).map(Pid::from_raw)
    }

    /// The shell, once it is there: under load it takes its time.
    async fn started(reaper: &Reaper) -> Pid {
        for _ in 0..3_000 {
            if let Some(pid) = shell(reaper) {
                return pid;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no shell was started");
    }

    async fn ended(reaper: &Reaper) {
        for _ in 0..3_000 {
            if shell(reaper).is_none() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the shell did not end");
    }

    #[tokio::test]
    async fn a_shell_that_does_not_read_holds_up_nobody() {
        let reaper = Reaper::new();
        assert!(reaper.expect_child().await.starts_with(&reaper.mark));
        let stopped = started(&reaper).await;
        kill(stopped, Signal::SIGSTOP).unwrap();
        let begun = Instant::now();
        // More than a pipe takes.
        for _ in 0..20_000 {
            reaper.watch(Pid::from_raw(i32::MAX));
            reaper.release(Pid::from_raw(i32::MAX), true);
        }
        assert_ne!(reaper.expect_child().await, reaper.expect_child().await);
        assert!(begun.elapsed() < 10 * START, "{:?}", begun.elapsed());
        kill(stopped, Signal::SIGKILL).unwrap();
    }

    #[tokio::test]
    async fn a_shell_ends_when_there_is_nothing_to_guard_and_starts_anew() {
        let reaper = Reaper::new();
        // Without a child there is none.
        reaper.rest().await;
        assert_eq!(shell(&reaper), None);
        reaper.expect_child().await;
        let first = started(&reaper).await;
        reaper.rest().await;
        ended(&reaper).await;
        reaper.expect_child().await;
        assert_ne!(started(&reaper).await, first);
        reaper.rest().await;
    }
}
