//! The turn of a script in its session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_access::budget::{Refused, RunReservation, Spender};
use exuvia_config::SessionsConfig;
use exuvia_journal::{Archive, SessionScript};
use exuvia_replay::{NotReplayable, ReplayError, SessionFiles, revive};
use exuvia_runtime::{Engine, Instance, Limits, Outcome, Report};
use exuvia_tool::RunId;
use tokio::sync::OwnedMutexGuard;

use super::counts::Evicted;
use super::enter::blocking;
use super::error::NOT_KEPT;
use super::file::{SessionFile, boot};
use super::state::{Line, SessionState};
use super::warm::WarmSession;
use super::{SessionError, Sessions};
use crate::ids::now_ms;
use crate::over_budget::run_outcome;

/// The turn of a script in its session: no other script of it runs until this is dropped. Without [`end`](Self::end) the session is as it
/// was before.
pub(crate) struct SessionTurn {
    sessions: Arc<Sessions>,
    key: String,
    file: Arc<SessionFile>,
    state: SessionState,
    warm: Option<WarmSession>,
    /// The fuel to bring it back with.
    reserved: Option<RunReservation>,
    /// What running its scripts again took: units of fuel, and milliseconds.
    revived: Option<(u64, u64)>,
    /// What the script left.
    pub(crate) left: Option<Left>,
    _turn: OwnedMutexGuard<()>,
}

/// What the scripts of a session have left for the next one.
#[derive(Debug)]
pub(crate) struct Left {
    pub(crate) instance: Instance,
    /// Where the clock stood.
    pub(crate) clock: Duration,
    /// What is open.
    pub(crate) files: SessionFiles,
}

/// What a session is brought back with.
pub(crate) struct Reviving<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) archive: Option<&'a dyn Archive>,
    pub(crate) spender: &'a Spender,
    pub(crate) config: &'a SessionsConfig,
    /// Of the script that is to run.
    pub(crate) limits: &'a Limits,
}

impl SessionTurn {
    pub(super) fn new(
        sessions: Arc<Sessions>,
        key: String,
        file: Arc<SessionFile>,
        state: SessionState,
        warm: Option<WarmSession>,
        turn: OwnedMutexGuard<()>,
    ) -> Self {
        let (reserved, revived, left) = Default::default();
        Self { sessions, key, file, state, warm, reserved, revived, left, _turn: turn }
    }

    /// The place of the script that has the turn.
    pub(crate) fn script(&self) -> SessionScript {
        SessionScript {
            name: self.state.name.clone(),
            index: self.state.scripts.len() as u64 + 1,
            after: self.state.scripts.last().map(RunId::new),
        }
    }

    /// Reserves the fuel that bringing the session back takes: before the script reserves all that a budget has left. Nothing for a session that
    /// is in memory or has not begun.
    ///
    /// # Errors
    ///
    /// There is too little. What comes of the script.
    pub(crate) async fn reserve(&mut self, spender: &Spender, config: &SessionsConfig) -> Result<(), Outcome> {
        if self.warm.is_none() && !self.state.scripts.is_empty() {
            self.reserved = Some(revival(self.state.fuel, spender, config).await?);
        }
        Ok(())
    }

    /// How long it took to bring the session back, in milliseconds.
    pub(crate) fn revival_ms(&self) -> u64 {
        self.revived.map_or(0, |(_, ms)| ms)
    }

    /// What the script begins with: the interpreter in memory, or one that is made again from the record. None: it is the first.
    ///
    /// # Errors
    ///
    /// It cannot be made again. What comes of the script.
    pub(crate) async fn begin(&mut self, reviving: Reviving<'_>) -> Result<Option<Left>, Outcome> {
        if let Some(WarmSession { instance, clock, files, .. }) = self.warm.take() {
            if let Some(instance) = instance.wake(reviving.engine, reviving.limits.memory_bytes).await {
                return Ok(Some(Left { instance, clock, files }));
            }
            self.sessions.counts.evicted(Evicted::Memory, 1);
        }
        if self.state.scripts.is_empty() {
            return Ok(None);
        }
        self.revive(reviving).await.map(Some)
    }

