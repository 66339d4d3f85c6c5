//! The MCP servers behind the gateway: started, listed, called, bounded.
//!
//! [`Upstreams`] starts every configured server as a child process, or reaches it over HTTP, by the connections of
//! `exuvia-mcp-client`. There is one `Upstreams` per gateway. Its one way to call a tool takes a
//! [`Permit`](exuvia_policy::Permit), which only the policy makes, and uses it up.
//!
//! # Nouns
//!
//! - A **server** is an entry of the configuration: one for as long as that stays the same, whether it runs or not. It costs a
//!   task, which tries a server that did not start again and reads its list of tools when that changes.
//! - **Routes** lead to the servers of one moment. A run takes them at its start and keeps them; [`Upstreams::prepare`] puts
//!   other servers beside those, which end when no routes lead to them any more.
//! - A **lane** is one (server, credential): the calls that share a connection, and with it the server's state, its failures and
//!   its limits. Every server has the operator's lane, over which tools are listed; with [`Share::All`](exuvia_config::Share::All) there is no other one.
//!   With [`Share::Key`](exuvia_config::Share::Key) every key has its own, which closes when it has been idle for [`UpstreamLimits::key_idle_ms`](exuvia_config::UpstreamLimits::key_idle_ms); with
//!   [`Share::Run`](exuvia_config::Share::Run) every run, until it [ended](Routes::ended). [`UpstreamLimits::connections`](exuvia_config::UpstreamLimits::connections) bounds them.
//! - A **connection** is a process, or a way to a server over HTTP, and the conversation with it. A lane has one at most: it is opened when a call needs it,
//!   and never used again once a call broke off on it. No call is sent twice.
//! - A **breaker** per lane counts failures in a row. After five of them calls fail at once, with the time when trying again
//!   makes sense; then a single call probes for all. Pauses double from 0.1 s to 30 s, less up to half of them by chance.
//!
//! What a server sends is untrusted: every line, list and wait has a bound, one server's misbehavior stays its own, and an
//! answer is handed on as it was written. No child outlives this process. README.md says what comes of each misbehavior.
//!
//! This crate reads no configuration and no environment: `exuvia-config` does.
//!
//! ```no_run
//! use std::sync::Mutex;
//! use std::time::Duration;
//!
//! use exuvia_config::{ServerConfig, UpstreamLimits};
//! use exuvia_policy::{Grants, Policy, PolicySource, RateStore, RunCallCounts, decide};
//! use exuvia_tool::{Arguments, CallContext, CallId, Origin, Principal, RunId, ToolCall, ToolName};
//! use exuvia_upstream::{CallLimits, Upstreams};
//!
//! # async fn example(rates: impl RateStore) {
//! let crm = ServerConfig::stdio("crm", "exuvia", ["sample".to_owned(), "crm".to_owned()], &|name| std::env::var(name).ok());
//! let upstreams = Upstreams::start(vec![crm], UpstreamLimits::default()).await;
//! for server in upstreams.servers().iter() {
//!     println!("{}: {:?}, {} tools", server.name, server.state, server.tools.len());
//! }
//!
//! let name = ToolName::new("crm", "get_contact");
//! let arguments = Arguments::parse(r#"{"contact_id": 1}"#).unwrap();
//! let call = ToolCall { id: CallId(1), name: name.clone(), arguments, line: None };
//! let policy = Policy::compile(PolicySource::default(), ["crm"]).unwrap();
//! let allowed = decide(call, &Grants::of([name]), &policy).unwrap();
//! let permit = allowed.reserve(&Mutex::new(RunCallCounts::default()), &rates).await.unwrap();
//! let context = CallContext::new(Principal::Operator, Origin::Run(RunId::new("01J9")));
//! let limits = CallLimits { timeout: Duration::from_secs(30), result_bytes: 16 << 20 };
//! println!("{:?}", upstreams.call(permit, context, limits).await);
//!
//! upstreams.shutdown().await;
//! # }
//! ```
//!
//! A call without a permit is no argument of anything:
//!
//! ```compile_fail
//! # use exuvia_tool::{CallContext, ToolCall};
//! # use exuvia_upstream::{CallLimits, Upstreams};
//! async fn unasked(upstreams: &Upstreams, call: ToolCall, context: CallContext, limits: CallLimits) {
//!     let _ = upstreams.call(call, context, limits).await;
//! }
//! ```

mod call_span;
mod limits;
mod mailbox;
mod prepared_servers;
mod retiring_servers;
mod routes;
mod server;
mod status;
mod upstreams;

pub use limits::CallLimits;
pub use mailbox::Mailbox;
pub use prepared_servers::{Change, PreparedServers};
pub use routes::Routes;
pub use server::{Subscribing, Subscription};
pub use status::{Failing, LaneCounts, ServerState, ServerStatus};
pub use upstreams::{UpstreamSnapshot, Upstreams};
