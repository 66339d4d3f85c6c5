//! What only root can set up: swap space, control groups, huge pages. Each is taken down when it is dropped.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

/// Whether this process may set all that up.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// A swap file.
pub(crate) struct Swap {
    folder: TempDir,
}

impl Swap {
    /// Makes one of this size in bytes and has the system use it.
    pub(crate) fn on(bytes: u64) -> Result<Self> {
        // Not in /tmp, which may be in memory.
        let swap = Self { folder: tempfile::Builder::new().prefix("exuvia-swap").tempdir_in("/var/tmp")? };
        let file = swap.file();
        run(Command::new("fallocate").arg("-l").arg(bytes.to_string()).arg(&file))?;
        run(Command::new("chmod").arg("600").arg(&file))?;
        run(Command::new("mkswap").arg("-q").arg(&file))?;
        run(Command::new("swapon").arg(&file))?;
        Ok(swap)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("swap")
    }
}

impl Drop for Swap {
    fn drop(&mut self) {
        let _ = Command::new("swapoff").arg(self.file()).status();
    }
}

/// When the kernel uses huge pages.
pub(crate) struct HugePages {
    before: String,
}

impl HugePages {
    const FILE: &str = "/sys/kernel/mm/transparent_hugepage/enabled";

    /// `always`, `madvise` or `never`.
    pub(crate) fn set(when: &str) -> Result<Self> {
        let states = fs::read_to_string(Self::FILE).context(Self::FILE)?;
        let before = states.split('[').nth(1).and_then(|rest| rest.split(']').next()).context("a state")?.to_owned();
        fs::write(Self::FILE, when)?;
        Ok(Self { before })
    }
}

impl Drop for HugePages {
    fn drop(&mut self) {
        let _ = fs::write(Self::FILE, &self.before);
    }
}

/// A control group with a limit on its memory.
pub(crate) struct Cgroup {
    folder: PathBuf,
}

impl Cgroup {
    pub(crate) fn new(name: &str, bytes: u64) -> Result<Self> {
        let first = Path::new("/sys/fs/cgroup/memory");
        let second = Path::new("/sys/fs/cgroup");
        let (above, limit) = if first.join("cgroup.procs").exists() {
            (first, "memory.limit_in_bytes")
        } else if fs::read_to_string(second.join("cgroup.controllers")).is_ok_and(|found| found.contains("memory")) {
            fs::write(second.join("cgroup.subtree_control"), "+memory")?;
            (second, "memory.max")
        } else {
            bail!("no control group can bound memory here");
        };
        let folder = above.join(format!("exuvia-{name}-{}", std::process::id()));
        fs::create_dir(&folder)?;
        let group = Self { folder };
        fs::write(group.folder.join(limit), bytes.to_string())?;
        Ok(group)
    }

    /// A command that becomes this program, in the group.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(self.folder.join("cgroup.procs")).arg(program);
        command
    }

    /// How many processes the kernel has ended because the group used too much.
    pub(crate) fn killed(&self) -> Result<u64> {
        let files = ["memory.events", "memory.oom_control"].map(|name| fs::read_to_string(self.folder.join(name)));
        let text = files.into_iter().find_map(Result::ok).context("the events of the group")?;
        let line = text.lines().find_map(|line| line.strip_prefix("oom_kill ")).context("oom_kill")?;
        Ok(line.trim().parse()?)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // The last of its processes may take a moment to go.
        for _ in 0..50 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}
