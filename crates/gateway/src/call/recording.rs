//! What is recorded of a call before it is made, and of one that is not.

use exuvia_journal::Event;
use exuvia_policy::Permit;
use exuvia_tool::{CallError, Deadline, ToolCall};

use super::rejected::CallRejected;
use super::{Admitted, Authorization, Inner, OPERATOR};
use crate::end_guards::CallEndGuard;

impl Inner {
    /// What is not recorded is not done.
    pub(super) async fn record_intent(
        &self,
        permit: Permit,
        asked: &ToolCall,
        by: Authorization<'_>,
        deadline: Option<&Deadline>,
    ) -> Result<Admitted, CallError> {
        let recorded = CallEndGuard::new(&self.run.record, permit.call().id, deadline.cloned());
        let intended = intent(&permit, asked, by);
        let is_repeatable = permit.is_repeatable() && matches!(by, Authorization::OfRun);
        let kept = match is_repeatable {
            true => self.run.record.queue(intended),
            false => self.run.record.require_intent(intended, recorded.intent()).await,
        };
        match kept {
            Ok(()) => Ok((permit, recorded)),
            Err(_) => {
                recorded.forget();
                Err(CallError::UpstreamUnavailable("call not made: the journal is unavailable".into()))
            }
        }
    }

    /// Records a refusal that a script sees. What came of the script is durable before anybody sees that, and this with it.
    pub(crate) fn record_refusal(&self, call: ToolCall, rejected: &CallRejected) {
        if matches!(rejected, CallRejected::Held(_)) && self.run.holds.is_some() {
            // It is recorded when it is asked about.
            return;
        }
        self.run.record.note(refusal(call, rejected));
    }

    /// The same of a call that a client makes itself, durable when this returns: the client is about to see it. A failure is logged and counted;
    /// nothing was done.
    pub(super) async fn require_refusal(&self, call: ToolCall, rejected: &CallRejected) {
        drop(self.run.record.require(refusal(call, rejected)).await);
    }
}

/// What is recorded of a call that is not made.
fn refusal(call: ToolCall, rejected: &CallRejected) -> Event {
    let error = match rejected {
        CallRejected::Refused { error, .. } => Some(error.clone()),
        CallRejected::Held(_) => None,
    };
    let (code, rule) = (rejected.code().to_owned(), rejected.rule().to_owned());
    Event::CallRefused { call, code, error, rule }
}

/// What is recorded of a call before it is made.
fn intent(permit: &Permit, asked: &ToolCall, by: Authorization<'_>) -> Event {
    let (call, written) = (permit.call().clone(), &asked.arguments);
    let is_amended = call.arguments.as_str() != written.as_str();
    let rule = match by {
        Authorization::Of(approval) => format!("approval {}", approval.id),
        Authorization::OfRun => permit.rule().map_or_else(|| OPERATOR.to_owned(), ToString::to_string),
    };
    let written = is_amended.then(|| written.clone().into_json());
    Event::CallIntended { call, written, rule, cost: permit.cost() }
}
