//! An approval as JSON, for programs.

use exuvia_journal::{Approval, ApprovalContent};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{PastCalls, Suggestion, visible};

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

fn call_json(call: &exuvia_journal::ScriptCall) -> Value {
    json!({
        "server": call.tool.server,
        "tool": call.tool.tool,
        "lines": call.lines,
        "needs_approval": call.needs_approval,
    })
}

/// A suggestion with the calls that it would have allowed.
#[derive(Debug, Clone, Serialize)]
pub struct SuggestionJson<'a> {
    scope: &'static str,
    toml: &'a str,
    would_have_allowed: &'a PastCalls,
}

impl<'a> SuggestionJson<'a> {
    /// The suggestion, and what it would have allowed.
    #[must_use]
    pub fn new(suggestion: &'a Suggestion, would_have_allowed: &'a PastCalls) -> Self {
        Self { scope: suggestion.scope.name(), toml: &suggestion.toml, would_have_allowed }
    }
}
