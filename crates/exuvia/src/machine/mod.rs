//! The memory that the program may use: that of the machine, or what its control group allows.

mod cgroup;
mod totals;

use std::fs;
use std::path::Path;

use exuvia_config::Config;
use exuvia_runtime::EngineConfig;

pub(crate) use totals::{smaller_limit, totals};

/// What the program itself takes, in bytes: the compiled guest, the threads, and some for requests.
const PROGRAM_BYTES: u64 = 128 << 20;

/// What all runs together have where there is hardly anything, in bytes. Enough for one small script at a time.
const LEAST_BYTES: u64 = 96 << 20;

/// The memory that this program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Memory {
    /// In bytes.
    pub(crate) bytes: u64,
    /// Whose it is.
    pub(crate) of: Of,
}

/// What bounds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// A control group, which ends the program when it uses more.
    Cgroup,
    /// The machine, which others use as well.
    Machine,
}

impl Memory {
    /// The memory of this machine now. None: unknown.
    pub(crate) fn here() -> Option<Self> {
        Self::below(Path::new("/"))
    }

    fn below(root: &Path) -> Option<Self> {
        let machine = Self { bytes: machine(root)?, of: Of::Machine };
        let cgroup = cgroup::limit(root).filter(|bytes| *bytes < machine.bytes);
        Some(cgroup.map_or(machine, |bytes| Self { bytes, of: Of::Cgroup }))
    }

    /// What all runs together may hold of it, in bytes, where nothing else is configured: of a machine half, of a control group
    /// four fifths, after what the program itself takes. The rest is for what the host holds for runs and clients.
    pub(crate) fn for_runs(self) -> u64 {
        let rest = self.bytes.saturating_sub(PROGRAM_BYTES);
        let share = match self.of {
            Of::Cgroup => rest / 5 * 4,
            Of::Machine => rest / 2,
        };
        share.max(LEAST_BYTES)
    }
}

/// The engine that a configuration asks for, on a machine with this memory.
pub(crate) fn engine(config: &Config, memory: Option<Memory>) -> EngineConfig {
    let default = EngineConfig::default();
    let runs_memory_bytes = config.runs.memory_bytes.or(memory.map(Memory::for_runs));
    EngineConfig {
        concurrent_runs: config.runs.concurrent,
        nested_levels: config.functions.as_ref().map_or(0, |functions| functions.depth),
        runs_memory_bytes: runs_memory_bytes.unwrap_or(default.runs_memory_bytes),
        resting_instances: config.sessions.as_ref().map_or(0, |sessions| sessions.warm),
        ..default
    }
}

/// The memory of the machine in bytes.
fn machine(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:       16777216 kB\nMemFree:        1 kB\n";
    const GIB: u64 = 1 << 30;
    const MIB: u64 = 1 << 20;

    /// A machine whose files are these.
    fn memory(files: &[(&str, &str)]) -> Option<Memory> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Memory::below(root.path())
    }

    const UNIFIED: (&str, &str) =
        ("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n");
    const SPLIT: (&str, &str) = (
        "proc/self/mountinfo",
        "31 23 0:27 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n\
         32 23 0:28 / /sys/fs/cgroup/memory rw shared:8 - cgroup cgroup rw,memory\n\
         33 23 0:29 / /sys/fs/cgroup/unified rw shared:7 - cgroup2 cgroup2 rw\n",
    );

    #[test]
    fn without_a_control_group_it_is_the_machine_that_counts() {
        let machine = Some(Memory { bytes: 16 * GIB, of: Of::Machine });
        assert_eq!(memory(&[("proc/meminfo", MEMINFO)]), machine);
        let unlimited = [
            ("proc/meminfo", MEMINFO),
            UNIFIED,
            ("proc/self/cgroup", "0::/user.slice\n"),
            ("sys/fs/cgroup/user.slice/memory.max", "max\n"),
        ];
        assert_eq!(memory(&unlimited), machine);
        let unlimited = [
            ("proc/meminfo", MEMINFO),
            SPLIT,
            ("proc/self/cgroup", "4:memory:/a\n1:cpu:/\n0::/\n"),
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/cpu/memory.limit_in_bytes", "1\n"),
        ];
        assert_eq!(memory(&unlimited), machine);
        assert_eq!(memory(&[("proc/version", "macOS")]), None);
        assert_eq!(memory(&[("proc/meminfo", "MemTotal: what?")]), None);
    }

    #[test]
    fn the_tightest_limit_on_the_way_up_holds() {
        let files = |own: &'static str, above: &'static str, high: &'static str| {
            let files = [
                ("proc/meminfo", MEMINFO),
                UNIFIED,
                ("proc/self/cgroup", "0::/system.slice/exuvia.service\n"),
                ("sys/fs/cgroup/system.slice/exuvia.service/memory.max", own),
                ("sys/fs/cgroup/system.slice/exuvia.service/memory.high", high),
                ("sys/fs/cgroup/system.slice/memory.max", above),
            ];
            memory(&files).map(|memory| memory.bytes)
        };
        assert_eq!(files("1073741824\n", "max\n", "max\n"), Some(GIB));
        assert_eq!(files("1073741824\n", "536870912\n", "max\n"), Some(GIB / 2));
        assert_eq!(files("max\n", "max\n", "314572800\n"), Some(300 * MIB));
        let old = [
            ("proc/meminfo", MEMINFO),
            SPLIT,
            ("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/a/b\n0::/\n"),
            ("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1073741824\n"),
        ];
        assert_eq!(memory(&old), Some(Memory { bytes: GIB, of: Of::Cgroup }));
    }

    #[test]
    fn a_container_sees_its_own_limit_wherever_its_group_is_mounted() {
        // With a namespace of its own, its group is the root of what is mounted.
        let namespace = [
            ("proc/meminfo", MEMINFO),
            UNIFIED,
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", "1073741824\n"),
        ];
        assert_eq!(memory(&namespace).map(|memory| memory.bytes), Some(GIB));
        // Without one, the group has its path on the machine, and only that group is mounted.
        let mounted = "32 23 0:28 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n".to_owned();
        let bind = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/mountinfo", mounted.as_str()),
            ("proc/self/cgroup", "4:memory:/docker/abc\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "314572800\n"),
        ];
        assert_eq!(memory(&bind).map(|memory| memory.bytes), Some(300 * MIB));
        // Outside of the namespace that it sees.
        let outside = [
            ("proc/meminfo", MEMINFO),
            UNIFIED,
            ("proc/self/cgroup", "0::/../other\n"),
            ("sys/fs/cgroup/memory.max", "1073741824\n"),
        ];
        assert_eq!(memory(&outside).map(|memory| memory.bytes), Some(GIB));
    }

    #[test]
    fn runs_have_a_share_of_it_and_never_nothing() {
        let of = |bytes, of| Memory { bytes, of }.for_runs();
        assert_eq!(of(1152 * MIB, Of::Cgroup), (1024 * MIB) / 5 * 4);
        assert_eq!(of(16 * GIB + 128 * MIB, Of::Machine), 8 * GIB);
        assert_eq!(of(64 * MIB, Of::Cgroup), LEAST_BYTES);
        assert_eq!(of(0, Of::Machine), LEAST_BYTES);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_limit_of_this_machine_is_found() {
        assert!(Memory::here().is_some_and(|memory| memory.bytes > 1 << 24));
    }
}
