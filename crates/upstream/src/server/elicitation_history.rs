//! Tools that send elicitation requests.
//!
//! Servers of the legacy era ask (`elicitation/create`, `sampling/createMessage`) over the connection as a whole. With
//! several calls in flight nothing says which of them the question is for, and on a connection that several clients use
//! not even whose it is. So a question is handed on only where there is one call that it can belong to, on a connection that no
//! other client has used, and is declined otherwise. What was declined is remembered: from then on the calls of that tool
//! take a connection that is the client's own, on which they go one by one.
//!
//! A tool that was in flight beside others when a question came may be the one that asked; a call of it without a question
//! clears it. A tool that did ask is forgotten after a number of calls without one, and back on the shared connection.

use std::collections::HashMap;
use std::sync::Mutex;

use exuvia_mcp_client::Doubt;
use exuvia_tool::locked;

/// Tools that are remembered. Questions of further ones are declined wherever several clients share a connection.
const TOOLS: usize = 256;
/// Calls without a question that clear a tool which was in flight beside others when one came.
const SUSPECTED: u32 = 1;
/// Calls without a question after which a tool that did ask is forgotten.
const ASKED: u32 = 16;

/// What is known of the questions of one server.
#[derive(Debug, Default)]
pub(crate) struct ElicitationHistory(Mutex<HashMap<String, AskingTool>>);

/// A tool that may ask.
#[derive(Debug, Clone, Copy)]
struct AskingTool {
    /// Calls without a question after which it is forgotten.
    left: u32,
    /// It did ask.
    is_certain: bool,
}

/// Whether a tool asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// It may be one that does.
    Perhaps,
    /// It did.
    Certainly,
}

impl ElicitationHistory {
    /// Whether a tool asks, as far as is known.
    pub(crate) fn of(&self, tool: &str) -> Option<Asks> {
        let quiet = locked(&self.0).get(tool).copied()?;
        Some(if quiet.is_certain { Asks::Certainly } else { Asks::Perhaps })
    }

    /// A question was declined that may have been for a call of this tool.
    pub(crate) fn declined(&self, tool: &str, doubt: Doubt) {
        match doubt {
            Doubt::Alone => self.remember(tool, AskingTool { left: ASKED, is_certain: true }),
            Doubt::Among => self.remember(tool, AskingTool { left: SUSPECTED, is_certain: false }),
        }
    }

    /// A call of this tool, alone on its connection, was asked about.
    pub(crate) fn asked(&self, tool: &str) {
        self.remember(tool, AskingTool { left: ASKED, is_certain: true });
    }

    /// A call of this tool, alone on its connection, was answered without a question.
    pub(crate) fn did_not_ask(&self, tool: &str) {
        let mut tools = locked(&self.0);
        if let Some(quiet) = tools.get_mut(tool) {
            quiet.left -= 1;
            if quiet.left == 0 {
                tools.remove(tool);
            }
        }
    }

    fn remember(&self, tool: &str, new: AskingTool) {
        let mut tools = locked(&self.0);
        if let Some(quiet) = tools.get_mut(tool) {
            quiet.left = new.left.max(quiet.left);
            quiet.is_certain |= new.is_certain;
        } else if tools.len() < TOOLS {
            tools.insert(tool.to_owned(), new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_asked_is_forgotten_when_it_asks_no_more() {
        let questions = ElicitationHistory::default();
        assert_eq!(questions.of("a"), None);
        questions.declined("a", Doubt::Alone);
        assert_eq!(questions.of("a"), Some(Asks::Certainly));
        for _ in 1..ASKED {
            questions.did_not_ask("a");
        }
        questions.asked("a");
        for _ in 0..ASKED {
            assert_eq!(questions.of("a"), Some(Asks::Certainly));
            questions.did_not_ask("a");
        }
        assert_eq!(questions.of("a"), None);
    }

    #[test]
    fn tools_in_flight_beside_the_one_that_asked_are_cleared() {
        let questions = ElicitationHistory::default();
        for tool in ["one", "other"] {
            questions.declined(tool, Doubt::Among);
        }
        assert_eq!(["one", "other"].map(|tool| questions.of(tool)), [Some(Asks::Perhaps); 2]);
        questions.asked("one");
        questions.did_not_ask("other");
        assert_eq!(["one", "other"].map(|tool| questions.of(tool)), [Some(Asks::Certainly), None]);
    }

    #[test]
    fn the_tools_are_bounded() {
        let questions = ElicitationHistory::default();
        for n in 0..2 * TOOLS {
            questions.declined(&n.to_string(), Doubt::Alone);
        }
        assert_eq!(locked(&questions.0).len(), TOOLS);
    }
}
