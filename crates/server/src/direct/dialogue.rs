//! A request on its way: what its server says and asks meanwhile, and what the client answers.

use std::pin::pin;
use std::sync::Arc;

use exuvia_gateway::{DirectAnswer, DirectCall};
use exuvia_tool::{Json, ToolName};
use exuvia_upstream::{Input, News, Question, RelayOptions, Relayed, ResultKind};
use rmcp::ErrorData;
use rmcp::model::InputRequiredResult;
use tokio::sync::mpsc;

use super::Direct;
use super::asking;
use super::conversation::{abilities, ask, can_be_asked, tell};
use super::parked::Waiting;
use crate::client::is_modern;

/// How often a server may ask before it answers one request.
const ROUNDS: usize = 10;

/// What a client does with a server.
pub(super) struct Request<F> {
    /// The tool that it calls, or the method that it uses, of its server.
    pub(super) name: ToolName,
    /// With what.
    pub(super) arguments: Arc<Json>,
    /// Makes the request.
    pub(super) make: F,
}

/// What comes of a request.
pub(super) enum End {
    /// A result, as it was written. It may ask something of a client of the newer era.
    Result(ResultKind, Json),
    /// A question to a client of the newer era.
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
    Question(DirectCall, Question),
    /// The client is gone.
    Nobody,
}

impl Direct<'_> {
    /// Makes a request and follows it to its end. A client of the older era is asked in the middle of it, one of the newer by
    /// an answer.
    ///
    /// # Errors
    ///
    /// The client comes back to a request that does not wait for it.
    pub(super) async fn follow<F>(&self, request: Request<F>, mut input: Input) -> Result<End, ErrorData>
    where
        F: Fn(RelayOptions) -> DirectCall,
    {
        let Request { name, .. } = &request;
        for _ in 0..ROUNDS {
            let reached = match self.waiting(&request, &input)? {
                Some((waiting, None)) => Reached::Question(waiting.call, waiting.question),
                Some((waiting, Some(answer))) => {
                    waiting.question.answer(answer);
                    self.reach(waiting.call).await
                }
                None => {
                    let options =
                        RelayOptions { news: None, can: abilities(self.context), input: std::mem::take(&mut input) };
                    self.reach((request.make)(options)).await
                }
            };
            let (kind, result) = match reached {
                Reached::Nobody => return Ok(End::Nothing("cancelled".to_owned())),
                Reached::Question(call, question) => return Ok(self.ask_later(request, call, question)),
                Reached::Answer(DirectAnswer::Relayed(Relayed::Result(kind, result))) => (kind, result),
                Reached::Answer(other) => return Ok(End::Other(other)),
            };
            if kind != ResultKind::AsksForInput || is_modern(self.context) {
                return Ok(End::Result(kind, result));
            }
            match self.answers(&result).await {
                Some(answers) => input = answers,
                None => return Ok(End::Nothing(format!("{name} asked for input, which this client does not give"))),
            }
        }
        Ok(End::Nothing(format!("{name} asked {ROUNDS} times for input and did not answer")))
    }

    /// The request that waits for this client, and what the client answers.
    fn waiting<F>(&self, request: &Request<F>, input: &Input) -> Result<Option<(Waiting, Option<Json>)>, ErrorData> {
        let Some(state) = &input.state else { return Ok(None) };
        let waiting = self.shared.parked.take(state, &request.name, &request.arguments);
        let waiting = waiting.map_err(|message| ErrorData::invalid_params(message, None))?;
        Ok(waiting.map(|waiting| (waiting, asking::answer(input.responses.as_ref()))))
    }

    /// Follows a request. Only this task, the one of the client's request, talks to the client.
    async fn reach(&self, mut call: DirectCall) -> Reached {
        loop {
            tokio::select! {
                () = self.context.ct.cancelled() => return Reached::Nobody,
                answer = &mut call.answer => {
                    self.tell_the_rest(&mut call.news).await;
                    return Reached::Answer(answer);
                }
                Some(news) = call.news.recv() => match news {
                    // The call goes on, and can be cancelled, while a client does not read.
                    News::Progress(params) => {
                        let mut told = pin!(tell(self.context, &params));
                        tokio::select! {
                            () = self.context.ct.cancelled() => return Reached::Nobody,
                            () = &mut told => {}
                            answer = &mut call.answer => {
                                tokio::select! {
                                    () = self.context.ct.cancelled() => return Reached::Nobody,
                                    () = told => {}
                                }
                                self.tell_the_rest(&mut call.news).await;
                                return Reached::Answer(answer);
                            }
                        }
                    }
                    // Dropped, it is declined.
                    News::Question(question) if !can_be_asked(self.context, question.method()) => {}
                    News::Question(question) if is_modern(self.context) => return Reached::Question(call, question),
                    News::Question(question) => tokio::select! {
                        () = self.context.ct.cancelled() => return Reached::Nobody,
                        answer = &mut call.answer => {
                            self.tell_the_rest(&mut call.news).await;
                            return Reached::Answer(answer);
                        }
                        () = ask(self.context, question) => {}
                    },
                },
            }
        }
    }

    /// What was said before the answer comes before the answer.
    async fn tell_the_rest(&self, news: &mut mpsc::Receiver<News>) {
        while let Ok(News::Progress(params)) = news.try_recv() {
            tokio::select! {
                () = self.context.ct.cancelled() => return,
                () = tell(self.context, &params) => {}
            }
        }
    }

    /// What the client answers, unless it goes away.
    async fn answers(&self, asks: &Json) -> Option<Input> {
        tokio::select! {
            () = self.context.ct.cancelled() => None,
            answers = asking::of_client(asks, self.context) => answers,
        }
    }

    /// Answers with a question, and keeps the request until the client comes back.
    fn ask_later<F>(&self, request: Request<F>, call: DirectCall, question: Question) -> End {
        let Request { name, arguments, .. } = request;
        let Some(mut asks) = asking::result(&question) else {
            return End::Nothing(format!("{name} asked for something that this gateway cannot hand on"));
        };
        match self.shared.parked.park(Waiting { call, question, name: name.clone(), arguments }) {
            Some(state) => {
                asks.request_state = Some(state);
                End::Asks(asks)
            }
            None => End::Nothing(format!("{name} asked for input, and too many requests wait for some: try it later")),
        }
    }
}
