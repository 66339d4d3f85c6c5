//! Sessions: scripts that go on where the one before them stopped.
//!
//! A session belongs to a principal and a profile, and has a name. Its *state* is a file: the runs of its scripts, in order. Its interpreter is
//! *warm* while it is in memory; otherwise it is made again by running the scripts again on their records. One script at a time: whoever
//! runs one holds the lock of the file, so that this holds for all processes of a machine.
//!
//! - `state`: the file; `turn`: a script's turn; `warm`: interpreters in memory; `error`: why a script is not run.

mod error;
mod state;
mod turn;
mod warm;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use exuvia_config::SessionsConfig;
use exuvia_replay::sha256_hex;
use exuvia_tool::{Principal, locked};
use tokio::sync::OwnedMutexGuard;
use tokio::time::{sleep, timeout};

pub(crate) use error::SessionError;
use state::SessionFile;
pub use state::SessionState;
pub(crate) use turn::{Left, Reviving, SessionTurn};
use warm::Warm;

use crate::ids::now_ms;
use crate::workspaces::directory_name;

/// How long a script waits for the one before it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a session is looked at that another process has.
const POLL: Duration = Duration::from_millis(25);
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
}

impl Sessions {
    /// Sessions whose files are in this directory.
    #[must_use]
    pub fn kept_in(directory: Option<PathBuf>) -> Self {
        Self { directory, ..Self::default() }
    }

    /// Drops the interpreter that was not used for longest. False: there is none.
    pub(crate) fn relieve(&self) -> bool {
        let dropped = locked(&self.warm).oldest();
        dropped.is_some()
    }

    /// Drops interpreters that were not used for this long.
    pub(crate) fn drop_idle(&self, idle: Duration) {
        let dropped = locked(&self.warm).idle_since(Instant::now().checked_sub(idle));
        drop(dropped);
    }

    /// How many interpreters are in memory, and how many bytes they hold.
    #[must_use]
    pub fn warm(&self) -> (usize, u64) {
        locked(&self.warm).size()
    }

    /// Waits for the turn of a script in a session, which begins with it if there is none of this name.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        config: &SessionsConfig,
        principal: &Principal,
        profile: Option<&str>,
        name: &str,
    ) -> Result<SessionTurn, SessionError> {
        let directory = self.directory_of(principal).ok_or(SessionError::NotKept)?;
        let id = id(profile, name);
        let key = format!("{}/{id}", directory.display());
        let begun = Instant::now();
        let turn = self.turn(&key);
        let guard: OwnedMutexGuard<()> = timeout(PATIENCE, turn.lock_owned()).await.map_err(|_| SessionError::Busy)?;
        let file = loop {
            let (directory, id) = (directory.clone(), id.clone());
            match blocking(move || SessionFile::take(&directory, &id)).await? {
                Some(file) => break file,
                None if begun.elapsed() > PATIENCE => return Err(SessionError::Busy),
                None => sleep(POLL).await,
            }
        };
        let begins = SessionState::new(name, principal.to_string(), profile);
        let (most, keep) = (config.per_principal, config.keep);
        let (file, state) = blocking(move || match file.read()?.filter(|state| !is_old(state, keep)) {
            Some(state) => Ok((file, Ok(state))),
            None if has_room(&directory, most)? => Ok((file, Ok(begins))),
            None => Ok((file, Err(SessionError::TooMany(most)))),
        })
        .await?;
        let state = state?;
        if let Some(why) = &state.lost {
            return Err(SessionError::Lost(why.clone()));
        }
        if state.scripts.len() >= config.scripts {
            return Err(SessionError::Scripts(config.scripts));
        }
        if state.fuel >= config.fuel {
            return Err(SessionError::Fuel(config.fuel));
        }
        let warm = locked(&self.warm).take(&key).filter(|warm| warm.last == state.scripts.last().cloned());
        Ok(SessionTurn::new(Arc::clone(self), key, file, state, warm, guard))
    }

    /// The sessions of a principal, or of all of them. Blocks.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    pub fn list(&self, principal: Option<&Principal>) -> io::Result<Vec<SessionState>> {
        let mut found = Vec::new();
        for directory in self.directories(principal)? {
            found.extend(state::all(&directory)?.into_iter().map(|(_, state)| state));
        }
        found.sort_by_key(|state| std::cmp::Reverse(state.used_ms));
        Ok(found)
    }

    /// Forgets a session. False: there is none of this name, or a script of it runs. Blocks.
    ///
    /// # Errors
    ///
    /// The files cannot be removed.
    pub fn forget(&self, principal: &Principal, profile: Option<&str>, name: &str) -> io::Result<bool> {
        let Some(directory) = self.directory_of(principal) else { return Ok(false) };
        let id = id(profile, name);
        let Some(file) = SessionFile::take(&directory, &id)? else { return Ok(false) };
        let is_there = file.read().map_or(true, |state| state.is_some());
        file.remove()?;
        drop(locked(&self.warm).take(&format!("{}/{id}", directory.display())));
        Ok(is_there)
    }

    /// Forgets sessions that were not used for this long. Blocks.
    ///
    /// # Errors
    ///
    /// The files cannot be read or removed.
    pub fn forget_old(&self, keep: Duration) -> io::Result<u64> {
        let mut forgotten = 0;
        for directory in self.directories(None)? {
            for (id, state) in state::all(&directory)? {
                if is_old(&state, keep)
                    && let Some(file) = SessionFile::take(&directory, &id)?
                    && file.read()?.is_some_and(|state| is_old(&state, keep))
                {
                    file.remove()?;
                    forgotten += 1;
                }
            }
        }
        Ok(forgotten)
    }

    fn directory_of(&self, principal: &Principal) -> Option<PathBuf> {
        Some(self.directory.as_ref()?.join(directory_name(principal)))
    }

    fn directories(&self, principal: Option<&Principal>) -> io::Result<Vec<PathBuf>> {
        let Some(directory) = &self.directory else { return Ok(Vec::new()) };
        if let Some(principal) = principal {
            return Ok(vec![directory.join(directory_name(principal))]);
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
        let dropped = locked(&self.warm).make_room(most as usize);
        drop(dropped);
        if most > 0 {
            let Left { instance, clock, files } = left;
            let kept = warm::WarmSession { last, clock, files, instance: instance.rest() };
            locked(&self.warm).insert(key, kept);
        }
    }
}

