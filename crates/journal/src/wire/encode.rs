//! Entries, as they are written.

use exuvia_tool::{Arguments, CallError, Json, ToolCall};

use super::body::{self, AnswerBody, CallBody, EndBody, OutcomeBody, ReadingsBody, RefusedBody, StartBody};
use super::head::{CallHead, EndHead, HeadEvent, ParentHead, SessionHead, StartHead, micros};
use crate::{Event, JournalError, RunEnd, RunStart};

/// The public part of an event.
pub(crate) fn head_event(event: &Event) -> HeadEvent {
    match event {
        Event::RunRefused { outcome, source_bytes, source_sha256, start, .. } => HeadEvent::RunRefused {
            outcome: outcome.clone(),
            source_bytes: *source_bytes,
            source_sha256: source_sha256.clone(),
            start: start.as_ref().map(|start| Box::new((&**start).into())),
        },
        Event::RunStarted(start) => HeadEvent::RunStarted(Box::new(start_head(start))),
        Event::RunReadings(readings) => HeadEvent::RunReadings { count: readings.len() as u64 },
        Event::CallIntended { call, rule, cost, .. } => {
            HeadEvent::CallIntended { call: CallHead::of(call), rule: rule.clone(), cost_micros: micros(*cost) }
        }
        Event::CallRefused { call, code, rule, .. } => {
            HeadEvent::CallRefused { call: CallHead::of(call), code: code.clone(), rule: rule.clone() }
        }
        Event::CallReused { call, of, reused } => {
            HeadEvent::CallReused { call: CallHead::of(call), of: of.as_str().to_owned(), reused: reused.0 }
        }
        Event::CallEnded { id, code, value_bytes, ms, .. } => {
            HeadEvent::CallEnded { id: id.0, code: code.clone(), value_bytes: *value_bytes, ms: *ms }
        }
        Event::RunParked { held, usage } => {
            HeadEvent::RunParked { held: held.iter().map(|id| id.as_str().to_owned()).collect(), usage: usage.into() }
        }
        Event::RunResumed { approvals, monotonic_ns } => HeadEvent::RunResumed {
            approvals: approvals.iter().map(|(id, state)| (id.as_str().to_owned(), *state)).collect(),
            monotonic_ns: *monotonic_ns,
        },
        Event::ApprovalAnswered { approval, call, allowed, channel, shown_sha256, .. } => HeadEvent::ApprovalAnswered {
            approval: approval.as_str().to_owned(),
            call: call.map(|call| call.0),
            allowed: *allowed,
            channel: *channel,
            shown_sha256: shown_sha256.clone(),
        },
        Event::RunEnded(end) => HeadEvent::RunEnded(end_head(end)),
        Event::Erased => HeadEvent::Erased {},
    }
}

fn start_head(start: &RunStart) -> StartHead {
    StartHead {
        source_bytes: start.source.len() as u64,
        source_sha256: start.source_sha256.clone(),
        profile: start.profile.clone(),
        claims: (&start.claims).into(),
        trace_id: start.trace_id.clone(),
        rule: start.rule.clone(),
        limits: (&start.limits).into(),
        namespace_sha256: start.namespace_sha256.clone(),
        policy_sha256: start.policy_sha256.clone(),
        guest_sha256: start.guest_sha256.clone(),
        repairs: start.repairs.as_ref().map(|run| run.as_str().to_owned()),
        session: start.session.as_ref().map(|session| SessionHead {
            name: session.name.clone(),
            index: session.index,
            after: session.after.as_ref().map(|run| run.as_str().to_owned()),
        }),
        parent: start
            .parent
            .as_ref()
            .map(|parent| ParentHead { run: parent.run.as_str().to_owned(), call: parent.call.0 }),
    }
}

fn end_head(end: &RunEnd) -> EndHead {
    EndHead {
        outcome: end.outcome.clone(),
        limit: end.limit.clone(),
        log_dropped_bytes: end.log_dropped_bytes,
        fuel: end.usage.fuel,
        memory_bytes_peak: end.usage.memory_bytes_peak,
        wall_ms: end.usage.wall_ms,
        tool_calls: end.usage.tool_calls,
        cost_micros: micros(end.usage.cost),
    }
}

/// The private part of an event, before it is sealed. None: it has none.
///
/// # Errors
///
/// The format has no room for it.
pub(crate) fn body(event: &Event) -> Result<Option<Vec<u8>>, JournalError> {
    let text = match event {
        Event::RunRefused { reason, .. } => body::write(&RefusedBody { reason: reason.clone() }),
        Event::RunStarted(start) => {
            body::write(&StartBody { source: start.source.clone(), findings: start.findings.clone() })
        }
        Event::RunReadings(readings) => {
            let readings = readings.iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
            body::write(&ReadingsBody { readings })
        }
        Event::CallIntended { call, written, .. } => call_body(call, written.as_ref(), None),
        Event::CallRefused { call, error, .. } => call_body(call, None, error.as_ref()),
        Event::CallReused { call, .. } => call_body(call, None, None),
        Event::CallEnded { outcome: None, .. }
        | Event::RunParked { .. }
        | Event::RunResumed { .. }
        | Event::ApprovalAnswered { reason: None, .. }
        | Event::Erased => return Ok(None),
        Event::ApprovalAnswered { reason: Some(reason), .. } => {
            body::write(&AnswerBody { reason: Some(reason.clone()) })
        }
        Event::CallEnded { outcome: Some(Ok(value)), .. } => {
            body::write(&OutcomeBody::Value(value.as_str().to_owned()))
        }
        Event::CallEnded { outcome: Some(Err(error)), .. } => body::write(&OutcomeBody::Error(error.try_into()?)),
        Event::RunEnded(end) => body::write(&EndBody {
            result: end.result.as_ref().map(|result| result.as_str().to_owned()),
            error: end.error.as_ref().map(Into::into),
            log: end.log.clone(),
        }),
    }?;
    Ok(Some(text))
}

fn call_body(call: &ToolCall, written: Option<&Json>, error: Option<&CallError>) -> Result<Vec<u8>, JournalError> {
    let arguments = Arguments::as_str(&call.arguments).to_owned();
    let written = written.map(|written| written.as_str().to_owned());
    body::write(&CallBody { arguments, written, error: error.map(TryInto::try_into).transpose()? })
}
