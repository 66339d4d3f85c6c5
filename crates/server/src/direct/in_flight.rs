//! A request in flight: progress and questions of its server, and answers of its client.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use exuvia_gateway::{DirectAnswer, DirectCall};
use exuvia_mcp_client::error_code::URL_ELICITATION_REQUIRED;
use exuvia_mcp_client::{Input, InterimMessage, Question, RelayOptions, Relayed, ResultKind};
use exuvia_tool::{Json, ToolName};
use rmcp::ErrorData;
use rmcp::model::InputRequiredResult;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Direct;
use super::input_requests;
use super::pending_input::{Ongoing, PendingInputRequest};
use crate::client::{client, is_modern};
use crate::questions::{OpenQuestion, abilities, forward_progress};

/// How often a server may ask before it answers one request. Further questions are declined.
const ROUNDS: usize = 10;
/// The end of the error for a question that no user saw.
const UNASKABLE: &str = "which this client does not support, or did not answer in time";

/// What a client does with a server.
pub(super) struct DirectRequest<F> {
    /// The tool that it calls, or the method that it uses, of its server.
    pub(super) name: ToolName,
    /// With what.
    pub(super) arguments: Arc<Json>,
    /// Makes the request.
    pub(super) make: F,
}

/// What comes of a request.
pub(super) enum End {
    /// A result, as it was written. It may ask something of a client of the modern era.
    Result(ResultKind, Json),
    /// A question to a client of the modern era.
    Asks(InputRequiredResult),
    /// Anything else.
    Other(DirectAnswer),
    /// None, for this reason.
    Nothing(String),
}

/// How far a request came.
enum Reached {
    Answer(DirectAnswer),
    /// A question that this client is asked by an answer.
    Question(Ongoing, Question),
    /// The client is gone.
    Nobody,
}

