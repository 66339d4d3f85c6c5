//! What a person is shown of an approval, and which line of configuration would make it unnecessary.
//!
//! A [card](card_text) shows all that is asked, byte for byte and without a cut: every character that does not show as itself, and every one that looks like
//! another, is [named by its number](visible). What is shown can be [read back](unseen) to the bytes that are sent, so that no two calls look alike.
//!
//! A [suggestion](suggestions) is the text of a configuration. Nothing here writes it, answers an approval, or reads a clock.
//!
//! ```
//! use exuvia_approvals::visible;
//!
//! assert_eq!(visible("{\"to\": \"a\u{202e}b\"}"), "{\"to\": \"a⟦U+202E⟧b\"}");
//! // The second letter is Cyrillic.
//! assert_eq!(visible("p\u{430}ypal"), "pа⟦U+0430⟧ypal");
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::disallowed_methods, clippy::disallowed_types, reason = "no clock, no file, no environment")
)]

mod card;
mod json;
mod past_calls;
mod suggestion;
mod visible;

pub use card::{card_text, summary_line};
pub use json::{approval_json, read_approval};
pub use past_calls::{MAX_PAST_CALLS, MAX_RUNS_READ, PastCall, PastCalls, past_calls};
pub use suggestion::{Scope, Suggestion, suggestions};
pub use visible::{MARK_BEGIN, MARK_END, unseen, visible};
