//! Runs a script.

use std::sync::Arc;
use std::time::Duration;

use exuvia_analysis::{repaired, with_imports};
use exuvia_config::FileAccess;
use exuvia_journal::RunEnd;
use exuvia_mcp_client::offload;
use exuvia_runtime::{Outcome, Report, Script};
use exuvia_tool::{Json, Namespace, RunId};
use serde::Deserialize;
use serde_json::{Value, json};

use super::request::MetaRequest;
use super::tool::{Answering, object};
use super::{BadRequest, BadRequestKind, MetaAnswer, MetaTool};
use crate::StartedBy;
use crate::answer::{AnswerRoom, StoredAnswer, part};
use crate::kept_runs::NotKept;
use crate::pick_up::{PickedUp, report_of};
use crate::repair::Repair;
use crate::sessions::{BAD_NAME, is_name};

/// `executeToolCode`
pub static EXECUTE_TOOL_CODE: MetaTool = MetaTool {
    name: "executeToolCode",
    description: "Runs Python 3.14 in a fresh sandbox: standard library, no files, network or packages.\n\
        Servers are globals: `crm.get_contacts(limit=10)` gives a value.\n\
        Calls block; in parallel: `await asyncio.gather(*[crm.get_order(id=i) for i in ids])`.\n\
        You get the last expression or `result`, and printed text, large ones in part: filter and aggregate.\n\
        Failures raise ToolError (.message, .data). `retry(crm.get_order, n=5, id=1)`; \
        `for page in pages(crm.get_contacts):`.",
    schema: || {
        let text = json!({"type": "string"});
        object(json!({"code": text, "run": text, "part": text}), &[])
    },
    handler: answer,
};

/// What the description says where scripts have no files.
const NO_FILES: &str = "no files, network";

/// The description where scripts have files.
pub(super) fn with_files(description: &str, files: FileAccess) -> String {
    let files = match files {
        FileAccess::ReadOnly => "read-only files",
        FileAccess::ReadWrite => "files that stay",
    };
    description.replacen(NO_FILES, &format!("{files} in /workspace, no network"), 1)
}

/// What the description says where scripts may go on where others stopped.
const SESSIONS: &str = "\n`session=\"NAME\"` keeps variables between scripts of that name.";

/// The description and the schema where scripts may go on where others stopped.
pub(super) fn with_sessions(description: &str) -> String {
    format!("{}{SESSIONS}", description.replacen("in a fresh sandbox", "in a sandbox", 1))
}

/// The schema there.
pub(super) fn schema_with_sessions(mut schema: Value) -> Value {
    schema["properties"]["session"] = json!({"type": "string"});
    schema
}

/// A text is parsed so many times slower than it is scanned.
const PARSING: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    code: Option<String>,
    /// An earlier run: with `code`, the answers of its calls are taken; alone, its result is shown.
    run: Option<String>,
    /// Which part of the result.
    part: Option<String>,
    /// The session in which the script runs.
    session: Option<String>,
}