impl Direct<'_> {
    /// Makes a request and follows it to its end. A client of the legacy era is asked in the middle of it, one of the modern era by
    /// an answer.
    ///
    /// # Errors
    ///
    /// The client comes back to a request that does not wait for it.
    pub(super) async fn follow<F>(&self, request: DirectRequest<F>, mut input: Input) -> Result<End, ErrorData>
    where
        F: Fn(RelayOptions) -> DirectCall,
    {
        let name = request.name.clone();
        let can = abilities(self.context);
        let mut waiting = self.waiting(&request, &mut input)?;
        for _ in 0..ROUNDS {
            let ongoing = match waiting.take() {
                Some((waiting, None)) => {
                    let PendingInputRequest { ongoing, question, until, .. } = waiting;
                    return Ok(self.ask_later(request, ongoing, question, until));
                }
                Some((waiting, Some(answer))) => {
                    waiting.question.answer(answer);
                    waiting.ongoing
                }
                None => {
                    let options = RelayOptions { interim: None, can, input: std::mem::take(&mut input) };
                    Ongoing { call: (request.make)(options), questions: 0 }
                }
            };
            let patience = ongoing.call.question_timeout;
            let (kind, result) = match self.reach(&name.server, ongoing).await {
                Reached::Nobody => return Ok(End::Nothing("cancelled".to_owned())),
                Reached::Question(ongoing, question) => {
                    let until = Instant::now() + question.patience();
                    return Ok(self.ask_later(request, ongoing, question, until));
                }
                Reached::Answer(DirectAnswer::Relayed(Relayed::Result(kind, result))) => (kind, result),
                Reached::Answer(DirectAnswer::Relayed(Relayed::Error {
                    code: URL_ELICITATION_REQUIRED,
                    message,
                    data,
                })) => {
                    let Some(data) = input_requests::shown_error(&name.server, data.as_ref(), can) else {
                        return Ok(End::Nothing(format!("{name} asked for a visit to a web page, {UNASKABLE}")));
                    };
                    let error = Relayed::Error { code: URL_ELICITATION_REQUIRED, message, data: Some(data) };
                    return Ok(End::Other(DirectAnswer::Relayed(error)));
                }
                Reached::Answer(other) => return Ok(End::Other(other)),
            };
            let unasked = || End::Nothing(format!("{name} asked for input, {UNASKABLE}"));
            match kind {
                ResultKind::AsksForInput if is_modern(self.context) => {
                    let seal = |state: &str| self.shared.states.seal(&name, state);
                    let shown = input_requests::shown_result(&name.server, &result, can, seal);
                    return Ok(shown.map_or_else(unasked, |shown| End::Result(kind, shown)));
                }
                ResultKind::AsksForInput => match self.answers(&name.server, &result, patience).await {
                    Some(answers) => input = answers,
                    None => return Ok(unasked()),
                },
                _ => return Ok(End::Result(kind, result)),
            }
        }
        Ok(End::Nothing(format!("{name} asked {ROUNDS} times for input and did not answer")))
    }

    /// The request that waits for this client, and what the client answers; or with its server's own state in `input`, where that is what
    /// the client comes back with.
    fn waiting<F>(
        &self,
        request: &DirectRequest<F>,
        input: &mut Input,
    ) -> Result<Option<(PendingInputRequest, Option<Json>)>, ErrorData> {
        let Some(state) = input.state.take() else { return Ok(None) };
        if let Some(own) = self.shared.states.open(&request.name, &state) {
            input.state = Some(own);
            return Ok(None);
        }
        let waiting = self.shared.pending_input.take(&state, &request.name, &request.arguments);
        let waiting = waiting.map_err(|message| ErrorData::invalid_params(message, None))?;
        Ok(Some((waiting, input_requests::answer(input.responses.as_ref()))))
    }

    /// Follows a request. Only this task, the one of the client's request, talks to the client.
    async fn reach(&self, server: &str, mut ongoing: Ongoing) -> Reached {
        loop {
            let Ongoing { call, questions } = &mut ongoing;
            tokio::select! {
                () = self.context.ct.cancelled() => return Reached::Nobody,
                answer = &mut call.answer => {
                    self.forward_remaining(&mut call.interim).await;
                    return Reached::Answer(answer);
                }
                Some(interim) = call.interim.recv() => match interim {
                    // The call goes on, and can be cancelled, while a client does not read.
                    InterimMessage::Progress(params) => {
                        let mut told = pin!(forward_progress(self.context, &params));
                        tokio::select! {
                            () = self.context.ct.cancelled() => return Reached::Nobody,
                            () = &mut told => {}
                            answer = &mut call.answer => {
                                tokio::select! {
                                    () = self.context.ct.cancelled() => return Reached::Nobody,
                                    () = told => {}
                                }
                                self.forward_remaining(&mut call.interim).await;
                                return Reached::Answer(answer);
                            }
                        }
                    }
                    // Dropped, it is declined.
                    InterimMessage::Question(_) if *questions >= ROUNDS => {}
                    InterimMessage::Question(question) if is_modern(self.context) => {
                        *questions += 1;
                        if input_requests::result(server, &question, abilities(self.context)).is_none() {
                            continue;
                        }
                        return Reached::Question(ongoing, question);
                    }
                    InterimMessage::Question(question) => {
                        *questions += 1;
                        if let Some(reached) = self.ask_now(server, call, question).await {
                            return reached;
                        }
                    }
                },
            }
        }
    }

    /// Asks a client of the legacy era, beside its call. `None`: the call goes on.
    async fn ask_now(&self, server: &str, call: &mut DirectCall, question: Question) -> Option<Reached> {
        // What is not asked is declined.
        let _place = self.shared.questions.enter(client(self.context))?;
        let params = question.params().to_value().ok()?;
        let asked = OpenQuestion::ask(self.context, server, question.method(), params, question.patience());
        let mut open = tokio::select! {
            () = self.context.ct.cancelled() => return Some(Reached::Nobody),
            open = asked => open?,
        };
        tokio::select! {
            () = self.context.ct.cancelled() => Some(Reached::Nobody),
            answer = &mut call.answer => {
                open.withdraw().await;
                self.forward_remaining(&mut call.interim).await;
                Some(Reached::Answer(answer))
            }
            said = open.answered() => {
                match said {
                    Some(said) => question.answer(said),
                    None => question.dismiss(),
                }
                None
            }
        }
    }

    /// What was said before the answer comes before the answer.
    async fn forward_remaining(&self, interim: &mut mpsc::Receiver<InterimMessage>) {
        while let Ok(InterimMessage::Progress(params)) = interim.try_recv() {
            tokio::select! {
                () = self.context.ct.cancelled() => return,
                () = forward_progress(self.context, &params) => {}
            }
        }
    }

    /// What the client answers, unless it goes away or has enough before it.
    async fn answers(&self, server: &str, asks: &Json, patience: Duration) -> Option<Input> {
        let _place = self.shared.questions.enter(client(self.context))?;
        tokio::select! {
            () = self.context.ct.cancelled() => None,
            answers = input_requests::of_client(server, asks, self.context, patience) => answers,
        }
    }

    /// Answers with a question, and keeps the request until the client comes back.
    fn ask_later<F>(&self, request: DirectRequest<F>, ongoing: Ongoing, question: Question, until: Instant) -> End {
        let DirectRequest { name, arguments, .. } = request;
        let Some(mut asks) = input_requests::result(&name.server, &question, abilities(self.context)) else {
            return End::Nothing(format!("{name} asked for input, {UNASKABLE}"));
        };
        let waiting = self.shared.questions.enter(client(self.context)).map(|place| {
            let name = name.clone();
            PendingInputRequest { ongoing, question, until, name, arguments, _place: place }
        });
        match waiting.and_then(|waiting| self.shared.pending_input.insert(waiting)) {
            Some(state) => {
                asks.request_state = Some(state);
                End::Asks(asks)
            }
            None => End::Nothing(format!("{name} asked for input, but too many requests wait: try again later")),
        }
    }
}
