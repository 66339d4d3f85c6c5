//! What is known of the servers at the moment, and who is told when it changes.

use std::sync::Arc;

use exuvia_tool::{Json, ToolDescriptor};
use tokio::sync::watch;

/// Which of the two forms of the protocol a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// 2026-07-28 and later: stateless, `server/discover`.
    Modern,
    /// Up to 2025-11-25: `initialize`, a session.
    Legacy,
}

/// Whether a server has come up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerState {
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
    pub tools: Arc<[ToolDescriptor]>,
    /// The same, as the server wrote them, if it is [direct](crate::ServerConfig::direct); else none.
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

    /// A server that has not come up.
    pub(crate) fn failed(name: &str, message: impl Into<String>) -> Self {
        let state = ServerState::Failed { message: message.into() };
        Self { name: name.to_owned(), state, tools: Arc::default(), written: Arc::default(), warnings: Vec::new() }
    }

    /// Whether anybody would act on the difference. Why a server has failed may be told in other words every time.
    fn says_the_same_as(&self, other: &Self) -> bool {
        let same_state = match (&self.state, &other.state) {
            (ServerState::Failed { .. }, ServerState::Failed { .. }) => true,
            (one, other) => one == other,
        };
        same_state
            && self.warnings == other.warnings
            && self.written == other.written
            && same_tools(&self.tools, &other.tools)
    }
}

fn same_tools(one: &[ToolDescriptor], other: &[ToolDescriptor]) -> bool {
    let same = |(one, other): (&ToolDescriptor, &ToolDescriptor)| {
        one.name == other.name
            && one.title == other.title
            && one.description == other.description
            && one.input_schema == other.input_schema
            && one.output_schema == other.output_schema
            && one.annotations == other.annotations
    };
    one.len() == other.len() && one.iter().zip(other).all(same)
}

/// Where the state of all servers stands.
#[derive(Debug)]
pub(crate) struct Board(watch::Sender<Arc<[ServerStatus]>>);

impl Board {
    /// A board with this on it.
    pub(crate) fn new(statuses: Vec<ServerStatus>) -> Self {
        Self(watch::Sender::new(statuses.into()))
    }

    /// What stands there now.
    pub(crate) fn read(&self) -> Arc<[ServerStatus]> {
        self.0.borrow().clone()
    }

    /// Tells when what stands there becomes something else.
    pub(crate) fn follow(&self) -> watch::Receiver<Arc<[ServerStatus]>> {
        self.0.subscribe()
    }

    /// Puts up what is known of the server at this place. Tells whether it is news.
    pub(crate) fn post(&self, place: usize, status: ServerStatus) -> bool {
        self.0.send_if_modified(|board| {
            let mut statuses = board.to_vec();
            let Some(old) = statuses.get_mut(place) else { return false };
            let news = !status.says_the_same_as(old);
            *old = status;
            *board = statuses.into();
            news
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(tools: &str) -> ServerStatus {
        let tools: Vec<ToolDescriptor> = serde_json::from_str(tools).unwrap();
        let (state, name) = (ServerState::Ready { era: Era::Modern }, "a".to_owned());
        ServerStatus { name, state, tools: tools.into(), written: Arc::default(), warnings: Vec::new() }
    }

    #[test]
    fn only_what_differs_in_substance_is_news() {
        let board = Board::new(vec![ServerStatus::failed("a", "no"), ServerStatus::failed("b", "no")]);
        let mut news = board.follow();
        let mut told = |status: ServerStatus| {
            let posted = board.post(0, status);
            let told = news.has_changed().unwrap();
            assert_eq!(posted, told);
            news.mark_unchanged();
            told
        };
        let tool = |schema: &str| format!(r#"[{{"name": "t", "input_schema": {schema}, "annotations": {{}}}}]"#);
        assert!(!told(ServerStatus::failed("a", "no, at noon")));
        let written = tool(r#"{"a": 1, "b": 2}"#);
        assert!(told(ready(&written)));
        assert!(!told(ready(&written)));
        assert!(told(ready(&tool(r#"{"a": 1}"#))));
        assert!(told(ready("[]")));
        assert!(told(ServerStatus { warnings: vec!["one is malformed".to_owned()], ..ready("[]") }));
        assert!(told(ServerStatus { state: ServerState::Ready { era: Era::Legacy }, ..ready("[]") }));
        assert!(told(ServerStatus::failed("a", "no")));
        assert_eq!(board.read().len(), 2);
    }
}
