//! The dispatch of a call that has its permit.

use exuvia_policy::Provider;
use exuvia_tool::{Deadline, DispatchTicket, ToolOutcome};

use super::asking::Asks;
use super::{Admitted, Inner};

impl Inner {
    pub(crate) async fn dispatch(&self, admitted: Admitted, deadline: Deadline, ticket: DispatchTicket) -> ToolOutcome {
        let (permit, mut recorded) = admitted;
        let context = self.run.call_context().until(deadline.clone()).bounded(self.run.limits.result_bytes);
        let provider: &dyn Provider = &self.run.run_view.routes;
        // What is learned is shown to all: not what a server says to another credential than the gateway's.
        let is_everybodys = self.run.run_view.routes.uses_gateway_credential(&permit.call().name.server, &context);
        let answer_shapes = self.run.run_view.answer_shapes.as_ref().filter(|_| is_everybodys);
        let learning = answer_shapes.map(|answer_shapes| (answer_shapes, permit.call().name.clone()));
        let outcome = match Asks::of(self.run.asker.as_ref(), self.run.page.as_ref()) {
            Some(asks) => self.call_asking(permit, context, asks, &deadline, ticket).await,
            None => provider.call(permit, context, ticket).await,
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
