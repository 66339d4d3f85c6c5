//! Functions as a provider of tools.

use std::sync::Arc;

use exuvia_functions::{PROPOSE, SERVER};
use exuvia_policy::{Offered, Permit, Provider};
use exuvia_tool::{BoxFuture, CallContext, DispatchTicket, ToolOutcome};

use super::{proposing, run};
use crate::call::Inner;

/// Answers permitted calls of functions that one run makes.
pub(crate) struct FunctionProvider<'a>(pub(crate) &'a Arc<Inner>);

impl Provider for FunctionProvider<'_> {
    fn list(&self) -> Vec<Offered> {
        let run_view = &self.0.run.run_view;
        let shown = run_view.functions.as_ref().and_then(|functions| functions.shown.tools(&run_view.settings.policy));
        shown.into_iter().map(|tools| Offered { server: SERVER.to_owned(), tools: Ok(tools.into()) }).collect()
    }

    fn call(&self, permit: Permit, context: CallContext, ticket: DispatchTicket) -> BoxFuture<'static, ToolOutcome> {
        let (caller, call) = (Arc::clone(self.0), permit.into_call());
        match call.name.tool.as_str() {
            PROPOSE => Box::pin(proposing::propose(caller, call)),
            _ => Box::pin(run::answer(caller, call, context, ticket)),
        }
    }
}