fn answer(request: MetaRequest<'_>) -> Answering<'_> {
    Box::pin(async move {
        match request.arguments()? {
            Arguments { code: Some(code), run, part: None, session } => run_script(&request, code, run, session).await,
            Arguments { code: None, run: Some(run), part, session: None } => picked_up(&request, &run, part).await,
            Arguments { code: None, session: Some(_), .. } => Err(bad("`session` is sent with `code`")),
            Arguments { code: Some(_), part: Some(_), .. } => {
                Err(bad("`part` is a part of the result of `run`, and is sent without `code`"))
            }
            Arguments { code: None, run: None, session: None, .. } => {
                Err(bad("send `code`, a Python script, or `run`, the id of an earlier run"))
            }
        }
    })
}

async fn run_script(
    request: &MetaRequest<'_>,
    code: String,
    run: Option<String>,
    session: Option<String>,
) -> Result<MetaAnswer, BadRequest> {
    if let Some(name) = &session {
        if request.view.scripts().settings.sessions.is_none() {
            return Err(bad("there are no sessions here: send the script without `session`, with all that it needs"));
        }
        if !is_name(name) {
            return Err(bad(BAD_NAME));
        }
    }
    let repair = match run {
        None => None,
        Some(run) => {
            let most = request.view.scripts().settings.repair_age;
            let run = request.gateway.repairable_run(request.client, &run, most).await;
            Some(Repair::new(run.map_err(|why| unkept(&why))?))
        }
    };
    // Scripts of its session may have given a name another meaning.
    let namespace = session.is_none().then(|| Arc::clone(&request.view.scripts().namespace));
    let code = offload(code.len() * PARSING, move || as_meant(code, namespace.as_deref())).await;
    let script = Script::new(code);
    let run = request.gateway.start_with(request.view, script, StartedBy::Client, request.client, repair, session);
    run.map(MetaAnswer::Run).map_err(|busy| BadRequest::new(BadRequestKind::Busy, busy.to_string()))
}

/// A script without what its client has wrapped around it, and with the imports that it lacks where these names mean nothing else.
fn as_meant(code: String, namespace: Option<&Namespace>) -> String {
    let code = repaired(&code).unwrap_or(code);
    let Some(namespace) = namespace else { return code };
    let is_server = |name: &str| {
        let absent = namespace.find_absent(name).is_some();
        absent || namespace.servers().iter().any(|server| server.python_name == name || server.name == name)
    };
    with_imports(&code, is_server).unwrap_or(code)
}

/// What came of a run, or a part of what it returned, or what it waits for. One that goes on is waited for.
async fn picked_up(request: &MetaRequest<'_>, run: &str, path: Option<String>) -> Result<MetaAnswer, BadRequest> {
    let patience = Duration::from_millis(request.view.scripts().settings.limits.hold_ms);
    let picked_up = request.gateway.picked_up(request.client, run, patience).await;
    let report = match picked_up.map_err(|why| unkept(&why))? {
        PickedUp::Over(end, run) => return stored_result(request, *end, run, path).await,
        PickedUp::Runs => return Ok(MetaAnswer::Text("the run goes on: ask for it again".to_owned())),
        PickedUp::Waits(held, run) => {
            let mut report = Report::not_started(Outcome::AwaitingApproval(held));
            report.kept_as = Some(run);
            report
        }
    };
    Ok(stored(report, request.view.answer_room(), String::new()))
}

/// What a run returned that is over, or a part of it.
async fn stored_result(
    request: &MetaRequest<'_>,
    end: RunEnd,
    run: RunId,
    path: Option<String>,
) -> Result<MetaAnswer, BadRequest> {
    let room = request.view.answer_room();
    let path = path.unwrap_or_default();
    let Some(result) = end.result.clone() else {
        let why = match &*end.outcome {
            "void" => "this run did not go on: what was recorded of it has been erased. Send the script again",
            _ => "this run returned nothing",
        };
        let mut report = report_of(end).ok_or_else(|| bad(why))?;
        report.kept_as = Some(run);
        return Ok(stored(report, room, String::new()));
    };
    let cut_out = move || {
        let text = part(result.as_str(), &path)?;
        Json::parse(text).map(|part| (part, path)).map_err(|error| error.to_string())
    };
    let (result, path) = offload(usize::MAX, cut_out).await.map_err(bad)?;
    let mut report = Report::not_started(Outcome::Returned(result));
    report.kept_as = Some(run);
    Ok(stored(report, room, path))
}

fn stored(report: Report, room: AnswerRoom, path: String) -> MetaAnswer {
    MetaAnswer::Stored(Box::new(StoredAnswer { report, room, path }))
}

fn bad(message: impl Into<String>) -> BadRequest {
    BadRequest::new(BadRequestKind::Arguments, message)
}

fn unkept(why: &NotKept) -> BadRequest {
    BadRequest::new(BadRequestKind::Unknown, why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_told_of_where_there_are_some() {
        let described = with_sessions(EXECUTE_TOOL_CODE.description);
        assert!(described.starts_with("Runs Python 3.14 in a sandbox: ") && described.ends_with(SESSIONS));
        assert!(!EXECUTE_TOOL_CODE.description.contains("session"));
        let schema = schema_with_sessions(EXECUTE_TOOL_CODE.input_schema());
        assert_eq!(schema["properties"]["session"]["type"], "string");
        assert!(EXECUTE_TOOL_CODE.input_schema()["properties"].get("session").is_none());
    }

    #[test]
    fn the_description_says_whether_there_are_files() {
        let described = with_files(EXECUTE_TOOL_CODE.description, FileAccess::ReadWrite);
        assert!(described.contains("standard library, files that stay in /workspace, no network or packages"));
        assert!(
            with_files(EXECUTE_TOOL_CODE.description, FileAccess::ReadOnly).contains("read-only files in /workspace")
        );
    }
}
