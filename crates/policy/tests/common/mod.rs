//! Tools for tests of decisions, and permits without a gateway.
#![allow(dead_code, reason = "not every test needs all of it")]

use std::future::ready;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use exuvia_policy::{Grants, Permit, Policy, RateStore, Rates, Refusal, Spent, decide};
use exuvia_tool::{ArgumentCheck, BoxFuture, Tool, ToolAnnotations, ToolCall, ToolDescriptor};
use serde_json::{Value, json};

struct Anything;
impl ArgumentCheck for Anything {
    fn check(&self, _: &Value) -> Result<(), String> {
        Ok(())
    }
}

/// A tool that takes any arguments.
pub(crate) fn tool(name: &str, python_name: &str, annotations: ToolAnnotations) -> Tool {
    Tool {
        python_name: python_name.to_owned(),
        descriptor: Arc::new(ToolDescriptor {
            name: name.to_owned(),
            title: None,
            description: None,
            input_schema: json!({}),
            output_schema: None,
            annotations,
        }),
        parameters: vec![],
        accepts_other_keywords: true,
        signature: "".into(),
        documentation: "".into(),
        arguments: Arc::new(Anything),
    }
}

/// Calls that are counted here, at this time.
struct At<'a>(&'a Mutex<Rates>, Duration);

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
    spent: &Mutex<Spent>,
    rates: &Mutex<Rates>,
    now: Duration,
) -> Result<Permit, Refusal> {
    let store = At(rates, now);
    let mut reserving = pin!(decide(call, grants, policy)?.reserve(spent, &store));
    match reserving.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(permit) => permit,
        Poll::Pending => panic!("the store answers at once"),
    }
}
