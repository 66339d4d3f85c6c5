//! Calls of a run that is brought back: answered from its record, then made.

use std::sync::Arc;

use exuvia_host::Hold;
use exuvia_journal::Reading;
use exuvia_tool::{BoxFuture, Deadline, Namespace, ToolCall, ToolHost, ToolOutcome};

use crate::resuming::Resuming;
use crate::source::Kind;

/// The [`ToolHost`] of a resumed run. What its record has no answer of is made when the record is over, and not before.
pub(crate) struct ResumeTools {
    pub(crate) resuming: Arc<Resuming>,
    /// What the script saw from its start.
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) live: Arc<dyn ToolHost>,
}

impl ToolHost for ResumeTools {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    fn call(&self, call: ToolCall, deadline: Deadline) -> BoxFuture<'static, ToolOutcome> {
        if self.resuming.is_live() {
            return self.live.call(call, deadline);
        }
        if let Some(outcome) = self.resuming.meet(&call) {
            return Box::pin(std::future::ready(outcome));
        }
        // It may be this call for which the script waited.
        if self.resuming.is_live() {
            return self.live.call(call, deadline);
        }
        let (resuming, live) = (Arc::clone(&self.resuming), Arc::clone(&self.live));
        Box::pin(async move {
            // Its time begins when it can be made.
            let hold = Hold::begin(&deadline);
            resuming.until_live().await;
            if !hold.end().await {
                return std::future::pending().await;
            }
            live.call(call, deadline).await
        })
    }

    fn search(&self, query: String) -> BoxFuture<'static, String> {
        match self.resuming.reading(Kind::Search) {
            Some(Reading::Found(text)) => {
                self.resuming.searches(true);
                Box::pin(std::future::ready(text))
            }
            _ if self.resuming.is_live() => {
                self.resuming.searches(false);
                self.live.search(query)
            }
            _ => Box::pin(std::future::pending()),
        }
    }

    fn script_ended(&self) {
        self.live.script_ended();
    }
}
