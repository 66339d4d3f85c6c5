//! One connection to one MCP server, over stdio or HTTP, in whichever of the two protocol eras the server speaks.
//!
//! [`Connection::open`] starts a server as a child process, or reaches it over HTTP, and greets it. From then on
//! [`Connection::list`] reads its tools and [`Connection::send`] sends a request, each once: whether the server is worth another
//! connection, who may call what, and when, is decided above, in `exuvia-upstream`, which is the only one that opens connections.
//!
//! # Nouns
//!
//! - A **connection** is a process, or a way to a server over HTTP, and the conversation with it. It is as cheap as its transport,
//!   lives until it is [closed](Connection::close) or the other end goes, and is never repaired: whoever needs another opens one.
//! - A **request** is rmcp's type, made by [`call`] for tools and by [`request`] for all else, and its [`Slot`] is where the answer is
//!   put. rmcp keeps the protocol and never sees the answer, which stays as the server wrote it.
//! - A [`ServerAnswer`] is what came back for one request; [`outcome`] makes of it what a script sees, or what is [`Relayed`] to a client.
//! - [`InterimMessage`] is what a server says before it answers: its progress, and its [`Question`]s to the user.
//! - The [`Reaper`] guards all child processes of one program: none outlives it. It costs a shell, while there are any.
//!
//! What a server sends is untrusted: every line, list and wait has a bound. The table of what comes of each misbehavior is in
//! the README of `exuvia-upstream`.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use exuvia_config::{ServerConfig, UpstreamLimits};
//! use exuvia_mcp_client::{Connection, Input, Reaper, Slot, authorization, call, outcome};
//! use exuvia_tool::{Json, Place, ToolName};
//!
//! # async fn example() -> Result<(), String> {
//! let crm = ServerConfig::stdio("crm", "exuvia", ["sample".to_owned(), "crm".to_owned()], &|name| std::env::var(name).ok());
//! let (limits, reaper) = (UpstreamLimits::default(), Arc::new(Reaper::new()));
//! let credentials = authorization(&crm, &reaper);
//! let opened = Connection::open(&crm, limits, &reaper, &credentials, Arc::new(()), None, &Arc::default()).await;
//! let connection = opened.map_err(|error| error.message)?;
//! println!("{} tools", connection.list(limits).await?.tools.len());
//!
//! let name = ToolName::new("crm", "get_contact");
//! let arguments = Json::parse(r#"{"contact_id": 1}"#).unwrap();
//! let request = call(name.tool.clone(), arguments.into(), false, Input::default());
//! if let Ok(contents) = connection.send(request, Slot::default(), None, Place::default()).await {
//!     println!("{:?}", outcome::outcome(contents, &name, false, 16 << 20, limits.message_bytes));
//! }
//! connection.close().await;
//! # Ok(())
//! # }
//! ```

mod arguments;
mod blocks;
mod connection;
mod content;
pub mod error_code;
mod exchange;
mod failure;
mod forms;
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
mod http;
mod ids;
mod input_requests;
mod lines;
mod list;
mod list_changes;
mod message;
mod notifications;
mod offload;
mod order;
pub mod outcome;
mod pages;
mod parameter_headers;
mod plain_names;
mod question;
pub mod question_form;
mod reader;
mod relay;
mod repair;
mod stdio;
mod trace_context;
mod transport_handle;
mod value;

pub use connection::{BrokenOff, Connection, Dialect, call};
pub use exchange::{Doubt, RawSlice, RequestKind, ServerAnswer, SessionOutcome, Slot, SlotContents};
pub use failure::CallFailure;
pub use handshake::ConnectError;
pub use http::authorization;
pub use input_requests::InputRequests;
pub use list::ToolList;
pub use notifications::ResourceListener;
pub use offload::offload;
pub use pages::Pages;
pub use question::Question;
pub use relay::{Abilities, Input, InterimMessage, Listing, Query, RelayOptions, Relayed, ResultKind, request};
pub use stdio::{Reaper, ServerLog};
