//! A client's own call, from its request to its answer.

use exuvia_gateway::{DirectAnswer, DirectCall};
use exuvia_tool::{Json, ToolName};
use exuvia_upstream::{Input, News, Question, RelayOptions, Relayed};
use rmcp::ErrorData;
use rmcp::model::{CallToolRequestParams, CallToolResponse};
use serde_json::Value;

use super::Direct;
use super::asking::{self, Asked};
use super::conversation::{abilities, ask, is_modern, tell};
use super::parked::Waiting;
use super::relayed::{self, failure};

/// How often a server may ask before it answers one call.
const ROUNDS: usize = 10;

/// How far a call came.
enum Reached {
    /// Its end.
    Answer(DirectAnswer),
    /// A question that this client is asked by an answer.
    Question(DirectCall, Question),
    /// The client is gone.
    Nobody,
}

impl Direct<'_> {
    /// Calls a tool for the client.
    ///
    /// # Errors
    ///
    /// The request is wrong, or the server answered with an error of the protocol.
    pub(crate) async fn call(
        &self,
        tool: &ToolName,
        request: CallToolRequestParams,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Json::from_value(&Value::Object(request.arguments.unwrap_or_default()));
        let responses = request.input_responses.and_then(|responses| serde_json::to_value(responses).ok());
        let mut input = Input { responses: responses.as_ref().map(Json::from_value), state: request.request_state };
        for _ in 0..ROUNDS {
            let call = self.begun(tool, &arguments, std::mem::take(&mut input))?;
            let result = match self.follow(call).await {
                Reached::Nobody => return Ok(failure("cancelled")),
                Reached::Question(call, question) => return self.ask_later(call, question, tool, arguments).await,
                Reached::Answer(DirectAnswer::Relayed(Relayed::Result(result))) => result,
                Reached::Answer(other) => return relayed::unanswered(other),
            };
            match Asked::of(&result) {
                Some(asked) if !is_modern(self.context) => match self.answers(asked).await {
                    Some(answers) => input = answers,
                    None => return Ok(failure(&format!("{tool} asked for input, which this client does not give"))),
                },
                _ if relayed::is_task(&result) => return Ok(self.task(tool, &result)),
                _ => return Ok(relayed::call_result(tool, &result)),
            }
        }
        Ok(failure(&format!("{tool} asked {ROUNDS} times for input and did not answer")))
    }

    /// A new call, or one that waited for what the client brings.
    fn begun(&self, tool: &ToolName, arguments: &Json, input: Input) -> Result<DirectCall, ErrorData> {
        let state = input.state.as_deref();
        let parked = state.map_or(Ok(None), |state| self.shared.parked.take(state, tool, arguments));
        if let Some(waiting) = parked.map_err(|message| ErrorData::invalid_params(message, None))? {
            let Waiting { call, question, .. } = waiting;
            if let Some(answer) = asking::answer(input.responses.as_ref()) {
                question.answer(answer);
            }
            return Ok(call);
        }
        let options = RelayOptions { news: None, can: abilities(self.context), input };
        Ok(self.gateway.call(self.view, tool.clone(), arguments.clone(), options))
    }

    /// Follows a call. Only this task, the one of the client's request, talks to the client.
    async fn follow(&self, mut call: DirectCall) -> Reached {
        loop {
            tokio::select! {
                () = self.context.ct.cancelled() => return Reached::Nobody,
                answer = &mut call.answer => {
                    // What was said before the answer comes before the answer.
                    while let Ok(News::Progress(params)) = call.news.try_recv() {
                        tell(self.context, &params).await;
                    }
                    return Reached::Answer(answer);
                }
                Some(news) = call.news.recv() => match news {
                    News::Progress(params) => tell(self.context, &params).await,
                    News::Question(question) if is_modern(self.context) => return Reached::Question(call, question),
                    News::Question(question) => tokio::select! {
                        () = self.context.ct.cancelled() => return Reached::Nobody,
                        answer = &mut call.answer => return Reached::Answer(answer),
                        () = ask(self.context, question) => {}
                    },
                },
            }
        }
    }

    /// What the client answers, unless it goes away.
    async fn answers(&self, asked: Asked) -> Option<Input> {
        tokio::select! {
            () = self.context.ct.cancelled() => None,
            answers = asked.of_client(self.context) => answers,
        }
    }

    /// Answers with a question, and keeps the call until the client comes back.
    async fn ask_later(
        &self,
        call: DirectCall,
        question: Question,
        tool: &ToolName,
        arguments: Json,
    ) -> Result<CallToolResponse, ErrorData> {
        let can = abilities(self.context);
        let may = match question.method() {
            "elicitation/create" => can.elicitation,
            _ => can.sampling,
        };
        if !may {
            return Ok(failure(&format!("{tool} asked for input, which this client does not give")));
        }
        let Some(mut asks) = asking::result(&question) else {
            return Ok(failure(&format!("{tool} asked for something that this gateway cannot hand on")));
        };
        let waiting = Waiting { call, question, tool: tool.clone(), arguments };
        match self.shared.parked.park(waiting) {
            Ok(state) => {
                asks.request_state = Some(state);
                Ok(asks.into())
            }
            Err(_) => Ok(failure(&format!("{tool} asked for input, and too many calls wait for some: call it later"))),
        }
    }
}
