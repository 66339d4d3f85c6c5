//! Sessions: scripts that go on where the one before them stopped.
//!
//! A session belongs to a principal and a profile, and has a name. Its *state* is in a file: the runs of its scripts, in order. Its interpreter is
//! *warm* while it is in memory; otherwise it is made again by running the scripts again on their records. One script at a time: whoever
//! runs one holds the lock of the file, so that this holds for all processes of a machine.
//!
//! - `state`: the lines of the file; `file`: the file and its lock; `missed`: lines that the journal has and the file does not.
//! - `of_clients`: sessions that end with their MCP session.
//! - `enter`: how a script gets its turn; `turn`: the turn; `warm`: interpreters in memory.
//! - `error`: why a script is not run; `counts`: what operators see.

mod counts;
mod enter;
mod error;
mod file;
mod missed;
mod of_clients;
mod state;
mod turn;
mod warm;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use exuvia_replay::sha256_hex;
use exuvia_tool::{Principal, locked};

use counts::Evicted;
pub(crate) use counts::SessionCounts;
pub(crate) use error::SessionError;
use file::{Listed, SessionFile};
use of_clients::ClientSessions;
pub use state::SessionState;
pub(crate) use turn::{Left, Reviving, SessionTurn};
use warm::Warm;

use crate::ids::now_ms;
use crate::own_directory::own_directory;

/// The longest name, in bytes.
const NAME_BYTES: usize = 64;

/// What is wrong with the name of a session.
pub(crate) const BAD_NAME: &str = "`session` is a name of 1 to 64 letters, digits, `.`, `_` and `-`";

/// Whether a session can have this name.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// The sessions of a gateway.
#[derive(Debug, Default)]
pub struct Sessions {
    /// Where they are kept. None: there is no place for them.
    directory: Option<PathBuf>,
    /// Scripts of one session wait for each other in order.
    turns: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    warm: Mutex<Warm>,
    of_clients: ClientSessions,
    counts: SessionCounts,
}

/// What came of forgetting a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Forgotten {
    /// It is gone.
    Done,
    /// There is none of this name.
    Unknown,
    /// A script of it runs.
    InUse,
}

impl Sessions {
    /// Sessions whose files are in this directory.
    #[must_use]
    pub fn kept_in(directory: Option<PathBuf>) -> Self {
        Self { directory, ..Self::default() }
    }

    pub(crate) fn counts(&self) -> &SessionCounts {
        &self.counts
    }

    /// Drops the interpreter that was not used for longest. False: there is none.
    pub(crate) fn relieve(&self) -> bool {
        let dropped = locked(&self.warm).oldest();
        self.counts.evicted(Evicted::Memory, dropped.iter().len());
        dropped.is_some()
    }

    /// Drops interpreters that were not used for this long.
    pub(crate) fn drop_idle(&self, idle: Duration) {
        let dropped = locked(&self.warm).idle_since(Instant::now().checked_sub(idle));
        self.counts.evicted(Evicted::Idle, dropped.len());
    }

    /// How many interpreters are in memory, and how many bytes they hold.
    #[must_use]
    pub fn warm(&self) -> (usize, u64) {
        locked(&self.warm).size()
    }

    /// How many bytes the interpreter of a session holds. None: it is not in memory here.
    #[must_use]
    pub fn warm_bytes(&self, state: &SessionState) -> Option<u64> {
        let directory = self.directory_of(&state.principal.parse().ok()?)?;
        locked(&self.warm)
            .bytes_of(&key(&directory, &id(state.profile.as_deref(), &state.name, state.client.as_deref())))
    }

