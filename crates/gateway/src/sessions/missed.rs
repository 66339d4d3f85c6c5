//! Scripts that a session has by the journal and not by its file: the machine stopped before the file was on the disk.
//!
//! Two things the journal does not tell. Of a script whose line could not be written, which its client was told, it does not tell that the
//! session was as before: the next script shows that, which goes on after the one before. If the machine stops before there is a next one, the
//! script counts. And where the journal itself lost the last script, for example because it was restored from a backup, nothing shows that it is
//! missing. One that was erased keeps its place in the session, which is lost when it is to be brought back.

use std::collections::HashMap;

use exuvia_journal::{Archive, Filter, JournalError, Record, RecordKind, RunEnd, Summary};
use exuvia_runtime::Limit;
use exuvia_tool::{Principal, RunId};

use super::error::NOT_KEPT;
use super::state::{Line, SessionState};

/// How many runs are listed at a time.
const PAGE: usize = 500;

/// How many runs are looked through. Of each in the profile of the session the record is read; beyond, the session is lost.
const MOST_RUNS: usize = 5_000;

/// Errors after which an interpreter is kept in some cases and not in others, which the journal does not tell apart.
const UNCLEAR: [&str; 3] = ["exited", "crashed", "MemoryError"];

const ENDS_UNCLEAR: &str =
    "the machine stopped after its last script, which ended in a way that may have ended its interpreter";
const HAS_GAP: &str = "the machine stopped, and of the scripts that ran before that one is not recorded any more";

/// What is missing at the end of the file of a session, as lines of it. All runs of the principal since the last script are looked through,
/// which happens once after a boot of the machine.
///
/// # Errors
///
/// The journal cannot be read.
pub(super) async fn lines(
    archive: &dyn Archive,
    principal: &Principal,
    state: &SessionState,
) -> Result<Vec<Line>, JournalError> {
    lines_within(archive, principal, state, MOST_RUNS).await
}

async fn lines_within(
    archive: &dyn Archive,
    principal: &Principal,
    state: &SessionState,
    most: usize,
) -> Result<Vec<Line>, JournalError> {
    let Some(last) = state.scripts.last() else { return Ok(Vec::new()) };
    let lost = |why: &str| Line::Lost(why.to_owned());
    if archive.principal(last).await?.is_none() {
        return Ok(vec![lost(NOT_KEPT)]);
    }
    let Some(mut further) = further(archive, principal, state, most).await? else {
        return Ok(vec![lost(&format!("the machine stopped, and more than {most} scripts ran since its last one"))]);
    };
    let mut lines = further.taken(last);
    let is_lost = lines.last().is_some_and(|line| matches!(line, Line::Lost(_)));
    if !is_lost && further.has_gap(archive, last).await? {
        lines.push(lost(HAS_GAP));
    }
    Ok(lines)
}

/// Scripts of the sessions of one name, later than the last one that a file has.
#[derive(Default)]
struct Further {
    /// By the script that they went on after. Of several the latest counts: when it began, the session was still as before the others.
    scripts: HashMap<String, Script>,
    /// Of each script the one that it went on after. None: it was the first.
    before: HashMap<String, Option<String>>,
}

impl Further {
    fn add(&mut self, after: Option<String>, script: Script) {
        self.before.insert(script.run.clone(), after.clone());
        if let Some(after) = after {
            self.scripts.entry(after).or_insert(script);
        }
    }

    /// Takes the scripts that follow this one, as lines.
    fn taken(&mut self, last: &str) -> Vec<Line> {
        let (mut lines, mut last) = (Vec::new(), last.to_owned());
        while let Some(script) = self.scripts.remove(&last) {
            match script.left {
                Left::Something => {
                    let Script { run, fuel, ended_ms, .. } = script;
                    last.clone_from(&run);
                    lines.push(Line::Script { run, fuel, ended_ms });
                }
                Left::Nothing => break,
                Left::Unclear => {
                    lines.push(Line::Lost(ENDS_UNCLEAR.to_owned()));
                    break;
                }
            }
        }
        lines
    }

