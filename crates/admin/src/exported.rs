//! A record in the form that `exuvia runs export` publishes.

use exuvia_journal::{ClientClaims, Event, Record, RefusedStart, RunEnd, RunError, RunStart, RunUsage, Stamped};
use exuvia_policy::Redaction;
use exuvia_replay::NotReplayable;
use exuvia_tool::{CallError, CallId, Cost, Json, Limits, Origin, ToolCall, ToolOutcome};
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde_json::Value;

use crate::time::utc;

/// The version of the format.
const VERSION: u32 = 1;

/// A run, or a call that a client made itself, with everything that is recorded of it. What is not recorded, or was
/// erased, is left out. What the configuration redacts is `[redacted]`.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "exuvia run")]
pub struct Exported {
    /// The version of the format: 1. New fields may come without a new version.
    pub v: u32,
    /// The run or direct call: a ULID.
    pub id: String,
    /// `run` or `direct`.
    pub kind: &'static str,
    /// On whose behalf: `operator` or `key:NAME`.
    pub principal: String,
    /// When it began, in RFC 3339, UTC.
    pub started_at: String,
    /// The same in milliseconds since the epoch. No part of the format.
    #[serde(skip)]
    pub started_ms: u64,
    /// When its last entry was recorded, in RFC 3339, UTC.
    pub recorded_at: String,
    /// The places of its first and its last record in the log.
    pub places: [u64; 2],
    /// Whether its script, arguments, answers, result, log and errors were erased, by somebody or because it was too old or too much.
    pub is_erased: bool,
    /// Who erased it, where somebody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erased: Option<ExportedErasure>,
    /// What came of it: `returned`, `raised`, `stopped`, `denied` and so on; of a direct call `ok` or the code of its
    /// error. Left out: it goes on, or nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// How a run began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<ExportedStart>,
    /// Why a script was rejected before it started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
    /// What such a script would have begun with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected_start: Option<ExportedRejection>,
    /// The calls, in the order of their intents.
    pub calls: Vec<ExportedCall>,
    /// Who answered its approvals, in the order of the answers.
    pub approvals: Vec<ExportedApproval>,
    /// How a run ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<ExportedEnd>,
    /// Why it is not replayable, where it is not recorded to its end, or the sandbox itself failed in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_replayable: Option<String>,
}

/// An answer to an approval.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub struct ExportedApproval {
    /// The approval: a ULID.
    pub id: String,
    /// The call that it was about. Left out: the start of the script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<u64>,
    /// Whether it was approved.
    pub allowed: bool,
    /// Who answered: `operator`, `key:NAME` or `user:PROVIDER/SUBJECT`.
    pub by: String,
    /// By which way: `page`, `cli`, `api`, `elicitation` or `webhook`.
    pub channel: &'static str,
    /// When, in RFC 3339, UTC.
    pub at: String,
    /// The digest of what was shown.
    shown_sha256: String,
    /// Why, in the words of whoever answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Who erased something.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExportedErasure {
    /// On whose behalf: `operator` or `key:NAME`.
    pub by: String,
    /// When, in RFC 3339, UTC.
    pub at: String,
}

/// What a script that was rejected would have begun with.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExportedRejection {
    /// The profile that the client named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// What the client says of itself. Nobody has checked it: `name`, `version`, `request_id`, `model`.
    #[schemars(with = "Value")]
    pub claims: ClientClaims,
    /// The trace, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The digest of the policy.
    pub policy_sha256: String,
}

impl ExportedRejection {
    fn of(start: &RefusedStart) -> Self {
        let RefusedStart { profile, claims, trace_id, policy_sha256 } = start.clone();
        Self { profile, claims, trace_id, policy_sha256 }
    }
}

/// How a run began.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct ExportedStart {
    /// The script.
    pub source: String,
    /// The SHA-256 of the script as it ran, in hexadecimal digits.
    pub source_sha256: String,
    /// The profile that the client named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// What the client says of itself. Nobody has checked it: `name`, `version`, `request_id`, `model`.
    #[schemars(with = "Value")]
    pub claims: ClientClaims,
    /// The trace, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Why it may run.
    pub rule: String,
    /// What the pre-pass said of the script.
    pub findings: Vec<String>,
    /// Its limits, by their names.
    #[schemars(with = "Value")]
    pub limits: Limits,
    /// The digest of the servers and tools that it saw.
    pub namespace_sha256: String,
    /// The digest of the policy.
    pub policy_sha256: String,
    /// The digest of the guest.
    pub guest_sha256: String,
    /// The earlier run whose answers it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repairs: Option<String>,
    /// Its place in a session. Left out: it is none of a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<ExportedSession>,
    /// The call of another run that it answers, of a function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<ExportedParent>,
}

/// The place of a script in a session.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct ExportedSession {
    /// The session, as its client named it.
    pub name: String,
    /// Which script of the session it is, counted from 1.
    pub index: u64,
    /// The run of the script before it. Left out: it is the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A call of another run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExportedParent {
    /// The run that made it.
    pub run: String,
    /// Its number in that run, counted from 1.
    pub call: u64,
}

