//! Entries, as they are read.

use exuvia_tool::{ApprovalId, Arguments, CallId, DirectCallId, Origin, RunId, ToolCall, ToolName};

use super::body::{self, AnswerBody, CallBody, EndBody, OutcomeBody, ReadingsBody, RefusedBody, StartBody};
use super::call_error::WireCallError;
use super::head::{self, CallHead, EndHead, Head, HeadEvent, SessionHead, StartHead, malformed};
use super::readings::WireReading;
use crate::{Entry, Event, JournalError, ParentCall, RunEnd, RunStart, Seq, SessionScript, Stamped};

/// The entry that a head and an opened body are. Without a body, what was private is empty, and arguments are `null`.
///
/// # Errors
///
/// The body is malformed.
pub(crate) fn stamped(head: Head, body: Option<&[u8]>) -> Result<Stamped, JournalError> {
    let origin = match (head.run, head.direct) {
        (Some(run), _) => Origin::Run(RunId::new(run)),
        (None, direct) => Origin::Direct(DirectCallId::new(direct.unwrap_or_default())),
    };
    let entry = Entry { principal: head.principal, origin, event: event(head.event, body)? };
    Ok(Stamped { seq: Seq(head.seq), at_ms: head.at_ms, entry })
}

fn event(head: HeadEvent, body: Option<&[u8]>) -> Result<Event, JournalError> {
    Ok(match head {
        HeadEvent::RunRefused { outcome, source_bytes, source_sha256, start } => {
            let (RefusedBody { reason }, start) = (body::read(body)?, start.map(|start| Box::new((*start).into())));
            Event::RunRefused { outcome, source_bytes, source_sha256, reason, start }
        }
        HeadEvent::RunStarted(start) => Event::RunStarted(Box::new(run_start(*start, body::read(body)?))),
        HeadEvent::RunReadings { .. } => {
            let ReadingsBody { readings } = body::read(body)?;
            Event::RunReadings(readings.into_iter().map(WireReading::read).collect::<Result<_, _>>()?)
        }
        HeadEvent::CallIntended { call, rule, cost_micros } => {
            let (call, CallBody { written, .. }) = tool_call(call, body)?;
            let (written, cost) = (written.map(body::json).transpose()?, head::cost(cost_micros));
            Event::CallIntended { call, written, rule, cost }
        }
        HeadEvent::CallRefused { call, code, rule } => {
            let (call, CallBody { error, .. }) = tool_call(call, body)?;
            Event::CallRefused { call, code, error: error.map(WireCallError::read).transpose()?, rule }
        }
        HeadEvent::CallReused { call, of, reused } => {
            let (call, _) = tool_call(call, body)?;
            Event::CallReused { call, of: RunId::new(of), reused: CallId(reused) }
        }
        HeadEvent::CallEnded { id, code, value_bytes, ms } => {
            let outcome = match body.map(serde_json::from_slice).transpose().map_err(malformed)? {
                None => None,
                Some(OutcomeBody::Value(value)) => Some(Ok(body::json(value)?)),
                Some(OutcomeBody::Error(error)) => Some(Err(error.read()?)),
            };
            Event::CallEnded { id: CallId(id), code, outcome, value_bytes, ms }
        }
        HeadEvent::RunParked { held, usage } => {
            Event::RunParked { held: held.into_iter().map(ApprovalId::new).collect(), usage: usage.into() }
        }
        HeadEvent::RunResumed { approvals, monotonic_ns } => {
            let approvals = approvals.into_iter().map(|(id, state)| (ApprovalId::new(id), state)).collect();
            Event::RunResumed { approvals, monotonic_ns }
        }
        HeadEvent::ApprovalAnswered { approval, call, allowed, channel, shown_sha256 } => {
            let AnswerBody { reason } = body::read(body)?;
            let (approval, call) = (ApprovalId::new(approval), call.map(CallId));
            Event::ApprovalAnswered { approval, call, allowed, channel, shown_sha256, reason }
        }
        HeadEvent::RunEnded(end) => Event::RunEnded(Box::new(run_end(end, body::read(body)?)?)),
        HeadEvent::Erased {} => Event::Erased,
        HeadEvent::Expired { .. } => return Err(malformed("a record of retention belongs to no run")),
    })
}

fn run_start(head: StartHead, body: StartBody) -> RunStart {
    RunStart {
        source: body.source,
        source_sha256: head.source_sha256,
        profile: head.profile,
        claims: head.claims.into(),
        trace_id: head.trace_id,
        rule: head.rule,
        findings: body.findings,
        limits: head.limits.into(),
        namespace_sha256: head.namespace_sha256,
        policy_sha256: head.policy_sha256,
        guest_sha256: head.guest_sha256,
        repairs: head.repairs.map(RunId::new),
        session: head.session.map(|SessionHead { name, index, after }| SessionScript {
            name,
            index,
            after: after.map(RunId::new),
        }),
        parent: head.parent.map(|parent| ParentCall { run: RunId::new(parent.run), call: CallId(parent.call) }),
    }
}

fn run_end(head: EndHead, body: EndBody) -> Result<RunEnd, JournalError> {
    let usage = head.usage();
    let EndHead { outcome, limit, log_dropped_bytes, .. } = head;
    let result = body.result.map(body::json).transpose()?;
    Ok(RunEnd { outcome, limit, result, error: body.error.map(Into::into), log: body.log, log_dropped_bytes, usage })
}

fn tool_call(head: CallHead, body: Option<&[u8]>) -> Result<(ToolCall, CallBody), JournalError> {
    let mut body: CallBody = body::read(body)?;
    let arguments = Arguments::parse(std::mem::take(&mut body.arguments)).map_err(malformed)?;
    let name = ToolName::new(head.server, head.tool);
    Ok((ToolCall { id: CallId(head.id), name, arguments, line: head.line }, body))
}
