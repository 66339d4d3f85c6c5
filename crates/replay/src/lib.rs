//! Records what a run takes from the world, and runs it again on that record.
//!
//! A run is a function of its guest, script, limits and namespace, of the answers of its calls, and of its
//! [readings](exuvia_journal::Reading): the times, random bytes and searches that it got, and the order in which answers were
//! delivered. The gateway runs each script with a [`RecordingIo`] and keeps the namespace as an [object](namespace_object); the
//! journal has the rest. A [`Replay`] runs the script again on an engine, without any server, and compares: result, error, log,
//! calls, fuel and peak memory are the same, or the [`Departure`] is named at which the two runs part.
//!
//! - A replay never calls anything: what the record does not have ends it.
//! - A run that was stopped by time, cancelled, held or cut off by a crash has no end that follows from its record. It is
//!   replayed to its last recorded event, and [`Verdict::SameSoFar`] says so.
//! - An [edited](Replay::edited) script runs on the recorded answers as far as they go: each call takes the first unused answer
//!   of the same tool with the same arguments, and [`Verdict::NewCall`] names the first one that has none.
//! - Another guest is another [`Engine`](exuvia_runtime::Engine), after [`Replay::with_any_guest`]. [`GuestEngines`] has those of the guests that
//!   runs were made with.
//!
//! [`RecordedRun`] is the record as a replay reads it. The gateway repairs failed scripts by it.
//!
//! ```no_run
//! use exuvia_journal::Archive;
//! use exuvia_replay::{Replay, Verdict};
//! use exuvia_runtime::{Engine, EngineConfig};
//! use exuvia_tool::RunId;
//!
//! # async fn example(archive: &dyn Archive) -> Result<(), Box<dyn std::error::Error>> {
//! let replay = Replay::load(archive, &RunId::new("01KB0000000000000000000000")).await?;
//! let replayed = replay.run(&Engine::new(&EngineConfig::default())?).await?;
//! match replayed.verdict {
//!     Verdict::Same => println!("reproduced with {} units of fuel", replayed.report.usage.fuel),
//!     Verdict::Departed(departure) => println!("{departure}"),
//!     other => println!("{other}"),
//! }
//! # Ok(())
//! # }
//! ```

mod departure;
mod difference;
mod digest;
mod edited;
mod error;
mod file_digest;
mod guest_engines;
mod namespace;
mod open_files;
mod pending_readings;
mod progress;
mod read_files;
mod recorded_run;
mod recorded_size;
mod recording_files;
mod recording_io;
mod replay;
mod replay_files;
mod replay_io;
mod replay_tools;
mod resume;
mod resume_files;
mod resume_io;
mod resume_tools;
mod resuming;
mod revival;
mod source;
mod strict;

pub use departure::{Departure, NewCall};
pub use difference::Difference;
pub use digest::sha256_hex;
pub use error::{NotReplayable, ReplayError};
pub use guest_engines::{GuestEngines, GuestError};
pub use namespace::namespace_object;
pub use open_files::SessionFiles;
pub use pending_readings::PendingReadings;
pub use recorded_run::{CallState, RecordedCall, RecordedRun};
pub use recorded_size::{MAX_FILE_BYTES, MAX_READINGS_BYTES, RecordedSize};
pub use recording_io::RecordingIo;
pub use replay::{Replay, Replayed, Verdict};
pub use resume::{Resume, ResumedParts, Resumption};
pub use revival::{NotRevived, Revived, revive};
