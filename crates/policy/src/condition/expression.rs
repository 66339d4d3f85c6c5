//! Regular expressions that must match a whole text.

use regex::{Regex, RegexBuilder};
use regex_automata::nfa::thompson::Compiler;
use regex_automata::util::syntax;

use crate::condition::{Exhausted, Steps};

/// The memory that one compiled expression may take.
const REGEX_BYTES: usize = 1 << 18;

/// A compiled expression, and what it costs to try it.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    regex: Regex,
    /// On each byte of a text, at worst, each of them is tried.
    states: usize,
}

impl Expression {
    /// Compiles an expression.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let whole = format!("^(?:{text})$");
        // The parts of the message that point into the expression would point beside it.
        let regex = RegexBuilder::new(&whole).size_limit(REGEX_BYTES).build().map_err(|e| {
            let text = e.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        })?;
        let parsed = syntax::parse(&whole).map_err(|e| e.to_string())?;
        if parsed.properties().minimum_len().is_none() {
            return Err("no string can match it".to_owned());
        }
        let states = Compiler::new().build(&whole).map_err(|e| e.to_string())?.states().len();
        Ok(Self { regex, states })
    }

    /// Whether a text matches as a whole.
    pub(super) fn matches(&self, text: &str, steps: &mut Steps) -> Result<bool, Exhausted> {
        steps.take(text.len(), self.states)?;
        Ok(self.regex.is_match(text))
    }
}
