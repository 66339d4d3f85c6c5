//! How a script gets its turn in a session.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_config::{SessionShare, SessionsConfig};
use exuvia_journal::Archive;
use exuvia_tool::{Principal, locked};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::OwnedMutexGuard;
use tokio::time::{sleep, timeout};

use super::file::{self, Listed, SessionFile, boot};
use super::state::{Line, SessionState};
use super::{SessionError, SessionTurn, Sessions, id, is_old, key, missed};

/// How long a script waits for the one before it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a session is looked at that another process has.
const POLL: Duration = Duration::from_millis(25);

impl Sessions {
    /// Waits for the turn of a script in a session, which begins with it if there is none of this name.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        config: &SessionsConfig,
        archive: &dyn Archive,
        (principal, profile, client): (&Principal, Option<&str>, &str),
        name: &str,
    ) -> Result<SessionTurn, SessionError> {
        let directory = self.directory_of(principal).ok_or(SessionError::NotKept)?;
        let digest = (config.share == SessionShare::Session).then(|| self.of_clients.digest(client));
        let id = id(profile, name, digest.as_deref());
        if digest.is_some() {
            self.of_clients.uses(client, &directory, &id);
        }
        let key = key(&directory, &id);
        let begun = Instant::now();
        let turn = self.turn(&key);
        let guard: OwnedMutexGuard<()> = timeout(PATIENCE, turn.lock_owned()).await.map_err(|_| SessionError::Busy)?;
        let (file, read) = taken(&directory, &id, begun).await?;
        if read.as_ref().is_some_and(|state| !state.is_of(principal)) {
            return Err(SessionError::Others);
        }
        let state = match read.filter(|state| !is_old(state.used_ms, config.keep)) {
            Some(state) => completed(archive, principal, &file, state).await?,
            None => {
                self.begins(config, &file, &directory).await?;
                SessionState::new(name, principal.to_string(), profile).of_client(digest)
            }
        };
        bounded(&state, config)?;
        let warm = locked(&self.warm).take(&key).filter(|warm| warm.last == state.scripts.last().cloned());
        Ok(SessionTurn::new(Arc::clone(self), key, file, state, warm, guard))
    }

    /// Makes room for a session that begins.
    async fn begins(
        &self,
        config: &SessionsConfig,
        file: &Arc<SessionFile>,
        directory: &Path,
    ) -> Result<(), SessionError> {
        let (file, directory, most) = (Arc::clone(file), directory.to_owned(), config.per_principal);
        let has_room = blocking(move || {
            // One of this name that is too old.
            file.clear()?;
            has_room(&directory, most)
        });
        if has_room.await? { Ok(()) } else { Err(SessionError::TooMany(most)) }
    }
}

async fn taken(
    directory: &Path,
    id: &str,
    begun: Instant,
) -> Result<(Arc<SessionFile>, Option<SessionState>), SessionError> {
    loop {
        let (directory, id) = (directory.to_owned(), id.to_owned());
        let take = move || {
            let Some(file) = SessionFile::take(&directory, &id)? else { return Ok(None) };
            let read = file.read()?;
            Ok(Some((Arc::new(file), read)))
        };
        match blocking(take).await? {
            Some(taken) => return Ok(taken),
            None if begun.elapsed() > PATIENCE => return Err(SessionError::Busy),
            None => sleep(POLL).await,
        }
    }
}

/// The session with what its file lacks.
async fn completed(
    archive: &dyn Archive,
    principal: &Principal,
    file: &Arc<SessionFile>,
    mut state: SessionState,
) -> Result<SessionState, SessionError> {
    let may_lack = |boot: &&str| state.lost.is_none() && state.may_lack_scripts(Some(boot));
    let Some(boot) = boot().filter(may_lack) else { return Ok(state) };
    let mut lines = missed::lines(archive, principal, &state).await.map_err(|error| {
        tracing::error!(%error, "journal read failed");
        SessionError::NotNow("the journal cannot be read".to_owned())
    })?;
    let found = lines.len();
    if found > 0 {
        tracing::info!(session = state.name, found, "session completed from the journal");
    }
    lines.push(Line::Boot(boot.to_owned()));
    lines.iter().for_each(|line| state.add(line.clone()));
    let file = Arc::clone(file);
    blocking(move || file.append(&lines)).await?;
    Ok(state)
}

/// Whether a session takes a further script.
fn bounded(state: &SessionState, config: &SessionsConfig) -> Result<(), SessionError> {
    if let Some(why) = &state.lost {
        return Err(SessionError::Lost(why.clone()));
    }
    if state.scripts.len() >= config.scripts {
        return Err(SessionError::Scripts(config.scripts));
    }
    if state.fuel >= config.fuel {
        return Err(SessionError::Fuel(config.fuel));
    }
    Ok(())
}

/// Whether there is room for one more session in a directory: the one that was not used for longest is forgotten, unless a script of it runs.
fn has_room(directory: &Path, most: usize) -> io::Result<bool> {
    let mut all = file::all(directory)?;
    all.sort_by_key(|listed| listed.used_ms);
    let (mut left, mut oldest) = (all.len(), Vec::new());
    for Listed { id, .. } in all {
        if left < most {
            break;
        }
        if let Some(file) = SessionFile::take(directory, &id)? {
            oldest.push(file);
            left -= 1;
        }
    }
    // No session gives way unless that makes room.
    if left >= most {
        return Ok(false);
    }
    oldest.iter().try_for_each(SessionFile::clear)?;
    Ok(true)
}

/// Work that may wait for a disk. What a warm script does here takes less time than a change of threads: on the threads of runs it is done at once,
/// and their other tasks are handed to another thread.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error))),
    }
}
