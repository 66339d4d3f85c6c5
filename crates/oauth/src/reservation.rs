//! Room for a new token, taken on the disk before the old one is spent, and the marker of a renewal in flight.
//!
//! Beside `crm.json`, `crm.json.renewal` is there from just before a refresh token is sent until the new token is durable. It is as
//! large as the new token may be, says what is spent, is written over with the new record, and takes the name of the token file
//! in one step. Who holds the lock and finds it knows that a process died in between.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::error::OAuthError;
use crate::file::{TokenFile, blocking, open_here};
use crate::record::Record;

const ENDING: &str = ".renewal";
/// Room beside twice the present record: an answer may hold longer tokens, and more scopes.
const MORE_BYTES: usize = 2 * 1024;
/// The unit in which the kernel reports the disk space of a file.
const BLOCK_BYTES: u64 = 512;
/// Room for what a login gives.
const LOGIN_BYTES: usize = 8 * 1024;

/// A file that is as large as the new record may be.
#[derive(Debug)]
pub(crate) struct Reservation {
    file: File,
    bytes: usize,
}

/// What the file holds until there is a new token.
#[derive(Serialize, Deserialize)]
struct Mark {
    /// The process that renews.
    process: u32,
    /// When it began, in seconds since 1970.
    since: u64,
    /// The refresh token that it sends.
    spends: String,
}

/// The outcome of an abandoned renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeftOver {
    /// There was none, or it is done.
    Nothing,
    /// The refresh token of the record may have been spent, and what came back is lost.
    Spent,
}

impl TokenFile {
    /// Whether the token is being renewed, or a process died during a renewal.
    pub(crate) fn is_being_renewed(&self) -> bool {
        fs::symlink_metadata(self.beside(ENDING)).is_ok()
    }

    /// The process that says that it renews the token.
    pub(crate) async fn renewing_process(&self) -> Option<u32> {
        let file = self.clone();
        blocking(move || Ok(file.mark().map(|mark| mark.process))).await.ok().flatten()
    }

    /// Reserves disk space for the record that replaces this one, and marks its refresh token as about to be spent. Under the
    /// lock.
    pub(crate) async fn reserve(&self, record: &Record) -> Result<Reservation, OAuthError> {
        let (file, record) = (self.clone(), record.clone());
        blocking(move || file.reserve_now(&record).map_err(|error| file.unwritable(&error))).await
    }

    /// Releases the reserved space without a new record. Under the lock.
    pub(crate) async fn release(&self) {
        let file = self.clone();
        let _ = blocking(move || Ok(fs::remove_file(file.beside(ENDING)))).await;
    }

    /// Stores a new record, in the reserved space if there is some, unless the file holds another refresh token than the one
    /// that was spent: then the user has logged in meanwhile. Returns whether it was stored. Under the lock.
    pub(crate) async fn keep(
        &self,
        room: Option<Reservation>,
        record: &Record,
        spent: &str,
    ) -> Result<bool, OAuthError> {
        let (file, record, spent) = (self.clone(), record.clone(), spent.to_owned());
        blocking(move || {
            let kept = file.keep_now(room, &record, &spent);
            kept.map_err(|error| file.unwritable(&error))
        })
        .await
    }

    /// Completes or removes an abandoned renewal. Under the lock.
    pub(crate) async fn recover(&self) -> Result<LeftOver, OAuthError> {
        let file = self.clone();
        blocking(move || file.recover_now()).await
    }

    /// Reserves disk space for the record of a login, before the user is asked.
    pub(crate) async fn room(&self) -> Result<NamedTempFile, OAuthError> {
        let file = self.clone();
        blocking(move || file.room_now(b"", LOGIN_BYTES).map_err(|error| file.unwritable(&error))).await
    }

    /// Replaces what the file holds by what a login gave. The result of a renewal in flight is discarded.
    pub(crate) async fn write_in(&self, room: NamedTempFile, record: &Record) -> Result<(), OAuthError> {
        let (file, record) = (self.clone(), record.clone());
        blocking(move || {
            let written = file.write_in_now(room, &record).or_else(|_| file.write_now(&record));
            let _ = fs::remove_file(file.beside(ENDING));
            written.map_err(|error| file.unwritable(&error))
        })
        .await
    }

    fn write_in_now(&self, mut room: NamedTempFile, record: &Record) -> io::Result<()> {
        let text = record.text()?;
        write_padded(room.as_file_mut(), &text, LOGIN_BYTES)?;
        room.as_file().set_len(text.len() as u64)?;
        room.as_file().sync_all()?;
        room.persist(self.path())?;
        File::open(self.make_directory()?)?.sync_all()
    }

