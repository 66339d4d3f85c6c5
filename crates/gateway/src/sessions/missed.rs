//! Scripts that a session has by the journal and not by its file: the machine stopped before the file was on the disk.

use std::collections::HashMap;

use exuvia_journal::{Archive, Filter, JournalError, Record, RecordKind, RunEnd, Summary};
use exuvia_runtime::Limit;
use exuvia_tool::{Principal, RunId};

use super::state::{Line, SessionState};

/// How many runs are listed at a time.
const PAGE: usize = 500;

/// Errors after which an interpreter is kept in some cases and not in others, which the journal does not tell apart.
const UNCLEAR: [&str; 3] = ["exited", "crashed", "MemoryError"];

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
    let Some(last) = state.scripts.last() else { return Ok(Vec::new()) };
    let mut further = further(archive, principal, state, last).await?;
    let (mut lines, mut last) = (Vec::new(), last.clone());
    while let Some(script) = further.remove(&last) {
        match script.left {
            Left::Something => {
                let Script { run, fuel, ended_ms, .. } = script;
                last.clone_from(&run);
                lines.push(Line::Script { run, fuel, ended_ms });
            }
            Left::Nothing => break,
            Left::Unclear => {
                let why = "the machine stopped after its last script, which ended in a way that may have ended its interpreter";
                lines.push(Line::Lost(why.to_owned()));
                break;
            }
        }
    }
    Ok(lines)
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

/// The scripts of the session that are later than this one, by the script that they went on after. Of several the latest counts: when it began,
/// the session was still as before the others.
async fn further(
    archive: &dyn Archive,
    principal: &Principal,
    state: &SessionState,
    last: &str,
) -> Result<HashMap<String, Script>, JournalError> {
    let mut found = HashMap::new();
    let (kind, limit) = (Some(RecordKind::Run), PAGE);
    let mut filter = Filter { principal: Some(principal.clone()), kind, limit, ..Filter::default() };
    loop {
        let page = archive.list(&filter).await?;
        for Summary { origin, profile, .. } in &page {
            let Some(run) = origin.run() else { continue };
            if run.as_str() == last {
                return Ok(found);
            }
            if *profile != state.profile {
                continue;
            }
            let record = archive.record(run.as_str()).await?;
            if let Some((after, script)) = record.and_then(|record| of_session(&record, run, &state.name)) {
                found.entry(after).or_insert(script);
            }
        }
        let Some(oldest) = page.last() else { return Ok(found) };
        filter.before = Some(oldest.first);
    }
}

/// The script that a run goes on after, if it is a further one of the session.
fn of_session(record: &Record, run: &RunId, name: &str) -> Option<(String, Script)> {
    let place = record.start()?.session.as_ref().filter(|place| place.name == name)?;
    let after = place.after.as_ref()?.to_string();
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
            let place = SessionScript { name: name.to_owned(), index: 2, after: Some(RunId::new(after)) };
            let start = RunStart { session: Some(place), ..RunStart::default() };
            let events = [Event::RunStarted(Box::new(start))].into_iter();
            for event in events.chain(end.map(|end| Event::RunEnded(Box::new(end)))) {
                let origin = Origin::Run(RunId::new(run));
                self.0.enqueue(Entry { principal: Principal::Operator, origin, event }).unwrap();
            }
        }

        async fn missed(&self) -> Vec<String> {
            let mut state = SessionState::new("a", "operator".to_owned(), None);
            state.add(Line::Script { run: "R1".to_owned(), fuel: 1, ended_ms: 1 });
            let lines = lines(&self.0, &Principal::Operator, &state).await.unwrap();
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
    async fn a_script_after_which_the_session_was_as_before_is_none_of_it() {
        let world = World::new();
        // Its line could not be written, which its client was told: the next one began where this one did.
        world.run("R2", "a", "R1", end("returned", ""));
        world.run("S", "a", "R1", end("cancelled", ""));
        assert!(world.missed().await.is_empty());
        world.run("U", "a", "R1", end("raised", "exited"));
        assert_eq!(world.missed().await, ["lost"]);
    }
}
