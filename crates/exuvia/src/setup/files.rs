//! Reading files, and replacing them as a whole.

use std::fs::{self, File, Metadata, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use exuvia_config::ConfigFile;
use tempfile::Builder;

/// How large a file may be, in bytes.
const FILE_BYTES: u64 = 16 << 20;
/// Who may read a new file that holds values: its owner.
pub(super) const PRIVATE: u32 = 0o600;
/// Who may read a new file of a project.
pub(super) const SHARED: u32 = 0o644;

/// The text of a file. None: there is none.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    if matches!(path.try_exists(), Ok(false)) && path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let text = ConfigFile::open(path).and_then(|file| file.text(FILE_BYTES));
    text.map(Some).map_err(anyhow::Error::msg).with_context(|| path.display().to_string())
}

/// Puts a text in the place of a file that still holds what is expected, in one step. Links are followed; owner and permissions stay.
/// `None` as the new text removes the file.
///
/// # Errors
///
/// The file holds something else by now, or cannot be written. It is as it was.
pub(super) fn replace(path: &Path, expected: Option<&str>, new: Option<&str>, new_mode: u32) -> Result<()> {
    replaced(path, expected, new, new_mode).with_context(|| path.display().to_string())
}

fn replaced(path: &Path, expected: Option<&str>, new: Option<&str>, new_mode: u32) -> Result<()> {
    let target = target(path)?;
    let Some(new) = new else {
        unchanged(path, expected)?;
        return fs::remove_file(&target).context("cannot be removed");
    };
    let folder = target.parent().context("has no folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut file = Builder::new().prefix(".exuvia-").tempfile_in(folder).context("cannot be written")?;
    file.write_all(new.as_bytes()).context("cannot be written")?;
    match fs::metadata(&target) {
        Ok(there) => keep(file.as_file(), &there)?,
        Err(_) => file.as_file().set_permissions(Permissions::from_mode(new_mode)).context("permissions")?,
    }
    file.as_file().sync_all().context("cannot be written")?;
    // As late as can be: what another program wrote in the meantime is not lost.
    unchanged(path, expected)?;
    file.persist(&target).context("cannot be replaced")?;
    // The new name is on disk with the folder; where folders cannot be synchronized it is there soon.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

fn keep(file: &File, there: &Metadata) -> Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (there.uid(), there.gid()) {
        fchown(file, Some(there.uid()), Some(there.gid())).context("its owner cannot be kept")?;
    }
    file.set_permissions(Permissions::from_mode(there.mode() & 0o7777)).context("permissions")
}

fn unchanged(path: &Path, expected: Option<&str>) -> Result<()> {
    if read(path)?.as_deref() != expected {
        bail!("was changed by another program at this moment; nothing of it was replaced. Try again");
    }
    Ok(())
}

/// The file that a path leads to, through links.
fn target(path: &Path) -> Result<PathBuf> {
    match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => path.canonicalize().context("is a link that leads nowhere"),
        _ => Ok(path.to_owned()),
    }
}

/// Whether others than its owner can read a file.
pub(super) fn is_readable_by_others(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.mode() & 0o077 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_read_before_is_replaced_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/a.json");
        replace(&file, None, Some("one"), PRIVATE).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        fs::set_permissions(&file, Permissions::from_mode(0o604)).unwrap();
        for (expected, new) in [(None, Some("two")), (Some("other"), Some("two")), (Some("other"), None)] {
            let error = format!("{:#}", replace(&file, expected, new, SHARED).unwrap_err());
            assert!(error.contains("was changed by another program"), "{error}");
            assert_eq!(read(&file).unwrap().as_deref(), Some("one"));
        }
        replace(&file, Some("one"), Some("two"), SHARED).unwrap();
        assert_eq!(read(&file).unwrap().as_deref(), Some("two"));
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o604, "its permissions stay");
        replace(&file, Some("two"), None, SHARED).unwrap();
        assert_eq!(read(&file).unwrap(), None);
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn a_link_that_leads_nowhere_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path().join("gone"), &link).unwrap();
        assert!(read(&link).is_err());
        assert!(replace(&link, None, Some("x"), PRIVATE).is_err());
        assert!(link.is_symlink());
    }
}
