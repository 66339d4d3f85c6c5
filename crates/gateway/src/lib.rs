//! From a script to its report.
//!
//! A [`Gateway`] joins the rooms: the namespace that scripts see, the engine that runs them, the policy, the journal,
//! and the upstream servers. `admission.rs` decides on a script before it starts. Every tool call takes one way through it, in `call.rs`: validate, authorise, record,
//! dispatch. [`meta`] holds the four tools that a model is given, and [`answer`] what it reads of a report.

mod admission;
pub mod answer;
mod authority;
mod call;
mod catalogue;
mod configuration;
mod direct;
mod ended;
mod exposed;
mod gateway;
mod ids;
mod later;
mod listing;
pub mod meta;
mod metrics;
mod plain_items;
mod prepared;
mod profile;
mod queue;
mod reading;
mod record;
mod run_runtime;
mod runs;
mod settings;
mod subscriptions;
mod traced;
pub mod trees;
mod unknown;
mod view;

pub use admission::{Checked, PrePass, StartedBy, Verdict};
pub use configuration::{Configuration, Outdated, Part};
pub use direct::{DirectAnswer, DirectCall};
pub use gateway::{Gateway, GatewayConfig, RunHandle};
pub use ids::now_ms;
pub use listing::{Gap, Listed, RequestPlace};
pub use metrics::MEDIA_TYPE as METRICS_MEDIA_TYPE;
pub use profile::{Mode, Profile, Profiles};
pub use queue::{Busy, Client, QueueLimits};
pub use runs::{RunInfo, RunState, Runs};
pub use settings::{OnDisconnect, Settings};
pub use view::{DirectTool, View};
