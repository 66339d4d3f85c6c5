//! The admin API and the console of a gateway.
//!
//! [`AdminServer`] listens on a Unix socket and on a loopback address, each with a credential of its own, and answers questions of the
//! operator: what happened, what waits, what is configured. Handlers are thin: what they answer comes from the gateway, its journals and
//! its stores ([`Sources`]). Every route is an entry of one table, of which the OpenAPI description is made, so that a route without a
//! description does not exist.
//!
//! Nothing here can be reached through the MCP listener, and no key of a client is a credential here. [`AdminClient`] is how the command
//! line asks a running daemon.

mod action;
mod admin;
mod answer;
mod api;
mod approval_events;
mod budget_members;
mod caller;
mod client;
mod credential;
mod events;
mod exported;
mod functions;
mod http;
mod journals;
mod live_events;
mod operation;
pub mod replayed;
mod server;
mod sessions;
mod sources;
mod survey;
mod time;

pub use admin::AdminHandle;
pub use budget_members::budget_members;
pub use client::{AdminClient, AdminEvents, ClientError};
pub use exported::{
    Exported, ExportedApproval, ExportedCall, ExportedEnd, ExportedErasure, ExportedParent, ExportedRejection,
    ExportedSession, ExportedStart, schema,
};
pub use functions::{
    FunctionText, FunctionsError, ListedFunction, SavedFunctions, function_act, function_diff, function_files,
};
pub use http::operation_paths;
pub use journals::{JournalReader, Journals, JournalsError, ReadJournal};
pub use server::{AdminServer, BindError, RunningAdmin};
pub use sources::{EffectiveConfig, ReadError, ServerSummary, SourceError, Sources};
pub use survey::{SurveyedServer, SurveyedTool, accept_tools};
pub use time::utc;
