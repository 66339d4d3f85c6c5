//! What the tasks of an agent cost in tokens: every tool in its context, beside code mode.
//!
//! A suite is a folder: `suite.toml` names rounds, each with servers and task files; `tasks/*.toml` describe tasks; `servers/*.py`
//! answer for the servers, and say what they list where no recorded catalog does; `transcripts/*.json` are recorded conversations.
//! Whoever plays a suite gives a [`Session`] with the real gateway in front of the suite's servers.

mod classic;
mod conversation;
mod fixture;
mod needs;
mod play;
mod policy;
mod python;
mod report;
mod seen;
mod session;
mod suite;
mod task;
mod transcript;

pub use classic::definitions;
pub use conversation::{Conversation, Cost, Counter, Turn};
pub use fixture::{Fixture, FixtureAnswer};
pub use play::{Played, Table, play, replay};
pub use policy::Guess;
pub use report::TokenReport;
pub use session::{Answer, ServerCall, Session};
pub use suite::{Prepared, Round, TokenSuite};
pub use task::Task;
pub use transcript::{Exchange, Transcript};
