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

/// A session that could not be brought back.
#[derive(Debug)]
#[non_exhaustive]
pub struct NotRevived {
    /// Why not.
    pub why: ReplayError,
    /// What the scripts that were run again have used, in units of fuel.
    pub fuel: u64,
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
) -> Result<Revived, NotRevived> {
    let mut used = 0;
    match run_again(archive, engine, scripts, fuel, &mut used).await {
        Ok((instance, clock, files)) => Ok(Revived { instance, fuel: used, clock, files }),
        Err(why) => Err(NotRevived { why, fuel: used }),
    }
}

async fn run_again(
    archive: &dyn Archive,
    engine: &Engine,
    scripts: &[RunId],
    fuel: u64,
    used: &mut u64,
) -> Result<(Instance, Duration, SessionFiles), ReplayError> {
    let (mut instance, mut clock, files) = (None, Duration::ZERO, SessionFiles::default());
    for script in scripts {
        let replay = Replay::load_alone(archive, script).await?;
        let recorded = replay.recorded();
        let needed = recorded.end.as_ref().map_or(0, |end| end.usage.fuel);
        if used.saturating_add(needed) > fuel {
            return Err(NotReplayable::RevivalFuel { allowed: fuel }.into());
        }
        clock = clock.max(recorded.clock);
        instance = Some(replay.run_again(engine, instance, &files, used).await?);
    }
    let instance = instance.ok_or(NotReplayable::Unknown)?;
    Ok((instance, clock, files))
}
