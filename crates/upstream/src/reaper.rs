//! The last guard against orphans: a process that outlives this one by a second.
//!
//! A shell holds the list of our children's process groups and reads from a pipe. When the pipe closes without the list
//! being empty (this process was killed, crashed, or left without a shutdown), it ends the groups. The kernel's own
//! parent-death signal would need `unsafe` code, reaches only the direct child, and fires when the *thread* that started
//! the child ends.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use nix::unistd::Pid;

use crate::exchange::locked;

/// Terminates what is left of the groups, and kills it a second later.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
groups=' '
while read -r op group; do
  case "$op" in
    +) groups="$groups$group " ;;
    -) case "$groups" in *" $group "*) groups="${groups%% $group *} ${groups#* $group }" ;; esac ;;
  esac
done
[ "$groups" = ' ' ] && exit
for group in $groups; do kill -s TERM -- "-$group"; done
sleep 1
for group in $groups; do kill -s KILL -- "-$group"; done
"#;

/// One such process, for all children of one [`Upstreams`](crate::Upstreams). Without `/bin/sh` it guards nothing: children
/// then still see their input close.
#[derive(Debug)]
pub(crate) struct Reaper {
    shell: Mutex<Shell>,
}

#[derive(Debug, Default)]
struct Shell {
    child: Option<Child>,
    groups: Vec<i32>,
}

impl Reaper {
    /// A reaper that guards nothing yet.
    pub(crate) fn new() -> Self {
        Self { shell: Mutex::default() }
    }

    /// Puts a group under guard.
    pub(crate) fn watch(&self, group: Pid) {
        let mut shell = locked(&self.shell);
        shell.groups.push(group.as_raw());
        if shell.tell(&format!("+ {group}\n")).is_err()
            && let Err(error) = shell.start()
        {
            tracing::warn!(%error, "no /bin/sh: children may outlive this process if it is killed");
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
            .args(["-c", SCRIPT, "exuvia-reaper"])
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
        drop(child.stdin.take());
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
