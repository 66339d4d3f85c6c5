//! The policy: who may call what.
//!
//! A [`Policy`] is compiled once from what the operator wrote ([`PolicySource`]). A script is decided on twice: as a whole
//! before it starts ([`admit`]), on what a pre-pass found that it names, and call by call while it runs ([`decide`]), on
//! the real names and arguments. A call that is [`Allowed`] tells its [`Quotas`]; whoever keeps those [reserves](Allowed::reserve)
//! them, which alone gives a permit. The first decision saves turns; the second one is the guard. A run holds [`Grants`], which
//! never grow; each of its calls gets a [`Permit`] or a [`Refusal`]. A permit owns the call that it permits, nothing else can
//! make one, and it is the only thing that a [`Provider`] dispatches: what was authorized is what is sent.
//!
//! What a tool says of itself (`readOnlyHint` and the like) is no part of any decision.
//!
//! Pure: no clock, no I/O. Time is an argument; what was called so far is kept by the caller in [`RunCallCounts`] and [`RateWindows`].
//!
//! ```
//! use exuvia_policy::{Grants, Policy, PolicySource, ServerRules, decide};
//! use exuvia_tool::{Arguments, CallId, ToolCall, ToolName};
//!
//! let rules = ServerRules { deny: vec!["delete_*".into()], calls_per_run: Some(3), ..ServerRules::default() };
//! let source = PolicySource { servers: [("crm".to_owned(), rules)].into(), ..PolicySource::default() };
//! let policy = Policy::compile(source, ["crm"]).unwrap();
//!
//! let grants = Grants::of([ToolName::new("crm", "get_contacts"), ToolName::new("crm", "delete_contact")]);
//! let decided = |tool| {
//!     let arguments = Arguments::parse("{}").unwrap();
//!     decide(ToolCall { id: CallId(1), name: ToolName::new("crm", tool), arguments, line: None }, &grants, &policy)
//! };
//! assert_eq!(decided("get_contacts").unwrap().quotas().calls_per_run, Some(3));
//! assert!(decided("delete_contact").is_err());
//! assert!(decided("get_orders").is_err());
//! ```
//!
//! A permit cannot be made by hand, copied, or changed:
//!
//! ```compile_fail
//! # use exuvia_tool::{Arguments, CallId, ToolCall, ToolName};
//! let call = ToolCall { id: CallId(1), name: ToolName::new("a", "b"), arguments: Arguments::parse("{}").unwrap(), line: None };
//! let permit = exuvia_policy::Permit { call };
//! ```
//!
//! ```compile_fail
//! fn twice(permit: exuvia_policy::Permit) -> (exuvia_policy::Permit, exuvia_policy::Permit) {
//!     (permit.clone(), permit)
//! }
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::disallowed_methods, clippy::disallowed_types, reason = "no clock, no file, no environment")
)]

mod admit;
mod arguments;
mod authorize;
mod classification;
mod condition;
mod error;
mod fold;
mod glob;
mod grants;
mod key;
mod pattern;
mod policy;
mod provider;
mod qualified;
mod rate;
mod reads;
mod redaction;
mod rules;
mod source;

pub use admit::{Admission, ReferencedTools, admit};
pub use authorize::{Allowed, Denial, DenialReason, Permit, Quotas, RateStore, Refusal, decide};
pub use classification::Classification;
pub use error::PolicyError;
pub use glob::literal;
pub use grants::Grants;
pub use key::Key;
pub use pattern::Rule;
pub use policy::Policy;
pub use provider::{Offered, Provider};
pub use rate::{RateWindows, RunCallCounts};
pub use reads::{READS, is_read};
pub use redaction::{REDACTED, Redaction, RedactionError};
pub use source::{Condition, OnUnlisted, PolicySource, RoleRules, ServerRules};
