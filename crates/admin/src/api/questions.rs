//! Questions of servers in the middle of scripts' calls that no client is asked: what waits, and answering it.

use std::sync::Arc;

use exuvia_gateway::{NotAnswered, OpenQuestion, OpenQuestions, QuestionAnswer};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::page::{Done, Page};
use crate::admin::Admin;
use crate::answer::ApiError;
use crate::caller::Caller;
use crate::operation::Ask;

/// A question of a server.
#[derive(Deserialize, JsonSchema)]
pub(super) struct QuestionPath {
    /// Its id.
    id: String,
}

/// What a server wants to know of a person, in the middle of a script's call.
#[derive(Serialize, JsonSchema)]
pub(super) struct QuestionView {
    /// Its id.
    id: String,
    /// The run whose call waits.
    run: String,
    /// Who made the run.
    principal: String,
    /// The server that asks.
    server: String,
    /// The tool that was called.
    tool: String,
    /// The line of the script that made the call.
    line: Option<u32>,
    /// When it was asked, in milliseconds since the epoch.
    asked_ms: u64,
    /// Until when it can be answered, in milliseconds since the epoch.
    until_ms: u64,
    /// `form` or `url`.
    mode: &'static str,
    /// What the server says, with its name before it.
    message: String,
    /// Of a form: the JSON Schema of its flat content. Nobody has checked what it says.
    #[schemars(with = "Value")]
    schema: Option<Value>,
    /// Of a visit: the whole address. Nobody has checked where it leads.
    url: Option<String>,
}

/// What a person says.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct QuestionAnswerRequest {
    /// Whether the person answers.
    action: ActionView,
    /// The content of the form, as its schema has it. Of an accepted form alone.
    #[serde(default)]
    content: Map<String, Value>,
}

/// Whether a person answers.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum ActionView {
    /// Here is the content; or the page was visited.
    Accept,
    /// The person does not want to.
    Decline,
    /// The person makes no choice.
    Cancel,
}

impl QuestionView {
    fn of(question: OpenQuestion) -> Self {
        let OpenQuestion { id, run, principal, server, tool, line, asked_ms, until_ms, mut params, .. } = question;
        let url = params["url"].as_str().map(str::to_owned);
        Self {
            id,
            run: run.to_string(),
            principal: principal.to_string(),
            server,
            tool,
            line,
            asked_ms,
            until_ms,
            mode: if url.is_some() { "url" } else { "form" },
            message: params["message"].as_str().unwrap_or_default().to_owned(),
            schema: params.get_mut("requestedSchema").map(Value::take),
            url,
        }
    }
}

fn all(admin: &Admin) -> Result<Arc<OpenQuestions>, ApiError> {
    let gateway = admin.gateway()?;
    gateway.open_questions().cloned().ok_or_else(|| ApiError::unavailable("nobody is asked here"))
}

/// A question that the caller may see.
fn seen(questions: &OpenQuestions, id: &str, caller: &Caller) -> Result<OpenQuestion, ApiError> {
    let question = questions.get(id).ok_or_else(|| unknown(id))?;
    match caller.only_run() {
        Some(run) if *run != question.run => {
            Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", "this link leads to another run"))
        }
        _ => Ok(question),
    }
}

fn unknown(id: &str) -> ApiError {
    ApiError::not_found(format!("there is no question {id:?} that waits: it was answered, or its call is over"))
}

pub(super) async fn list(ask: Ask) -> Result<Page<QuestionView>, ApiError> {
    let only = ask.caller.only_run();
    let mut found = all(&ask.admin)?.list();
    found.retain(|question| only.is_none_or(|run| *run == question.run));
    Ok(Page::whole(found.into_iter().map(QuestionView::of).collect()))
}

pub(super) async fn show(ask: Ask<QuestionPath>) -> Result<QuestionView, ApiError> {
    seen(&*all(&ask.admin)?, &ask.path.id, &ask.caller).map(QuestionView::of)
}

pub(super) async fn answer(
    ask: Ask<QuestionPath, crate::operation::Nothing, QuestionAnswerRequest>,
) -> Result<Done, ApiError> {
    let (questions, id) = (all(&ask.admin)?, ask.path.id);
    let question = seen(&questions, &id, &ask.caller)?;
    let QuestionAnswerRequest { action, content } = ask.body;
    if !content.is_empty() && !matches!(action, ActionView::Accept) {
        return Err(ApiError::bad_request("content: of an accepted form alone"));
    }
    let (answer, how) = match action {
        ActionView::Accept => (QuestionAnswer::Accept(content), "accept"),
        ActionView::Decline => (QuestionAnswer::Decline, "decline"),
        ActionView::Cancel => (QuestionAnswer::Cancel, "cancel"),
    };
    // Who answered and how is recorded; what was filled in is for the server alone.
    let target = format!("{how} {id} of run {}", question.run);
    let action = ask.admin.record(&ask.caller, "question.answer", &target).await?;
    questions.answer(&id, answer).map_err(|why| match why {
        NotAnswered::Content(why) => ApiError::bad_request(format!("content: {why}")),
        _ => unknown(&id),
    })?;
    action.done();
    Ok(Done::DONE)
}