    fn room_now(&self, text: &[u8], bytes: usize) -> io::Result<NamedTempFile> {
        let mut room = tempfile::Builder::new().prefix(".token-").tempfile_in(self.make_directory()?)?;
        write_padded(room.as_file_mut(), text, bytes)?;
        Ok(room)
    }

    fn reserve_now(&self, record: &Record) -> io::Result<Reservation> {
        let mark =
            Mark { process: std::process::id(), since: now(), spends: record.refresh().unwrap_or_default().into() };
        let mark = serde_json::to_vec(&mark)?;
        let bytes = 2 * record.text()?.len() + MORE_BYTES;
        let file = self.room_now(&mark, bytes)?.persist(self.beside(ENDING))?;
        File::open(self.make_directory()?)?.sync_all()?;
        Ok(Reservation { file, bytes })
    }

    fn keep_now(&self, room: Option<Reservation>, record: &Record, spent: &str) -> io::Result<bool> {
        // What cannot be read is worth less than what was fetched.
        let is_current =
            self.read_now().map_or(true, |stored| stored.is_some_and(|stored| stored.refresh() == Some(spent)));
        if !is_current {
            let _ = fs::remove_file(self.beside(ENDING));
            return Ok(false);
        }
        if let Some(room) = room
            && self.fill(room, record).is_ok()
        {
            return Ok(true);
        }
        self.write_now(record).or_else(|error| self.write_over(record).map_err(|_| error))?;
        let _ = fs::remove_file(self.beside(ENDING));
        Ok(true)
    }

    /// Writes a record over what the file holds, into the blocks that it has already: for a disk without room, where the token in
    /// the file is spent and there is nothing left to lose.
    fn write_over(&self, record: &Record) -> io::Result<()> {
        let text = record.text()?;
        let mut file = open_here(OpenOptions::new().write(true), self.path())?;
        let found = file.metadata()?;
        let is_ours = found.is_file() && found.uid() == geteuid().as_raw();
        if !is_ours || text.len() as u64 > found.len().max(found.blocks() * BLOCK_BYTES) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        write_padded(&mut file, &text, usize::try_from(found.len()).unwrap_or_default())
    }

    fn fill(&self, mut room: Reservation, record: &Record) -> io::Result<()> {
        let text = record.text()?;
        write_padded(&mut room.file, &text, room.bytes)?;
        room.file.set_len(text.len() as u64)?;
        room.file.sync_all()?;
        fs::rename(self.beside(ENDING), self.path())?;
        File::open(self.make_directory()?)?.sync_all()
    }

    fn mark(&self) -> Option<Mark> {
        let text = self.read_beside(&self.beside(ENDING)).ok()??;
        serde_json::from_slice(&text).ok()
    }

    fn recover_now(&self) -> Result<LeftOver, OAuthError> {
        let path = self.beside(ENDING);
        let cleared = || {
            let _ = fs::remove_file(&path);
            Ok(LeftOver::Nothing)
        };
        let text = match self.read_beside(&path) {
            Ok(None) => return Ok(LeftOver::Nothing),
            Ok(Some(text)) => text,
            // Nothing of ours.
            Err(_) => return cleared(),
        };
        let Some(stored) = self.read_now()? else { return cleared() };
        if let Ok(mark) = serde_json::from_slice::<Mark>(&text) {
            let may_be_spent = stored.refresh() == Some(mark.spends.as_str()) && !stored.refresh_stays;
            return if may_be_spent { Ok(LeftOver::Spent) } else { cleared() };
        }
        match serde_json::from_slice::<Record>(&text) {
            Ok(complete) if complete.follows(&stored) => {
                fs::rename(&path, self.path()).map_err(|error| self.unwritable(&error))?;
                Ok(LeftOver::Nothing)
            }
            Ok(_) => cleared(),
            // The machine went down while it was written.
            Err(_) => Ok(LeftOver::Spent),
        }
    }
}

