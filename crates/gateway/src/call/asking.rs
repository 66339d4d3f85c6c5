//! Calls whose servers may ask the client of the run.

use std::time::Duration;

use exuvia_mcp_client::InterimMessage;
use exuvia_policy::Permit;
use exuvia_runtime::Asking;
use exuvia_tool::{CallContext, CallError, Deadline, DispatchTicket, ToolOutcome};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Inner;
use crate::client_questions::{ClientAsker, ClientQuestion, ServerQuestion};

/// How often a server may ask in one call of a script. Further questions are declined.
const ASKED: usize = 10;
/// News of a server that wait; what it says beyond that is lost.
const INTERIM_MESSAGES: usize = 16;
/// How much longer than its own time a question may take that its client has not come to.
const GRACE: Duration = Duration::from_secs(1);

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
        let relay = asker.relay(sender);
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
                        asker.ask(ClientQuestion::Server(ServerQuestion::new(server, question, over)));
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
