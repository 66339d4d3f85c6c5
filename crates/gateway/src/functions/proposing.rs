//! `functions.propose`: a script proposes a function.

use std::sync::Arc;

use exuvia_functions::{Function, FunctionName, SERVER};
use exuvia_journal::{AccessStoreErrorKind, FunctionAct, FunctionState, NewFunction, ProposalBounds, Proposed};
use exuvia_tool::{CallError, Json, ToolCall, ToolName, ToolOutcome};
use serde_json::{Value, json};

use super::ShownFunctions;
use crate::call::Inner;
use crate::ids::now_ms;

pub(super) async fn propose(caller: Arc<Inner>, mut call: ToolCall) -> ToolOutcome {
    let run = &caller.run;
    let Some(functions) = &run.run_view.functions else {
        return Err(CallError::UpstreamUnavailable("no functions are configured".to_owned()));
    };
    let ShownFunctions { library, config, .. } = &functions.shown;
    let function = read(&mut call)?;
    // Else the answer would tell whether a text of another team is there, and a person would be asked about its namespace by a stranger.
    let name = ToolName::new(SERVER, function.name().to_string());
    if !run.run_view.settings.policy.shows(&name) {
        let why = format!(
            "functions.propose: {name} would not be seen by this script: choose a namespace whose functions are"
        );
        return Err(CallError::ToolFailed { message: why, data: None });
    }
    let new = NewFunction {
        name: function.name().to_string(),
        sha256: function.sha256().to_owned(),
        source: function.source().to_owned(),
        act: FunctionAct {
            principal: run.context.principal.clone(),
            at_ms: now_ms(),
            run: run.context.origin.run().cloned(),
        },
    };
    let bounds = ProposalBounds { pending: config.proposals, pending_per_principal: config.proposals_per_principal };
    let proposed = library.propose(new.clone(), bounds).await.map_err(|error| {
        tracing::error!(function = new.name, error = format!("{error:#}"), "proposal not stored");
        match error.kind() {
            AccessStoreErrorKind::Full => full("there are as many functions as there may be".to_owned()),
            _ => CallError::UpstreamUnavailable("the proposal could not be stored: try again later".to_owned()),
        }
    })?;
    let state = match proposed {
        Proposed::Stored => FunctionState::Proposed,
        Proposed::Known(state) => state,
        Proposed::Full { own: true } => {
            return Err(full(format!("{} proposals of yours wait already", bounds.pending_per_principal)));
        }
        Proposed::Full { own: false } => return Err(full(format!("{} proposals wait already", bounds.pending))),
    };
    tracing::info!(function = new.name, sha256 = new.sha256, principal = %new.act.principal, "function proposed");
    let next = match state {
        FunctionState::Promoted => "callable already".to_owned(),
        _ => format!("not callable before a person promotes it: exuvia functions promote {}", new.name),
    };
    Ok(Json::from_value(&json!({"name": new.name, "state": state.name(), "next": next})))
}

fn read(call: &mut ToolCall) -> Result<Function, CallError> {
    let invalid = |why: String| CallError::InvalidArguments(why);
    let arguments = call.arguments.tree().map_err(|error| invalid(error.to_string()))?;
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let name: FunctionName = text("name").parse().map_err(|error| invalid(format!("functions.propose: {error}")))?;
    Function::read(name, text("code")).map_err(|error| invalid(format!("functions.propose: code, {error}")))
}

fn full(why: String) -> CallError {
    CallError::ToolFailed { message: format!("functions.propose: {why}; go on without it"), data: None }
}
