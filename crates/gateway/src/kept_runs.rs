//! Runs that are over, as the journal has them, for the clients that made them.

use std::fmt;
use std::time::Duration;

use exuvia_journal::{Archive, JournalError, Record};
use exuvia_replay::{NotReplayable, RecordedRun};
use exuvia_tool::RunId;

use crate::ids::now_ms;
use crate::{Client, Gateway};

/// The longest id that is looked for, in bytes.
const ID_BYTES: usize = 64;
/// The largest record that is read for a client, in bytes.
const RECORD_BYTES: u64 = 256 << 20;

/// Why a client is not given a run of its own. `{}` is for the client.
#[derive(Debug)]
pub(crate) enum NotKept {
    /// There is none of this id, or it is another's: one error for both.
    Unknown,
    /// It goes on.
    Running,
    /// It is older than this.
    Old(Duration),
    Erased,
    TooLarge,
    Unreadable,
}

impl fmt::Display for NotKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no run of this id is kept: send the script without `run`"),
            Self::Running => f.write_str("this run goes on: wait for its answer"),
            Self::Old(age) => write!(
                f,
                "this run is older than {} minutes, and what it read may have changed: send the script without `run`, and without the \
                 calls that must not be repeated",
                age.as_secs() / 60
            ),
            Self::Erased => f.write_str("the content of this run was erased: send the script without `run`"),
            Self::TooLarge => f.write_str("this run is too large to be read again: send the script without `run`"),
            Self::Unreadable => f.write_str("the journal cannot be read now: try again later"),
        }
    }
}

impl Gateway {
    /// A run of this client's principal that is over and not too old to be repaired.
    pub(crate) async fn repairable_run(
        &self,
        client: &Client,
        id: &str,
        most: Duration,
    ) -> Result<RecordedRun, NotKept> {
        let record = self.record_of(client, id).await?;
        let latest_ms = record.entries.last().map_or(0, |stamped| stamped.at_ms);
        if now_ms().saturating_sub(latest_ms) > u64::try_from(most.as_millis()).unwrap_or(u64::MAX) {
            return Err(NotKept::Old(most));
        }
        Self::recorded(&record)
    }

    fn recorded(record: &Record) -> Result<RecordedRun, NotKept> {
        RecordedRun::of(record).map_err(|reason| match reason {
            NotReplayable::Erased => NotKept::Erased,
            _ => NotKept::Unknown,
        })
    }

    /// All that is kept of a run of this client's principal, whether it is over or not.
    pub(crate) async fn record_of_any(&self, client: &Client, id: &str) -> Result<Record, NotKept> {
        let archive = self.archive.as_deref().filter(|_| id.len() <= ID_BYTES).ok_or(NotKept::Unknown)?;
        // Before anything else is looked at: of another one's run not even its size is told, nor how long it takes to be read.
        if archive.principal(id).await.map_err(unreadable)?.is_none_or(|principal| principal != *client.principal()) {
            return Err(NotKept::Unknown);
        }
        let record = record(archive, id).await?.filter(|record| record.principal == *client.principal());
        let record = record.ok_or(NotKept::Unknown)?;
        Ok(record)
    }

    async fn record_of(&self, client: &Client, id: &str) -> Result<Record, NotKept> {
        let record = self.record_of_any(client, id).await?;
        if self.live_runs().has(&RunId::new(id)) {
            return Err(NotKept::Running);
        }
        Ok(record)
    }
}

fn unreadable(error: JournalError) -> NotKept {
    let error = format!("{error:#}");
    tracing::error!(error, "journal read failed");
    NotKept::Unreadable
}

async fn record(archive: &dyn Archive, id: &str) -> Result<Option<Record>, NotKept> {
    let size = archive.record_bytes(id).await.map_err(unreadable)?;
    if size.is_some_and(|bytes| bytes > RECORD_BYTES) {
        return Err(NotKept::TooLarge);
    }
    archive.record(id).await.map_err(unreadable)
}
