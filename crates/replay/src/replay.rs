//! A recorded run, run again.

use std::fmt;
use std::sync::{Arc, Mutex};

use exuvia_host::FUEL_SLICE;
use exuvia_journal::{Archive, Object, Record};
use exuvia_policy::Redaction;
use exuvia_runtime::{Engine, Instance, Outcome, Report, Run, Script};
use exuvia_tool::{CallId, Limits, Namespace, RunFiles, RunId, locked};

use crate::departure::{Departure, NewCall};
use crate::difference::{Difference, differences, log_difference};
use crate::edited::Edited;
use crate::error::{NotReplayable, ReplayError};
use crate::namespace::kept_namespace;
use crate::open_files::SessionFiles;
use crate::progress::Progress;
use crate::read_files::ReadFiles;
use crate::recorded_run::RecordedRun;
use crate::replay_io::ReplayIo;
use crate::replay_tools::ReplayTools;
use crate::source::{Ending, Source};
use crate::strict::Strict;

/// How many times the time of the original a replay may take, which waits for nothing: it may be made under load.
const TIMES_WALL: u64 = 10;

/// The most scripts of a session that are run again before one of it.
pub(crate) const MAX_SESSION_SCRIPTS: usize = 10_000;

/// The least time that a replay is given, in milliseconds.
const LEAST_WALL_MS: u64 = 600_000;

/// A recorded run with everything that it takes to run it again. It can be [run](Self::run) any number of times.
#[derive(Clone)]
pub struct Replay {
    run: Arc<RecordedRun>,
    namespace: Arc<Namespace>,
    /// The scripts of its session that were before it, in order.
    before: Vec<Self>,
    until_call: Option<CallId>,
    edited: Option<String>,
    takes_any_guest: bool,
    present_files: Option<Arc<dyn RunFiles>>,
    redaction: Arc<Redaction>,
}

/// What came of a replay.
#[derive(Debug)]
#[non_exhaustive]
pub struct Replayed {
    /// How it compares with the record.
    pub verdict: Verdict,
    /// What of the end differs, for a run that has a recorded end, and a replay that came to one: also of an edited script.
    pub differences: Vec<Difference>,
    /// Files whose content is not what the run read, where it did not change them itself: by path, at most 100. Empty without files to
    /// [compare](Replay::beside) with.
    pub changed_files: Vec<String>,
    /// The report of the replay. One that was ended before its script was is `cancelled`.
    pub report: Report,
}

/// How a replay compares with its record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Result, error, log, calls, fuel and peak memory are those of the record.
    Same,
    /// The run had no end of its own: it was stopped by time, cancelled, held, or cut off. Up to its last recorded event the replay is
    /// the same.
    SameSoFar,
    /// The replay was the same up to the call that it was to stop at, which this is.
    ReachedCall(CallId),
    /// The two part here.
    Departed(Departure),
    /// The edited script came to its end on recorded answers alone.
    Completed,
    /// The edited script came to a call that has no recorded answer. It was not made.
    NewCall(NewCall),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("reproduced"),
            Self::SameSoFar => f.write_str("reproduced to the last recorded event"),
            Self::ReachedCall(call) => write!(f, "reproduced up to call {}", call.0),
            Self::Departed(departure) => departure.fmt(f),
            Self::Completed => f.write_str("completed on recorded answers"),
            Self::NewCall(call) => call.fmt(f),
        }
    }
}

impl Replay {
    /// Reads a run and what it names from a journal.
    ///
    /// # Errors
    ///
    /// The journal cannot be read, or the run cannot be replayed.
    pub async fn load(archive: &dyn Archive, run: &RunId) -> Result<Self, ReplayError> {
        let mut replay = Self::load_alone(archive, run).await?;
        let mut after = replay.follows().cloned();
        while let Some(earlier) = after {
            if replay.before.len() >= MAX_SESSION_SCRIPTS {
                return Err(NotReplayable::SessionTooLong.into());
            }
            let earlier = Self::load_alone(archive, &earlier).await?;
            after = earlier.follows().cloned();
            replay.before.push(earlier);
        }
        replay.before.reverse();
        Ok(replay)
    }

    /// The same without the scripts of its session that were before it.
    pub(crate) async fn load_alone(archive: &dyn Archive, run: &RunId) -> Result<Self, ReplayError> {
        let record = archive.record(run.as_str()).await?.ok_or(NotReplayable::Unknown)?;
        let mut run = RecordedRun::of(&record)?;
        if run.has_blocks() {
            let mut blocks = archive.file_blocks(run.id.as_str()).await?;
            run.add_blocks(&mut blocks)?;
        }
        let digest = run.start.namespace_sha256.clone();
        if digest.is_empty() {
            return Err(NotReplayable::NoReadings.into());
        }
        let object = archive.object(&digest).await?.ok_or(NotReplayable::NoNamespace(digest))?;
        Ok(Self::new(run, &object)?)
    }

