//! The limits of the control groups that this process is in, in both versions.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// Limits of version 2. Above `memory.high` the kernel slows a group down until it is hardly there.
const UNIFIED: [&str; 2] = ["memory.max", "memory.high"];

/// The limit of version 1.
const SPLIT: [&str; 1] = ["memory.limit_in_bytes"];

/// The tightest limit on the memory of the group of this process and those above it, in bytes. `root` is where `/proc` and `/sys`
/// are.
pub(super) fn limit(root: &Path) -> Option<u64> {
    let read = |path: &str| fs::read_to_string(root.join(path)).ok();
    let (groups, mounts) = (read("proc/self/cgroup")?, read("proc/self/mountinfo")?);
    mounts.lines().filter_map(|line| Mount::of(line, &groups)?.limit(root)).min()
}

/// A hierarchy of groups, as it is mounted here.
struct Mount<'a> {
    /// The group that is mounted.
    top: &'a Path,
    /// Where.
    point: &'a Path,
    /// The group of this process.
    group: &'a Path,
    limits: &'static [&'static str],
}

impl<'a> Mount<'a> {
    /// `30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw`, if it is one of a hierarchy that bounds memory.
    fn of(line: &'a str, groups: &'a str) -> Option<Self> {
        let (mount, kind) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let (top, point) = (Path::new(mount.next()?), Path::new(mount.next()?));
        let mut kind = kind.split(' ');
        let (limits, is_controller): (&[&str], fn(&str) -> bool) = match kind.next()? {
            "cgroup2" => (&UNIFIED, str::is_empty),
            "cgroup" if kind.nth(1)?.split(',').any(|option| option == "memory") => {
                (&SPLIT, |controllers| controllers.split(',').any(|controller| controller == "memory"))
            }
            _ => return None,
        };
        // `4:memory:/a/b`, and `0::/a/b` in version 2.
        let group = groups.lines().find_map(|line| {
            let (controllers, group) = line.split_once(':')?.1.split_once(':')?;
            is_controller(controllers).then_some(Path::new(group))
        })?;
        Some(Self { top, point, group, limits })
    }

    fn limit(&self, root: &Path) -> Option<u64> {
        let point = root.join(self.point.strip_prefix("/").ok()?);
        // Where the group is not below what is mounted, a container sees its own as the top.
        let below = self.group.strip_prefix(self.top).unwrap_or(Path::new(""));
        let is_plain = below.components().all(|part| matches!(part, Component::Normal(_)));
        let below: PathBuf = if is_plain { below.to_owned() } else { PathBuf::new() };
        let folders = below.ancestors().map(|group| point.join(group));
        let number = |file: PathBuf| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
        folders.flat_map(|folder| self.limits.iter().filter_map(move |name| number(folder.join(name)))).min()
    }
}
