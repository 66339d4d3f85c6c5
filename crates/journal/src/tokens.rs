//! How many tokens models write and read, summed up by day.

use std::collections::BTreeMap;

use exuvia_text::tokens;
use exuvia_tool::{Json, Origin, ToolOutcome};

use crate::{Entry, Event};

/// A day, in milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;
/// What is counted of a text, in bytes. What a longer one has is estimated by that.
const COUNTED_BYTES: usize = 64 << 10;
/// About how many bytes of a script are a token.
const SCRIPT_BYTES: u64 = 4;

/// What has tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TokenKind {
    /// Arguments and answers of calls of scripts: models do not see them.
    Call,
    /// Arguments and answers of calls that clients made themselves.
    Direct,
    /// What clients looked up of tools: their questions and the answers.
    Lookup,
    /// Results, logs and errors of runs.
    Result,
    /// Scripts.
    Script,
}

/// The tokens of one kind on one day, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenSum {
    /// The beginning of the day, in milliseconds since the epoch.
    pub day_ms: u64,
    /// Of what.
    pub kind: TokenKind,
    /// How many of it: calls, questions, results, scripts.
    pub count: u64,
    /// About how many tokens of `o200k` they have.
    pub tokens: u64,
}

impl TokenKind {
    const ALL: [Self; 5] = [Self::Call, Self::Direct, Self::Lookup, Self::Result, Self::Script];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Direct => "direct",
            Self::Lookup => "lookup",
            Self::Result => "result",
            Self::Script => "script",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Sums that are not written yet.
#[derive(Debug, Default)]
pub(crate) struct TokenSums(BTreeMap<(u64, TokenKind), (u64, u64)>);

impl TokenSums {
    /// Adds so many of a kind.
    pub(crate) fn add(&mut self, at_ms: u64, kind: TokenKind, (count, tokens): (u64, u64)) {
        let sum = self.0.entry((at_ms / DAY_MS * DAY_MS, kind)).or_default();
        (sum.0, sum.1) = (sum.0.saturating_add(count), sum.1.saturating_add(tokens));
    }

    /// Adds what an entry has.
    pub(crate) fn add_entry(&mut self, entry: &Entry, at_ms: u64) {
        let call = if matches!(entry.origin, Origin::Direct(_)) { TokenKind::Direct } else { TokenKind::Call };
        match &entry.event {
            Event::RunStarted(start) => self.add(at_ms, TokenKind::Script, (1, about(&start.source))),
            Event::RunRefused { source_bytes, reason, .. } => {
                self.add(at_ms, TokenKind::Script, (1, source_bytes / SCRIPT_BYTES));
                self.add(at_ms, TokenKind::Result, (1, about(reason)));
            }
            Event::RunEnded(end) => {
                let error = end.error.as_ref().map_or(0, |error| {
                    let hint = error.hint.as_deref().unwrap_or_default();
                    [&*error.message, &*error.traceback, hint].into_iter().map(about).sum()
                });
                let result = end.result.as_ref().map_or(0, |result| about(result.as_str()));
                self.add(at_ms, TokenKind::Result, (1, result + about(&end.log) + error));
            }
            // A name with a colon is none of a server: what an operator did is recorded so.
            Event::CallIntended { call: intended, .. } if !intended.name.server.contains(':') => {
                self.add(at_ms, call, (1, about(intended.arguments.as_str())));
            }
            Event::CallEnded { outcome: Some(outcome), .. } => self.add(at_ms, call, (0, of_outcome(outcome))),
            _ => {}
        }
    }

    /// Adds others.
    pub(crate) fn append(&mut self, others: Self) {
        for ((day_ms, kind), sum) in others.0 {
            self.add(day_ms, kind, sum);
        }
    }

    /// What is written of them, in order.
    pub(crate) fn sums(&self) -> Vec<TokenSum> {
        let sum = |(&(day_ms, kind), &(count, tokens)): (&(u64, TokenKind), &(u64, u64))| TokenSum {
            day_ms,
            kind,
            count,
            tokens,
        };
        self.0.iter().map(sum).collect()
    }
}

fn of_outcome(outcome: &ToolOutcome) -> u64 {
    outcome.as_ref().map_or_else(|error| about(&error.to_string()), |value: &Json| about(value.as_str()))
}

/// About how many tokens a text has.
pub(crate) fn about(text: &str) -> u64 {
    let counted = &text[..text.floor_char_boundary(COUNTED_BYTES)];
    let of_counted = tokens(counted, usize::MAX) as u64;
    if counted.len() == text.len() { of_counted } else { of_counted * text.len() as u64 / counted.len() as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_estimated_by_its_beginning() {
        let line = "{\"id\":1,\"name\":\"Ada\"},";
        let (short, long) = (about(&line.repeat(100)), about(&line.repeat(100_000)));
        assert!((short * 990..short * 1_010).contains(&long), "{short} {long}");
    }

    #[test]
    fn the_names_of_kinds_are_read_again_and_are_in_order() {
        let names: Vec<_> = TokenKind::ALL.iter().map(|kind| kind.name()).collect();
        assert!(names.is_sorted() && TokenKind::ALL.is_sorted());
        assert!(TokenKind::ALL.into_iter().all(|kind| TokenKind::of_name(kind.name()) == Some(kind)));
    }
}
