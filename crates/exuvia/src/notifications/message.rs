//! What notifications say.

use std::time::{Duration, UNIX_EPOCH};

use exuvia_gateway::OpenQuestion;
use exuvia_journal::Approval;
use exuvia_text::{cut, line};
use serde::Serialize;

/// The longest name, in characters.
const NAME_CHARS: usize = 256;
/// The longest text on the desktop, in characters.
const DESKTOP_CHARS: usize = 300;
/// How many of several approvals the desktop names.
const DESKTOP_NAMES: usize = 3;
/// The end of the year 9999: times after that have no text.
const LATEST_MS: u64 = 253_402_300_799_999;

/// What a webhook receives of one approval.
pub(super) struct WebhookMessage {
    /// The id of the message, which is that of the approval: whoever receives it twice can see that.
    pub(super) id: String,
    /// When nobody needs it any more, in milliseconds since the epoch.
    pub(super) expires_ms: u64,
    /// The body, which is JSON.
    pub(super) body: String,
}

#[derive(Serialize)]
struct Body<D> {
    r#type: &'static str,
    timestamp: String,
    data: D,
}

/// A question of a server: neither what it asks nor for what.
#[derive(Serialize)]
struct QuestionData<'a> {
    question: &'a str,
    run: &'a str,
    principal: String,
    server: String,
    tool: String,
    expires: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

#[derive(Serialize)]
struct Data<'a> {
    approval: &'a str,
    run: &'a str,
    principal: String,
    /// Without server and tool: the start of the script.
    server: Option<String>,
    tool: Option<String>,
    expires: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

impl WebhookMessage {
    pub(super) fn of(approval: &Approval, link: Option<String>) -> Self {
        let data = Data {
            approval: approval.id.as_str(),
            run: approval.run.as_str(),
            principal: shown(&approval.principal.to_string(), NAME_CHARS),
            server: approval.tool.as_ref().map(|tool| shown(&tool.server, NAME_CHARS)),
            tool: approval.tool.as_ref().map(|tool| shown(&tool.tool, NAME_CHARS)),
            expires: time(approval.expires_ms),
            link,
        };
        let body = Body { r#type: "approval.waiting", timestamp: time(approval.created_ms), data };
        // Texts alone: they are always JSON.
        let body = serde_json::to_string(&body).unwrap_or_default();
        Self { id: approval.id.to_string(), expires_ms: approval.expires_ms, body }
    }
}

impl WebhookMessage {
    pub(super) fn of_question(question: &OpenQuestion, link: Option<String>) -> Self {
        let data = QuestionData {
            question: &question.id,
            run: question.run.as_str(),
            principal: shown(&question.principal.to_string(), NAME_CHARS),
            server: shown(&question.server, NAME_CHARS),
            tool: shown(&question.tool, NAME_CHARS),
            expires: time(question.until_ms),
            link,
        };
        let body = Body { r#type: "question.waiting", timestamp: time(question.asked_ms), data };
        // Texts alone: they are always JSON.
        let body = serde_json::to_string(&body).unwrap_or_default();
        Self { id: question.id.clone(), expires_ms: question.until_ms, body }
    }
}

/// What the desktop shows of a question of a server.
pub(super) fn question_text(question: &OpenQuestion) -> String {
    let OpenQuestion { server, tool, principal, until_ms, .. } = question;
    let name = shown(&format!("{server}.{tool}"), DESKTOP_CHARS / 2);
    let principal = shown(&principal.to_string(), NAME_CHARS);
    shown(&format!("{name} asks a person, until {}, in a script of {principal}", time(*until_ms)), DESKTOP_CHARS)
}

/// What the desktop shows of approvals that are asked together. None: of none.
pub(super) fn desktop_text(approvals: &[&Approval]) -> Option<String> {
    let first = approvals.first()?;
    let name = |approval: &&Approval| match &approval.tool {
        Some(tool) => format!("{}.{}", tool.server, tool.tool),
        None => "the start of a script".to_owned(),
    };
    let mut names = approvals.iter().take(DESKTOP_NAMES).map(name).collect::<Vec<_>>().join(", ");
    if let Some(more) = approvals.len().checked_sub(DESKTOP_NAMES).filter(|more| *more > 0) {
        names.push_str(&format!(" and {more} more"));
    }
    let (names, principal) = (shown(&names, DESKTOP_CHARS / 2), shown(&first.principal.to_string(), NAME_CHARS));
    Some(shown(&format!("{names}, until {}, asked by {principal}", time(first.expires_ms)), DESKTOP_CHARS))
}

/// One line in which nothing hides.
fn shown(text: &str, max_chars: usize) -> String {
    cut(&line(text), max_chars)
}

fn time(ms: u64) -> String {
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(ms.min(LATEST_MS))).to_string()
}

#[cfg(test)]
mod tests {
    use exuvia_journal::ApprovalState;
    use exuvia_text::is_plain;
    use exuvia_tool::{ApprovalId, CallId, Principal, RunId, ToolName};

    use super::*;

    fn approval(tool: Option<ToolName>) -> Approval {
        Approval {
            id: ApprovalId::new("01JDZ0000000000000000000A1".to_owned()),
            run: RunId::new("01JDZ0000000000000000000R1"),
            principal: Principal::Operator,
            role: None,
            profile: None,
            call: tool.as_ref().map(|_| CallId(1)),
            tool,
            line: Some(1),
            rule: "rule".to_owned(),
            arguments_bytes: 2,
            arguments_sha256: String::new(),
            script_sha256: String::new(),
            tool_sha256: None,
            may_have_happened: false,
            created_ms: 0,
            expires_ms: u64::MAX,
            shown_sha256: String::new(),
            state: ApprovalState::Pending,
            answer: None,
            used_ms: None,
            void_reason: None,
            version: 1,
        }
    }

    #[test]
    fn a_message_names_the_approval_and_its_link() {
        let message = WebhookMessage::of(&approval(None), Some("http://127.0.0.1:1/approve/x".to_owned()));
        let expected = concat!(
            r#"{"type":"approval.waiting","timestamp":"1970-01-01T00:00:00Z","data":{"#,
            r#""approval":"01JDZ0000000000000000000A1","run":"01JDZ0000000000000000000R1","principal":"operator","#,
            r#""server":null,"tool":null,"expires":"9999-12-31T23:59:59Z","link":"http://127.0.0.1:1/approve/x"}}"#
        );
        assert_eq!(message.body, expected);
    }

    #[test]
    fn foreign_names_are_bounded_and_hide_nothing() {
        let name = format!("a\u{202e}\u{1b}[2J\n{}", "x".repeat(100_000));
        let hostile = approval(Some(ToolName::new("crm", &name)));
        let body = WebhookMessage::of(&hostile, None).body;
        let text = desktop_text(&[&hostile; 5]).unwrap();
        assert!(body.len() < 2_000 && text.chars().count() <= DESKTOP_CHARS, "{body} {text}");
        for shown in [&body, &text] {
            assert!(shown.chars().all(is_plain) && shown.contains("a\\"), "{shown}");
        }
        assert_eq!(desktop_text(&[]), None);
    }

    #[test]
    fn the_desktop_counts_what_it_does_not_name() {
        let (call, start) = (approval(Some(ToolName::new("crm", "get"))), approval(None));
        let text = desktop_text(&[&call, &start, &call, &call, &call]).unwrap();
        let expected =
            "crm.get, the start of a script, crm.get and 2 more, until 9999-12-31T23:59:59Z, asked by operator";
        assert_eq!(text, expected);
    }
}
