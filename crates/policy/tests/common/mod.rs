//! Permits without a gateway.

use std::future::ready;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use exuvia_policy::{Grants, Permit, Policy, RateStore, RateWindows, Refusal, RunCallCounts, decide};
use exuvia_tool::{BoxFuture, ToolCall};

/// Calls that are counted here, at this time.
struct At<'a>(&'a Mutex<RateWindows>, Duration);

impl RateStore for At<'_> {
    fn take<'a>(&'a self, server: &'a str, most: u32) -> BoxFuture<'a, Result<(), Duration>> {
        Box::pin(ready(self.0.lock().unwrap().take(server, most, self.1)))
    }
}

/// Decides on a call and takes its quotas.
pub(crate) fn authorize(
    call: ToolCall,
    grants: &Grants,
    policy: &Policy,
    spent: &Mutex<RunCallCounts>,
    rates: &Mutex<RateWindows>,
    now: Duration,
) -> Result<Permit, Refusal> {
    let store = At(rates, now);
    let mut reserving = pin!(decide(call, grants, policy)?.reserve(spent, &store));
    match reserving.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(permit) => permit,
        Poll::Pending => panic!("the store answers at once"),
    }
}