/// A call. One that was made again after a failure is listed for each attempt.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct ExportedCall {
    /// Its number in the run, counted from 1.
    pub id: u64,
    /// The server.
    pub server: String,
    /// The tool, by its own name.
    pub tool: String,
    /// The line of the script that made it, as the guest says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// When its intent was recorded, in RFC 3339, UTC.
    pub at: String,
    /// The same in milliseconds since the epoch. No part of the format.
    #[serde(skip)]
    pub at_ms: u64,
    /// `sent`, `refused` or `reused`.
    pub decision: &'static str,
    /// The rule that decided.
    pub rule: String,
    /// The run whose answer it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reused_of: Option<String>,
    /// The arguments that were sent.
    #[schemars(with = "Option<Value>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Json>,
    /// The arguments as the script wrote them, where they are others.
    #[schemars(with = "Option<Value>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<Json>,
    /// `ok`, or the code of its error. Left out: unknown, or it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What it was answered.
    #[schemars(with = "Option<Value>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Json>,
    /// Why it was not answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The size of the value, in bytes of JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_bytes: Option<u64>,
    /// From its intent to its end, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// What it cost, a number with at most six decimals. Left out: nothing.
    #[schemars(with = "Option<f64>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
}

/// How a run ended.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct ExportedEnd {
    /// The limit that stopped it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// What it returned.
    #[schemars(with = "Option<Value>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Json>,
    /// The error that ended it: `kind`, `message`, `line`, `traceback`, `hint`.
    #[schemars(with = "Option<Value>")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RunError>,
    /// What it printed.
    pub log: String,
    /// How much more it printed than was kept, in bytes.
    pub log_dropped_bytes: u64,
    /// What it used: `fuel`, `memory_bytes_peak`, `wall_ms`, `tool_calls`, and the `cost` of its calls.
    #[schemars(with = "Value")]
    pub usage: RunUsage,
}

/// The JSON Schema of what is exported, in draft 2020-12.
#[must_use]
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(unbroken as fn(&mut Schema)));
    settings.into_generator().into_root_schema_for::<Exported>().to_value()
}

/// Lines of comments are no lines of text.
fn unbroken(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.replace('\n', " ");
    }
}

impl Exported {
    /// A record with everything hidden that is to be redacted.
    #[must_use]
    pub fn of(record: &Record, redaction: &Redaction) -> Self {
        let (kind, id) = match &record.origin {
            Origin::Run(run) => ("run", run.to_string()),
            Origin::Direct(call) => ("direct", call.to_string()),
            _ => ("unknown", String::new()),
        };
        let (first, last) = (record.entries.first(), record.entries.last());
        // That it was erased is no part of what happened.
        let is_of_it = |stamped: &&Stamped| !matches!(stamped.entry.event, Event::Erased);
        let recorded = record.entries.iter().rfind(is_of_it);
        let erased = record.erasure();
        let mut exported = Self {
            v: VERSION,
            id,
            kind,
            principal: record.principal.to_string(),
            started_at: utc(first.map_or(0, |first| first.at_ms)),
            started_ms: first.map_or(0, |first| first.at_ms),
            recorded_at: utc(recorded.map_or(0, |recorded| recorded.at_ms)),
            places: [first, last].map(|entry| entry.map_or(0, |entry| entry.seq.0)),
            is_erased: record.is_erased,
            not_replayable: not_replayable(record).map(|reason| reason.to_string()),
            erased: erased.map(|erased| ExportedErasure { by: erased.principal.to_string(), at: utc(erased.at_ms) }),
            ..Self::default()
        };
        for stamped in &record.entries {
            exported.add(stamped, redaction);
        }
        if record.is_erased {
            exported.calls.iter_mut().for_each(|call| call.arguments = None);
        }
        exported
    }