    /// The replay of a record, with the namespace that its start names.
    ///
    /// # Errors
    ///
    /// The run cannot be replayed, or others before it would have to be.
    pub fn of(record: &Record, namespace: &Object) -> Result<Self, NotReplayable> {
        let replay = Self::new(RecordedRun::of(record)?, namespace)?;
        if replay.follows().is_some() { Err(NotReplayable::SessionAlone) } else { Ok(replay) }
    }

    /// The script of its session that it goes on after.
    fn follows(&self) -> Option<&RunId> {
        self.run.start.session.as_ref()?.after.as_ref()
    }

    fn new(run: RecordedRun, namespace: &Object) -> Result<Self, NotReplayable> {
        if run.start.namespace_sha256.is_empty() || (run.readings.is_empty() && run.is_whole() && !is_further(&run)) {
            return Err(NotReplayable::NoReadings);
        }
        if let Some(cut) = run.cut {
            return Err(NotReplayable::Cut(cut));
        }
        if run.has_blocks() {
            return Err(NotReplayable::NoFileContent);
        }
        if run.end.as_ref().is_some_and(|end| end.outcome == "fault") {
            return Err(NotReplayable::Fault);
        }
        let read = kept_namespace(namespace).filter(|_| namespace.sha256 == run.start.namespace_sha256);
        let namespace = read.ok_or_else(|| NotReplayable::BadNamespace(run.start.namespace_sha256.clone()))?;
        let (run, namespace) = (Arc::new(run), Arc::new(namespace));
        let (before, until_call, edited, takes_any_guest, present_files, redaction) = Default::default();
        Ok(Self { run, namespace, before, until_call, edited, takes_any_guest, present_files, redaction })
    }

    /// Stops when the script makes this call, counted from 1.
    #[must_use]
    pub fn until_call(self, call: CallId) -> Self {
        Self { until_call: Some(call), ..self }
    }

    /// Runs this script instead, on the recorded answers as far as they go.
    #[must_use]
    pub fn edited(self, source: impl Into<String>) -> Self {
        Self { edited: Some(source.into()), ..self }
    }

    /// Runs on an engine with another guest as well, and says where that departs.
    #[must_use]
    pub fn with_any_guest(self) -> Self {
        Self { takes_any_guest: true, ..self }
    }

    /// Compares what the run read of files with what these have now, where it did not change them itself.
    #[must_use]
    pub fn beside(self, files: Arc<dyn RunFiles>) -> Self {
        Self { present_files: Some(files), ..self }
    }

    /// Hides what these rules hide of arguments, results, errors and logs wherever they stand in what comes of it, but for the report.
    #[must_use]
    pub fn redacted(self, redaction: &Redaction) -> Self {
        self.redacted_by(&Arc::new(redaction.clone()))
    }

    fn redacted_by(self, redaction: &Arc<Redaction>) -> Self {
        let before = self.before.into_iter().map(|earlier| earlier.redacted_by(redaction)).collect();
        Self { before, redaction: Arc::clone(redaction), ..self }
    }

    pub(crate) fn into_parts(self) -> (Arc<RecordedRun>, Arc<Namespace>) {
        (self.run, self.namespace)
    }

    /// The recorded run.
    #[must_use]
    pub fn recorded(&self) -> &RecordedRun {
        &self.run
    }

    /// Runs it again, to its end or to the first event that the record does not have. Must be called on a tokio runtime. Dropping
    /// the future stops it.
    ///
    /// # Errors
    ///
    /// The engine is not one that the run can be replayed on.
    pub async fn run(&self, engine: &Engine) -> Result<Replayed, NotReplayable> {
        let (mut instance, open, mut used) = (None, SessionFiles::default(), 0);
        for earlier in &self.before {
            let earlier = if self.takes_any_guest { &earlier.clone().with_any_guest() } else { earlier };
            instance = Some(earlier.run_again(engine, instance, &open, &mut used).await?);
        }
        let read = self.present_files.as_ref().map(|_| Arc::<Mutex<ReadFiles>>::default());
        let (run, progress) = self.prepared(engine, &open, read.clone())?;
        let report = match instance {
            None => run.execute().await,
            Some(_) => run.execute_in_session(instance).await.0,
        };
        if let Outcome::Unavailable(_) = &report.outcome {
            return Err(NotReplayable::NoRoom);
        }
        let mut replayed = self.compared(report, &progress);
        if let (Some(read), Some(files)) = (read, &self.present_files) {
            let read = std::mem::take(&mut *locked(&read));
            replayed.changed_files = read.changed(&**files).await;
        }
        Ok(replayed)
    }

