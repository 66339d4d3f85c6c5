//! The index of a journal: what lists and sums need of each run and call, derived from the public parts of its records and the first
//! line of each error.

use std::collections::BTreeMap;

use exuvia_tool::CallError;

use crate::Event;
use crate::wire::{CallHead, Head, HeadEvent};

/// The longest text of an error in the index, in bytes.
const ERROR_BYTES: usize = 300;
/// The code of a call that was answered from an earlier run.
pub(crate) const REUSED: &str = "reused";
/// The code of a call that waits for an approval.
pub(crate) const AWAITING: &str = "awaiting-approval";

/// The largest number in an index: databases have signed ones.
const MAX: u64 = i64::MAX as u64;

/// What one record changes in the index.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) at_ms: u64,
    pub(crate) principal: String,
    pub(crate) is_direct: bool,
    /// What the run names by digest: namespace and guest.
    pub(crate) objects: Option<[String; 2]>,
    /// The profile that the client of the run named.
    pub(crate) profile: Option<String>,
    pub(crate) call: CallChange,
    pub(crate) state: State,
}

/// What one record changes about a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum CallChange {
    None,
    /// The call has no outcome.
    Intended {
        call: u64,
        server: String,
        tool: String,
        /// In millionths.
        cost: u64,
    },
    /// The call has this outcome without having been dispatched.
    Decided {
        call: u64,
        server: String,
        tool: String,
        code: String,
        error: Option<String>,
    },
    /// A dispatched call has this outcome.
    Ended {
        call: u64,
        code: String,
        ms: u64,
        error: Option<String>,
    },
}

/// What one record changes about the run or direct call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State {
    Unchanged,
    /// It has no outcome.
    Open,
    /// It has this outcome.
    Ended {
        outcome: String,
        fuel: u64,
        error: Option<String>,
    },
}

impl Change {
    /// What a record changes. `error` is the [line](error_line) that the index has of its private part.
    pub(crate) fn of(head: &Head, error: Option<String>) -> Self {
        let is_direct = head.direct.is_some();
        let (objects, profile) = match &head.event {
            HeadEvent::RunStarted(start) => {
                let objects = [start.namespace_sha256.clone(), start.guest_sha256.clone()];
                (Some(objects), start.profile.as_deref().map(text))
            }
            HeadEvent::RunRefused { start: Some(start), .. } => (None, start.profile.as_deref().map(text)),
            _ => (None, None),
        };
        let (call, state) = (call_change(&head.event, error.as_ref()), state(&head.event, is_direct, error));
        let (at_ms, principal) = (head.at_ms.min(MAX), head.principal.to_string());
        Self { at_ms, principal, is_direct, objects, profile, call, state }
    }
}

fn call_change(event: &HeadEvent, error: Option<&String>) -> CallChange {
    let decided = |head: &CallHead, code: &str| CallChange::Decided {
        call: head.id.min(MAX),
        server: text(&head.server),
        tool: text(&head.tool),
        code: code.to_owned(),
        error: error.cloned(),
    };
    match event {
        HeadEvent::CallIntended { call, cost_micros, .. } => CallChange::Intended {
            call: call.id.min(MAX),
            server: text(&call.server),
            tool: text(&call.tool),
            cost: cost_micros.unwrap_or(0).min(MAX),
        },
        HeadEvent::CallRefused { call, code, .. } => decided(call, code),
        HeadEvent::CallReused { call, .. } => decided(call, REUSED),
        HeadEvent::CallEnded { id, code, ms, .. } => {
            CallChange::Ended { call: *id.min(&MAX), code: code.clone(), ms: *ms.min(&MAX), error: error.cloned() }
        }
        _ => CallChange::None,
    }
}

fn state(event: &HeadEvent, is_direct: bool, error: Option<String>) -> State {
    let ended = |outcome: &str, fuel| State::Ended { outcome: outcome.to_owned(), fuel, error };
    match event {
        HeadEvent::RunRefused { outcome, .. } => ended(outcome, 0),
        HeadEvent::RunEnded(end) => ended(&end.outcome, end.fuel.min(MAX)),
        HeadEvent::RunParked { usage, .. } => ended(AWAITING, usage.fuel.min(MAX)),
        HeadEvent::RunResumed { .. } => State::Open,
        HeadEvent::CallRefused { code, .. } | HeadEvent::CallEnded { code, .. } if is_direct => ended(code, 0),
        HeadEvent::CallIntended { .. } if is_direct => State::Open,
        _ => State::Unchanged,
    }
}