/// The name of a session's files. No two of a principal have one.
fn id(profile: Option<&str>, name: &str) -> String {
    sha256_hex(format!("{}\0{name}", profile.unwrap_or_default()))[..32].to_owned()
}

fn is_old(state: &SessionState, keep: Duration) -> bool {
    now_ms().saturating_sub(state.used_ms) > u64::try_from(keep.as_millis()).unwrap_or(u64::MAX)
}

/// Whether there is room for one more session in a directory: the one that was not used for longest is forgotten, unless a script of it runs.
fn has_room(directory: &std::path::Path, most: usize) -> io::Result<bool> {
    let mut all = state::all(directory)?;
    all.sort_by_key(|(_, state)| state.used_ms);
    let (mut left, mut oldest) = (all.len(), Vec::new());
    for (id, _) in all {
        if left < most {
            break;
        }
        if let Some(file) = SessionFile::take(directory, &id)? {
            oldest.push(file);
            left -= 1;
        }
    }
    // None gives way where that makes no room.
    if left >= most {
        return Ok(false);
    }
    oldest.into_iter().try_for_each(SessionFile::remove)?;
    Ok(true)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(per_principal: usize) -> SessionsConfig {
        SessionsConfig { per_principal, ..SessionsConfig::default() }
    }

    #[tokio::test]
    async fn a_session_is_of_one_principal_and_profile_and_the_oldest_gives_way() {
        let directory = tempfile::tempdir().unwrap();
        let sessions = Arc::new(Sessions::kept_in(Some(directory.path().to_owned())));
        let key = Principal::Key("ci".into());
        for (principal, profile) in [(&Principal::Operator, None), (&key, None), (&key, Some("team"))] {
            let mut turn = sessions.enter(&config(2), principal, profile, "a").await.unwrap();
            assert_eq!(turn.script().index, 1, "{principal} {profile:?} has none of this name yet");
            turn.record_for_test("01J").await;
        }
        let turn = sessions.enter(&config(2), &key, Some("team"), "a").await.unwrap();
        assert_eq!((turn.script().index, turn.script().after.unwrap().as_str()), (2, "01J"));
        // Of two sessions one has a script: the other one gives way.
        let mut other = sessions.enter(&config(2), &key, None, "b").await.unwrap();
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
        let full = sessions.enter(&config(1), &key, None, "c").await.err().expect("no room");
        assert!(matches!(full, SessionError::TooMany(1)), "{full}");
        drop(turn);
        assert!(sessions.forget(&key, None, "b").unwrap() && !sessions.forget(&key, None, "b").unwrap());
    }

    #[tokio::test]
    async fn bounds_of_a_session_are_told_before_a_script_runs() {
        let directory = tempfile::tempdir().unwrap();
        let sessions = Arc::new(Sessions::kept_in(Some(directory.path().to_owned())));
        let mut turn = sessions.enter(&config(2), &Principal::Operator, None, "a").await.unwrap();
        turn.record_for_test("01J").await;
        drop(turn);
        let enter = async |config: SessionsConfig| {
            sessions.enter(&config, &Principal::Operator, None, "a").await.err().map(|error| error.to_string())
        };
        let scripts = enter(SessionsConfig { scripts: 1, ..config(2) }).await.expect("no more scripts");
        assert!(scripts.contains("its 1 scripts"), "{scripts}");
        let fuel = enter(SessionsConfig { fuel: 0, ..config(2) }).await.expect("no more fuel");
        assert!(fuel.contains("fuel"), "{fuel}");
        assert_eq!(enter(config(2)).await, None);
        assert_eq!(Sessions::default().list(None).unwrap(), []);
    }

    #[test]
    fn names_are_short_and_plain() {
        assert!(["a", "Report-2.1_x", &"a".repeat(64)].into_iter().all(is_name));
        assert!(["", "a b", "ä", "a/b", "a\n", &"a".repeat(65)].into_iter().all(|name| !is_name(name)));
    }
}
