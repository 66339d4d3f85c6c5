//! The status of the servers, and notifications of its changes.

use std::sync::{Arc, Mutex};

use exuvia_config::Era;
use exuvia_tool::{Absence, Json, ToolDescriptor, locked};
use tokio::sync::watch;

/// Whether a server has started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerState {
    /// It is being started for the first time.
    Starting,
    /// It answered the handshake and listed its tools. It stays ready: while it is disconnected, calls to it fail with that
    /// reason, and it reconnects automatically.
    Ready {
        /// How it speaks.
        era: Era,
    },
    /// It has not started yet. It is retried, at first after a second, later once a minute.
    Failed {
        /// Why, for the operator: may hold its command and the end of its stderr.
        message: String,
        /// Why, as far as everybody may know.
        why: Absence,
    },
}

/// Why a server has not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StartError {
    /// For the operator.
    pub(crate) message: String,
    /// For everybody.
    pub(crate) why: Absence,
}

impl From<String> for StartError {
    fn from(message: String) -> Self {
        Self { message, why: Absence::Failed }
    }
}

/// Why every call of a started server fails. Known from calls and reads of its list, until one is answered.
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

/// How many connections to a server belong to keys, roles, runs and clients, and how many of those are of no use at the moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LaneCounts {
    /// All of them.
    pub open: usize,
    /// Those over which calls fail: the breaker is open, or the server refuses the credential. What happens to the gateway's own is
    /// [`Failing`].
    pub failing: usize,
}

/// A server at one moment.
#[derive(Debug, Clone)]
pub struct ServerStatus {
    /// Its name in the configuration.
    pub name: String,
    /// Whether it has started.
    pub state: ServerState,
    /// Its tools, in its order, as it last listed them.
    pub tools: Arc<[Arc<ToolDescriptor>]>,
    /// The same, as the server wrote them, if it is [direct](exuvia_config::ServerConfig::direct); else none.
    pub written: Arc<[Json]>,
    /// What was left out of its tool list, for the operator.
    pub warnings: Vec<String>,
}

impl ServerStatus {
    /// Whether it has started.
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

    /// A server that has not started.
    pub(crate) fn failed(name: &str, StartError { message, why }: StartError) -> Self {
        Self::without_tools(name, ServerState::Failed { message, why })
    }

    fn without_tools(name: &str, state: ServerState) -> Self {
        Self { name: name.to_owned(), state, tools: Arc::default(), written: Arc::default(), warnings: Vec::new() }
    }

    /// Whether anybody would act on the difference. The message of a failed server may differ each time.
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

/// The status of one server, whether it is on the board or not.
#[derive(Debug)]
pub(crate) struct StatusCell(Mutex<ServerStatus>);

impl StatusCell {
    /// The cell of a server that is starting.
    pub(crate) fn starting(name: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(ServerStatus::without_tools(name, ServerState::Starting))))
    }

    /// The cell of a server that cannot start.
    pub(crate) fn failed(name: &str, message: &str) -> Arc<Self> {
        Arc::new(Self(Mutex::new(ServerStatus::failed(name, StartError::from(message.to_owned())))))
    }

    /// Its current status.
    pub(crate) fn read(&self) -> ServerStatus {
        locked(&self.0).clone()
    }
}

/// The status of all servers.
#[derive(Debug, Default)]
pub(crate) struct StatusBoard {
    /// In the order in which they are shown. Locked while anything that is shown changes.
    cells: Mutex<Vec<Arc<StatusCell>>>,
    shown: watch::Sender<Arc<[ServerStatus]>>,
}

impl StatusBoard {
    /// The current status.
    pub(crate) fn read(&self) -> Arc<[ServerStatus]> {
        self.shown.borrow().clone()
    }

    /// Watches for changes of the status.
    pub(crate) fn follow(&self) -> watch::Receiver<Arc<[ServerStatus]>> {
        self.shown.subscribe()
    }

