//! Notifications of approvals, and of questions of servers, that wait for a person: a signed message to a webhook, a notification on the desktop.
//!
//! They hold no arguments and no script. Whoever asks is never blocked: what finds no room in a bounded queue is lost, counted and logged.

mod desktop;
mod failures;
mod message;
mod said;
mod signature;
mod webhook;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, Weak};

use anyhow::Result;
use exuvia_config::ApprovalsConfig;
use exuvia_gateway::{ApprovalNotices, AskedApprovals, Gateway, OpenQuestion};
use exuvia_tool::{ApprovalId, locked};

use desktop::Desktop;
use failures::Failures;
use message::{WebhookMessage, desktop_text, question_text};
use webhook::WebhookSender;

pub(crate) use said::say_questions;

/// How many approvals are known to be notified of. Their ids begin with the time: those that were asked first go first.
const KNOWN: usize = 100_000;

/// Notifies people of each approval that this gateway asks for from now on, once.
///
/// # Errors
///
/// There can be no HTTPS to the webhook.
pub(crate) fn begin(config: &ApprovalsConfig, gateway: &Arc<Gateway>) -> Result<()> {
    if config.is_empty() {
        return Ok(());
    }
    let failures = Arc::new(Failures::new(Arc::downgrade(gateway)));
    let webhook = config.webhook.as_ref().map(|webhook| WebhookSender::start(webhook, &failures)).transpose()?;
    let desktop = config.desktop.then(|| Desktop::start(&failures));
    let known = Mutex::default();
    let gateway_of = Arc::downgrade(gateway);
    gateway.add_approval_notices(Arc::new(Notifications { gateway: gateway_of, webhook, desktop, known }));
    Ok(())
}

struct Notifications {
    gateway: Weak<Gateway>,
    webhook: Option<WebhookSender>,
    desktop: Option<Desktop>,
    known: Mutex<BTreeSet<ApprovalId>>,
}

impl Notifications {
    /// Whether it is the first time that an approval is asked here: a run that is brought back asks again.
    fn is_new(&self, id: &ApprovalId) -> bool {
        let mut known = locked(&self.known);
        let is_new = known.insert(id.clone());
        if known.len() > KNOWN {
            known.pop_first();
        }
        is_new
    }
}

impl ApprovalNotices for Notifications {
    fn asked(&self, asked: &AskedApprovals) {
        let new: Vec<_> = asked.approvals.iter().filter(|approval| self.is_new(&approval.id)).collect();
        if let Some(webhook) = &self.webhook {
            for approval in &new {
                let link = self.gateway.upgrade().and_then(|gateway| gateway.approval_link(&asked.run, &approval.id));
                webhook.send(WebhookMessage::of(approval, link));
            }
        }
        if let (Some(desktop), Some(text)) = (&self.desktop, desktop_text(&new)) {
            desktop.show(text);
        }
    }

    fn question_asked(&self, question: &OpenQuestion) {
        if let Some(webhook) = &self.webhook {
            let link = self.gateway.upgrade().and_then(|gateway| gateway.question_link(question));
            webhook.send(WebhookMessage::of_question(question, link));
        }
        if let Some(desktop) = &self.desktop {
            desktop.show(question_text(question));
        }
    }
}
