//! The format of stored records: types of their own, so that a change of the program is no change of the format.
//!
//! A record has two parts. The *head* is public: one line of JSON with fixed order of fields, and a leaf of the Merkle tree. The *body* is
//! private: script, findings, arguments, answers, log, result and readings, as JSON, [sealed](crate::seal) with a key of its run. The head
//! holds the digest of the sealed body, so that the log still verifies when the key is dropped.
//!
//! `tests/wire` has an example of every kind. A reader refuses a newer version.

mod body;
mod call_error;
mod decode;
mod encode;
mod files;
mod head;
mod readings;
mod removals;
#[cfg(test)]
mod tests;
mod time;

pub(crate) use decode::stamped;
pub(crate) use encode::{body, head_event};
pub(crate) use head::{BodyRef, CallHead, ExpiredBy, Head, HeadEvent, REMOVALS, at_seq, malformed, version_of};
pub(crate) use removals::{erased, expired};
