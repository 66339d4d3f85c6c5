//! Which call a server's question belongs to.
//!
//! Servers of the older protocol ask (`elicitation/create`, `sampling/createMessage`) over the connection as a whole. With
//! several calls on their way nothing says which of them the question is for. So tools are watched: those that may ask take
//! turns, all others run beside them, and a question that comes while a turn is taken belongs to that turn.
//!
//! A tool is suspected when a question came while it was on its way and no turn was taken. One turn without a question clears it
//! again: a question that found 500 calls on their way costs the 499 others one slow round. A tool to which a question was
//! attributed is forgotten after a number of turns without one.
//!
//! The price of going by turns alone: if a tool that is not known to ask does so while another one has its turn, the question is
//! attributed to the wrong one. Nothing on the wire would tell the two apart.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::OwnedMutexGuard;

use crate::exchange::locked;

/// Tools that are remembered. Questions of further ones are not attributed.
const TOOLS: usize = 256;
/// Turns without a question that clear a tool which was on its way beside others when one came.
const SUSPECTED: u32 = 1;
/// Turns without a question after which a tool that did ask is forgotten.
const ASKED: u32 = 16;

/// What is known of the questions of one lane's server.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    turn: Arc<tokio::sync::Mutex<()>>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// The tools that may ask, with the number of turns without a question after which they are forgotten.
    tools: HashMap<String, u32>,
    on_their_way: Count,
    in_turn: Count,
}

/// Calls of one kind: how many there are, and how many there ever were.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    now: u64,
    ever: u64,
}

impl Count {
    fn enter(&mut self) -> Self {
        let before = *self;
        self.now += 1;
        self.ever += 1;
        before
    }

    /// How many others there were at some time since `before`, of which `own` are the asker's.
    fn beside(self, before: Self, own: u64) -> u64 {
        before.now + (self.ever - before.ever - own)
    }
}

/// The right to be the only call on its way that may ask.
pub(crate) type Turn = OwnedMutexGuard<()>;

/// A call on its way. Dropped, it has told nothing.
#[derive(Debug)]
pub(crate) struct Flight<'a> {
    questions: &'a Questions,
    tool: &'a str,
    turn: Option<Turn>,
    others: Count,
    turns: Count,
}

impl Questions {
    /// Waits for a turn, in the order of arrival, if the tool is one that may ask.
    pub(crate) async fn turn(&self, tool: &str) -> Option<Turn> {
        let may_ask = locked(&self.seen).tools.contains_key(tool);
        if may_ask { Some(self.turn.clone().lock_owned().await) } else { None }
    }

    /// The call leaves now.
    pub(crate) fn leave<'a>(&'a self, tool: &'a str, turn: Option<Turn>) -> Flight<'a> {
        let mut seen = locked(&self.seen);
        let others = seen.on_their_way.enter();
        let turns = if turn.is_some() { seen.in_turn.enter() } else { seen.in_turn };
        Flight { questions: self, tool, turn, others, turns }
    }
}

impl Flight<'_> {
    /// The call was answered; `asked` is what the server asked meanwhile. Gives the question if it is this call's.
    pub(crate) fn landed(self, asked: Option<String>) -> Option<String> {
        let mut seen = locked(&self.questions.seen);
        match (&self.turn, &asked) {
            (Some(_), Some(_)) => seen.remember(self.tool, ASKED),
            (Some(_), None) => seen.doubt(self.tool),
            (None, Some(_)) if seen.in_turn.beside(self.turns, 0) > 0 => return None,
            (None, Some(_)) => {
                let alone = seen.on_their_way.beside(self.others, 1) == 0;
                seen.remember(self.tool, if alone { ASKED } else { SUSPECTED });
            }
            (None, None) => {}
        }
        asked
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut seen = locked(&self.questions.seen);
        seen.on_their_way.now -= 1;
        if self.turn.is_some() {
            seen.in_turn.now -= 1;
        }
    }
}

impl Seen {
    fn remember(&mut self, tool: &str, turns: u32) {
        if let Some(left) = self.tools.get_mut(tool) {
            *left = turns.max(*left);
        } else if self.tools.len() < TOOLS {
            self.tools.insert(tool.to_owned(), turns);
        }
    }

    fn doubt(&mut self, tool: &str) {
        if let Some(left) = self.tools.get_mut(tool) {
            *left -= 1;
            if *left == 0 {
                self.tools.remove(tool);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Option<String> {
        Some("elicitation/create".to_owned())
    }

    async fn call(questions: &Questions, tool: &str, question: Option<String>) -> (bool, Option<String>) {
        let turn = questions.turn(tool).await;
        let in_turn = turn.is_some();
        (in_turn, questions.leave(tool, turn).landed(question))
    }

    #[tokio::test]
    async fn a_tool_that_asked_alone_takes_turns_until_it_stops_asking() {
        let questions = Questions::default();
        assert_eq!(call(&questions, "a", None).await, (false, None));
        assert_eq!(call(&questions, "a", asked()).await, (false, asked()));
        for _ in 0..ASKED {
            assert_eq!(call(&questions, "a", None).await, (true, None));
        }
        assert_eq!(call(&questions, "a", None).await, (false, None));
    }

    #[tokio::test]
    async fn tools_that_were_on_their_way_beside_the_one_that_asked_are_cleared() {
        let questions = Questions::default();
        let (one, other) = (questions.leave("one", None), questions.leave("other", None));
        assert_eq!((one.landed(asked()), other.landed(asked())), (asked(), asked()));
        assert_eq!(call(&questions, "one", None).await, (true, None));
        assert_eq!(call(&questions, "one", None).await, (false, None));
        assert_eq!(call(&questions, "other", asked()).await, (true, asked()));
        assert_eq!(call(&questions, "other", None).await, (true, None));
        assert_eq!(call(&questions, "other", None).await, (true, None));
    }

    #[tokio::test]
    async fn a_question_belongs_to_the_turn_and_not_to_the_calls_beside_it() {
        let questions = Questions::default();
        call(&questions, "asks", asked()).await;
        let before = questions.leave("before", None);
        let turn = questions.turn("asks").await;
        let asks = questions.leave("asks", turn);
        let during = questions.leave("during", None);
        assert_eq!(during.landed(asked()), None);
        assert_eq!(asks.landed(asked()), asked());
        assert_eq!(before.landed(asked()), None);
        for tool in ["before", "during"] {
            assert_eq!(call(&questions, tool, None).await, (false, None));
        }
    }

    #[tokio::test]
    async fn turns_are_taken_one_at_a_time_and_given_back_by_calls_that_are_dropped() {
        let questions = Questions::default();
        call(&questions, "asks", asked()).await;
        let turn = questions.turn("asks").await;
        let flight = questions.leave("asks", turn);
        let second = questions.turn("asks");
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(20), second).await;
        assert!(waiting.is_err());
        drop(flight);
        assert!(questions.turn("asks").await.is_some());
        let seen = locked(&questions.seen);
        assert_eq!((seen.on_their_way.now, seen.in_turn.now), (0, 0));
    }

    #[test]
    fn the_tools_are_bounded() {
        let questions = Questions::default();
        for n in 0..2 * TOOLS {
            questions.leave(&n.to_string(), None).landed(asked());
        }
        assert_eq!(locked(&questions.seen).tools.len(), TOOLS);
    }
}
