//! The end of the process, which waits for token renewals.

use std::time::Duration;

use exuvia_oauth::{LostToken, renewals_settled};
use tokio::signal::unix::{SignalKind, signal};

use crate::logs;

/// How long a renewal that has begun may take to come to its end: as long as most authorization servers need many times over.
const RENEWALS: Duration = Duration::from_secs(15);

/// Waits until every renewed token is stored, and logs those that are not.
pub(crate) async fn settle() {
    for LostToken { server, login, .. } in renewals_settled(RENEWALS).await.err().unwrap_or_default() {
        tracing::error!(
            server.name = %server,
            "its renewed token could not be written and is lost; run `exuvia login {login}`"
        );
    }
}

/// Lets these signals end the program as they would by themselves, once renewals have settled: for commands that do not look
/// after them.
///
/// # Errors
///
/// They cannot be listened to.
pub(crate) fn end_on(kinds: &[SignalKind]) -> std::io::Result<()> {
    for &kind in kinds {
        let mut signals = signal(kind)?;
        tokio::spawn(async move {
            signals.recv().await;
            settle().await;
            logs::finish();
            // The runtime would wait for work that is no longer needed.
            std::process::exit(128 + kind.as_raw_value());
        });
    }
    Ok(())
}