    async fn revive(&mut self, reviving: Reviving<'_>) -> Result<Left, Outcome> {
        let Reviving { engine, archive, spender, config, .. } = reviving;
        let archive = archive.ok_or_else(|| SessionError::NotKept.outcome())?;
        let mut reserved = match self.reserved.take() {
            Some(reserved) => reserved,
            // It was in memory, and found no room to go on.
            None => revival(self.state.fuel, spender, config).await?,
        };
        reserved.start();
        let begun = Instant::now();
        let scripts: Vec<RunId> = self.state.scripts.iter().map(RunId::new).collect();
        let revived = revive(archive, engine, &scripts, config.revival_fuel).await;
        let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let used = revived.as_ref().map_or_else(|not| not.fuel, |revived| revived.fuel);
        reserved.settle(used, 0);
        self.sessions.counts.revival_fuel.inc_by(used);
        match revived.map_err(|not| not.why) {
            Ok(revived) => {
                let (name, fuel) = (&self.state.name, revived.fuel);
                tracing::info!(session = name, scripts = scripts.len(), fuel, duration.ms = ms, "session brought back");
                self.sessions.counts.revived.inc();
                self.revived = Some((fuel, ms));
                Ok(Left { instance: revived.instance, clock: revived.clock, files: revived.files })
            }
            Err(ReplayError::NotReplayable(NotReplayable::RevivalFuel { allowed })) => {
                Err(SessionError::TooExpensive { fuel: self.state.fuel, allowed }.outcome())
            }
            Err(ReplayError::NotReplayable(NotReplayable::NoRoom)) => {
                Err(SessionError::NotNow("there is no memory for it".to_owned()).outcome())
            }
            Err(ReplayError::NotReplayable(why)) => Err(self.lost(&why).await),
            Err(error) => {
                tracing::error!(error = %error, "journal read failed");
                Err(SessionError::NotNow("the journal cannot be read".to_owned()).outcome())
            }
        }
    }

    /// The session never comes back.
    async fn lost(&mut self, why: &NotReplayable) -> Outcome {
        let why = match why {
            NotReplayable::OtherGuest { .. } => "it was made by another version of this program".to_owned(),
            NotReplayable::Erased | NotReplayable::Unknown => NOT_KEPT.to_owned(),
            other => other.to_string(),
        };
        tracing::warn!(session = self.state.name, why, "session lost");
        self.sessions.counts.lost.inc();
        // Otherwise it is found again by the next script.
        let _ = self.append(Line::Lost(why.clone())).await;
        SessionError::Lost(why).outcome()
    }

    /// The script is over and recorded as `run`, or not recorded: what it left is the session from now on, or nothing of it is. Says so in the
    /// report where its author would expect something else.
    pub(crate) async fn end(mut self, run: &RunId, is_recorded: bool, warm: u32, report: &mut Report) {
        if let Some((fuel, _)) = self.revived {
            let scripts = self.state.scripts.len();
            report
                .notes
                .push(format!("the session was brought back by running its {scripts} scripts again: {fuel} fuel"));
        }
        let Some(left) = self.left.take().filter(|_| is_recorded) else {
            return self.falls_back(report);
        };
        let script = Line::Script { run: run.to_string(), fuel: report.usage.fuel, ended_ms: now_ms() };
        if let Err(error) = self.append(script).await {
            tracing::error!(session = self.state.name, principal = self.state.principal, %error, "session not written");
            self.state.scripts.pop();
            return self.falls_back(report);
        }
        self.sessions.keep(warm, self.key.clone(), self.state.scripts.last().cloned(), left);
    }

    fn falls_back(&self, report: &mut Report) {
        let is = if self.state.scripts.is_empty() { "has not begun" } else { "is as it was before this script" };
        report.notes.push(format!("the session {is}: nothing that the script did to variables is kept"));
    }

    /// Adds a line to the session: the first script brings those before it. Without `self` in its future, of which an interpreter is a part that
    /// no two threads may look at.
    fn append(&mut self, line: Line) -> impl Future<Output = std::io::Result<()>> + Send + use<> {
        let mut lines = if self.state.scripts.is_empty() { self.state.begin(boot()) } else { Vec::new() };
        lines.push(line);
        lines.iter().for_each(|line| self.state.add(line.clone()));
        let file = Arc::clone(&self.file);
        blocking(move || file.append(&lines))
    }

    #[cfg(test)]
    pub(super) async fn record_for_test(&mut self, run: &str) {
        let script = Line::Script { run: run.to_owned(), fuel: 0, ended_ms: now_ms() };
        self.append(script).await.unwrap();
    }
}

/// Reserves what running scripts again takes that have used so much fuel. It is the principal's, and counts as no run.
async fn revival(fuel: u64, spender: &Spender, config: &SessionsConfig) -> Result<RunReservation, Outcome> {
    let allowed = config.revival_fuel;
    if fuel > allowed {
        return Err(SessionError::TooExpensive { fuel, allowed }.outcome());
    }
    spender.reserve_fuel(fuel).await.map_err(|refused| match refused {
        Refused::Exhausted(exhausted) => SessionError::NotNow(exhausted.to_string()).outcome(),
        Refused::Uncounted => run_outcome(refused),
    })
}
