//! The gateway: from a script to its report.
//!
//! A [`Gateway`] joins the other crates: the namespace that scripts see, the engine that runs them, the policy, the journal,
//! and the upstream servers. There is one per process.
//!
//! - [`Settings`] are what a reload may replace. A run keeps the settings, namespace and routes that it was started with, but for
//!   the policy, which applies to its next call.
//! - A [`View`] is what the clients of one [`Profile`] see at one moment.
//! - `admission.rs` decides on a script before it starts.
//! - `call` is the only path of a tool call: validate, authorize, record, dispatch.
//! - [`meta`] has the four tools that a model is given, and [`answer`] renders a report for it.

#![deny(clippy::disallowed_methods, reason = "calls go through the permits of exuvia-upstream")]

mod admission;
pub mod answer;
mod answer_shapes;
mod approvals;
mod asked_clients;
mod authority;
mod call;
mod cancelling;
mod client_questions;
mod coming_back;
mod configuration;
mod direct_calls;
mod end_guards;
mod functions;
mod gateway;
mod held_run;
mod hints;
mod ids;
mod kept_runs;
mod kept_view;
mod listing;
pub mod meta;
mod metrics;
mod over_budget;
mod own_directory;
mod page_questions;
mod pending_namespace;
mod pending_run;
mod pick_up;
mod plain_items;
mod public_names;
mod queue;
mod record;
mod recorded_end;
mod repair;
mod role_views;
mod run_part;
mod run_report;
mod run_runtime;
mod run_span;
mod runs;
mod script_analysis;
mod sessions;
mod settings;
mod shape_source;
mod shipped_shapes;
mod subscriptions;
mod tool_pins;
pub mod trees;
mod unknown_name;
mod view;
mod view_store;
mod weighed_cache;
mod workspaces;

pub use admission::{AdmissionVerdict, Checked, PrePass, StartedBy};
pub use answer_shapes::AnswerShapes;
pub use approvals::{ApprovalConfig, ApprovalLinks, ApprovalNotices, AskedApprovals};
pub use asked_clients::{AskedClients, UnreachedClient};
pub use cancelling::NotCancelled;
pub use client_questions::{AskedApproval, ClientQuestion, ServerQuestion};
pub use configuration::{ConfigPart, Configuration, Outdated};
pub use direct_calls::{DirectAnswer, DirectCall};
pub use exuvia_config::{Mode, OnDisconnect, PinMode, Profile, Profiles, QueueLimits};
pub use exuvia_workspace::{Browser, FilePage, FoundFile, OpenError, RemoveError, Usage};
pub use functions::{FunctionLibrary, OfferedFunction};
pub use gateway::{Gateway, GatewayConfig, RunHandle};
pub use ids::now_ms;
pub use listing::{Gap, ItemList, RequestPlace};
pub use metrics::MEDIA_TYPE as METRICS_MEDIA_TYPE;
pub use page_questions::{NotAnswered, OpenQuestion, OpenQuestions, QuestionAnswer};
pub use queue::{Busy, Client};
pub use runs::{RunChange, RunInfo, RunState, Runs};
pub use sessions::{Forgotten, SessionState, Sessions};
pub use settings::Settings;
pub use tool_pins::{ToolPins, listed};
pub use view::{DirectTool, View};
pub use workspaces::{ClientWorkspace, Workspaces};