    fn add(&mut self, stamped: &Stamped, redaction: &Redaction) {
        let at_ms = stamped.at_ms;
        match &stamped.entry.event {
            Event::RunRefused { outcome, reason, start, .. } => {
                self.outcome = Some(outcome.clone());
                self.rejected = Some(redaction.text(reason).into_owned());
                self.rejected_start = start.as_deref().map(ExportedRejection::of);
            }
            Event::RunStarted(start) => self.start = Some(exported_start(start, redaction)),
            Event::CallIntended { call, written, rule, cost } => {
                let written = written.as_ref().map(|written| redaction.json(written));
                let cost = (!cost.is_zero()).then_some(*cost);
                self.calls.push(ExportedCall { written, cost, ..exported_call(call, "sent", rule, at_ms, redaction) });
            }
            Event::CallRefused { call, code, error, rule } => {
                let error = error.as_ref().map(|error| redacted_error(error, redaction));
                let call = exported_call(call, "refused", rule, at_ms, redaction);
                self.calls.push(ExportedCall { code: Some(code.clone()), error, ..call });
                self.outcome_of_direct_call(code);
            }
            Event::CallReused { call, of, .. } => {
                let call = exported_call(call, "reused", "", at_ms, redaction);
                self.calls.push(ExportedCall { reused_of: Some(of.to_string()), ..call });
            }
            Event::CallEnded { id, code, outcome, value_bytes, ms } => {
                self.call_ended(*id, code, outcome.as_ref(), (*value_bytes, *ms), redaction);
                self.outcome_of_direct_call(code);
            }
            Event::RunParked { .. } => self.outcome = Some("awaiting-approval".to_owned()),
            Event::RunResumed { .. } => self.outcome = None,
            Event::ApprovalAnswered { approval, call, allowed, channel, shown_sha256, reason } => {
                self.approvals.push(ExportedApproval {
                    id: approval.to_string(),
                    call: call.map(|call| call.0),
                    allowed: *allowed,
                    by: stamped.entry.principal.to_string(),
                    channel: channel.name(),
                    at: utc(at_ms),
                    shown_sha256: shown_sha256.clone(),
                    reason: reason.as_ref().map(|reason| redaction.text(reason).into_owned()),
                });
            }
            Event::RunEnded(end) => {
                self.outcome = Some(end.outcome.clone());
                self.end = Some(exported_end(end, redaction));
            }
            _ => {}
        }
    }

    fn outcome_of_direct_call(&mut self, code: &str) {
        if self.kind == "direct" {
            self.outcome = Some(code.to_owned());
        }
    }

    fn call_ended(
        &mut self,
        id: CallId,
        code: &str,
        outcome: Option<&ToolOutcome>,
        (value_bytes, ms): (u64, u64),
        redaction: &Redaction,
    ) {
        let open = self.calls.iter_mut().rev().find(|call| call.id == id.0 && call.code.is_none());
        let Some(call) = open else { return };
        (call.code, call.value_bytes, call.ms) = (Some(code.to_owned()), Some(value_bytes), Some(ms));
        match outcome {
            Some(Ok(value)) => call.value = Some(redaction.json(value)),
            Some(Err(error)) => call.error = Some(redacted_error(error, redaction)),
            None => {}
        }
    }
}

/// Why it can never be replayed, as far as its entries say: that it was erased or refused is shown beside.
fn not_replayable(record: &Record) -> Option<NotReplayable> {
    let is_fault = record.end().is_some_and(|end| end.outcome == "fault");
    record.cut().map(NotReplayable::Cut).or_else(|| is_fault.then_some(NotReplayable::Fault))
}

fn exported_start(start: &RunStart, redaction: &Redaction) -> ExportedStart {
    let text = |text: &String| redaction.text(text).into_owned();
    ExportedStart {
        source: text(&start.source),
        source_sha256: start.source_sha256.clone(),
        profile: start.profile.clone(),
        claims: start.claims.clone(),
        trace_id: start.trace_id.clone(),
        rule: start.rule.clone(),
        findings: start.findings.iter().map(text).collect(),
        limits: start.limits.clone(),
        namespace_sha256: start.namespace_sha256.clone(),
        policy_sha256: start.policy_sha256.clone(),
        guest_sha256: start.guest_sha256.clone(),
        repairs: start.repairs.as_ref().map(ToString::to_string),
        session: start.session.as_ref().map(|session| ExportedSession {
            name: session.name.clone(),
            index: session.index,
            after: session.after.as_ref().map(ToString::to_string),
        }),
        parent: start.parent.as_ref().map(|parent| ExportedParent { run: parent.run.to_string(), call: parent.call.0 }),
    }
}

fn exported_call(
    call: &ToolCall,
    decision: &'static str,
    rule: &str,
    at_ms: u64,
    redaction: &Redaction,
) -> ExportedCall {
    let arguments = call.arguments.clone().into_json();
    ExportedCall {
        id: call.id.0,
        server: call.name.server.clone(),
        tool: call.name.tool.clone(),
        line: call.line,
        at: utc(at_ms),
        at_ms,
        decision,
        rule: rule.to_owned(),
        arguments: Some(redaction.json(&arguments)),
        ..ExportedCall::default()
    }
}

fn exported_end(end: &RunEnd, redaction: &Redaction) -> ExportedEnd {
    let text = |text: &String| redaction.text(text).into_owned();
    let error = end.error.as_ref().map(|error| RunError {
        kind: error.kind.clone(),
        message: text(&error.message),
        line: error.line,
        traceback: text(&error.traceback),
        hint: error.hint.as_ref().map(text),
    });
    ExportedEnd {
        limit: end.limit.clone(),
        result: end.result.as_ref().map(|result| redaction.json(result)),
        error,
        log: text(&end.log),
        log_dropped_bytes: end.log_dropped_bytes,
        usage: end.usage,
    }
}

fn redacted_error(error: &CallError, redaction: &Redaction) -> String {
    redaction.text(&error.to_string()).into_owned()
}
