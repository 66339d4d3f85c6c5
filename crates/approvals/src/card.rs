//! An approval as text, for a terminal or a message.

use std::fmt::Write as _;

use exuvia_journal::{Approval, ApprovalContent, ApprovalState};

use crate::visible;

/// What stands before each line of something that others wrote: no line of theirs begins where ours do.
const MARGIN: &str = "  │ ";

/// All that is asked, and what came of it. Nothing of it is cut. `time` writes a time, in milliseconds since the epoch. Without content, which was erased, it
/// says so.
#[must_use]
pub fn card_text(approval: &Approval, content: Option<&ApprovalContent>, time: impl Fn(u64) -> String) -> String {
    let mut text = String::new();
    head(&mut text, approval, &time);
    match content {
        Some(content) => {
            if approval.call.is_some() {
                arguments(&mut text, approval, content);
            }
            calls(&mut text, content);
            script(&mut text, approval, content);
        }
        None => text.push_str("\nthe arguments and the script were erased\n"),
    }
    // Writing to a string does not fail.
    let _ = writeln!(text, "\nshown      {}", approval.shown_sha256);
    text
}

/// The approval in one line: what, for whom.
#[must_use]
pub fn summary_line(approval: &Approval) -> String {
    let what = match &approval.tool {
        Some(tool) => format!("{}.{}", visible(&tool.server), visible(&tool.tool)),
        None => "the start of a script".to_owned(),
    };
    format!("{} {} of {}: {what}", approval.id, approval.state, visible(&approval.principal.to_string()))
}

fn head(text: &mut String, approval: &Approval, time: &impl Fn(u64) -> String) {
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<10} {value}");
    };
    row("approval", approval.id.as_str());
    row("state", &state(approval, time));
    row("principal", &visible(&approval.principal.to_string()));
    row("role", &approval.role.as_deref().map_or("none".to_owned(), visible));
    if let Some(profile) = &approval.profile {
        row("profile", &visible(profile));
    }
    row("run", &visible(approval.run.as_str()));
    match approval.call {
        Some(call) => row("call", &format!("{}{}", call.0, of_line(approval))),
        None => row("asks for", "the start of the script"),
    }
    row("rule", &visible(&approval.rule));
    row("asked", &time(approval.created_ms));
    row("expires", &time(approval.expires_ms));
    if let Some(tool) = &approval.tool {
        row("server", &visible(&tool.server));
        row("tool", &visible(&tool.tool));
    }
    if approval.may_have_happened {
        row("warning", "this call was sent before, and what came of it is unknown: it may have happened already");
    }
}

fn of_line(approval: &Approval) -> String {
    approval.line.map(|line| format!(" of line {line}")).unwrap_or_default()
}

fn state(approval: &Approval, time: &impl Fn(u64) -> String) -> String {
    let mut state = approval.state.to_string();
    if let Some(answer) = &approval.answer {
        let how = if matches!(approval.state, ApprovalState::Denied) { "denied" } else { "approved" };
        let _ = write!(
            state,
            " ({how} by {} by {} at {}",
            visible(&answer.by.to_string()),
            answer.channel.name(),
            time(answer.at_ms)
        );
        if let Some(reason) = &answer.reason {
            let _ = write!(state, ": {}", visible(reason));
        }
        state.push(')');
    }
    if let Some(reason) = &approval.void_reason {
        let _ = write!(state, " ({})", visible(reason));
    }
    state
}

fn arguments(text: &mut String, approval: &Approval, content: &ApprovalContent) {
    let _ = writeln!(text, "\narguments  {} bytes, sha256 {}", approval.arguments_bytes, approval.arguments_sha256);
    let _ = writeln!(text, "{MARGIN}{}", visible(&content.arguments));
}

fn calls(text: &mut String, content: &ApprovalContent) {
    text.push_str("\ntools that the script may call\n");
    if content.calls.is_empty() {
        text.push_str("  none\n");
    }
    for call in &content.calls {
        let lines: Vec<String> = call.lines.iter().map(ToString::to_string).collect();
        let needs = if call.needs_approval { "needs approval" } else { "allowed" };
        let (server, tool) = (visible(&call.tool.server), visible(&call.tool.tool));
        let _ = writeln!(text, "  {server}.{tool}  {needs}  lines {}", lines.join(", "));
    }
    if !content.unpredicted.is_empty() {
        text.push_str("\nnot predictable\n");
        for sentence in &content.unpredicted {
            let _ = writeln!(text, "{MARGIN}{}", visible(sentence));
        }
    }
}

fn script(text: &mut String, approval: &Approval, content: &ApprovalContent) {
    let _ = writeln!(text, "\nscript     {} bytes, sha256 {}", content.script.len(), approval.script_sha256);
    // Each line with its break but the last one: a text that ends with a break has an empty line behind it.
    for (number, line) in (1_u64..).zip(content.script.split('\n')) {
        let mark = if approval.line.is_some_and(|line| u64::from(line) == number) { '>' } else { ' ' };
        let _ = writeln!(text, "{mark}{number:>5} │ {}", visible(line));
    }
}
