//! Sessions of one MCP session: no other client finds them, and they end with it.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exuvia_replay::sha256_hex;
use exuvia_tool::locked;

use super::file::SessionFile;
use super::{Sessions, key};
use crate::ids::process_name;

/// From one attempt to end the session of a client that is gone to the next, in which a script of it may end.
const RETRY: Duration = Duration::from_secs(1);

/// The sessions that were used by clients that are not gone.
#[derive(Debug)]
pub(super) struct ClientSessions {
    /// Clients of another process may have the same names.
    process: String,
    /// By client: directories, with the names of files in them.
    used: Mutex<HashMap<String, BTreeSet<(PathBuf, String)>>>,
}

impl Default for ClientSessions {
    fn default() -> Self {
        Self { process: process_name(), used: Mutex::default() }
    }
}

impl ClientSessions {
    /// What tells the sessions of a client from those of others. Nobody can act with it.
    pub(super) fn digest(&self, client: &str) -> String {
        sha256_hex(format!("{} {client}", self.process))[..32].to_owned()
    }

    /// A client uses this one.
    pub(super) fn uses(&self, client: &str, directory: &Path, id: &str) {
        let one = (directory.to_owned(), id.to_owned());
        locked(&self.used).entry(client.to_owned()).or_default().insert(one);
    }
}

impl Sessions {
    /// Whether a client has sessions that end with it.
    pub(crate) fn has_client(&self, client: &str) -> bool {
        locked(&self.of_clients.used).contains_key(client)
    }

    /// Ends the sessions of a client that is gone, as soon as no script of them runs.
    pub(crate) async fn end_client(self: Arc<Self>, client: String) {
        let Some(used) = locked(&self.of_clients.used).remove(&client) else { return };
        let mut left: Vec<(PathBuf, String)> = used.into_iter().collect();
        while !left.is_empty() {
            let this = Arc::clone(&self);
            let ending = tokio::task::spawn_blocking(move || {
                left.retain(|(directory, id)| !this.ended(directory, id));
                left
            });
            left = ending.await.unwrap_or_default();
            if !left.is_empty() {
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    /// Ends the sessions of all clients: the process ends. Blocks.
    pub fn end_clients(&self) {
        let used = std::mem::take(&mut *locked(&self.of_clients.used));
        for (directory, id) in used.into_values().flatten() {
            self.ended(&directory, &id);
        }
    }

    /// Whether a session is over, or cannot be ended, which the log says.
    fn ended(&self, directory: &Path, id: &str) -> bool {
        self.end(directory, id).unwrap_or_else(|error| {
            tracing::warn!(%error, "session of a client not removed");
            true
        })
    }

    /// Ends a session. False: a script of it runs.
    pub(super) fn end(&self, directory: &Path, id: &str) -> io::Result<bool> {
        let Some(file) = SessionFile::take(directory, id)? else { return Ok(false) };
        file.end()?;
        let dropped = locked(&self.warm).take(&key(directory, id));
        drop(dropped);
        Ok(true)
    }
}
