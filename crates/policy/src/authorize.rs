//! Authorization: the decision on one call.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use exuvia_tool::{BoxFuture, Cost, HeldCall, ToolCall, ToolName};

use crate::arguments::{self, WrongArgument};
use crate::classification::Classification;
use crate::grants::Grants;
use crate::pattern::Rule;
use crate::policy::Policy;
use crate::rate::RunCallCounts;
use crate::source::OnUnlisted;

/// The proof that one call was authorized. It owns the call.
#[derive(Debug)]
pub struct Permit {
    call: ToolCall,
    cost: Cost,
    rule: Option<Rule>,
    is_repeatable: bool,
}

impl Permit {
    /// The call that is permitted.
    #[must_use]
    pub fn call(&self) -> &ToolCall {
        &self.call
    }

    /// What it costs.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// The entry of a list that allows it. None: it is granted on the word of the operator.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        self.rule.as_ref()
    }

    /// Whether the operator says that it does no harm to make it twice.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        self.is_repeatable
    }

    /// Uses the permit up.
    #[must_use]
    pub fn into_call(self) -> ToolCall {
        self.call
    }
}

/// A call that may not be made as things are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It may not be made. The script gets an error and may go on.
    Denied(Denial),
    /// Somebody has to be asked first.
    Held(Box<HeldCall>),
}

/// Why a call was denied. `Display` is for the script; [`operator`](Self::operator) names the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The tool that was called.
    pub tool: ToolName,
    /// Why.
    pub reason: DenialReason,
}

/// Why a call was denied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DenialReason {
    /// The operator denied the tool, by this rule.
    Denied(Rule),
    /// The tool does not exist for this gateway (any more).
    Hidden,
    /// The tool is outside the allowlist, and such calls are denied.
    Unlisted,
    /// An argument is not what the operator allows.
    Argument {
        /// The argument.
        name: String,
        /// What it must be, as the end of a sentence.
        must: String,
    },
    /// The run has made all calls to the server that a run may make.
    CallsPerRun(u64),
    /// The server was called as often as it may be in a minute.
    CallsPerMinute {
        /// How often it may be.
        most: u32,
        /// When the next call may be made.
        wait: Duration,
    },
    /// The script has ended; what still runs of it may call nothing.
    Ended,
    /// Whoever the script acts for may do nothing any more, for this reason.
    NoAccess(String),
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tool, reason } = self;
        match reason {
            DenialReason::Denied(_) | DenialReason::Unlisted | DenialReason::Hidden => {
                write!(f, "{tool} may not be called by this script: go on without it, or leave it to the user")
            }
            DenialReason::Argument { name, must } => {
                write!(f, "{tool} may not be called with this {name}: {name} {must}")
            }
            DenialReason::CallsPerRun(most) => {
                write!(f, "{} is limited to {most} calls per script: fetch more with each call, or less", tool.server)
            }
            DenialReason::CallsPerMinute { most, wait } => {
                let seconds = wait.as_secs_f64().ceil();
                write!(f, "{} is limited to {most} calls per minute: try again in {seconds} s", tool.server)
            }
            DenialReason::Ended => write!(f, "{tool} was not called: the script has ended"),
            DenialReason::NoAccess(why) => write!(f, "{tool} was not called: {why}"),
        }
    }
}

impl std::error::Error for Denial {}

impl Denial {
    /// The rule behind it, for the operator.
    #[must_use]
    pub fn operator(&self) -> String {
        let server = &self.tool.server;
        match &self.reason {
            DenialReason::Denied(rule) => rule.to_string(),
            DenialReason::Hidden => Classification::Hidden.why(&self.tool),
            DenialReason::Unlisted => Classification::Unlisted(OnUnlisted::Deny).why(&self.tool),
            DenialReason::Argument { name, must } => format!("servers.{server}.constraints: {name} {must}"),
            DenialReason::CallsPerRun(most) => format!("servers.{server}.calls_per_run is {most}"),
            DenialReason::CallsPerMinute { most, .. } => format!("servers.{server}.calls_per_minute is {most}"),
            DenialReason::Ended => "the grants of a run end with its script".to_owned(),
            DenialReason::NoAccess(why) => why.clone(),
        }
    }
}

/// A call that the policy allows, if what it takes is still there. It owns the call.
#[derive(Debug)]
pub struct Allowed {
    call: ToolCall,
    quotas: Quotas,
    rule: Option<Rule>,
    is_repeatable: bool,
}

