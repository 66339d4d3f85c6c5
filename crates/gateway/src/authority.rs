//! The policy of the moment and what was called under it: one for all runs of a gateway.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use exuvia_policy::{Grants, Permit, Policy, Rates, Refusal, Spent, authorize};
use exuvia_tool::ToolCall;

/// Decides on calls as the policy is when they are made. A policy that is replaced holds for running scripts at once.
#[derive(Debug)]
pub(crate) struct Authority {
    policy: RwLock<Arc<Policy>>,
    rates: Mutex<Rates>,
    begun: Instant,
}

impl Authority {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy: RwLock::new(Arc::new(policy)), rates: Mutex::default(), begun: Instant::now() }
    }

    /// The policy of the moment.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another policy in force.
    pub(crate) fn replace(&self, policy: Policy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }

    pub(crate) fn authorize(&self, call: ToolCall, grants: &Grants, spent: &Mutex<Spent>) -> Result<Permit, Refusal> {
        authorize(call, grants, &self.policy(), spent, &self.rates, self.begun.elapsed())
    }
}
