//! Making a call, and making it again.

use std::sync::Arc;

use exuvia_tool::{CallError, Deadline, DispatchTicket, ToolCall, ToolName, ToolOutcome};

use super::rejected::CallRejected;
use super::retries::is_repeatable;
use super::{Authorization, CallKind, Inner};
use crate::end_guards::CallCountGuard;
use crate::functions::Nesting;

impl Inner {
    pub(super) async fn make(
        self: &Arc<Self>,
        call: ToolCall,
        deadline: Deadline,
        ticket: DispatchTicket,
    ) -> ToolOutcome {
        let server = self.run.run_view.namespace.server(&call.name.server).map(|server| server.name.clone());
        if let Some(Err(error)) = self.run.nesting.as_ref().map(Nesting::count_call) {
            return self.withhold(call, error);
        }
        let mut counted = CallCountGuard::new(&self.run.metrics, server, Some(deadline.clone()));
        let (id, name) = (call.id, call.name.clone());
        let retries = self.retries_of(&name);
        // Only what may be made again is kept.
        let again = (retries > 0).then(|| call.clone());
        let mut outcome = self.attempt(call, &deadline, ticket, &mut counted).await;
        let mut attempts = 1;
        while let (Err(error), Some(call), false) = (&outcome, &again, self.is_asked(id)) {
            let Some(pause) = self.retries.pause(error, attempts, retries, &deadline) else { break };
            self.notes.retried(id);
            tokio::time::sleep(pause).await;
            attempts += 1;
            // In no order: what came after the first attempt has left.
            outcome = self.attempt(call.clone(), &deadline, DispatchTicket::default(), &mut counted).await;
        }
        counted.code = Some(outcome.as_ref().map_or_else(CallError::code, |_| "ok"));
        self.notes.note(&name, &outcome);
        outcome
    }

    /// How often a call of a tool may be made again.
    fn retries_of(&self, name: &ToolName) -> u32 {
        let policy = self.run.authority.policy();
        let is_declared = || self.tool(name).is_ok_and(|tool| is_repeatable(tool.descriptor.annotations));
        if policy.repeats(name) || is_declared() { policy.retries(&name.server) } else { 0 }
    }

    async fn attempt(
        self: &Arc<Self>,
        call: ToolCall,
        deadline: &Deadline,
        ticket: DispatchTicket,
        counted: &mut CallCountGuard,
    ) -> ToolOutcome {
        let admitted = match self.unknown(&call) {
            Some(held) => Err(CallRejected::Held(Box::new(held))),
            None => self.admit(&call, CallKind::Tool, Authorization::OfRun, Some(deadline)).await,
        };
        match (admitted, &self.run.holds) {
            (Ok(admitted), _) => self.dispatch(admitted, deadline.clone(), ticket).await,
            (Err(CallRejected::Held(held)), Some(holds)) => {
                // A person may take a day: what comes after the call does not wait for it.
                drop(ticket);
                let outcome = self.when_approved(call, *held, holds, deadline).await;
                counted.code = Some(outcome.as_ref().map_or_else(CallError::code, |_| "ok"));
                outcome
            }
            (Err(rejected), _) => {
                counted.code = Some(rejected.code());
                // The ticket stays: what comes after a call that is held does not leave before it.
                let _ticket = ticket;
                self.rejected_outcome(rejected).await
            }
        }
    }

    /// What a call comes to that is not made. One that is held ends the run.
    pub(crate) async fn rejected_outcome(&self, rejected: CallRejected) -> ToolOutcome {
        match rejected {
            CallRejected::Refused { error, .. } => Err(error),
            CallRejected::Held(held) => {
                // Nobody listens once the run is ending for another reason.
                let _ = self.run.held.send(*held);
                std::future::pending().await
            }
        }
    }
}
