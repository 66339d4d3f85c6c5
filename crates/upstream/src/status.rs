//! The status of the servers, and notifications of its changes.

use std::sync::{Arc, Mutex};

use exuvia_config::Era;
use exuvia_tool::{Absence, Json, ToolDescriptor, locked};
use tokio::sync::watch;

/// Whether a server has come up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerState {
    /// It is being started for the first time.
    Starting,
    /// It answered the handshake and listed its tools. It stays ready: while it is away, calls to it say so, and it comes back
    /// by itself.
    Ready {
        /// How it speaks.
        era: Era,
    },
    /// It has not come up yet. It is tried again, at first after a second, later once a minute.
    Failed {
        /// Why, for the operator: may hold its command and the end of its stderr.
        message: String,
        /// Why, as far as everybody may know.
        why: Absence,
    },
}

/// Why a server has not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotUp {
    /// For the operator.
    pub(crate) message: String,
    /// For everybody.
    pub(crate) why: Absence,
}

impl From<String> for NotUp {
    fn from(message: String) -> Self {
        Self { message, why: Absence::Failed }
    }
}

/// Why every call of a server fails that has come up. Known from calls and readings of its list, until one is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// Its circuit breaker is open.
    Broken,
    /// It refuses the gateway's credentials, for example a token that was revoked.
    Unauthorized {
        /// The user can log in with `exuvia login`; else its headers are to be looked at.
        login: bool,
    },
}

/// A server at one moment.
#[derive(Debug, Clone)]
pub struct ServerStatus {
    /// Its name in the configuration.
    pub name: String,
    /// Whether it has come up.
    pub state: ServerState,
    /// Its tools, in its order, as it last listed them.
    pub tools: Arc<[Arc<ToolDescriptor>]>,
    /// The same, as the server wrote them, if it is [direct](exuvia_config::ServerConfig::direct); else none.
    pub written: Arc<[Json]>,
    /// What was left out of its tool list, for the operator.
    pub warnings: Vec<String>,
}

impl ServerStatus {
    /// Whether it has come up.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.state, ServerState::Ready { .. })
    }

    /// Why it is not there, if it is not.
    #[must_use]
    pub fn absence(&self) -> Option<Absence> {
        match &self.state {
            ServerState::Starting => Some(Absence::Starting),
            ServerState::Ready { .. } => None,
            ServerState::Failed { why, .. } => Some(*why),
        }
    }

    /// Whether it is being started for the first time.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        self.state == ServerState::Starting
    }

    /// A server that has not come up.
    pub(crate) fn failed(name: &str, NotUp { message, why }: NotUp) -> Self {
        Self::without_tools(name, ServerState::Failed { message, why })
    }

    fn without_tools(name: &str, state: ServerState) -> Self {
        Self { name: name.to_owned(), state, tools: Arc::default(), written: Arc::default(), warnings: Vec::new() }
    }

    /// Whether anybody would act on the difference. Why a server has failed may be told in other words every time.
    fn says_the_same_as(&self, other: &Self) -> bool {
        let same_state = match (&self.state, &other.state) {
            (ServerState::Failed { why: one, .. }, ServerState::Failed { why: other, .. }) => one == other,
            (one, other) => one == other,
        };
        same_state
            && self.warnings == other.warnings
            && self.written == other.written
            && same_tools(&self.tools, &other.tools)
    }
}

fn same_tools(one: &[Arc<ToolDescriptor>], other: &[Arc<ToolDescriptor>]) -> bool {
    let same = |(one, other): (&Arc<ToolDescriptor>, &Arc<ToolDescriptor>)| {
        one.name == other.name
            && one.title == other.title
            && one.description == other.description
            && one.input_schema == other.input_schema
            && one.output_schema == other.output_schema
            && one.annotations == other.annotations
    };
    one.len() == other.len() && one.iter().zip(other).all(same)
}

/// What is known of one server, whether it stands on the board or not.
#[derive(Debug)]
pub(crate) struct Card(Mutex<ServerStatus>);

impl Card {
    /// A card that says that its server is starting.
    pub(crate) fn starting(name: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(ServerStatus::without_tools(name, ServerState::Starting))))
    }

    /// A card that says that its server will not come up.
    pub(crate) fn failed(name: &str, message: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(ServerStatus::failed(name, NotUp::from(message.to_owned())))))
    }

    /// What it says now.
    pub(crate) fn read(&self) -> ServerStatus {
        locked(&self.0).clone()
    }
}

/// Where the state of all servers stands.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// In the order in which they are shown. Locked while anything that is shown changes.
    cards: Mutex<Vec<Arc<Card>>>,
    shown: watch::Sender<Arc<[ServerStatus]>>,
}

