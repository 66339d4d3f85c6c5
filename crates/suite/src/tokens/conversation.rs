//! What a conversation costs, request by request.

use serde_json::{Value, json};
use tiktoken_rs::CoreBPE;

use crate::SuiteError;

/// What a token that is read from a provider's cache costs, in percent of one that is not: as Anthropic and OpenAI charge it.
pub(super) const CACHED_PERCENT: u64 = 10;

/// Counts tokens in the encoding of the GPT-4o and GPT-5 families, `o200k_base`.
pub struct Counter {
    encoding: CoreBPE,
}

impl Counter {
    /// Loads the encoding, which takes some tenths of a second.
    ///
    /// # Errors
    ///
    /// It cannot be loaded.
    pub fn new() -> Result<Self, SuiteError> {
        let encoding = tiktoken_rs::o200k_base().map_err(|error| SuiteError::new("o200k_base".as_ref(), error))?;
        Ok(Self { encoding })
    }

    /// The tokens of a text.
    #[must_use]
    pub fn count(&self, text: &str) -> u64 {
        self.encoding.encode_ordinary(text).len() as u64
    }
}

/// A conversation in tokens: what stands before it, and what each turn adds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversation {
    /// The definitions of the tools.
    pub definitions: u64,
    /// What the user asked.
    pub prompt: u64,
    /// Of each turn in which the model called tools.
    pub turns: Vec<Turn>,
}

/// What one turn adds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Turn {
    /// What the model wrote: names and arguments of calls.
    pub written: u64,
    /// What came back.
    pub read: u64,
}

/// What a conversation costs. A request is one answer of the model: a turn with calls, or the last, which answers the user and is
/// counted without its own text, which is the same in every mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Requests to the model.
    pub requests: u64,
    /// Input tokens of all requests.
    pub input: u64,
    /// Those that the request before did not have.
    pub fresh: u64,
    /// Tokens that the model wrote.
    pub output: u64,
}

impl Conversation {
    /// The input of each request, the last included, with what of it the request before did not have.
    #[must_use]
    pub fn requests(&self) -> Vec<(u64, u64)> {
        let first = self.definitions + self.prompt;
        let mut requests = vec![(first, first)];
        let mut input = first;
        for turn in &self.turns {
            input += turn.written + turn.read;
            requests.push((input, turn.written + turn.read));
        }
        requests
    }

    /// What it costs.
    #[must_use]
    pub fn cost(&self) -> Cost {
        let requests = self.requests();
        Cost {
            requests: requests.len() as u64,
            input: requests.iter().map(|(input, _)| input).sum(),
            fresh: requests.iter().map(|(_, fresh)| fresh).sum(),
            output: self.turns.iter().map(|turn| turn.written).sum(),
        }
    }

    /// As JSON, turn by turn.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let requests = self.requests().into_iter().enumerate().map(|(place, (input, fresh))| {
            let written = self.turns.get(place).map_or(0, |turn| turn.written);
            json!({"input": input, "fresh": fresh, "cached": input - fresh, "output": written})
        });
        json!({"definitions": self.definitions, "prompt": self.prompt, "requests": requests.collect::<Vec<_>>()})
    }
}

impl Cost {
    /// The input as it is charged where the provider caches prefixes, in tokens of the full price.
    #[must_use]
    pub fn with_caching(&self) -> u64 {
        self.fresh + (self.input - self.fresh) * CACHED_PERCENT / 100
    }
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            input: self.input + other.input,
            fresh: self.fresh + other.fresh,
            output: self.output + other.output,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_reads_all_that_was_before() {
        let turns = vec![Turn { written: 10, read: 200 }, Turn { written: 20, read: 30 }];
        let cost = Conversation { definitions: 1_000, prompt: 50, turns }.cost();
        assert_eq!((cost.requests, cost.input), (3, 1_050 + 1_260 + 1_310));
        assert_eq!((cost.fresh, cost.output), (1_310, 30));
        assert_eq!(cost.with_caching(), 1_310 + (3_620 - 1_310) / 10);
    }
}
