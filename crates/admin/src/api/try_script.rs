//! Trying a script: its findings, and a run as a role.

use exuvia_access::Identity;
use exuvia_analysis::{Evidence, Finding, Note, Reason};
use exuvia_gateway::answer::render;
use exuvia_gateway::{AdmissionVerdict, Checked, Client, StartedBy, View};
use exuvia_runtime::Script;
use exuvia_tool::ToolName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::explain::decision;
use crate::admin::Admin;
use crate::answer::ApiError;
use crate::operation::{Ask, Nothing};

/// A script.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TryRequest {
    /// The script.
    code: String,
    /// As those who have this role. Default: as the operator's clients.
    role: Option<String>,
}

/// What is known of a script without running it.
#[derive(Serialize, JsonSchema)]
pub(super) struct CheckView {
    /// `allowed`, `needs-approval`, `denied`, `invalid` or `too-large`.
    verdict: &'static str,
    /// Why, in a sentence. Null: it is allowed.
    message: Option<String>,
    /// What cannot work, and what to know.
    findings: Vec<FindingView>,
    /// The tools that it may call.
    tools: Vec<CheckedTool>,
    /// Whether it calls no others.
    precise: bool,
    /// Why it may call others.
    reasons: Vec<ReasonView>,
    /// The lines of configuration that would allow it.
    allow: Vec<String>,
}

/// A remark on a line.
#[derive(Serialize, JsonSchema)]
struct FindingView {
    /// The line, counted from 1.
    line: u32,
    /// What is to be said of it.
    message: String,
    /// `error`: it is certain to fail. `note`: it works, and not as meant.
    severity: &'static str,
}

/// Why something cannot be predicted.
#[derive(Serialize, JsonSchema)]
struct ReasonView {
    /// The line, counted from 1.
    line: u32,
    /// Why.
    text: String,
}

/// A tool that a script may call.
#[derive(Serialize, JsonSchema)]
struct CheckedTool {
    /// The server.
    server: String,
    /// The tool.
    tool: String,
    /// The lines that name it.
    lines: Vec<u32>,
    /// `allowed`, `needs-approval`, `denied` or `not-visible`.
    standing: &'static str,
    /// The rule that says so.
    rule: String,
}

/// How a script ended.
#[derive(Serialize, JsonSchema)]
pub(super) struct TryView {
    /// Its run, which is recorded.
    run: String,
    /// The name of its outcome.
    outcome: String,
    /// What a model would read.
    report: String,
}

async fn view(admin: &Admin, role: Option<&str>) -> Result<Arc<View>, ApiError> {
    let view = admin.gateway()?.view_ready(None, role).await;
    view.ok_or_else(|| ApiError::not_found(format!("there is no role {:?}", role.unwrap_or_default())))
}

pub(super) async fn check(ask: Ask<Nothing, Nothing, TryRequest>) -> Result<CheckView, ApiError> {
    let TryRequest { code, role } = ask.body;
    let (gateway, view) = (ask.admin.gateway()?, view(&ask.admin, role.as_deref()).await?);
    let checked = tokio::task::spawn_blocking(move || CheckView::of(&gateway.check(&view, &Script::new(code))));
    checked.await.map_err(|_| ApiError::unavailable("the script could not be read"))
}

pub(super) async fn run(ask: Ask<Nothing, Nothing, TryRequest>) -> Result<TryView, ApiError> {
    let TryRequest { code, role } = ask.body;
    let (gateway, view) = (ask.admin.gateway()?, view(&ask.admin, role.as_deref()).await?);
    let _place = ask.admin.try_place()?;
    let action = ask.admin.record(&ask.caller, "script.try", role.as_deref().unwrap_or_default()).await?;
    let identity = role.as_deref().map_or_else(Identity::operator, Identity::operator_as);
    let client = Client::of(identity, "admin");
    let started = gateway.start(&view, Script::new(code), StartedBy::Client, &client);
    let run = started.map_err(|busy| ApiError::busy(busy.to_string()))?;
    let (id, room) = (run.id().to_string(), run.answer_room());
    let report = run.report().await;
    action.done();
    let (outcome, report) = (report.outcome.name().to_owned(), render(&report, room).text);
    Ok(TryView { run: id, outcome, report })
}

impl CheckView {
    fn of(checked: &Checked) -> Self {
        let (verdict, message) = verdict(&checked.verdict);
        let analysis = &checked.analysis;
        let error = |Finding { line, message, .. }: &Finding| (*line, message.clone(), "error");
        let note = |Note { line, message, .. }: &Note| (*line, message.clone(), "note");
        let caught = |Finding { line, message, .. }: &Finding| (*line, message.clone(), "note");
        let findings = analysis.findings.iter().map(error);
        let findings = findings.chain(analysis.caught.iter().map(caught)).chain(analysis.notes.iter().map(note));
        let findings = findings.map(|(line, message, severity)| FindingView { line, message, severity }).collect();
        let reason = |Reason { line, text, .. }: &Reason| ReasonView { line: *line, text: text.clone() };
        let tool = |(name, evidence): (ToolName, &[Evidence])| {
            let standing = checked.classifications.get(&name);
            let mut lines: Vec<u32> =
                evidence.iter().filter(|one| one.kind.names_the_tool()).map(|one| one.line).collect();
            lines.sort_unstable();
            lines.dedup();
            CheckedTool {
                lines,
                standing: standing.map_or("not-visible", decision),
                rule: standing.map(|standing| standing.why(&name)).unwrap_or_default(),
                server: name.server,
                tool: name.tool,
            }
        };
        let allow = match &checked.verdict {
            AdmissionVerdict::NeedsApproval(held) => held.iter().map(|held| held.allow.clone()).collect(),
            _ => std::collections::BTreeSet::new(),
        };
        Self {
            verdict,
            message,
            findings,
            // Where it may call anything, those that it names.
            tools: analysis.may_call.iter().filter(|(_, evidence)| !evidence.is_empty()).map(tool).collect(),
            precise: analysis.precision.is_precise(),
            reasons: analysis.precision.reasons().iter().map(reason).collect(),
            allow: allow.into_iter().collect(),
        }
    }
}

fn verdict(verdict: &AdmissionVerdict) -> (&'static str, Option<String>) {
    let names = |names: Vec<String>| Some(names.join(", "));
    match verdict {
        AdmissionVerdict::Allowed(_) => ("allowed", None),
        AdmissionVerdict::TooLarge(stop) => ("too-large", Some(stop.message.clone())),
        AdmissionVerdict::Invalid(_) => ("invalid", Some("the script cannot work as it is".to_owned())),
        AdmissionVerdict::NeedsApproval(held) => {
            ("needs-approval", names(held.iter().map(|held| held.name.to_string()).collect()))
        }
        AdmissionVerdict::Denied(denials) => {
            ("denied", names(denials.iter().map(|denial| denial.tool.to_string()).collect()))
        }
    }
}