impl Board {
    /// What stands there now.
    pub(crate) fn read(&self) -> Arc<[ServerStatus]> {
        self.shown.borrow().clone()
    }

    /// Tells when what stands there becomes something else.
    pub(crate) fn follow(&self) -> watch::Receiver<Arc<[ServerStatus]>> {
        self.shown.subscribe()
    }

    /// Clears the board and puts these cards on it. That is told, unless they are the ones that were there.
    pub(crate) fn lay_out(&self, new: Vec<Arc<Card>>) {
        let mut cards = locked(&self.cards);
        let is_same = cards.len() == new.len() && cards.iter().zip(&new).all(|(old, new)| Arc::ptr_eq(old, new));
        if !is_same {
            self.shown.send_replace(new.iter().map(|card| card.read()).collect());
            *cards = new;
        }
    }

    /// Writes on a card what is known of its server now. Tells whether it is news; that is told to everybody if the card is on
    /// the board.
    pub(crate) fn post(&self, card: &Arc<Card>, status: ServerStatus) -> bool {
        let cards = locked(&self.cards);
        let old = std::mem::replace(&mut *locked(&card.0), status.clone());
        let news = !status.says_the_same_as(&old);
        if let Some(place) = cards.iter().position(|other| Arc::ptr_eq(other, card)) {
            self.shown.send_if_modified(|shown| {
                let mut statuses = shown.to_vec();
                statuses[place] = status;
                *shown = statuses.into();
                news
            });
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(tools: &str) -> ServerStatus {
        let tools: Vec<Arc<ToolDescriptor>> = serde_json::from_str(tools).unwrap();
        let (state, name) = (ServerState::Ready { era: Era::Modern }, "a".to_owned());
        ServerStatus { name, state, tools: tools.into(), written: Arc::default(), warnings: Vec::new() }
    }

    #[test]
    fn only_what_differs_in_substance_is_news() {
        let (board, card) = (Board::default(), Card::failed("a", "no"));
        board.lay_out(vec![card.clone(), Card::failed("b", "no")]);
        let mut news = board.follow();
        let mut told = |status: ServerStatus| {
            let posted = board.post(&card, status);
            let told = news.has_changed().unwrap();
            assert_eq!(posted, told);
            news.mark_unchanged();
            told
        };
        let tool = |schema: &str| format!(r#"[{{"name": "t", "input_schema": {schema}, "annotations": {{}}}}]"#);
        let failed = |message: &str| ServerStatus::failed("a", NotUp::from(message.to_owned()));
        assert!(!told(failed("no, at noon")));
        assert!(told(ServerStatus::failed("a", NotUp { message: "no".to_owned(), why: Absence::Late })));
        assert!(told(failed("no")));
        let written = tool(r#"{"a": 1, "b": 2}"#);
        assert!(told(ready(&written)));
        assert!(!told(ready(&written)));
        assert!(told(ready(&tool(r#"{"a": 1}"#))));
        assert!(told(ready("[]")));
        assert!(told(ServerStatus { warnings: vec!["one is malformed".to_owned()], ..ready("[]") }));
        assert!(told(ServerStatus { state: ServerState::Ready { era: Era::Legacy }, ..ready("[]") }));
        assert!(told(failed("no")));
        assert_eq!(board.read().len(), 2);
    }
    #[test]
    fn cards_come_and_go_and_what_was_written_on_them_aside_is_shown_when_they_come() {
        let board = Board::default();
        let [a, b, c] = ["a", "b", "c"].map(|name| Card::failed(name, "no"));
        board.lay_out(vec![a.clone(), b.clone()]);
        let mut news = board.follow();
        board.lay_out(vec![a.clone(), b.clone()]);
        assert!(!news.has_changed().unwrap(), "the same cards in the same order");
        assert!(board.post(&c, ServerStatus { name: "c".to_owned(), ..ready("[]") }));
        assert!(!news.has_changed().unwrap(), "it is not on the board");
        board.lay_out(vec![c, a.clone()]);
        assert!(news.has_changed().unwrap());
        let shown = |board: &Board| -> Vec<(String, bool)> {
            board.read().iter().map(|status| (status.name.clone(), status.is_ready())).collect()
        };
        assert_eq!(shown(&board), [("c".to_owned(), true), ("a".to_owned(), false)]);
        news.mark_unchanged();
        board.post(&b, ready("[]"));
        assert!(!news.has_changed().unwrap(), "it has left the board");
        board.post(&a, ready("[]"));
        assert_eq!(shown(&board)[1], ("a".to_owned(), true));
    }
}
