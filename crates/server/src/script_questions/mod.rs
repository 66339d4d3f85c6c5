//! What a script asks its client in the middle of its call: approvals, and questions of servers.
//!
//! A client of the legacy era is asked beside its call, one of the modern era by the result of it; then the run
//! [goes on without its client](pending_runs) until that comes back.

mod card_form;
mod pending_runs;

use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_gateway::{AskedApproval, Client, ClientQuestion, Gateway, ServerQuestion, now_ms};
use exuvia_journal::{ApprovalAnswer, ApprovalChannel};
use exuvia_mcp_client::{Abilities, question_form};
use exuvia_tool::{BoxFuture, Json};
use rmcp::model::InputResponses;
use rmcp::service::{RequestContext, RoleServer};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::questions::{OpenQuestion, QuestionPlace};
use card_form::{Card, Decision};

pub(crate) use pending_runs::{Asked, PendingRun, PendingRuns, PutAside};

/// How a person is asked.
const ELICITATION: &str = "elicitation/create";
/// How long a result waits for questions beside the first.
const MOMENT: Duration = Duration::from_millis(100);
/// The most questions of one result.
const TOGETHER: usize = 16;
/// How long the client may take to answer about an approval, which can be answered otherwise as well.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Asks a client what its script wants to know.
#[derive(Clone)]
pub(crate) struct Asker {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) client: Client,
    pub(crate) can: Abilities,
}

/// A question as the client is asked it.
struct ShownQuestion {
    method: String,
    params: Value,
    patience: Duration,
    about: About,
}

enum About {
    Approval(Box<AskedApproval>, Card),
    Server(ServerQuestion),
}

impl Asker {
    /// The question as this client can be asked it. None: it cannot be, and the question is dropped.
    async fn shown(&self, question: ClientQuestion) -> Option<ShownQuestion> {
        match question {
            ClientQuestion::Server(asked) => {
                let (method, params) = (asked.question.method().to_owned(), asked.question.params().to_value().ok()?);
                let params = question_form::shown(&asked.server, &method, params, self.can)?;
                let patience = asked.question.patience();
                Some(ShownQuestion { method, params, patience, about: About::Server(asked) })
            }
            ClientQuestion::Approval(asked) => {
                let id = &asked.approval.id;
                let content = self.gateway.approval_content(id).await.ok().flatten()?;
                let shown = card_form::shown(&asked, &content, self.can, now_ms());
                let Some((params, card)) = shown else {
                    tracing::info!(approval.id = %id, "approval not asked by elicitation: its card is too long for a form");
                    return None;
                };
                Some(ShownQuestion {
                    method: ELICITATION.into(),
                    params,
                    patience: PATIENCE,
                    about: About::Approval(asked, card),
                })
            }
        }
    }

    /// Asks a client of the legacy era, and gives what waits for its answer. Must be called in the task of the client's request.
    pub(crate) async fn ask(
        &self,
        question: ClientQuestion,
        context: &RequestContext<RoleServer>,
        place: QuestionPlace,
        over: CancellationToken,
    ) -> Option<BoxFuture<'static, ()>> {
        let shown = self.shown(question).await?;
        let open = OpenQuestion::send(context, &shown.method, shown.params.clone(), shown.patience).await?;
        Some(Box::pin(self.clone().follow(shown, open, over, place)))
    }

    /// This question, and those that came with it, for a client of the modern era. None: it cannot be asked any of them.
    pub(crate) async fn asked(
        &self,
        first: ClientQuestion,
        more: &mut mpsc::UnboundedReceiver<ClientQuestion>,
    ) -> Option<Asked> {
        let mut questions: Vec<ShownQuestion> = self.shown(first).await.into_iter().collect();
        // What is held together is asked a moment apart. Further ones are asked when these are answered.
        tokio::time::sleep(MOMENT).await;
        while questions.len() < TOGETHER
            && let Ok(question) = more.try_recv()
        {
            questions.extend(self.shown(question).await);
        }
        (!questions.is_empty()).then(|| Asked::new(questions))
    }

    /// Takes what a client of the modern era brings. Returns whether an approval is answered by that.
    pub(crate) async fn returned(&self, asked: Asked, responses: Option<InputResponses>) -> bool {
        let responses = responses.and_then(|responses| serde_json::to_value(responses).ok());
        let (after, mut is_answered) = (asked.at.elapsed(), false);
        for (name, question) in asked.questions {
            let said = responses.as_ref().and_then(|responses| responses.get(&name)).map(Json::from_value);
            is_answered |= self.said(question, said, after).await;
        }
        is_answered
    }

    /// Waits for the answer of a client of the legacy era, as long as there is a need for it.
    async fn follow(
        self,
        mut shown: ShownQuestion,
        mut open: OpenQuestion,
        over: CancellationToken,
        _place: QuestionPlace,
    ) {
        let begun = Instant::now();
        let said = tokio::select! {
            said = open.answered() => said,
            () = self.settled(&mut shown) => return open.withdraw().await,
            () = over.cancelled() => return open.withdraw().await,
        };
        self.said(shown, said, begun.elapsed()).await;
    }

    /// Takes what the client says so long after it was asked: None where it says nothing. Returns whether an approval is answered by that.
    async fn said(&self, shown: ShownQuestion, said: Option<Json>, after: Duration) -> bool {
        match shown.about {
            About::Server(asked) => {
                match said {
                    Some(said) => asked.question.answer(said),
                    None => asked.question.dismiss(),
                }
                false
            }
            About::Approval(asked, card) => match said.and_then(|said| said.to_value().ok()) {
                Some(said) => self.decided(&asked, card.decision(&said), after).await,
                None => false,
            },
        }
    }

    /// Completes when there is no need for an answer any more.
    async fn settled(&self, shown: &mut ShownQuestion) {
        match &mut shown.about {
            About::Approval(asked, _) => self.gateway.approval_settled(&asked.approval.id).await,
            About::Server(asked) => asked.question.abandoned().await,
        }
    }

    async fn decided(&self, asked: &AskedApproval, decision: Decision, after: Duration) -> bool {
        let (id, clients, now) = (&asked.approval.id, self.gateway.asked_clients(), now_ms());
        let (allow, reason) = match decision {
            Decision::Made { allow, reason } => (allow, reason),
            Decision::Visits => {
                clients.accepted(&self.client, now);
                return false;
            }
            Decision::None => {
                tracing::info!(approval.id = %id, "approval not answered: the client accepted without a decision");
                return false;
            }
            Decision::Refused => {
                let why = clients.refused(&self.client, after, now).unwrap_or("its user did not answer here");
                tracing::info!(approval.id = %id, why, "approval not answered by its client");
                return false;
            }
        };
        clients.accepted(&self.client, now);
        let answer = ApprovalAnswer {
            by: self.client.principal().clone(),
            channel: ApprovalChannel::Elicitation,
            at_ms: now,
            reason,
            shown_sha256: asked.approval.shown_sha256.clone(),
        };
        let answered = self.gateway.answer_approval(id, allow, &answer).await;
        answered.inspect_err(|error| tracing::info!(approval.id = %id, %error, "answer of a client not taken")).is_ok()
    }
}

impl ShownQuestion {
    /// The client made no choice.
    fn dismiss(self) {
        if let About::Server(asked) = self.about {
            asked.question.dismiss();
        }
    }

    /// Whether a server waits for the answer, and not for long.
    fn is_of_server(&self) -> bool {
        matches!(self.about, About::Server(_))
    }
}