/// What there may be of calls like one: each bound takes one call of it. None: as many as there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Quotas {
    /// Calls of one run to the server.
    pub calls_per_run: Option<u64>,
    /// Calls of all runs to the server, in a minute.
    pub calls_per_minute: Option<u32>,
    /// What the call costs: for whoever keeps budgets.
    pub cost: Cost,
}

/// Where the calls of all runs are counted.
pub trait RateStore: Send + Sync {
    /// Counts a call of this server now, unless that would be more than `most` in a minute. Then: how long to wait.
    fn take<'a>(&'a self, server: &'a str, most: u32) -> BoxFuture<'a, Result<(), Duration>>;
}

/// Decides on one call, by the real names and arguments and the current policy. Nothing is counted yet: [`Allowed::quotas`]
/// returns what the call takes, and [`Allowed::reserve`] takes it.
///
/// # Errors
///
/// The call is denied, or needs approval.
pub fn decide(mut call: ToolCall, grants: &Grants, policy: &Policy) -> Result<Allowed, Refusal> {
    let tool = call.name.clone();
    let denied = |reason| Refusal::Denied(Denial { tool: tool.clone(), reason });
    let Some(rules) = policy.rules(&tool.server) else { return Err(denied(DenialReason::Hidden)) };
    let standing = rules.classify(&tool.tool);
    let is_granted = grants.still_cover(&tool, &standing);
    match &standing {
        _ if is_granted => {}
        Classification::Denied(rule) => return Err(denied(DenialReason::Denied(rule.clone()))),
        Classification::Hidden => return Err(denied(DenialReason::Hidden)),
        Classification::Unlisted(OnUnlisted::Deny) => return Err(denied(DenialReason::Unlisted)),
        // Somebody is asked, once it is clear that nothing else is in the way.
        Classification::Unlisted(_) | Classification::Listed(_) => {}
    }
    arguments::check(&mut call.arguments, &rules.bounded(&tool.tool))
        .map_err(|WrongArgument { name, must }| denied(DenialReason::Argument { name, must }))?;
    // Also what was listed after the run began: grants of a run never grow.
    if !is_granted {
        return Err(Refusal::Held(Box::new(held(policy, call))));
    }
    call.arguments.decided();
    let quotas = Quotas {
        calls_per_run: rules.calls_per_run,
        calls_per_minute: rules.calls_per_minute,
        cost: rules.cost(&tool.tool),
    };
    let is_repeatable = rules.repeats(&tool.tool);
    let rule = match standing {
        Classification::Listed(rule) => Some(rule),
        _ => None,
    };
    Ok(Allowed { call, quotas, rule, is_repeatable })
}

impl Allowed {
    /// The call that is allowed.
    #[must_use]
    pub fn call(&self) -> &ToolCall {
        &self.call
    }

    /// Whether the operator says that it does no harm to make it twice.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        self.is_repeatable
    }

    /// What it takes.
    #[must_use]
    pub fn quotas(&self) -> Quotas {
        self.quotas
    }

    /// Takes what the call takes, which gives the permit. `spent` is that of its run. A future that is dropped may have taken it
    /// in vain.
    ///
    /// # Errors
    ///
    /// There is not enough left. Then nothing is taken.
    pub async fn reserve(self, spent: &Mutex<RunCallCounts>, rates: &dyn RateStore) -> Result<Permit, Refusal> {
        let server = &self.call.name.server;
        let taken = locked(spent).take(server, self.quotas.calls_per_run);
        taken.map_err(|most| self.denied(DenialReason::CallsPerRun(most)))?;
        if let Some(most) = self.quotas.calls_per_minute
            && let Err(wait) = rates.take(server, most).await
        {
            locked(spent).give_back(server);
            return Err(self.denied(DenialReason::CallsPerMinute { most, wait }));
        }
        let Self { call, quotas, rule, is_repeatable } = self;
        Ok(Permit { call, cost: quotas.cost, rule, is_repeatable })
    }

    fn denied(&self, reason: DenialReason) -> Refusal {
        Refusal::Denied(Denial { tool: self.call.name.clone(), reason })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is asked about a call.
fn held(policy: &Policy, call: ToolCall) -> HeldCall {
    let ToolCall { id, name, arguments, .. } = call;
    let allow = policy.line_that_allows(&name.server, &[&name.tool]);
    HeldCall { id: Some(id), name, arguments: Some(arguments.into_json()), allow, approval: None }
}