    /// Runs a script of a session again, and leaves what it left. Adds the fuel of that to `used`, also where it fails.
    ///
    /// # Errors
    ///
    /// It cannot be replayed on this engine, or departs from its record.
    pub(crate) async fn run_again(
        &self,
        engine: &Engine,
        instance: Option<Instance>,
        open: &SessionFiles,
        used: &mut u64,
    ) -> Result<Instance, NotReplayable> {
        let (run, progress) = self.prepared(engine, open, None)?;
        let (report, instance) = run.execute_in_session(instance).await;
        *used = used.saturating_add(report.usage.fuel);
        if let Outcome::Unavailable(_) = &report.outcome {
            return Err(NotReplayable::NoRoom);
        }
        let departed = |departure| NotReplayable::SessionDeparted { run: self.run.id.clone(), departure };
        match (self.compared(report, &progress).verdict, instance) {
            (Verdict::Same, Some(instance)) => Ok(instance),
            (Verdict::Departed(departure), _) => Err(departed(departure.without_values())),
            (verdict, _) => Err(departed(verdict.to_string())),
        }
    }

    /// The run, and how far it has come. What it reads of files is noted in `read`.
    fn prepared(
        &self,
        engine: &Engine,
        open: &SessionFiles,
        read: Option<Arc<Mutex<ReadFiles>>>,
    ) -> Result<(Run, Arc<Progress>), NotReplayable> {
        let limits = self.limits(engine)?;
        let source: Box<dyn Source> = match self.edited {
            None => Box::new(Strict::new(Arc::clone(&self.run))),
            Some(_) => Box::new(Edited::new(&self.run)),
        };
        let script = self.edited.clone().unwrap_or_else(|| self.run.start.source.clone());
        let progress = Progress::new(source, self.until_call);
        let tools = ReplayTools { progress: Arc::clone(&progress), namespace: Arc::clone(&self.namespace) };
        let run = engine.run(Script::new(script), limits, Arc::new(tools));
        let io =
            ReplayIo { progress: Arc::clone(&progress), has_files: self.run.has_files(), open: open.clone(), read };
        let run = run.with_io(Box::new(io)).with_cancellation(progress.stop());
        Ok((run, progress))
    }

    fn limits(&self, engine: &Engine) -> Result<Limits, NotReplayable> {
        let (recorded, present) = (&self.run.start.guest_sha256, engine.guest_sha256());
        if recorded != present && !self.takes_any_guest {
            return Err(NotReplayable::OtherGuest { recorded: recorded.clone(), present: present.to_owned() });
        }
        let mut limits = self.run.start.limits.clone();
        let present = engine.effective(limits.clone()).memory_bytes;
        if present < limits.memory_bytes {
            return Err(NotReplayable::LessMemory { recorded: limits.memory_bytes, present });
        }
        limits.wall_ms = limits.wall_ms.saturating_mul(TIMES_WALL).max(LEAST_WALL_MS);
        // What was cut off is run as far as it came, whatever it did without taking anything from the world.
        if let Some(end) = self.run.end.as_ref().filter(|_| !self.run.is_whole() && self.edited.is_none()) {
            limits.fuel = limits.fuel.min(end.usage.fuel.saturating_add(FUEL_SLICE));
        }
        Ok(limits)
    }

    fn differences(&self, report: &Report) -> Vec<Difference> {
        self.run.end.as_ref().map_or_else(Vec::new, |end| differences(end, report, &self.redaction))
    }

    fn compared(&self, report: Report, progress: &Progress) -> Replayed {
        let verdict =
            |verdict, differences, report| Replayed { verdict, differences, changed_files: Vec::new(), report };
        let early = match progress.ending() {
            Some(Ending::Departed(departure)) => Some(Verdict::Departed(departure.redacted(&self.redaction))),
            Some(Ending::NewCall(call)) => Some(Verdict::NewCall(call.redacted(&self.redaction))),
            Some(Ending::ReachedCall(call)) => Some(Verdict::ReachedCall(call)),
            Some(Ending::RecordOver) | None => None,
        };
        if let Some(early) = early {
            return verdict(early, Vec::new(), report);
        }
        if self.edited.is_some() {
            let differences = self.differences(&report);
            return verdict(Verdict::Completed, differences, report);
        }
        if !self.run.is_whole() {
            // Nothing has ended it, and it is over: another path than the recorded one, which is met within the fuel that it has.
            let unused = if progress.ending().is_none() { progress.unused() } else { None };
            let difference = self.run.end.as_ref().and_then(|end| log_difference(end, &report, &self.redaction));
            let departure = unused.or_else(|| difference.clone().map(Into::into));
            return verdict(
                departure.map_or(Verdict::SameSoFar, Verdict::Departed),
                difference.into_iter().collect(),
                report,
            );
        }
        let differences = self.differences(&report);
        let departure = progress.unused().or_else(|| differences.first().cloned().map(Into::into));
        verdict(departure.map_or(Verdict::Same, Verdict::Departed), differences, report)
    }
}

/// Whether it is a script of a session that others were before: it needs no reading to begin.
fn is_further(run: &RecordedRun) -> bool {
    run.start.session.as_ref().is_some_and(|session| session.after.is_some())
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Replay({})", self.run.id)
    }
}
