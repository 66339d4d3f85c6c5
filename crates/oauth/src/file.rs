//! The file that holds a server's token.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::geteuid;

use crate::error::OAuthError;
use crate::record::Record;

/// The longest file that is read, in bytes.
const FILE_BYTES: u64 = 256 * 1024;

/// How often a file is read that is no record, and the pause between.
const TRIES: usize = 2;
const PAUSE: Duration = Duration::from_millis(20);

/// A token file. It and what stands beside it are readable by their owner alone.
#[derive(Debug, Clone)]
pub(crate) struct TokenFile {
    path: PathBuf,
}

impl TokenFile {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What stands beside it under its name and this ending.
    pub(crate) fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(ending);
        self.path.with_file_name(name)
    }

    /// What the file holds; nothing if there is none.
    pub(crate) async fn read(&self) -> Result<Option<Record>, OAuthError> {
        let file = self.clone();
        blocking(move || file.read_now()).await
    }

    /// Replaces what the file holds, in one step that survives a crash of the machine.
    pub(crate) async fn write(&self, record: Record) -> Result<(), OAuthError> {
        let file = self.clone();
        blocking(move || file.write_now(&record).map_err(|error| file.unwritable(&error))).await
    }

    pub(crate) fn read_now(&self) -> Result<Option<Record>, OAuthError> {
        // Where a disk has no room, it is written over while it is read.
        for _ in 0..TRIES {
            let Some(text) = self.read_beside(&self.path)? else { return Ok(None) };
            if let Ok(record) = serde_json::from_slice(&text) {
                return Ok(Some(record));
            }
            std::thread::sleep(PAUSE);
        }
        // The parser's own message could quote a token.
        Err(OAuthError::Login(format!("its token file {} is corrupt; log in again", self.path.display())))
    }

    /// The bytes of this file or of one beside it, if they are a file of this user that nobody else reads.
    pub(crate) fn read_beside(&self, path: &Path) -> Result<Option<Vec<u8>>, OAuthError> {
        let place = path.display();
        let unreadable =
            |error: &io::Error| OAuthError::Mend(format!("its token file {place} cannot be read: {error}"));
        let file = match open_here(OpenOptions::new().read(true), path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.raw_os_error() == Some(Errno::ELOOP as i32) => {
                return Err(OAuthError::Mend(format!(
                    "its token file {place} is a symbolic link; replace it with the file"
                )));
            }
            Err(error) => return Err(unreadable(&error)),
        };
        // All of it on what is open: the name may belong to another file by now.
        let found = file.metadata().map_err(|error| unreadable(&error))?;
        if !found.is_file() {
            return Err(OAuthError::Mend(format!("its token file {place} is not a regular file")));
        }
        if found.uid() != geteuid().as_raw() {
            return Err(OAuthError::Mend(format!(
                "its token file {place} belongs to another user ({}), who may have put another token there; log in again",
                found.uid()
            )));
        }
        if found.mode() & 0o077 != 0 {
            return Err(OAuthError::Mend(format!(
                "its token file {place} is open to other users, who may have the token; run `chmod 600 {place}` if you trust \
                 them, or log in again"
            )));
        }
        let mut text = Vec::new();
        file.take(FILE_BYTES).read_to_end(&mut text).map_err(|error| unreadable(&error))?;
        Ok(Some(text))
    }

    pub(crate) fn write_now(&self, record: &Record) -> io::Result<()> {
        let directory = self.make_directory()?;
        let text = record.text()?;
        // Made with mode 0600, and gone again if it is not given its name.
        let mut file = tempfile::Builder::new().prefix(".token-").tempfile_in(directory)?;
        file.write_all(&text)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        File::open(directory)?.sync_all()
    }

    pub(crate) fn make_directory(&self) -> io::Result<&Path> {
        let directory = self.path.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        Ok(directory)
    }

    pub(crate) fn unwritable(&self, error: &io::Error) -> OAuthError {
        OAuthError::Mend(format!("its token file {} cannot be written: {error}", self.path.display()))
    }
}

