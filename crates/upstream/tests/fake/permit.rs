//! Permits without a gateway: the operator's own word for one call.

use std::future::ready;
use std::sync::Mutex;
use std::time::Duration;

use exuvia_policy::{Grants, Permit, Policy, PolicySource, RateStore, RunCallCounts, decide};
use exuvia_tool::{Arguments, BoxFuture, CallId, ToolCall, ToolName};
use futures_util::FutureExt as _;

/// Counts nothing.
struct Unbounded;

impl RateStore for Unbounded {
    fn take<'a>(&'a self, _: &'a str, _: u32) -> BoxFuture<'a, Result<(), Duration>> {
        Box::pin(ready(Ok(())))
    }
}

pub(crate) fn permit(server: &str, tool: &str, arguments: &str) -> Permit {
    let name = ToolName::new(server, tool);
    let call =
        ToolCall { id: CallId(1), name: name.clone(), arguments: Arguments::parse(arguments).unwrap(), line: None };
    let policy = Policy::compile(PolicySource::default(), [server]).unwrap();
    let allowed = decide(call, &Grants::of([name]), &policy).unwrap();
    allowed.reserve(&Mutex::new(RunCallCounts::default()), &Unbounded).now_or_never().unwrap().unwrap()
}