    /// The sessions of a principal, or of all of them, but those whose files cannot be read. Blocks.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    pub fn list(&self, principal: Option<&Principal>) -> io::Result<Vec<SessionState>> {
        let mut found = Vec::new();
        for directory in self.directories(principal)? {
            found.extend(file::all(&directory)?.into_iter().filter_map(|listed| listed.state));
        }
        found.retain(|state| principal.is_none_or(|principal| state.is_of(principal)));
        found.sort_by_key(|state| std::cmp::Reverse(state.used_ms));
        Ok(found)
    }

    /// Forgets a session, of each client that has one of its own: the next script of this name begins a new one. Blocks.
    ///
    /// # Errors
    ///
    /// The files cannot be removed.
    pub fn forget(&self, principal: &Principal, profile: Option<&str>, name: &str) -> io::Result<Forgotten> {
        let Some(directory) = self.directory_of(principal) else { return Ok(Forgotten::Unknown) };
        let is_meant = |listed: &Listed| match &listed.state {
            Some(state) => state.is_of(principal) && state.name == name && state.profile.as_deref() == profile,
            None => listed.id == id(profile, name, None),
        };
        let mut forgotten = Forgotten::Unknown;
        for Listed { id, .. } in file::all(&directory)?.iter().filter(|listed| is_meant(listed)) {
            if !self.end(&directory, id)? {
                return Ok(Forgotten::InUse);
            }
            forgotten = Forgotten::Done;
        }
        Ok(forgotten)
    }

    /// Forgets sessions that were not used for this long. Blocks.
    ///
    /// # Errors
    ///
    /// The files cannot be read or removed.
    pub fn forget_old(&self, keep: Duration) -> io::Result<u64> {
        let mut forgotten = 0;
        for directory in self.directories(None)? {
            for Listed { id, used_ms, .. } in file::all(&directory)? {
                if is_old(used_ms, keep)
                    && let Some(file) = SessionFile::take(&directory, &id)?
                    && file.used_ms().is_some_and(|used_ms| is_old(used_ms, keep))
                {
                    file.clear()?;
                    forgotten += 1;
                }
            }
        }
        Ok(forgotten)
    }

    fn directory_of(&self, principal: &Principal) -> Option<PathBuf> {
        Some(own_directory(self.directory.as_ref()?, principal))
    }

    fn directories(&self, principal: Option<&Principal>) -> io::Result<Vec<PathBuf>> {
        let Some(directory) = &self.directory else { return Ok(Vec::new()) };
        if let Some(principal) = principal {
            return Ok(vec![own_directory(directory, principal)]);
        }
        match std::fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            entries => entries?.map(|entry| entry.map(|entry| entry.path())).collect(),
        }
    }

    fn turn(&self, key: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = locked(&self.turns);
        if let Some(turn) = turns.get(key).and_then(Weak::upgrade) {
            return turn;
        }
        // As many as there are scripts in flight.
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(key.to_owned(), Arc::downgrade(&turn));
        turn
    }

    fn keep(&self, most: u32, key: String, last: Option<String>, left: Left) {
        if most == 0 {
            return;
        }
        let Left { instance, clock, files } = left;
        let kept = warm::WarmSession { last, clock, files, instance: instance.rest() };
        let dropped = {
            let mut warm = locked(&self.warm);
            let dropped = warm.make_room(most as usize);
            warm.insert(key, kept);
            dropped
        };
        self.counts.evicted(Evicted::Warm, dropped.len());
    }
}

/// The name of a session in this process.
fn key(directory: &Path, id: &str) -> String {
    format!("{}/{id}", directory.display())
}

/// The name of a session's files. No two of a principal have one. `client`: the digest of the client, if the session is of one.
fn id(profile: Option<&str>, name: &str, client: Option<&str>) -> String {
    let of_client = client.map_or_else(String::new, |client| format!("\0{client}"));
    sha256_hex(format!("{}\0{name}{of_client}", profile.unwrap_or_default()))[..32].to_owned()
}

