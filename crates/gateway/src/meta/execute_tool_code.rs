//! Runs a script.

use exuvia_analysis::repaired;
use exuvia_mcp_client::offload;
use exuvia_runtime::Script;
use serde::Deserialize;
use serde_json::json;

use super::request::MetaRequest;
use super::tool::{Answering, object};
use super::{BadRequest, BadRequestKind, MetaAnswer, MetaTool};
use crate::StartedBy;

/// `executeToolCode`
pub static EXECUTE_TOOL_CODE: MetaTool = MetaTool {
    name: "executeToolCode",
    description: "Runs Python 3.14 in a fresh sandbox: standard library, no files, network, threads or packages.\n\
        Servers are globals: `crm.get_contacts(limit=10)` gives the tool's value.\n\
        Calls block; in parallel: `await asyncio.gather(*[crm.get_order(id=i) for i in ids])`.\n\
        You get the last expression's value, or `result`, and what is printed. Filter and aggregate: a large result is shown \
        in part.\n\
        Failures raise ToolError (.message, .data). `retry(crm.get_order, n=5, id=1)`; \
        `for page in pages(crm.get_contacts):`; `help(crm)`.",
    schema: || object(json!({"code": {"type": "string"}}), &["code"]),
    handler: answer,
};

/// A text is parsed so many times slower than it is scanned.
const PARSING: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    code: String,
}

fn answer(request: MetaRequest<'_>) -> Answering<'_> {
    Box::pin(async move {
        let Arguments { code } = request.arguments()?;
        let code = offload(code.len() * PARSING, move || repaired(&code).unwrap_or(code)).await;
        let run = request.gateway.start(request.view, Script::new(code), StartedBy::Client, request.client);
        run.map(MetaAnswer::Run).map_err(|busy| BadRequest::new(BadRequestKind::Busy, busy.to_string()))
    })
}
