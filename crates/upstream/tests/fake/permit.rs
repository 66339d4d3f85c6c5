//! Permits without a gateway: the operator's own word for one call.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::Mutex;
use std::time::Duration;

use exuvia_policy::{Grants, Permit, Policy, PolicySource, Rates, Spent, authorize};
use exuvia_tool::{CallId, Json, ToolCall, ToolName};

pub fn permit(server: &str, tool: &str, arguments: &str) -> Permit {
    let name = ToolName::new(server, tool);
    let call = ToolCall { id: CallId(1), name: name.clone(), arguments: Json::parse(arguments).unwrap() };
    let policy = Policy::compile(PolicySource::default(), [server]).unwrap();
    let (spent, rates) = (Mutex::new(Spent::default()), Mutex::new(Rates::default()));
    authorize(call, &Grants::of([name]), &policy, &spent, &rates, Duration::ZERO).unwrap()
}
