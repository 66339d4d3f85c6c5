//! Saved functions: which there are, and what a call of one does.
//!
//! `library.rs` reads the directory and the store, and follows both. `shown.rs` is what a view has of it: tools of a server `functions`. A
//! permitted call of one goes to `provider.rs`, which has `run.rs` execute the function as a run below its caller's; `proposing.rs` answers
//! `functions.propose`. `offered.rs`
//! has functions as clients are offered them themselves.

mod library;
mod nesting;
mod offered;
mod outcome;
mod proposing;
mod provider;
mod run;
mod shown;

pub use library::FunctionLibrary;
pub(crate) use library::follow;
pub(crate) use nesting::{CallCount, FunctionRuns, NestedRuns, Nesting};
pub use offered::OfferedFunction;
pub(crate) use provider::FunctionProvider;
pub(crate) use shown::{RunFunctions, ShownFunctions};
