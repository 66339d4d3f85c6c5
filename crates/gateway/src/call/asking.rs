//! Calls whose servers may ask somebody meanwhile: the client of the run, or a person by the page.

use std::sync::Arc;
use std::time::Duration;

use exuvia_mcp_client::{Abilities, InterimMessage, Question, RelayOptions};
use exuvia_policy::Permit;
use exuvia_runtime::Asking;
use exuvia_tool::{BoxFuture, CallContext, CallError, Deadline, DispatchTicket, ToolName, ToolOutcome};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Inner;
use crate::approvals::Approvals;
use crate::client_questions::{ClientAsker, ClientQuestion, ServerQuestion};
use crate::ids::now_ms;
use crate::page_questions::{self, OpenQuestion, PagePlace};

/// How often a server may ask in one call of a script. Further questions are declined.
const ASKED: usize = 10;
/// News of a server that wait; what it says beyond that is lost.
const INTERIM_MESSAGES: usize = 16;
/// How much longer than its own time a question may take that its client has not come to.
const GRACE: Duration = Duration::from_secs(1);

/// Who can be asked in the middle of a call.
#[derive(Clone, Copy)]
pub(super) struct Asks<'a> {
    /// The client of the run. None: it cannot be asked.
    client: Option<&'a ClientAsker>,
    /// A person, by the page. None: there is none.
    page: Option<&'a Arc<Approvals>>,
}

impl<'a> Asks<'a> {
    /// None: nobody can be asked.
    pub(super) fn of(client: Option<&'a ClientAsker>, page: Option<&'a Arc<Approvals>>) -> Option<Self> {
        (client.is_some() || page.is_some()).then_some(Self { client, page })
    }

    fn can(self) -> Abilities {
        let client = self.client.map(ClientAsker::can).unwrap_or_default();
        match self.page {
            Some(_) => client.or(page_questions::CAN),
            None => client,
        }
    }
}

impl Inner {
    /// Makes a call whose server may ask somebody.
    pub(super) async fn call_asking(
        &self,
        permit: Permit,
        context: CallContext,
        asks: Asks<'_>,
        deadline: &Deadline,
        ticket: DispatchTicket,
    ) -> ToolOutcome {
        let (sender, mut interim) = mpsc::channel(INTERIM_MESSAGES);
        let relay = RelayOptions { interim: Some(sender), can: asks.can(), ..RelayOptions::default() };
        let (name, line) = (permit.call().name.clone(), permit.call().line);
        let mut answer = self.run.run_view.routes.call_asking(permit, context, self.run.limits, ticket, relay);
        let (mut left, mut open) = (ASKED, FuturesUnordered::new());
        loop {
            tokio::select! {
                answer = &mut answer => return answer,
                Some(message) = interim.recv() => {
                    let InterimMessage::Question(question) = message else { continue };
                    // What is not passed on is declined.
                    if left > 0 && let Some(asked) = self.asked(asks, (&name, line), question, deadline) {
                        left -= 1;
                        open.push(asked);
                    }
                }
                Some(is_over) = open.next(), if !open.is_empty() => if !is_over {
                    return Err(CallError::ToolFailed { message: format!("{name} asked the user, and got no answer"), data: None });
                }
            }
        }
    }

    /// Asks the client if it can be asked this, else by the page. The call waits for what is returned: whether it is over in time. None:
    /// nobody is asked.
    fn asked(
        &self,
        asks: Asks<'_>,
        call: (&ToolName, Option<u32>),
        question: Question,
        deadline: &Deadline,
    ) -> Option<BoxFuture<'static, bool>> {
        let over = CancellationToken::new();
        let patience = question.patience();
        let asked = ServerQuestion::new(call.0.server.clone(), question, over.clone());
        if let Some(client) = asks.client.filter(|client| client.can_show(&asked)) {
            client.ask(ClientQuestion::Server(asked));
            return Some(Box::pin(waits(Asking::begin(deadline), over, patience + GRACE)));
        }
        let place = self.page_place(asks.page?, call, &asked)?;
        Some(Box::pin(on_page(Asking::begin(deadline), asked, place)))
    }

    /// The place of a question on the page.
    fn page_place(
        &self,
        page: &Arc<Approvals>,
        (name, line): (&ToolName, Option<u32>),
        asked: &ServerQuestion,
    ) -> Option<PagePlace> {
        let now = now_ms();
        let patience_ms = u64::try_from(asked.question.patience().as_millis()).unwrap_or(u64::MAX);
        let question = OpenQuestion {
            id: page.next_id().to_string(),
            run: self.run.context.origin.run()?.clone(),
            principal: self.run.context.principal.clone(),
            server: name.server.clone(),
            tool: name.tool.clone(),
            line,
            asked_ms: now,
            until_ms: now.saturating_add(patience_ms),
            params: page_questions::shown(asked)?,
        };
        let place = page.questions.ask(question.clone())?;
        let (run, id) = (&question.run, &question.id);
        tracing::info!(run.id = %run, question.id = %id, tool.name = %name, "a server asks a person");
        page.tell_of_question(&question);
        Some(place)
    }
}

/// The call waits until the question is answered or dropped: whether it is, in time.
async fn waits(asking: Asking, over: CancellationToken, patience: Duration) -> bool {
    let is_over = tokio::time::timeout(patience, over.cancelled()).await.is_ok();
    drop(asking);
    is_over
}

/// The call waits until a person answers by the page, or the time is over: then no choice was made.
async fn on_page(asking: Asking, mut asked: ServerQuestion, mut place: PagePlace) -> bool {
    let patience = asked.question.patience();
    let said = tokio::select! {
        said = place.answered() => Some(said),
        () = asked.question.abandoned() => None,
        () = tokio::time::sleep(patience) => None,
    };
    // Time goes on before the server does.
    drop((asking, place));
    match said {
        Some(said) => asked.question.answer(said),
        None => asked.question.dismiss(),
    }
    true
}