    /// Whether one of those that are left shows that a script is missing between it and the last one of the file. None went on after a script
    /// after which the session was as before. Sessions of this name on other machines may be in the same journal: theirs go back to a first script,
    /// or to one that is recorded and older.
    async fn has_gap(&self, archive: &dyn Archive, last: &str) -> Result<bool, JournalError> {
        for after in self.scripts.keys() {
            let mut origin = Some(after);
            while let Some(Some(before)) = origin.map(|run| self.before.get(run)) {
                origin = before.as_ref();
            }
            if let Some(origin) = origin
                && (origin == last || archive.principal(origin).await?.is_none())
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// A further script of a session, as the journal has it.
struct Script {
    run: String,
    fuel: u64,
    ended_ms: u64,
    left: Left,
}

/// What a script left for the next one.
#[derive(Debug, PartialEq, Eq)]
enum Left {
    Something,
    Nothing,
    Unclear,
}

/// The scripts that are later than the last one of the session. None: more than so many runs are.
async fn further(
    archive: &dyn Archive,
    principal: &Principal,
    state: &SessionState,
    most: usize,
) -> Result<Option<Further>, JournalError> {
    let (mut found, mut seen) = (Further::default(), 0);
    let (kind, limit) = (Some(RecordKind::Run), PAGE);
    let mut filter = Filter { principal: Some(principal.clone()), kind, limit, ..Filter::default() };
    loop {
        let page = archive.list(&filter).await?;
        for Summary { origin, profile, .. } in &page {
            let Some(run) = origin.run() else { continue };
            if Some(run.as_str()) == state.scripts.last().map(String::as_str) {
                return Ok(Some(found));
            }
            seen += 1;
            if seen > most {
                return Ok(None);
            }
            if *profile != state.profile {
                continue;
            }
            let record = archive.record(run.as_str()).await?;
            if let Some((after, script)) = record.and_then(|record| of_session(&record, run, &state.name)) {
                found.add(after, script);
            }
        }
        let Some(oldest) = page.last() else { return Ok(Some(found)) };
        filter.before = Some(oldest.first);
    }
}

/// A run as a script of a session of this name, with the one that it goes on after. None: it is none.
fn of_session(record: &Record, run: &RunId, name: &str) -> Option<(Option<String>, Script)> {
    let place = record.start()?.session.as_ref().filter(|place| place.name == name)?;
    let after = place.after.as_ref().map(ToString::to_string);
    let (run, end) = (run.to_string(), record.end());
    let ended_ms = record.entries.last().map_or(0, |last| last.at_ms);
    let left = end.filter(|_| record.cut().is_none()).map_or(Left::Nothing, left_by);
    Some((after, Script { run, fuel: end.map_or(0, |end| end.usage.fuel), ended_ms, left }))
}

/// As `Run::execute_in_session` decides.
fn left_by(end: &RunEnd) -> Left {
    let kind = end.error.as_ref().map(|error| error.kind.as_str()).unwrap_or_default();
    let is_left = match end.outcome.as_str() {
        "returned" => true,
        "raised" if UNCLEAR.contains(&kind) => return Left::Unclear,
        "raised" => true,
        // Before it began, or at a call.
        "denied" => end.usage.fuel > 0,
        "stopped" => end.limit.as_deref() == Some(Limit::ResultBytes.name()),
        _ => false,
    };
    if is_left { Left::Something } else { Left::Nothing }
}

#[cfg(test)]
mod tests {
    use exuvia_journal::{Entry, Event, Journal as _, MemoryJournal, RunError, RunStart, SessionScript};
    use exuvia_tool::Origin;

    use super::*;

    struct World(MemoryJournal);

    impl World {
        fn new() -> Self {
            Self(MemoryJournal::new(1 << 20, || 5))
        }

        /// A run of the session after another one.
        fn run(&self, run: &str, name: &str, after: &str, end: Option<RunEnd>) {
            self.script(run, name, Some(after), end);
        }

        fn first(&self, run: &str, name: &str) {
            self.script(run, name, None, end("returned", ""));
        }

        fn script(&self, run: &str, name: &str, after: Option<&str>, end: Option<RunEnd>) {
            let place = SessionScript { name: name.to_owned(), index: 2, after: after.map(RunId::new) };
            let start = RunStart { session: Some(place), ..RunStart::default() };
            let events = [Event::RunStarted(Box::new(start))].into_iter();
            for event in events.chain(end.map(|end| Event::RunEnded(Box::new(end)))) {
                let origin = Origin::Run(RunId::new(run));
                self.0.enqueue(Entry { principal: Principal::Operator, origin, event }).unwrap();
            }
        }

        async fn missed(&self) -> Vec<String> {
            self.missed_within(MOST_RUNS).await
        }

        async fn missed_within(&self, most: usize) -> Vec<String> {
            let mut state = SessionState::new("a", "operator".to_owned(), None);
            state.add(Line::Script { run: "R1".to_owned(), fuel: 1, ended_ms: 1 });
            let lines = lines_within(&self.0, &Principal::Operator, &state, most).await.unwrap();
            let name = |line: Line| match line {
                Line::Script { run, .. } => run,
                Line::Lost(_) => "lost".to_owned(),
                other => panic!("{other:?}"),
            };
            lines.into_iter().map(name).collect()
        }
    }

    fn end(outcome: &str, kind: &str) -> Option<RunEnd> {
        let error = Some(RunError { kind: kind.to_owned(), ..RunError::default() });
        Some(RunEnd { outcome: outcome.to_owned(), error, ..RunEnd::default() })
    }

    #[tokio::test]
    async fn the_scripts_after_the_last_one_are_found_in_their_order() {
        let world = World::new();
        world.run("R0", "a", "R", end("returned", ""));
        world.run("R1", "a", "R0", end("returned", ""));
        assert!(world.missed().await.is_empty());
        world.run("X1", "b", "R1", end("returned", ""));
        world.run("R2", "a", "R1", end("raised", "KeyError"));
        world.run("S", "a", "R2", end("stopped", ""));
        world.run("R3", "a", "R2", end("returned", ""));
        world.run("T", "a", "R3", None);
        assert_eq!(world.missed().await, ["R2", "R3"]);
    }

    #[tokio::test]
    async fn a_gap_in_what_is_recorded_is_not_taken_for_the_end() {
        let world = World::new();
        world.first("O0", "a");
        world.run("R1", "a", "R0", end("returned", ""));
        // Another one of this name, on another machine with the same journal.
        world.run("O1", "a", "O0", end("returned", ""));
        world.run("O2", "a", "O1", end("returned", ""));
        world.first("P0", "a");
        world.run("P1", "a", "P0", end("returned", ""));
        // R2 is not recorded any more.
        world.run("X3", "b", "R2", end("returned", ""));
        assert!(world.missed().await.is_empty());
        world.run("R3", "a", "R2", end("stopped", ""));
        assert_eq!(world.missed().await, ["lost"]);
    }

    #[tokio::test]
    async fn a_script_that_others_went_on_after_and_that_left_nothing_loses_the_session() {
        let world = World::new();
        world.run("R1", "a", "R0", end("returned", ""));
        world.run("R2", "a", "R1", None);
        world.run("R3", "a", "R2", end("returned", ""));
        assert_eq!(world.missed().await, ["lost"]);
    }

    #[tokio::test]
    async fn what_is_not_recorded_or_too_long_ago_loses_the_session() {
        let world = World::new();
        assert_eq!(world.missed().await, ["lost"], "its last script is not recorded");
        world.run("R1", "a", "R0", end("returned", ""));
        world.run("R2", "a", "R1", end("returned", ""));
        world.run("X1", "b", "X", end("returned", ""));
        assert_eq!(world.missed_within(2).await, ["R2"]);
        world.run("X2", "b", "X1", end("returned", ""));
        assert_eq!(world.missed_within(2).await, ["lost"]);
    }

    #[tokio::test]
    async fn a_script_after_which_the_session_was_as_before_is_none_of_it() {
        let world = World::new();
        world.run("R1", "a", "R0", end("returned", ""));
        // Its line could not be written, which its client was told: the next one began where this one did.
        world.run("R2", "a", "R1", end("returned", ""));
        world.run("S", "a", "R1", end("cancelled", ""));
        assert!(world.missed().await.is_empty());
        world.run("U", "a", "R1", end("raised", "exited"));
        assert_eq!(world.missed().await, ["lost"]);
    }
}
