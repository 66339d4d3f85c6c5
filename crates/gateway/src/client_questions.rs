//! What a run asks the client that it came from, while that waits for it.
//!
//! The gateway asks; whoever serves the client has the form for it. What is dropped was not asked.

use std::time::Duration;

use exuvia_journal::Approval;
use exuvia_mcp_client::{Abilities, InterimMessage, Question, RelayOptions};
use exuvia_policy::Permit;
use exuvia_runtime::Asking;
use exuvia_tool::{CallContext, CallError, Deadline, DispatchTicket, ToolOutcome};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::call::Inner;

/// How often a server may ask in one call of a script. Further questions are declined.
const ASKED: usize = 10;
/// News of a server that wait; what it says beyond that is lost.
const INTERIM_MESSAGES: usize = 16;

/// How much longer than its own time a question may take that its client has not come to.
const GRACE: Duration = Duration::from_secs(1);

/// A question to the client of a run.
#[derive(Debug)]
pub enum ClientQuestion {
    /// Whether a call may be made, or the script may start: answered by
    /// [`Gateway::answer_approval`](crate::Gateway::answer_approval). Dropped, the approval still waits.
    Approval(AskedApproval),
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

impl ClientAsker {
    /// Asks a client that can be asked this much. None: it cannot be asked.
    pub(crate) fn of(can: Abilities) -> (Option<Self>, mpsc::UnboundedReceiver<ClientQuestion>) {
        // The calls of a run are bounded, and how often each of them asks.
        let (questions, asked) = mpsc::unbounded_channel();
        let can = can.of_script();
        (can.any().then_some(Self { can, questions }), asked)
    }

    /// Asks, unless nobody listens.
    pub(crate) fn ask(&self, question: ClientQuestion) {
        let _ = self.questions.send(question);
    }
}

impl Inner {
    /// Makes a call whose server may ask the client of the run.
    pub(crate) async fn call_asking(
        &self,
        permit: Permit,
        context: CallContext,
        asker: &ClientAsker,
        deadline: &Deadline,
        ticket: DispatchTicket,
    ) -> ToolOutcome {
        let (sender, mut interim) = mpsc::channel(INTERIM_MESSAGES);
        let relay = RelayOptions { interim: Some(sender), can: asker.can, ..RelayOptions::default() };
        let name = permit.call().name.clone();
        let mut answer = self.run.run_view.routes.call_asking(permit, context, self.run.limits, ticket, relay);
        let (mut left, mut open) = (ASKED, FuturesUnordered::new());
        loop {
            tokio::select! {
                answer = &mut answer => return answer,
                Some(message) = interim.recv() => {
                    let InterimMessage::Question(question) = message else { continue };
                    // What is not passed on is declined.
                    if left > 0 {
                        left -= 1;
                        let (server, over) = (name.server.clone(), CancellationToken::new());
                        open.push(waits(Asking::begin(deadline), over.clone(), question.patience() + GRACE));
                        asker.ask(ClientQuestion::Server(ServerQuestion { server, question, _open: over.drop_guard() }));
                    }
                }
                Some(is_over) = open.next(), if !open.is_empty() => if !is_over {
                    return Err(CallError::ToolFailed { message: format!("{name} asked the user, and got no answer"), data: None });
                }
            }
        }
    }
}

/// The call waits until the question is answered or dropped: whether it is, in time.
async fn waits(asking: Asking, over: CancellationToken, patience: Duration) -> bool {
    let is_over = tokio::time::timeout(patience, over.cancelled()).await.is_ok();
    drop(asking);
    is_over
}
