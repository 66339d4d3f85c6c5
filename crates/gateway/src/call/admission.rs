//! Validation and authorization of a call, as far as to its permit.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use exuvia_access::budget::{CallReservation, Refused};
use exuvia_policy::{Allowed, Denial, DenialReason, Grants, Refusal};
use exuvia_tool::{CallError, Deadline, JsonError, MAX_TREE_BYTES, Origin, Tool, ToolCall, ToolName, WithheldTool};
use tracing::field::display;

use super::rejected::CallRejected;
use super::{Admitted, Authorization, CallKind, Inner};
use crate::over_budget;
use crate::settings::RunView;
use crate::trees;
use crate::unknown_name::unknown;

/// The rule of a call of a tool that is withheld.
const PINNED: &str = "pin = \"enforce\"";

impl Inner {
    /// Validates, authorizes and records a call that is about to be made, or records why it is not.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        asked: &ToolCall,
        kind: CallKind,
        by: Authorization<'_>,
        deadline: Option<&Deadline>,
    ) -> Result<Admitted, CallRejected> {
        let (call, this, tree_bytes) = (asked.clone(), Arc::clone(self), asked.arguments.extent().tree_bytes);
        let approved = match by {
            Authorization::OfRun => None,
            Authorization::Of(_) => Some(call.name.clone()),
        };
        let allowed = trees::over(tree_bytes, move || this.allowed(call, kind, approved)).await;
        let admitted = match allowed {
            Ok(allowed) => self.reserved(allowed, asked, by, deadline).await,
            Err(rejected) => Err(rejected),
        };
        if let Err(rejected) = &admitted {
            match &self.run.context.origin {
                Origin::Direct(_) => self.require_refusal(asked.clone(), rejected).await,
                _ => self.record_refusal(asked.clone(), rejected),
            }
        }
        admitted
    }

    pub(super) fn allowed(
        &self,
        mut call: ToolCall,
        kind: CallKind,
        approved: Option<ToolName>,
    ) -> Result<Allowed, CallRejected> {
        // Arguments that nest too deep cannot be read, neither by a condition nor by the server.
        if call.arguments.extent().tree_bytes == usize::MAX {
            let message = format!("the arguments of {} nest too deep", call.name);
            return Err(CallError::InvalidArguments(message).into());
        }
        if kind == CallKind::Tool {
            self.is_accepted(&call.name)?;
            self.validate(&mut call)?;
        }
        self.goes_on(&call.name)?;
        if let Some(nesting) = &self.run.nesting {
            nesting.check(&call.name)?;
        }
        let approved = approved.map(Grants::approved);
        let grants = approved.as_ref().unwrap_or(&self.run.grants);
        self.run.authority.decide(call, grants, &self.run.identity).map_err(|refusal| self.rejected(refusal))
    }

    /// Takes the quotas of a call and records it.
    async fn reserved(
        &self,
        allowed: Allowed,
        asked: &ToolCall,
        by: Authorization<'_>,
        deadline: Option<&Deadline>,
    ) -> Result<Admitted, CallRejected> {
        // What is reserved and not made is given back when it is dropped.
        let reserved = self.run.spender.reserve_call(allowed.quotas().cost).await;
        let of_budgets = reserved.map_err(|refused| self.over_budget(&asked.name, refused))?;
        let reserved = self.run.authority.reserve(allowed, &self.spent).await;
        let permit = reserved.map_err(|refusal| self.rejected(refusal))?;
        self.goes_on(&permit.call().name)?;
        self.take(permit.call(), by).await?;
        // Its record may be written whatever becomes of this future.
        let (made, cost) = (of_budgets.map(CallReservation::make), permit.cost());
        match self.record_intent(permit, asked, by, deadline).await {
            Ok(admitted) => {
                self.cost.fetch_add(cost.micros(), Ordering::Relaxed);
                Ok(admitted)
            }
            Err(error) => {
                if let Some(made) = made {
                    made.give_back();
                }
                Err(error.into())
            }
        }
    }

    /// Nothing of a script is called once it has ended.
    fn goes_on(&self, tool: &ToolName) -> Result<(), CallRejected> {
        if self.ended.load(Ordering::SeqCst) {
            return Err(CallRejected::denied(&Denial { tool: tool.clone(), reason: DenialReason::Ended }));
        }
        Ok(())
    }

    fn rejected(&self, refusal: Refusal) -> CallRejected {
        let origin = &self.run.context.origin;
        let (run, direct) = (origin.run().map(display), origin.direct().map(display));
        match refusal {
            Refusal::Denied(denial) => {
                let rejected = CallRejected::denied(&denial);
                let (tool, rule) = (&denial.tool, rejected.rule());
                tracing::info!(run.id = run, direct.id = direct, tool.name = %tool, rule, "call denied");
                rejected
            }
            Refusal::Held(held) => {
                tracing::info!(run.id = run, direct.id = direct, tool.name = %held.name, "call held");
                CallRejected::Held(held)
            }
        }
    }

    fn over_budget(&self, tool: &ToolName, refused: Refused) -> CallRejected {
        let origin = &self.run.context.origin;
        let (run, direct) = (origin.run().map(display), origin.direct().map(display));
        let (principal, rejected) = (&self.run.context.principal, over_budget::call_rejected(refused));
        let rule = rejected.rule();
        tracing::info!(run.id = run, direct.id = direct, principal = %principal, tool.name = %tool, rule, "call over budget");
        rejected
    }

    /// A tool that is not as the operator accepted it is not called: neither by who began when it was, nor by who cannot see it any
    /// more. What the run may not see does not exist, withheld or not.
    fn is_accepted(&self, name: &ToolName) -> Result<(), CallRejected> {
        let RunView { namespace, pins, .. } = &*self.run.run_view;
        let Some(server) = namespace.server(&name.server) else { return Ok(()) };
        let hidden = server.withheld().iter().find(|withheld| withheld.tool.name() == name.tool);
        let since = || pins.as_ref().filter(|_| server.tool(&name.tool).is_some())?.withheld(name);
        let Some(why) = hidden.map(|WithheldTool { why, .. }| *why).or_else(since) else { return Ok(()) };
        let origin = &self.run.context.origin;
        let (run, direct) = (origin.run().map(display), origin.direct().map(display));
        tracing::info!(run.id = run, direct.id = direct, tool.name = %name, rule = PINNED, "call denied");
        Err(CallRejected::Refused { error: CallError::Denied(why.trouble(name)), rule: PINNED.to_owned() })
    }

    /// Checks that the tool exists for this run and that the arguments match its schema. Arguments that are too large for a
    /// tree are not checked: the check helps the script's author and is no protection, and the server checks its arguments
    /// itself.
    pub(crate) fn validate(&self, call: &mut ToolCall) -> Result<(), CallError> {
        let tool = self.tool(&call.name)?;
        if call.arguments.extent().tree_bytes > MAX_TREE_BYTES {
            return Ok(());
        }
        let unreadable = |error: JsonError| CallError::InvalidArguments(error.to_string());
        // Before anything is decided on them: what is decided on is what is sent. A client's own call is sent as it is.
        if self.run.context.origin.run().is_some() {
            call.arguments.amend(|arguments| tool.arguments.fit(arguments)).map_err(unreadable)?;
        }
        let arguments = call.arguments.tree().map_err(unreadable)?;
        tool.arguments.check(arguments).map_err(CallError::InvalidArguments)
    }

    pub(crate) fn tool(&self, name: &ToolName) -> Result<&Tool, CallError> {
        let namespace = &self.run.run_view.namespace;
        let ToolName { server: server_name, tool: tool_name } = name;
        let server = namespace.server(server_name).ok_or_else(|| {
            let names = namespace.servers().iter().map(|server| server.python_name.as_str());
            CallError::UnknownTool(unknown("server", server_name, names))
        })?;
        server.tool(tool_name).ok_or_else(|| {
            let names = server.tools().iter().map(|tool| tool.python_name.as_str());
            CallError::UnknownTool(unknown(&format!("tool of {}", server.python_name), tool_name, names))
        })
    }
}