/// Opens the file of this name without following links and without blocking: a pipe would wait for its other end, and a link
/// may lead anywhere.
pub(crate) fn open_here(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW).bits()).open(path)
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OAuthError> + Send + 'static,
) -> Result<T, OAuthError> {
    let broken = |_| Err(OAuthError::Passing("its token file could not be accessed".to_owned()));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(broken)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;
    use crate::lock::Purpose;
    use crate::record::RegisteredClient;
    use exuvia_config::{CodeGrant, Grant, OAuth};

    fn record(file: &Path) -> Record {
        let grant = Grant::Code(CodeGrant::default());
        let oauth = OAuth { grant, scopes: Vec::new(), token_file: file.to_owned(), principal: None };
        Record::new(&"https://example.com/mcp".parse().unwrap(), &oauth, None, RegisteredClient::configured("c"))
    }

    #[tokio::test]
    async fn a_token_is_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b/crm.json");
        let file = TokenFile::new(&path);
        assert_eq!(file.read().await.unwrap(), None);
        let lock = file.lock(Purpose::Spend, Duration::ZERO).await.unwrap().unwrap();
        file.write(record(&path)).await.unwrap();
        drop(lock);
        assert_eq!(file.read().await.unwrap(), Some(record(&path)));
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(mode(&path.with_file_name("crm.json.lock")), 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
        for open in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, Permissions::from_mode(open)).unwrap();
            let Err(OAuthError::Mend(message)) = file.read().await else { panic!("{open:o}") };
            assert!(message.contains("open to other users"), "{message}");
        }
        // Rewriting it restores the permissions.
        file.write(record(&path)).await.unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[tokio::test]
    async fn a_corrupt_token_file_is_an_error_that_does_not_quote_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("crm.json");
        let file = TokenFile::new(&path);
        let mut long = vec![b' '; 300 * 1024];
        long.extend_from_slice(b"{}");
        for content in [&b""[..], b"{", br#"{"version": "SECRET"}"#, b"\xff\xfe", &long] {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            let Err(OAuthError::Login(message)) = file.read().await else { panic!() };
            assert!(message.contains("corrupt") && !message.contains("SECRET"), "{message}");
        }
        let Err(OAuthError::Mend(message)) = TokenFile::new(home.path()).read().await else { panic!() };
        assert!(message.ends_with("is not a regular file"), "{message}");
    }

    #[tokio::test]
    async fn a_pipe_or_link_in_place_of_a_token_file_is_neither_waited_for_nor_followed() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("crm.json");
        let file = TokenFile::new(&path);
        file.write(record(&path)).await.unwrap();
        let elsewhere = home.path().join("elsewhere.json");
        fs::rename(&path, &elsewhere).unwrap();
        let mended = async || match tokio::time::timeout(Duration::from_secs(10), file.read()).await {
            Ok(Err(OAuthError::Mend(message))) => message,
            other => panic!("{other:?}"),
        };
        symlink(&elsewhere, &path).unwrap();
        assert!(mended().await.contains("is a symbolic link"), "{}", mended().await);
        fs::remove_file(&path).unwrap();
        mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        assert!(mended().await.ends_with("is not a regular file"), "{}", mended().await);
        fs::remove_file(&path).unwrap();
        mkfifo(&path.with_file_name("crm.json.lock"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        let locked = tokio::time::timeout(Duration::from_secs(10), file.lock(Purpose::Other, Duration::ZERO))
            .await
            .expect("no waiting");
        assert!(matches!(locked, Err(OAuthError::Mend(_))), "{locked:?}");
        // Root, who may open every file, still rejects files of other users.
        if geteuid().is_root() {
            fs::rename(&elsewhere, &path).unwrap();
            chown(&path, Some(1), None).unwrap();
            assert!(mended().await.contains("belongs to another user"), "{}", mended().await);
        }
    }
}
