//! An approval as JSON, for programs.

use exuvia_journal::{Approval, ApprovalAnswer, ApprovalChannel, ApprovalContent, ApprovalState, ScriptCall};
use exuvia_tool::{ApprovalId, CallId, Principal, RunId, ToolName};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::visible;

/// What is public of an approval, and its content where that is given: `arguments` and `script` byte for byte, `arguments_shown` and `script_shown` as a
/// [card](crate::card_text) shows them.
#[must_use]
pub fn approval_json(approval: &Approval, content: Option<&ApprovalContent>) -> Value {
    let answer = approval.answer.as_ref().map(|answer| {
        json!({
            "by": answer.by,
            "channel": answer.channel,
            "at_ms": answer.at_ms,
            "reason": answer.reason,
            "shown_sha256": answer.shown_sha256,
        })
    });
    let mut value = json!({
        "id": approval.id,
        "run": approval.run,
        "call": approval.call,
        "line": approval.line,
        "principal": approval.principal,
        "role": approval.role,
        "profile": approval.profile,
        "server": approval.tool.as_ref().map(|tool| &tool.server),
        "tool": approval.tool.as_ref().map(|tool| &tool.tool),
        "rule": approval.rule,
        "arguments_bytes": approval.arguments_bytes,
        "arguments_sha256": approval.arguments_sha256,
        "script_sha256": approval.script_sha256,
        "tool_sha256": approval.tool_sha256,
        "may_have_happened": approval.may_have_happened,
        "created_ms": approval.created_ms,
        "expires_ms": approval.expires_ms,
        "state": approval.state,
        "answer": answer,
        "used_ms": approval.used_ms,
        "void_reason": approval.void_reason,
        "shown_sha256": approval.shown_sha256,
    });
    if let Some(content) = content {
        value["arguments"] = Value::from(content.arguments.as_str());
        value["arguments_shown"] = Value::from(visible(&content.arguments));
        value["script"] = Value::from(content.script.as_str());
        value["script_shown"] = content.script.split('\n').map(visible).collect();
        value["calls_of_script"] = content.calls.iter().map(call_json).collect();
        value["unpredicted"] = content.unpredicted.iter().map(|sentence| visible(sentence)).collect();
    }
    value
}

/// An approval as [`approval_json`] and the admin API write it. What else they write is left.
#[derive(Deserialize)]
struct Written {
    id: String,
    run: String,
    call: Option<u64>,
    line: Option<u32>,
    principal: Principal,
    role: Option<String>,
    profile: Option<String>,
    server: Option<String>,
    tool: Option<String>,
    rule: String,
    arguments_bytes: u64,
    arguments_sha256: String,
    script_sha256: String,
    tool_sha256: Option<String>,
    may_have_happened: bool,
    created_ms: u64,
    expires_ms: u64,
    state: ApprovalState,
    answer: Option<WrittenAnswer>,
    used_ms: Option<u64>,
    void_reason: Option<String>,
    shown_sha256: String,
    arguments: Option<String>,
    script: Option<String>,
    #[serde(default)]
    calls_of_script: Vec<WrittenCall>,
    #[serde(default)]
    unpredicted: Vec<String>,
}

#[derive(Deserialize)]
struct WrittenAnswer {
    by: Principal,
    channel: ApprovalChannel,
    at_ms: u64,
    reason: Option<String>,
    shown_sha256: String,
}

#[derive(Deserialize)]
struct WrittenCall {
    server: String,
    tool: String,
    lines: Vec<u32>,
    needs_approval: bool,
}

/// Reads an approval that the admin API wrote, with its content where that is there.
///
/// # Errors
///
/// It is none, or of another version of the program.
pub fn read_approval(value: Value) -> Result<(Approval, Option<ApprovalContent>), serde_json::Error> {
    let mut written = Written::deserialize(value)?;
    let call = |call: WrittenCall| ScriptCall {
        tool: ToolName::new(&call.server, &call.tool),
        lines: call.lines,
        needs_approval: call.needs_approval,
    };
    let content = written.script.take().map(|script| ApprovalContent {
        arguments: written.arguments.take().unwrap_or_default(),
        script,
        calls: std::mem::take(&mut written.calls_of_script).into_iter().map(call).collect(),
        unpredicted: std::mem::take(&mut written.unpredicted),
    });
    Ok((written.approval(), content))
}

impl Written {
    fn approval(self) -> Approval {
        let answer = self.answer.map(|answer| ApprovalAnswer {
            by: answer.by,
            channel: answer.channel,
            at_ms: answer.at_ms,
            reason: answer.reason,
            shown_sha256: answer.shown_sha256,
        });
        Approval {
            id: ApprovalId::new(self.id),
            run: RunId::new(self.run),
            principal: self.principal,
            role: self.role,
            profile: self.profile,
            call: self.call.map(CallId),
            tool: self.server.zip(self.tool).map(|(server, tool)| ToolName::new(server, tool)),
            line: self.line,
            rule: self.rule,
            arguments_bytes: self.arguments_bytes,
            arguments_sha256: self.arguments_sha256,
            script_sha256: self.script_sha256,
            tool_sha256: self.tool_sha256,
            may_have_happened: self.may_have_happened,
            created_ms: self.created_ms,
            expires_ms: self.expires_ms,
            shown_sha256: self.shown_sha256,
            state: self.state,
            answer,
            used_ms: self.used_ms,
            void_reason: self.void_reason,
            version: 0,
        }
    }
}

fn call_json(call: &ScriptCall) -> Value {
    json!({
        "server": call.tool.server,
        "tool": call.tool.tool,
        "lines": call.lines,
        "needs_approval": call.needs_approval,
    })
}
