//! The daemons that run, for commands that work without one as well.

use std::time::Duration;

use anyhow::Result;
use exuvia_admin::{AdminClient, ClientError};
use exuvia_config::JournalConfig;

use crate::admin;
use crate::journal::StorePlace;

/// How long a daemon has to accept a connection.
const CONNECTING: Duration = Duration::from_secs(5);

/// The daemons that run beside this journal. One that does not respond is none.
pub(crate) async fn daemons(journal: &JournalConfig) -> Vec<AdminClient> {
    let Some(folder) = admin::folder(journal) else { return Vec::new() };
    let connected = tokio::time::timeout(CONNECTING, AdminClient::connect_all(&folder)).await;
    connected.ok().and_then(Result::ok).unwrap_or_default()
}

/// A daemon that keeps keys and budgets in this store. None: none does, or none can say so now.
pub(crate) async fn daemon_with_store(journal: &JournalConfig, place: &StorePlace) -> Option<AdminClient> {
    let id = place.id()?;
    for daemon in daemons(journal).await {
        let mut daemon = daemon.for_store(id.clone());
        // One that is still starting, or cannot record what it does, does nothing for anybody.
        if daemon.get("/health").await.is_ok_and(|health| health["started"] == true && health["recording"] == true) {
            return Some(daemon);
        }
    }
    None
}

/// Asks daemons to erase a run. Whether one of them had it.
pub(crate) async fn erase(daemons: &mut [AdminClient], run: &str) -> Result<bool> {
    for daemon in daemons {
        match daemon.delete(&format!("/runs/{}", part(run))).await {
            Ok(_) => return Ok(true),
            Err(ClientError::Refused { code, .. }) if code == "not-found" => {}
            // Its journal is read here as well.
            Err(ClientError::Lost(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(false)
}

/// A name as a part of a path.
pub(crate) fn part(name: &str) -> String {
    let bytes = name.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    bytes.collect()
}
