//! A repaired script: it takes the answers of the run that failed, as far as it makes the same calls.

use std::collections::BTreeMap;
use std::sync::Mutex;

use exuvia_replay::{CallState, RecordedCall, RecordedRun};
use exuvia_tool::{CallError, CallId, Json, RunId, ToolCall, locked};

/// The calls of an earlier run, which a repaired script takes the answers of: call by call, in the order in which scripts make
/// them, up to the first one that is another.
#[derive(Debug)]
pub(crate) struct Repair {
    of: RunId,
    /// Empty from the first call on that is not the same.
    calls: Mutex<BTreeMap<CallId, RecordedCall>>,
}

/// What the earlier run has of a call.
pub(crate) enum Earlier {
    /// Nothing that could be used: the call is made.
    Nothing,
    /// Its answer.
    Answer(Json),
    /// It may have had its effect then, and nobody knows. It is not made.
    Unknown(CallError),
}

impl Repair {
    pub(crate) fn new(run: RecordedRun) -> Self {
        Self { of: run.id, calls: Mutex::new(run.calls) }
    }

    /// The earlier run.
    pub(crate) fn of(&self) -> &RunId {
        &self.of
    }

    /// Passes over what the repaired run has done already, before it was parked. What it has no answer of is asked for again.
    pub(crate) fn pass(&self, done: &BTreeMap<CallId, RecordedCall>) {
        let mut calls = locked(&self.calls);
        for (id, call) in done {
            let is_same = calls.get(id).is_none_or(|earlier| earlier.is(&call.name, &call.arguments));
            if !is_same || calls.last_key_value().is_none_or(|(last, _)| last < id) {
                return calls.clear();
            }
            if matches!(call.state, CallState::Answered(_)) {
                calls.remove(id);
            }
        }
    }

    /// What the earlier run has of this call. To be asked for each call, in the order in which the script makes them.
    /// `may_repeat`: to make it twice does no harm.
    pub(crate) fn earlier(&self, call: &ToolCall, may_repeat: impl FnOnce() -> bool) -> Earlier {
        let mut calls = locked(&self.calls);
        // What no tool was asked for is missing in between: calls that the host itself failed.
        if calls.last_key_value().is_none_or(|(&last, _)| last < call.id) {
            calls.clear();
            return Earlier::Nothing;
        }
        let Some(recorded) = calls.remove(&call.id) else { return Earlier::Nothing };
        if !recorded.is(&call.name, call.arguments.as_str()) {
            calls.clear();
            return Earlier::Nothing;
        }
        if recorded.may_have_happened() && !may_repeat() {
            return Earlier::Unknown(self.unknown(call));
        }
        match recorded.state {
            CallState::Answered(Ok(value)) => Earlier::Answer(value),
            _ => Earlier::Nothing,
        }
    }

    fn unknown(&self, call: &ToolCall) -> CallError {
        CallError::Denied(format!(
            "{} was not called again: run {} called it with the same arguments, and whether that took effect is unknown. Find out with \
             another tool; then send the script without this call, or without `run` to make all of its calls",
            call.name, self.of
        ))
    }
}

#[cfg(test)]
mod tests {
    use exuvia_journal::{Entry, Event, Journal as _, MemoryJournal, Record};
    use exuvia_tool::{Arguments, Cost, Origin, Principal, ToolName, ToolOutcome};

    use super::*;

    fn call(id: u64, tool: &str, arguments: &str) -> ToolCall {
        let (name, arguments) = (ToolName::new("crm", tool), Arguments::parse(arguments).expect("JSON"));
        ToolCall { id: CallId(id), name, arguments, line: None }
    }

    fn repair(calls: Vec<(ToolCall, Option<ToolOutcome>)>) -> Repair {
        let mut events = vec![Event::RunStarted(Box::default())];
        for (call, outcome) in calls {
            let id = call.id;
            events.push(Event::CallIntended { call, written: None, rule: String::new(), cost: Cost::ZERO });
            let code = String::new();
            events.extend(outcome.map(|outcome| Event::CallEnded {
                id,
                code,
                outcome: Some(outcome),
                value_bytes: 0,
                ms: 0,
            }));
        }
        let journal = MemoryJournal::new(1 << 20, || 0);
        for event in events {
            let (principal, origin) = (Principal::Operator, Origin::Run(RunId::new("01A")));
            journal.enqueue(Entry { principal, origin, event }).expect("room");
        }
        let record = Record::of(journal.entries()).expect("entries");
        Repair::new(RecordedRun::of(&record).expect("a run"))
    }

    fn ok() -> Option<ToolOutcome> {
        Some(Ok(Json::parse("7").expect("JSON")))
    }

    fn is_answered(repair: &Repair, call: &ToolCall) -> bool {
        matches!(repair.earlier(call, || false), Earlier::Answer(value) if value.as_str() == "7")
    }

    #[test]
    fn the_same_calls_are_answered_up_to_the_first_difference() {
        let calls = || (1..=4).map(|id| (call(id, "add", "{}"), ok())).collect();
        let same = repair(calls());
        // The second call failed in the host of either run, and is not asked for.
        assert!([1, 3, 4].iter().all(|&id| is_answered(&same, &call(id, "add", "{}"))));
        assert!(!is_answered(&same, &call(5, "add", "{}")), "there is no fifth");
        for other in [call(2, "add", "{\"a\":1}"), call(2, "get", "{}"), call(2, "add", "{ }")] {
            let differs = repair(calls());
            assert!(is_answered(&differs, &call(1, "add", "{}")) && !is_answered(&differs, &other));
            assert!(!is_answered(&differs, &call(3, "add", "{}")), "nothing is taken after a difference");
        }
    }

    #[test]
    fn what_failed_is_made_anew_and_what_is_unknown_is_not_unless_that_does_no_harm() {
        let failed = Some(Err(CallError::ToolFailed { message: "no".into(), data: None }));
        let late = Some(Err(CallError::TimedOut(1)));
        let calls = || {
            vec![
                (call(1, "a", "{}"), failed.clone()),
                (call(2, "b", "{}"), late.clone()),
                (call(3, "c", "{}"), None),
                (call(4, "d", "{}"), ok()),
            ]
        };
        for may_repeat in [false, true] {
            let repair = repair(calls());
            let earlier = |id, tool| repair.earlier(&call(id, tool, "{}"), || may_repeat);
            assert!(matches!(earlier(1, "a"), Earlier::Nothing));
            for (id, tool) in [(2, "b"), (3, "c")] {
                let is_held =
                    matches!(earlier(id, tool), Earlier::Unknown(CallError::Denied(text)) if text.contains("run 01A"));
                assert_eq!(is_held, !may_repeat, "{tool}");
            }
            assert!(matches!(earlier(4, "d"), Earlier::Answer(_)));
        }
    }
}
