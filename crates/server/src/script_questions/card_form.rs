//! An approval as a form, or as a visit to its page.

use exuvia_approvals::{card_text, summary_line};
use exuvia_gateway::AskedApproval;
use exuvia_journal::{Approval, ApprovalContent};
use exuvia_mcp_client::Abilities;
use exuvia_text::cut;
use serde_json::{Value, json};

/// The longest card that is shown in a form, in bytes: nothing of one is cut.
const CARD_BYTES: usize = 64 << 10;
/// The longest reason that is taken, in characters.
const REASON_CHARS: usize = 1_000;
/// Under which key of `_meta` the approval stands.
const APPROVAL_KEY: &str = "exuvia/approval";

/// What was shown.
#[derive(Debug)]
pub(super) enum Card {
    /// A form, and the name of the field that decides. It is of this card alone: an answer that was not made from it decides nothing.
    Form(String),
    /// The address of the page.
    Page,
}

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// A person decided.
    Made { allow: bool, reason: Option<String> },
    /// A person visits the page, and decides there.
    Visits,
    /// An accepted form without a decision.
    None,
    /// Declined, or no choice was made.
    Refused,
}

/// The parameters of the question, and how its answer is read. None: this client cannot be shown the whole card.
pub(super) fn shown(
    asked: &AskedApproval,
    content: &ApprovalContent,
    can: Abilities,
    now_ms: u64,
) -> Option<(Value, Card)> {
    let AskedApproval { approval, link, .. } = asked;
    if can.elicitation && content.arguments.len() + content.script.len() <= CARD_BYTES {
        let text = card_text(approval, Some(content), |ms| relative(ms, now_ms));
        if text.len() <= CARD_BYTES {
            let field = format!("decision_{:016x}", nonce()?);
            return Some((form(approval, link.as_deref(), &text, &field), Card::Form(field)));
        }
    }
    let link = link.as_deref().filter(|_| can.url)?;
    let params = json!({
        "mode": "url",
        "message": format!("A script waits for an approval. Open the page to see and answer it.\n{}", summary_line(approval)),
        "url": link,
        "elicitationId": approval.id.as_str(),
        "_meta": { APPROVAL_KEY: approval.id.as_str() },
    });
    Some((params, Card::Page))
}

fn form(approval: &Approval, link: Option<&str>, card: &str, field: &str) -> Value {
    let what =
        if approval.call.is_some() { "A script waits to make this call." } else { "This script waits to be started." };
    let page = link.map(|link| format!("\nIt can be answered at {link} as well.")).unwrap_or_default();
    json!({
        "message": format!("{what} Approve it, or deny it; declining answers nothing.{page}\n\n{card}"),
        "requestedSchema": {
            "type": "object",
            "properties": {
                field: { "type": "string", "title": "Decision", "enum": ["deny", "approve"] },
                "reason": { "type": "string", "title": "Reason", "maxLength": REASON_CHARS },
            },
            "required": [field],
        },
        "_meta": { APPROVAL_KEY: approval.id.as_str() },
    })
}

impl Card {
    /// What an answer to it says.
    pub(super) fn decision(&self, said: &Value) -> Decision {
        match (said["action"].as_str(), self) {
            (Some("accept"), Self::Page) => Decision::Visits,
            (Some("accept"), Self::Form(field)) => {
                let allow = match said["content"][field].as_str() {
                    Some("approve") => true,
                    Some("deny") => false,
                    _ => return Decision::None,
                };
                let reason = said["content"]["reason"].as_str().map(|reason| cut(reason.trim(), REASON_CHARS));
                Decision::Made { allow, reason: reason.filter(|reason| !reason.is_empty()) }
            }
            _ => Decision::Refused,
        }
    }
}

fn nonce() -> Option<u64> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).ok()?;
    Some(u64::from_ne_bytes(random))
}

/// A time as one reads it who has no calendar of the reader's.
fn relative(ms: u64, now_ms: u64) -> String {
    match ms.checked_sub(now_ms) {
        Some(ahead) => format!("in {} s", ahead / 1_000),
        None => format!("{} s ago", (now_ms - ms) / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_accepted_form_with_the_field_of_its_own_card_decides() {
        let card = Card::Form("decision_1".to_owned());
        let made = |allow, reason: Option<&str>| Decision::Made { allow, reason: reason.map(str::to_owned) };
        for (said, decision) in [
            (json!({"action": "accept", "content": {"decision_1": "approve"}}), made(true, None)),
            (json!({"action": "accept", "content": {"decision_1": "deny", "reason": " no "}}), made(false, Some("no"))),
            (json!({"action": "accept", "content": {"decision_2": "approve"}}), Decision::None),
            (json!({"action": "accept", "content": {"decision_1": "Approve"}}), Decision::None),
            (json!({"action": "accept", "content": {"decision_1": true}}), Decision::None),
            (json!({"action": "accept"}), Decision::None),
            (json!({"action": "decline", "content": {"decision_1": "approve"}}), Decision::Refused),
            (json!({"action": "cancel"}), Decision::Refused),
            (json!({"content": {"decision_1": "approve"}}), Decision::Refused),
            (json!([]), Decision::Refused),
        ] {
            assert_eq!(card.decision(&said), decision, "{said}");
        }
        let accepted = json!({"action": "accept", "content": {"decision_1": "approve"}});
        assert_eq!(Card::Page.decision(&accepted), Decision::Visits);
    }
}
