//! Calls answered from a record.

use std::sync::Arc;

use exuvia_journal::Reading;
use exuvia_tool::{BoxFuture, Deadline, Namespace, ToolCall, ToolHost, ToolOutcome};

use crate::progress::Progress;
use crate::source::Kind;

/// The [`ToolHost`] of a replay. It reaches no server.
pub(crate) struct ReplayTools {
    pub(crate) progress: Arc<Progress>,
    pub(crate) namespace: Arc<Namespace>,
}

impl ToolHost for ReplayTools {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    fn call(&self, call: ToolCall, deadline: Deadline) -> BoxFuture<'static, ToolOutcome> {
        match self.progress.meet(&call) {
            Some(outcome) => Box::pin(std::future::ready(outcome)),
            None => {
                // As one that was held: others were made meanwhile.
                deadline.give_turn_back();
                Box::pin(std::future::pending())
            }
        }
    }

    fn search(&self, _: String) -> BoxFuture<'static, String> {
        match self.progress.reading(Kind::Search) {
            Some(Reading::Found(text)) => Box::pin(std::future::ready(text)),
            _ => Box::pin(std::future::pending()),
        }
    }
}