    /// Replaces the cells of the board. Watchers are notified, unless they are the same cells.
    pub(crate) fn lay_out(&self, new: Vec<Arc<StatusCell>>) {
        let mut cells = locked(&self.cells);
        let is_same = cells.len() == new.len() && cells.iter().zip(&new).all(|(old, new)| Arc::ptr_eq(old, new));
        if !is_same {
            self.shown.send_replace(new.iter().map(|cell| cell.read()).collect());
            *cells = new;
        }
    }

    /// Updates a cell with the status of its server. Returns whether the status changed; watchers are notified of it if the cell
    /// is on the board.
    pub(crate) fn post(&self, cell: &Arc<StatusCell>, status: ServerStatus) -> bool {
        let cells = locked(&self.cells);
        let mut own = locked(&cell.0);
        let changes = !status.says_the_same_as(&own);
        let status = match changes {
            true => status,
            // A list that is the same stays the same in memory, so that whoever has worked with it knows it again.
            false => ServerStatus { tools: own.tools.clone(), written: own.written.clone(), ..status },
        };
        *own = status.clone();
        drop(own);
        if let Some(place) = cells.iter().position(|other| Arc::ptr_eq(other, cell)) {
            self.shown.send_if_modified(|shown| {
                let mut statuses = shown.to_vec();
                statuses[place] = status;
                *shown = statuses.into();
                changes
            });
        }
        changes
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
    fn only_a_difference_in_substance_is_a_change() {
        let (board, cell) = (StatusBoard::default(), StatusCell::failed("a", "no"));
        board.lay_out(vec![cell.clone(), StatusCell::failed("b", "no")]);
        let mut changes = board.follow();
        let mut told = |status: ServerStatus| {
            let posted = board.post(&cell, status);
            let told = changes.has_changed().unwrap();
            assert_eq!(posted, told);
            changes.mark_unchanged();
            told
        };
        let tool = |schema: &str| format!(r#"[{{"name": "t", "input_schema": {schema}, "annotations": {{}}}}]"#);
        let failed = |message: &str| ServerStatus::failed("a", StartError::from(message.to_owned()));
        assert!(!told(failed("no, at noon")));
        assert!(told(ServerStatus::failed("a", StartError { message: "no".to_owned(), why: Absence::Late })));
        assert!(told(failed("no")));
        let written = tool(r#"{"a": 1, "b": 2}"#);
        assert!(told(ready(&written)));
        let tools = board.read()[0].tools.clone();
        assert!(!told(ready(&written)));
        assert!(Arc::ptr_eq(&tools, &board.read()[0].tools) && Arc::ptr_eq(&tools, &cell.read().tools));
        assert!(told(ready(&tool(r#"{"a": 1}"#))));
        assert!(told(ready("[]")));
        assert!(told(ServerStatus { warnings: vec!["one is malformed".to_owned()], ..ready("[]") }));
        assert!(told(ServerStatus { state: ServerState::Ready { era: Era::Legacy }, ..ready("[]") }));
        assert!(told(failed("no")));
        assert_eq!(board.read().len(), 2);
    }
    #[test]
    fn cells_are_added_and_removed_and_show_what_was_posted_before() {
        let board = StatusBoard::default();
        let [a, b, c] = ["a", "b", "c"].map(|name| StatusCell::failed(name, "no"));
        board.lay_out(vec![a.clone(), b.clone()]);
        let mut changes = board.follow();
        board.lay_out(vec![a.clone(), b.clone()]);
        assert!(!changes.has_changed().unwrap(), "the same cards in the same order");
        assert!(board.post(&c, ServerStatus { name: "c".to_owned(), ..ready("[]") }));
        assert!(!changes.has_changed().unwrap(), "it is not on the board");
        board.lay_out(vec![c, a.clone()]);
        assert!(changes.has_changed().unwrap());
        let shown = |board: &StatusBoard| -> Vec<(String, bool)> {
            board.read().iter().map(|status| (status.name.clone(), status.is_ready())).collect()
        };
        assert_eq!(shown(&board), [("c".to_owned(), true), ("a".to_owned(), false)]);
        changes.mark_unchanged();
        board.post(&b, ready("[]"));
        assert!(!changes.has_changed().unwrap(), "it has left the board");
        board.post(&a, ready("[]"));
        assert_eq!(shown(&board)[1], ("a".to_owned(), true));
    }
}
