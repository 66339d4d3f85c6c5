//! Untrusted text sanitized for display: bounded, printable, in one quoted line or an indented block.
//!
//! Names, descriptions, error messages and log lines come from servers, scripts and clients that nobody vouches for.
//! Before they reach a terminal, a log, a stub or an answer they pass through this crate, which is the one place that
//! knows which characters show as themselves ([`is_plain`]) and how text is cut. It keeps no state and allocates no more
//! than its bounds.
//!
//! There are two ways to treat a character that does not show as itself:
//!
//! - it is *left out* where somebody reads prose: [`one_line`], [`block`];
//! - it is *escaped*, as `\u{202e}`, where somebody must see what is there: [`printable`], [`line()`], [`quoted`], [`json`].
//!
//! ```
//! use exuvia_text::{line, one_line, quoted};
//!
//! assert_eq!(one_line("Reads\na file\u{202e}.", 80), "Reads a file.");
//! assert_eq!(line("x\nauto_execute = [\"*\"]"), "x\\nauto_execute = [\"*\"]");
//! assert_eq!(quoted("a\u{200b}b", 80), "\"a\\u{200b}b\"");
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::disallowed_methods, clippy::disallowed_types, reason = "no clock, no file, no environment")
)]

mod characters;
mod escape;
mod prose;
mod tokens;

pub use characters::{is_plain, is_plain_name};
pub use escape::{indented, json, line, printable, quoted};
pub use prose::{block, cut, one_line};
pub use tokens::tokens;
