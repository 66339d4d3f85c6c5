//! The guests that runs were made with, in a folder: one file for each, named by its digest.

use std::fs::{self, DirBuilder, File, FileTimes};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::PackedGuest;

/// The most guests that are kept: when there is one more, the one that was used least recently is removed. A guest takes about 12 MB.
const MAX_GUESTS: usize = 8;
/// How the names of guests end, behind the digest.
const EXTENSION: &str = "wasm.zst";

/// The folder with the guests. It is there when the first guest is.
#[derive(Debug, Clone)]
pub(crate) struct GuestFolder(PathBuf);

impl GuestFolder {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// Keeps a guest, or notes that the one that is there is used. The file is there as a whole or not at all; it is not waited for until it
    /// is on the disk: one that a crash of the machine has cut short is written again.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(crate) fn keep(&self, guest: &PackedGuest) -> io::Result<()> {
        let path = self.path(guest.sha256);
        if fs::metadata(&path).is_ok_and(|found| found.len() == guest.zstd.len() as u64) {
            let file = File::options().append(true).open(&path)?;
            return file.set_times(FileTimes::new().set_modified(SystemTime::now()));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        let temporary = path.with_extension("new");
        File::create(&temporary)?.write_all(guest.zstd)?;
        fs::rename(&temporary, &path)?;
        self.remove_more_than(MAX_GUESTS)
    }

    /// The compressed component of a guest. None: it is not kept.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(crate) fn read(&self, sha256: &str) -> io::Result<Option<Vec<u8>>> {
        if !is_digest(sha256) {
            return Ok(None);
        }
        match fs::read(self.path(sha256)) {
            Ok(zstd) => Ok(Some(zstd)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The digests of the guests that are kept.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub(crate) fn digests(&self) -> io::Result<Vec<String>> {
        Ok(self.files()?.iter().filter_map(|file| digest(file)).collect())
    }

    /// Removes a guest.
    ///
    /// # Errors
    ///
    /// The file cannot be removed.
    pub(crate) fn remove(&self, sha256: &str) -> io::Result<()> {
        fs::remove_file(self.path(sha256))
    }

    /// Removes those that were used least recently, and what a killed process has left of one that it was writing.
    fn remove_more_than(&self, most: usize) -> io::Result<()> {
        let (mut guests, others): (Vec<_>, Vec<_>) = self.files()?.into_iter().partition(|file| digest(file).is_some());
        let used = |file: &PathBuf| fs::metadata(file).and_then(|file| file.modified()).ok();
        guests.sort_by_cached_key(|file| std::cmp::Reverse(used(file)));
        let unfinished = others.iter().filter(|file| file.extension().is_some_and(|extension| extension == "new"));
        guests.iter().skip(most).chain(unfinished).try_for_each(fs::remove_file)
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        match fs::read_dir(&self.0) {
            Ok(files) => files.map(|file| Ok(file?.path())).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.0.join(format!("{sha256}.{EXTENSION}"))
    }
}

/// The digest that a file is named by, if it is a guest.
fn digest(file: &Path) -> Option<String> {
    let (digest, extension) = file.file_name()?.to_str()?.split_once('.')?;
    (extension == EXTENSION && is_digest(digest)).then(|| digest.to_owned())
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const CONTENT: &[u8] = b"a component";

    fn guest(number: usize) -> PackedGuest {
        PackedGuest { sha256: format!("{number:064}").leak(), zstd: CONTENT }
    }

    fn age(guests: &GuestFolder, sha256: &str, seconds: u64) {
        let file = File::options().append(true).open(guests.path(sha256)).expect("a file");
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).expect("set");
    }

    #[test]
    fn the_guests_that_were_used_last_are_kept() {
        let dir = tempfile::tempdir().expect("a folder");
        let guests = GuestFolder::new(dir.path().join("guests"));
        assert!(guests.digests().expect("read").is_empty() && guests.read(guest(1).sha256).expect("read").is_none());
        for number in 0..MAX_GUESTS {
            guests.keep(&guest(number)).expect("kept");
            age(&guests, guest(number).sha256, 100 - number as u64);
        }
        // It is used again: the second one is the oldest.
        guests.keep(&guest(0)).expect("kept");
        fs::write(dir.path().join("guests/x.wasm.new"), "half").expect("written");
        guests.keep(&guest(MAX_GUESTS)).expect("kept");
        let mut kept = guests.digests().expect("read");
        kept.sort_unstable();
        let expected = [0].into_iter().chain(2..=MAX_GUESTS).map(|number| guest(number).sha256.to_owned());
        assert_eq!(kept, expected.collect::<Vec<_>>());
        assert!(!dir.path().join("guests/x.wasm.new").exists());
    }

    #[test]
    fn a_guest_that_was_cut_short_is_written_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let (guests, guest) = (GuestFolder::new(dir.path().to_owned()), guest(7));
        guests.keep(&guest).expect("kept");
        fs::write(guests.path(guest.sha256), &CONTENT[..4]).expect("written");
        guests.keep(&guest).expect("kept");
        assert_eq!(guests.read(guest.sha256).expect("read").as_deref(), Some(CONTENT));
    }

    #[test]
    fn nothing_but_a_digest_is_a_name() {
        let dir = tempfile::tempdir().expect("a folder");
        fs::write(dir.path().join("x.wasm.zst"), "secret").expect("written");
        let guests = GuestFolder::new(dir.path().join("guests"));
        assert_eq!(guests.read("../x").expect("read"), None);
    }
}
