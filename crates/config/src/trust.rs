//! Who else can write what decides what runs here: a configuration starts programs, and says who may call what.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::geteuid;

const WRITABLE_BY_ALL: u32 = 0o002;
const WRITABLE_BY_GROUP: u32 = 0o020;
/// In such a folder, what is there can be replaced by its owner alone.
const STICKY: u32 = 0o1000;

/// What an operator should know of a file that is used all the same.
///
/// # Errors
///
/// Everybody on the machine can write it: it is not used.
pub(super) fn doubts(path: &Path, found: &Metadata) -> Result<Vec<String>, String> {
    // Anything that is not a regular file is rejected when it is read.
    if !found.is_file() || is_read_only(path) {
        return Ok(Vec::new());
    }
    let (place, mode, owner) = (path.display(), found.mode(), found.uid());
    if mode & WRITABLE_BY_ALL != 0 {
        return Err(format!("is world-writable, so any user can control what runs here: chmod go-w {place}"));
    }
    let mut doubts = Vec::new();
    // A group that has the number of its user is that user's own, on most systems.
    if mode & WRITABLE_BY_GROUP != 0 && found.gid() != owner {
        doubts.push(format!(
            "is writable by its group ({}), which can control what runs here: chmod g-w {place}",
            found.gid()
        ));
    }
    if owner != 0 && owner != geteuid().as_raw() {
        doubts.push(format!("belongs to another user ({owner}), who can control what runs here"));
    }
    doubts.extend(open_folder(path));
    Ok(doubts)
}

/// The same for a file that another component reads. A missing one is reported by its reader.
pub(super) fn doubts_of(path: &Path) -> Result<Vec<String>, String> {
    fs::metadata(path).map_or_else(|_| Ok(Vec::new()), |found| doubts(path, &found))
}

/// A folder on the way to the file in which everybody can put another one in its place.
fn open_folder(path: &Path) -> Option<String> {
    let path = path.canonicalize().ok()?;
    let is_open = |folder: &&Path| {
        let mode = fs::metadata(folder).map_or(0, |found| found.mode());
        mode & WRITABLE_BY_ALL != 0 && mode & STICKY == 0 && !is_read_only(folder)
    };
    let folder = path.ancestors().skip(1).find(is_open)?.display();
    Some(format!("any user can replace it, its directory is world-writable: chmod o-w {folder}"))
}

/// Nobody writes there, whatever the modes say: volumes of containers are mounted so.
fn is_read_only(path: &Path) -> bool {
    statvfs(path).is_ok_and(|system| system.flags().contains(FsFlags::ST_RDONLY))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    #[test]
    fn a_file_that_others_can_write_is_refused_or_warned_of() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let file = inner.join("exuvia.toml");
        fs::write(&file, "").unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        set(&inner, 0o755);
        for mode in [0o600, 0o644, 0o755] {
            set(&file, mode);
            assert_eq!(doubts_of(&file), Ok(Vec::new()), "{mode:o}");
        }
        for mode in [0o602, 0o666, 0o777] {
            set(&file, mode);
            let refused = doubts_of(&file).unwrap_err();
            assert!(refused.ends_with(&format!("chmod go-w {}", file.display())), "{refused}");
        }
        set(&file, 0o644);
        for (mode, told) in [(0o777, 1), (0o1777, 0), (0o775, 0)] {
            set(&inner, mode);
            let doubts = doubts_of(&file).unwrap();
            assert_eq!(doubts.len(), told, "{mode:o} {doubts:?}");
            assert!(doubts.iter().all(|doubt| doubt.contains(&format!("chmod o-w {}", inner.display()))), "{doubts:?}");
        }
        set(&inner, 0o755);
        assert_eq!(doubts_of(&inner.join("missing")), Ok(Vec::new()));
        if geteuid().is_root() {
            chown(&file, Some(0), Some(7)).unwrap();
            set(&file, 0o664);
            assert!(doubts_of(&file).unwrap()[0].contains("its group (7)"));
            chown(&file, Some(7), Some(7)).unwrap();
            assert!(doubts_of(&file).unwrap()[0].contains("another user (7)"));
        }
    }
}
