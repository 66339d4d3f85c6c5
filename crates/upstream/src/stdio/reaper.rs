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
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::unistd::Pid;

use crate::exchange::locked;

/// The variable by which a child is known before its group is under guard, and after it has left the group.
pub(crate) const MARK: &str = "EXUVIA_SERVED_TO";

/// Follows the list of groups until the pipe closes. Without a word of goodbye, it terminates what is left of the groups and
/// whatever carries the mark, and kills it a second later.
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
  for environ in /proc/[0-9]*/environ; do
    grep -q "$mark" "$environ" && pid=${environ#/proc/} && kill -s "$1" "${pid%/environ}"
  done
}
mark=$1
end TERM
sleep 1
end KILL
"#;

/// One such process, for all children of one [`Upstreams`](crate::Upstreams). Without `/bin/sh` it guards nothing: children
/// then still see their input close.
#[derive(Debug)]
pub(crate) struct Reaper {
    shell: Mutex<Shell>,
    mark: String,
}

#[derive(Debug)]
struct Shell {
    mark: String,
    child: Option<Child>,
    groups: Vec<i32>,
}

impl Reaper {
    /// A reaper that guards nothing yet.
    pub(crate) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mark = format!("{}-{:x}", std::process::id(), now.as_nanos());
        Self { shell: Mutex::new(Shell { mark: mark.clone(), child: None, groups: Vec::new() }), mark }
    }

    /// The value of [`MARK`] for a child that is about to be started. From now on it is under guard: a child exists for a
    /// moment before [`watch`](Self::watch) can name its group.
    pub(crate) fn expect_child(&self) -> &str {
        let mut shell = locked(&self.shell);
        if shell.child.is_none()
            && let Err(error) = shell.start()
        {
            tracing::warn!(%error, "no /bin/sh: children may outlive this process if it is killed");
        }
        &self.mark
    }

    /// Puts a group under guard.
    pub(crate) fn watch(&self, group: Pid) {
        let mut shell = locked(&self.shell);
        shell.groups.push(group.as_raw());
        if shell.tell(&format!("+ {group}\n")).is_err() {
            // It died. What cannot be started again was warned of before.
            let _ = shell.start();
        }
    }

    /// Takes a group out of guard. Its number may be given to another process from now on.
    pub(crate) fn release(&self, group: Pid) {
        let mut shell = locked(&self.shell);
        shell.groups.retain(|&other| other != group.as_raw());
        let _ = shell.tell(&format!("- {group}\n"));
    }
}

impl Shell {
    fn tell(&mut self, line: &str) -> std::io::Result<()> {
        let stdin = self.child.as_mut().and_then(|child| child.stdin.as_mut());
        stdin.ok_or(std::io::ErrorKind::NotConnected)?.write_all(line.as_bytes())
    }

    /// Starts the shell, anew if it died, with the list as it is.
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
        self.tell(&groups)
    }

    fn end(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if let Some(mut stdin) = child.stdin.take()
            && self.groups.is_empty()
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