/// The first line of the error that an event records, bounded.
pub(crate) fn error_line(event: &Event) -> Option<String> {
    let whole = match event {
        Event::RunRefused { reason, .. } => reason.clone(),
        Event::CallRefused { error, .. } => error.as_ref()?.to_string(),
        Event::CallEnded { outcome, .. } => outcome.as_ref()?.as_ref().err().map(CallError::to_string)?,
        Event::RunEnded(end) => {
            let error = end.error.as_ref()?;
            format!("{}: {}", error.kind, error.message)
        }
        _ => return None,
    };
    let mut line = whole.lines().next().unwrap_or_default().to_owned();
    line.truncate(line.floor_char_boundary(ERROR_BYTES));
    Some(text(&line))
}

/// A text without NUL, which no column of PostgreSQL takes.
pub(crate) fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// What the index has of one run or direct call, its texts of errors left out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RunIndex {
    pub(crate) first: u64,
    pub(crate) id: String,
    pub(crate) is_direct: bool,
    pub(crate) principal: String,
    pub(crate) profile: Option<String>,
    pub(crate) started_ms: u64,
    pub(crate) ended_ms: Option<u64>,
    pub(crate) outcome: Option<String>,
    pub(crate) fuel: u64,
    /// The place of the record that says that it was erased or expired.
    pub(crate) erased_by: Option<u64>,
    pub(crate) calls: BTreeMap<u64, CallIndex>,
}

/// What the index has of one call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CallIndex {
    pub(crate) server: String,
    pub(crate) tool: String,
    pub(crate) code: Option<String>,
    pub(crate) ms: Option<u64>,
    /// What it cost in millionths, all attempts together.
    pub(crate) cost: u64,
}

impl Change {
    /// The same, without the text of an error: of a run that was erased.
    pub(crate) fn without_error(&self) -> Self {
        let mut change = self.clone();
        if let CallChange::Decided { error, .. } | CallChange::Ended { error, .. } = &mut change.call {
            *error = None;
        }
        if let State::Ended { error, .. } = &mut change.state {
            *error = None;
        }
        change
    }
}

impl RunIndex {
    /// The index of a run before its first record.
    pub(crate) fn new(first: u64, id: &str, change: &Change) -> Self {
        Self {
            first,
            id: id.to_owned(),
            is_direct: change.is_direct,
            principal: change.principal.clone(),
            profile: change.profile.clone(),
            started_ms: change.at_ms,
            ended_ms: None,
            outcome: None,
            fuel: 0,
            erased_by: None,
            calls: BTreeMap::new(),
        }
    }

    /// What the attempts of a call have cost so far, in millionths.
    fn cost_of(&self, call: u64) -> u64 {
        self.calls.get(&call).map_or(0, |call| call.cost)
    }

    /// The index after one more record.
    pub(crate) fn apply(&mut self, change: Change) {
        match change.call {
            CallChange::None => {}
            CallChange::Intended { call, server, tool, cost } => {
                let cost = self.cost_of(call).saturating_add(cost).min(MAX);
                self.calls.insert(call, CallIndex { server, tool, code: None, ms: None, cost });
            }
            CallChange::Decided { call, server, tool, code, .. } => {
                let cost = self.cost_of(call);
                self.calls.insert(call, CallIndex { server, tool, code: Some(code), ms: None, cost });
            }
            CallChange::Ended { call, code, ms, .. } => {
                if let Some(call) = self.calls.get_mut(&call) {
                    (call.code, call.ms) = (Some(code), Some(ms));
                }
            }
        }
        match change.state {
            State::Unchanged => {}
            State::Open => (self.ended_ms, self.outcome) = (None, None),
            State::Ended { outcome, fuel, .. } => {
                (self.ended_ms, self.outcome, self.fuel) = (Some(change.at_ms), Some(outcome), fuel);
            }
        }
    }
}
