//! Calls of a repaired script that an earlier run has answers to.

use std::sync::Arc;

use exuvia_journal::Event;
use exuvia_tool::{CallError, Json, ToolCall, ToolOutcome};

use super::rejected::CallRejected;
use super::retries::is_repeatable;
use super::{CallKind, Inner};
use crate::repair::Earlier;
use crate::trees;

impl Inner {
    /// What an earlier run has of a call that a repaired script makes.
    pub(super) fn earlier(&self, call: &ToolCall) -> Earlier {
        let Some(repair) = &self.run.repair else { return Earlier::Nothing };
        repair.earlier(call, || {
            let is_declared = self.tool(&call.name).is_ok_and(|tool| is_repeatable(tool.descriptor.annotations));
            is_declared || self.run.authority.policy().repeats(&call.name)
        })
    }

    /// Answers a call from an earlier run, if it may still be made.
    pub(super) async fn reuse(self: &Arc<Self>, call: ToolCall, value: Json) -> ToolOutcome {
        let (this, asked, tree_bytes) = (Arc::clone(self), call.clone(), call.arguments.extent().tree_bytes);
        let allowed = trees::over(tree_bytes, move || this.allowed(asked, CallKind::Tool, None)).await;
        match allowed {
            Ok(_) => {}
            // Nothing is called, and whoever acts has this answer already.
            Err(CallRejected::Held(_)) if self.run.holds.is_some() => {}
            Err(rejected) => {
                self.record_refusal(call, &rejected);
                return self.rejected_outcome(rejected).await;
            }
        }
        let (id, value_bytes) = (call.id, value.size_bytes() as u64);
        if let Some(repair) = &self.run.repair {
            self.run.record.note(Event::CallReused { call, of: repair.of().clone(), reused: id });
        }
        let outcome = Ok(value);
        let ended = Event::CallEnded { id, code: "ok".to_owned(), outcome: Some(outcome.clone()), value_bytes, ms: 0 };
        self.run.record.note(ended);
        outcome
    }

    /// Does not make a call again of which nobody knows whether it took effect.
    pub(super) fn withhold(&self, call: ToolCall, error: CallError) -> ToolOutcome {
        self.record_refusal(call, &error.clone().into());
        Err(error)
    }
}
