//! Opening and reading configuration files, whatever is in their place.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::fcntl::OFlag;

/// A regular file that is open for reading. What is no such file is refused: a pipe would be waited for, a device acted upon.
///
/// Opening waits for no other end of a pipe, and reading is bounded. A file system that does not answer holds up both: read on a
/// thread that can be given up.
#[derive(Debug)]
pub struct ConfigFile {
    file: File,
    metadata: Metadata,
}

impl ConfigFile {
    /// Opens it. Links are followed.
    ///
    /// # Errors
    ///
    /// What is wrong, for an operator who knows the path.
    pub fn open(path: &Path) -> Result<Self, String> {
        let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path);
        let file = opened.map_err(|error| error.to_string())?;
        // Of what is open: the name may belong to something else by now.
        let metadata = file.metadata().map_err(|error| error.to_string())?;
        if !metadata.is_file() {
            return Err(kind(metadata.file_type()).to_owned());
        }
        Ok(Self { file, metadata })
    }

    /// The system's error message.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// What it holds, if that is at most so many bytes.
    ///
    /// # Errors
    ///
    /// What is wrong, for an operator who knows the path.
    pub fn bytes(self, most: u64) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        self.file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        if bytes.len() as u64 > most {
            return Err(format!("is larger than {} MiB", most >> 20));
        }
        Ok(bytes)
    }

    /// The same, as text.
    ///
    /// # Errors
    ///
    /// What is wrong, for an operator who knows the path.
    pub fn text(self, most: u64) -> Result<String, String> {
        String::from_utf8(self.bytes(most)?).map_err(|_| "is not UTF-8".to_owned())
    }
}

fn kind(found: FileType) -> &'static str {
    match found {
        found if found.is_dir() => "is a directory; name a file in it",
        found if found.is_fifo() => "is a pipe; write its contents to a file",
        found if found.is_socket() => "is a socket; name a file",
        _ => "is a device; name a file",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    #[test]
    fn a_path_that_is_no_file_is_refused_at_once_and_files_are_read_within_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        for (path, what) in
            [(pipe.as_path(), "is a pipe"), (folder.path(), "is a directory"), (Path::new("/dev/zero"), "is a device")]
        {
            let told = ConfigFile::open(path).unwrap_err();
            assert!(told.starts_with(what), "{told}");
        }
        let file = folder.path().join("file");
        let read = || ConfigFile::open(&file).and_then(|file| file.text(1 << 20));
        assert!(read().unwrap_err().starts_with("No such file"));
        fs::write(&file, "x".repeat(1 << 20)).unwrap();
        assert_eq!(read().unwrap().len(), 1 << 20);
        fs::write(&file, "x".repeat((1 << 20) + 1)).unwrap();
        assert_eq!(read().unwrap_err(), "is larger than 1 MiB");
        fs::write(&file, b"\xff").unwrap();
        assert_eq!(read().unwrap_err(), "is not UTF-8");
    }
}
