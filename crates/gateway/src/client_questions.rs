//! What a run asks the client that it came from, while that waits for it.
//!
//! The gateway asks; whoever serves the client has the form for it. What is dropped was not asked.

use exuvia_journal::Approval;
use exuvia_mcp_client::question_form::shown;
use exuvia_mcp_client::{Abilities, Question};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

/// A question to the client of a run.
#[derive(Debug)]
pub enum ClientQuestion {
    /// Whether a call may be made, or the script may start: answered by
    /// [`Gateway::answer_approval`](crate::Gateway::answer_approval). Dropped, the approval still waits.
    Approval(Box<AskedApproval>),
    /// What a server asks in the middle of a call.
    Server(ServerQuestion),
}

/// An approval that the user of the client may answer.
#[derive(Debug)]
pub struct AskedApproval {
    /// What is asked.
    pub approval: Approval,
    /// Where it can be answered as well.
    pub link: Option<String>,
}

/// A question of a server. The call waits for it as a held one does. Dropped, it is declined.
#[derive(Debug)]
pub struct ServerQuestion {
    /// Which server asks.
    pub server: String,
    /// What it asks.
    pub question: Question,
    _open: DropGuard,
}

/// Where the questions of a run go.
#[derive(Debug, Clone)]
pub(crate) struct ClientAsker {
    can: Abilities,
    questions: mpsc::UnboundedSender<ClientQuestion>,
}

impl ServerQuestion {
    /// A question of this server. `over` is cancelled when it is answered, or dropped.
    pub(crate) fn new(server: String, question: Question, over: CancellationToken) -> Self {
        Self { server, question, _open: over.drop_guard() }
    }
}

impl ClientAsker {
    /// Asks a client that can be asked this much. None: it cannot be asked.
    pub(crate) fn of(can: Abilities) -> (Option<Self>, mpsc::UnboundedReceiver<ClientQuestion>) {
        // The calls of a run are bounded, and how often each of them asks.
        let (questions, asked) = mpsc::unbounded_channel();
        let can = can.of_script();
        (can.any().then_some(Self { can, questions }), asked)
    }

    /// What it can be asked.
    pub(crate) fn can(&self) -> Abilities {
        self.can
    }

    /// Whether it can be asked this.
    pub(crate) fn can_show(&self, asked: &ServerQuestion) -> bool {
        let question = &asked.question;
        let params = question.params().to_value().ok();
        let shown = params.and_then(|params| shown(&asked.server, question.method(), params, self.can));
        shown.is_some()
    }

    /// Asks, unless nobody listens.
    pub(crate) fn ask(&self, question: ClientQuestion) {
        let _ = self.questions.send(question);
    }
}