fn is_old(used_ms: u64, keep: Duration) -> bool {
    now_ms().saturating_sub(used_ms) > u64::try_from(keep.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use exuvia_config::{SessionShare, SessionsConfig};
    use exuvia_journal::MemoryJournal;

    use super::*;

    fn config(per_principal: usize) -> SessionsConfig {
        SessionsConfig { per_principal, ..SessionsConfig::default() }
    }

    async fn enter(
        sessions: &Arc<Sessions>,
        config: &SessionsConfig,
        (principal, profile): (&Principal, Option<&str>),
        name: &str,
    ) -> Result<SessionTurn, SessionError> {
        let journal = MemoryJournal::new(1 << 20, now_ms);
        sessions.enter(config, &journal, (principal, profile, "client"), name).await
    }

    #[tokio::test]
    async fn a_session_is_of_one_principal_and_profile_and_the_oldest_gives_way() {
        let directory = tempfile::tempdir().unwrap();
        let sessions = Arc::new(Sessions::kept_in(Some(directory.path().to_owned())));
        let key = Principal::Key("ci".into());
        for (principal, profile) in [(&Principal::Operator, None), (&key, None), (&key, Some("team"))] {
            let mut turn = enter(&sessions, &config(2), (principal, profile), "a").await.unwrap();
            assert_eq!(turn.script().index, 1, "{principal} {profile:?} has none of this name yet");
            turn.record_for_test("01J").await;
        }
        let turn = enter(&sessions, &config(2), (&key, Some("team")), "a").await.unwrap();
        assert_eq!((turn.script().index, turn.script().after.unwrap().as_str()), (2, "01J"));
        // Of two sessions one has a script: the other one gives way.
        let mut other = enter(&sessions, &config(2), (&key, None), "b").await.unwrap();
        other.record_for_test("01K").await;
        drop(other);
        let names = |principal| {
            let all = sessions.list(Some(principal)).unwrap();
            let mut names: Vec<_> = all.into_iter().map(|one| (one.profile, one.name)).collect();
            names.sort();
            names
        };
        assert_eq!(names(&key), [(None, "b".to_owned()), (Some("team".to_owned()), "a".to_owned())]);
        assert_eq!(names(&Principal::Operator).len(), 1);
        let full = enter(&sessions, &config(1), (&key, None), "c").await.err().expect("no room");
        assert!(matches!(full, SessionError::TooMany(1)), "{full}");
        let forget = |profile, name| sessions.forget(&key, profile, name).unwrap();
        assert_eq!(forget(Some("team"), "a"), Forgotten::InUse);
        drop(turn);
        assert_eq!((forget(None, "b"), forget(None, "b")), (Forgotten::Done, Forgotten::Unknown));
    }

    #[tokio::test]
    async fn a_session_in_the_directory_of_another_key_is_not_continued_or_ended() {
        let directory = tempfile::tempdir().unwrap();
        let sessions = Arc::new(Sessions::kept_in(Some(directory.path().to_owned())));
        let (upper, lower) = (Principal::Key("CI".into()), Principal::Key("ci".into()));
        let mut turn = enter(&sessions, &config(2), (&upper, None), "a").await.unwrap();
        turn.record_for_test("01J").await;
        drop(turn);
        let [of_upper, of_lower] = [&upper, &lower].map(|key| own_directory(directory.path(), key));
        std::fs::rename(of_upper, of_lower).unwrap();
        let refused = enter(&sessions, &config(2), (&lower, None), "a").await.err().expect("of another key");
        assert!(matches!(refused, SessionError::Others), "{refused}");
        assert_eq!(sessions.list(Some(&lower)).unwrap(), []);
        assert_eq!(sessions.forget(&lower, None, "a").unwrap(), Forgotten::Unknown);
        assert_eq!(sessions.list(None).unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_counted_and_removed_by_its_time() {
        let directory = tempfile::tempdir().unwrap();
        let sessions = Arc::new(Sessions::kept_in(Some(directory.path().to_owned())));
        let folder = directory.path().join("operator");
        std::fs::create_dir_all(&folder).unwrap();
        let keep = Duration::from_secs(3600);
        for (id, text) in [("torn", "{\"began"), ("other", "{\"began\":{\"v\":2}}\n")] {
            let path = folder.join(id).with_extension("jsonl");
            std::fs::write(&path, text).unwrap();
            assert_eq!(sessions.forget_old(keep).unwrap(), 0, "{id} is young");
            let old = std::time::SystemTime::now() - 2 * keep;
            std::fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
            assert_eq!(sessions.forget_old(keep).unwrap(), 1, "{id}");
            std::fs::write(&path, text).unwrap();
            drop(enter(&sessions, &config(1), (&Principal::Operator, None), "a").await.unwrap());
            assert!(!path.exists(), "{id} gives way");
        }
        assert_eq!(sessions.list(None).unwrap(), []);
    }

    #[tokio::test]
    async fn bounds_of_a_session_are_told_before_a_script_runs() {
        let directory = tempfile::tempdir().unwrap();
        let sessions = Arc::new(Sessions::kept_in(Some(directory.path().to_owned())));
        let mut turn = enter(&sessions, &config(2), (&Principal::Operator, None), "a").await.unwrap();
        turn.record_for_test("01J").await;
        drop(turn);
        let refused = async |config: SessionsConfig| {
            let entered = enter(&sessions, &config, (&Principal::Operator, None), "a").await;
            entered.err().map(|error| error.to_string())
        };
        let scripts = refused(SessionsConfig { scripts: 1, ..config(2) }).await.expect("no more scripts");
        assert!(scripts.contains("its 1 scripts"), "{scripts}");
        let fuel = refused(SessionsConfig { fuel: 0, ..config(2) }).await.expect("no more fuel");
        assert!(fuel.contains("fuel"), "{fuel}");
        assert_eq!(refused(config(2)).await, None);
        assert_eq!(Sessions::default().list(None).unwrap(), []);
    }

    #[tokio::test]
    async fn a_session_of_a_client_is_found_by_no_other_and_ends_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let sessions = Arc::new(Sessions::kept_in(Some(directory.path().to_owned())));
        let config = SessionsConfig { share: SessionShare::Session, ..config(5) };
        let journal = MemoryJournal::new(1 << 20, now_ms);
        let enter = async |client: &str| {
            let entered = sessions.enter(&config, &journal, (&Principal::Operator, None, client), "a").await;
            entered.unwrap()
        };
        for client in ["one", "two"] {
            let mut turn = enter(client).await;
            assert_eq!(turn.script().index, 1, "{client} has none of this name yet");
            turn.record_for_test("01J").await;
            drop(turn);
            assert_eq!(enter(client).await.script().index, 2);
        }
        assert_eq!(sessions.list(None).unwrap().len(), 2);
        Arc::clone(&sessions).end_client("one".to_owned()).await;
        assert!(!sessions.has_client("one") && sessions.has_client("two"));
        assert_eq!(sessions.list(None).unwrap().len(), 1);
        assert_eq!(enter("one").await.script().index, 1, "it begins anew");
        // By its name an operator ends those of all clients.
        assert_eq!(sessions.forget(&Principal::Operator, None, "a").unwrap(), Forgotten::Done);
        assert_eq!(sessions.list(None).unwrap(), []);
        enter("two").await.record_for_test("01K").await;
        sessions.end_clients();
        assert_eq!(sessions.list(None).unwrap(), []);
        // Another process has clients of the same names.
        assert_ne!(ClientSessions::default().digest("one"), ClientSessions::default().digest("one"));
    }

    #[test]
    fn names_are_short_and_plain() {
        assert!(["a", "Report-2.1_x", &"a".repeat(64)].into_iter().all(is_name));
        assert!(["", "a b", "ä", "a/b", "a\n", &"a".repeat(65)].into_iter().all(|name| !is_name(name)));
    }
}
