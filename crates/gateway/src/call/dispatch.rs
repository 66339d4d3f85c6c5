//! The dispatch of a call that has its permit.

use std::sync::Arc;

use exuvia_functions::SERVER;
use exuvia_policy::Provider;
use exuvia_tool::{Deadline, DispatchTicket, ToolOutcome};

use super::asking::Asks;
use super::{Admitted, Inner};
use crate::functions::FunctionProvider;

impl Inner {
    pub(crate) async fn dispatch(
        self: &Arc<Self>,
        admitted: Admitted,
        deadline: Deadline,
        ticket: DispatchTicket,
    ) -> ToolOutcome {
        let (permit, mut recorded) = admitted;
        let context = self.run.call_context().until(deadline.clone()).bounded(self.run.limits.result_bytes);
        let functions = FunctionProvider(self);
        let is_function = self.run.run_view.functions.is_some() && permit.call().name.server == SERVER;
        let provider: &dyn Provider = if is_function { &functions } else { &self.run.run_view.routes };
        // What is learned is shown to all of the role: not what a server says to one principal alone.
        let is_shared = self.run.run_view.routes.is_shared_by_role(&permit.call().name.server, &context);
        let answer_shapes = self.run.run_view.answer_shapes.as_ref().filter(|_| is_shared);
        let learning = answer_shapes.map(|answer_shapes| (answer_shapes, permit.call().name.clone()));
        let outcome = match Asks::of(self.run.asker.as_ref(), self.run.page.as_ref()) {
            Some(asks) if !is_function => self.call_asking(permit, context, asks, &deadline, ticket).await,
            _ => provider.call(permit, context, ticket).await,
        };
        recorded.came(&outcome);
        if let (Some((answer_shapes, name)), Ok(answer)) = (learning, &outcome)
            && let Ok(tool) = self.tool(&name)
        {
            answer_shapes.observe(&name, tool, answer);
        }
        outcome
    }
}
