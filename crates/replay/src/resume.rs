//! A run that was parked, or that a crash has cut off while calls of it were held: brought back by its record, and gone on live.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use exuvia_journal::Archive;
use exuvia_runtime::Engine;
use exuvia_tool::{ActiveTime, Namespace, RunId, RunIo, ToolHost};
use tokio_util::sync::CancellationToken;

use crate::departure::Departure;
use crate::error::{NotReplayable, ReplayError};
use crate::recorded_run::RecordedRun;
use crate::recorded_size::RecordedSize;
use crate::replay::Replay;
use crate::resume_io::ResumeIo;
use crate::resume_tools::ResumeTools;
use crate::resuming::Resuming;

/// A run that can be brought back. It is made again from its record to the end of that, and then goes on live: what it takes from the world and
/// what it calls comes from the live [`ToolHost`] and [`RunIo`] from then on. As long as the record has something left, nothing is live:
/// what differs [departs](Resumption::departure), and the run is to be given up.
#[derive(Clone)]
pub struct Resume {
    run: Arc<RecordedRun>,
    namespace: Arc<Namespace>,
}

/// A run that is being brought back. Clones are the same.
#[derive(Clone)]
pub struct Resumption(Arc<Resuming>);

/// What a resumed run is made with.
#[non_exhaustive]
pub struct ResumedParts {
    /// Answers its calls.
    pub tools: Arc<dyn ToolHost>,
    /// Gives it everything else.
    pub io: Box<dyn RunIo>,
    /// Says how far it is.
    pub resumption: Resumption,
}

impl Resume {
    /// Reads a run and what it takes to bring it back.
    ///
    /// # Errors
    ///
    /// The journal cannot be read, or the run cannot be replayed, or is over.
    pub async fn load(archive: &dyn Archive, run: &RunId) -> Result<Self, ReplayError> {
        let replay = Replay::load(archive, run).await?;
        let (run, namespace) = replay.into_parts();
        if run.end.is_some() {
            return Err(NotReplayable::Over.into());
        }
        Ok(Self { run, namespace })
    }

    /// What is recorded of it.
    #[must_use]
    pub fn recorded(&self) -> &Arc<RecordedRun> {
        &self.run
    }

    /// Whether it can be brought back on this engine.
    ///
    /// # Errors
    ///
    /// It was made with another guest, or with more memory.
    pub fn fits(&self, engine: &Engine) -> Result<(), NotReplayable> {
        let (recorded, present) = (&self.run.start.guest_sha256, engine.guest_sha256());
        if recorded != present {
            return Err(NotReplayable::OtherGuest { recorded: recorded.clone(), present: present.to_owned() });
        }
        let (recorded, limits) = (self.run.start.limits.memory_bytes, self.run.start.limits.clone());
        let present = engine.effective(limits).memory_bytes;
        if present < recorded {
            return Err(NotReplayable::LessMemory { recorded, present });
        }
        Ok(())
    }

    /// How much is recorded: what follows is bounded together with it.
    #[must_use]
    pub fn recorded_size(&self) -> RecordedSize {
        let mut size = RecordedSize::default();
        for reading in &self.run.readings {
            // It was within the bounds when it was recorded.
            let _ = size.add(reading);
        }
        size
    }

    /// Where the clock of the run stood at the end of its record.
    #[must_use]
    pub fn monotonic_clock(&self) -> Duration {
        self.run.clock
    }

    /// What to make the run with. `tools` and `io` are the live ones: `io` has a clock that stands at
    /// [`monotonic_clock`](Self::monotonic_clock) and goes with `active`, which is a [replayed](ActiveTime::replayed) one.
    #[must_use]
    pub fn begin(&self, tools: Arc<dyn ToolHost>, io: Box<dyn RunIo>, active: Arc<ActiveTime>) -> ResumedParts {
        let resuming = Resuming::new(Arc::clone(&self.run), active);
        let namespace = Arc::clone(&self.namespace);
        let tools = Arc::new(ResumeTools { resuming: Arc::clone(&resuming), namespace, live: tools });
        let io = Box::new(ResumeIo::new(Arc::clone(&resuming), io));
        ResumedParts { tools, io, resumption: Resumption(resuming) }
    }
}

impl Resumption {
    /// Cancelled when the run departs from its record.
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.0.stop()
    }

    /// Whether its record is over.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.0.is_live()
    }

    /// Where it departs from its record. To be asked when the run has ended: one that ended before its record did has departed as well.
    #[must_use]
    pub fn departure(&self) -> Option<Departure> {
        self.0.departure()
    }
}

impl fmt::Debug for Resume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resume({})", self.run.id)
    }
}

impl fmt::Debug for Resumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resumption({}, live: {})", self.0.run.id, self.is_live())
    }
}
