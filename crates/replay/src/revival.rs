//! A session, brought back by running its scripts again.

use std::time::Duration;

use exuvia_journal::Archive;
use exuvia_runtime::{Engine, Instance};
use exuvia_tool::RunId;

use crate::error::{NotReplayable, ReplayError};
use crate::open_files::SessionFiles;
use crate::replay::Replay;

/// A session that is as its last script left it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Revived {
    /// The instance, which has a turn of the engine.
    pub instance: Instance,
    /// What its scripts used again, in units of fuel.
    pub fuel: u64,
    /// Where the clock of the last script stood.
    pub clock: Duration,
    /// What its scripts have open.
    pub files: SessionFiles,
}

/// Runs the scripts of a session again, in their order, on their records: nothing in it is live. One record at a time is in memory.
///
/// # Errors
///
/// There is none of them, the journal cannot be read, or one of them cannot be run again as it was, or not within `fuel` for all of them.
pub async fn revive(
    archive: &dyn Archive,
    engine: &Engine,
    scripts: &[RunId],
    fuel: u64,
) -> Result<Revived, ReplayError> {
    let (mut instance, mut used, mut clock, files) = (None, 0_u64, Duration::ZERO, SessionFiles::default());
    for script in scripts {
        let replay = Replay::load_alone(archive, script).await?;
        let recorded = replay.recorded();
        used = used.saturating_add(recorded.end.as_ref().map_or(0, |end| end.usage.fuel));
        if used > fuel {
            return Err(NotReplayable::RevivalFuel { allowed: fuel }.into());
        }
        clock = clock.max(recorded.clock);
        instance = Some(replay.run_again(engine, instance, &files).await?);
    }
    let instance = instance.ok_or(NotReplayable::Unknown)?;
    Ok(Revived { instance, fuel: used, clock, files })
}
