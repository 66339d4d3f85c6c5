//! Questions to clients in the middle of their requests: what a client can be asked, how a question is shown, and how many are open.

mod client_messages;
mod open_questions;

pub(crate) use client_messages::{OpenQuestion, abilities, forward_progress};
pub(crate) use open_questions::{OpenQuestions, QuestionPlace};