/// Writes a JSON text from the beginning, up to this length at least: blanks after it mean nothing.
fn write_padded(file: &mut File, text: &[u8], bytes: usize) -> io::Result<()> {
    let mut padded = text.to_vec();
    padded.resize(bytes.max(text.len()), b' ');
    file.rewind()?;
    file.write_all(&padded)?;
    file.sync_all()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    const SERVER: &str = "https://example.com/mcp";

    fn record(refresh: &str, received_at: u64) -> Record {
        serde_json::from_value(json!({
            "version": 1, "server": SERVER, "grant": "authorization_code", "issuer": null,
            "client": {"id": "c", "secret": null, "redirect_uri": null},
            "token": {"access": "a", "refresh": refresh, "received_at": received_at, "expires_at": null},
            "granted": [], "demanded": [],
        }))
        .unwrap()
    }

    fn files(home: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(home).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    async fn refresh(file: &TokenFile) -> String {
        file.read().await.unwrap().unwrap().refresh().unwrap().to_owned()
    }

    #[tokio::test]
    async fn the_old_token_stays_until_the_new_one_is_there_and_room_is_taken_first() {
        let home = tempfile::tempdir().unwrap();
        let file = TokenFile::new(&home.path().join("crm.json"));
        file.write(record("one", 1)).await.unwrap();
        let room = file.reserve(&record("one", 1)).await.unwrap();
        assert!(room.file.metadata().unwrap().len() > 2 * file.path().metadata().unwrap().len());
        assert!(file.is_being_renewed() && refresh(&file).await == "one");
        assert_eq!(file.renewing_process().await, Some(std::process::id()));
        assert!(file.keep(Some(room), &record("two", 2), "one").await.unwrap());
        assert_eq!((files(home.path()), refresh(&file).await), (vec!["crm.json".to_owned()], "two".to_owned()));
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.path().metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        // A token that is longer than the reserved space is stored too.
        let long = "x".repeat(16 * 1024);
        let room = file.reserve(&record("two", 2)).await.unwrap();
        assert!(file.keep(Some(room), &record(&long, 3), "two").await.unwrap());
        assert_eq!(refresh(&file).await, long);
    }

    #[tokio::test]
    async fn a_record_is_written_over_the_old_one_where_it_fits_into_its_blocks() {
        let home = tempfile::tempdir().unwrap();
        let file = TokenFile::new(&home.path().join("crm.json"));
        for (old, new) in [("one", "twenty-two"), ("a-long-token", "b")] {
            file.write(record(old, 1)).await.unwrap();
            file.write_over(&record(new, 2)).unwrap();
            assert_eq!(refresh(&file).await, new);
        }
        let blocks = fs::metadata(file.path()).unwrap().blocks() * BLOCK_BYTES;
        let long = "x".repeat(usize::try_from(blocks).unwrap());
        file.write_over(&record(&long, 3)).unwrap_err();
        assert_eq!(refresh(&file).await, "b");
    }

    #[tokio::test]
    async fn a_renewal_does_not_write_over_a_login() {
        let home = tempfile::tempdir().unwrap();
        let file = TokenFile::new(&home.path().join("crm.json"));
        file.write(record("one", 1)).await.unwrap();
        let renewal = file.reserve(&record("one", 1)).await.unwrap();
        let room = file.room().await.unwrap();
        file.write_in(room, &record("login", 2)).await.unwrap();
        assert!(!file.keep(Some(renewal), &record("two", 3), "one").await.unwrap());
        assert!(!file.keep(None, &record("two", 3), "one").await.unwrap());
        assert_eq!((files(home.path()), refresh(&file).await), (vec!["crm.json".to_owned()], "login".to_owned()));
    }

    #[tokio::test]
    async fn an_interrupted_renewal_is_finished_reported_or_removed() {
        let home = tempfile::tempdir().unwrap();
        let file = TokenFile::new(&home.path().join("crm.json"));
        file.write(record("one", 1)).await.unwrap();
        assert_eq!(file.recover().await, Ok(LeftOver::Nothing));
        drop(file.reserve(&record("one", 1)).await.unwrap());
        // It is reported at every request.
        for _ in 0..2 {
            assert_eq!(file.recover().await, Ok(LeftOver::Spent));
        }
        // Half of a record.
        let text = record("two", 2).text().unwrap();
        fs::write(file.beside(ENDING), &text[..text.len() / 2]).unwrap();
        assert_eq!(file.recover().await, Ok(LeftOver::Spent));
        // All of it.
        fs::write(file.beside(ENDING), [&text[..], &[b' '; 100]].concat()).unwrap();
        assert_eq!((file.recover().await, refresh(&file).await), (Ok(LeftOver::Nothing), "two".to_owned()));
        // The mark of an earlier token, an earlier record, and one whose refresh token stays what it is.
        drop(file.reserve(&record("one", 1)).await.unwrap());
        assert_eq!(file.recover().await, Ok(LeftOver::Nothing));
        drop(file.reserve(&record("one", 1)).await.unwrap());
        fs::write(file.beside(ENDING), record("old", 1).text().unwrap()).unwrap();
        assert_eq!((file.recover().await, refresh(&file).await), (Ok(LeftOver::Nothing), "two".to_owned()));
        let mut stays = record("two", 2);
        stays.refresh_stays = true;
        file.write(stays).await.unwrap();
        drop(file.reserve(&record("two", 2)).await.unwrap());
        assert_eq!(file.recover().await, Ok(LeftOver::Nothing));
        // What is none of ours is not followed.
        std::os::unix::fs::symlink(file.path(), file.beside(ENDING)).unwrap();
        assert_eq!(file.recover().await, Ok(LeftOver::Nothing));
        assert_eq!((files(home.path()), refresh(&file).await), (vec!["crm.json".to_owned()], "two".to_owned()));
    }
}
