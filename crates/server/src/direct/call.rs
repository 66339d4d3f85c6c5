//! Direct tool calls.

use std::sync::Arc;

use exuvia_mcp_client::{Input, ResultKind};
use exuvia_tool::{Json, ToolName};
use rmcp::ErrorData;
use rmcp::model::{CallToolRequestParams, CallToolResponse, InputResponses};
use serde_json::Value;

use super::Direct;
use super::call_log::LoggedCall;
use super::in_flight::{DirectRequest, End};
use super::results::{self, failure};
use crate::client::{is_modern, spending_client};
use crate::large_arguments::Arguments;

impl Direct<'_> {
    /// Calls a tool for the client. `past`: the arguments, where rmcp did not see them.
    ///
    /// # Errors
    ///
    /// The request is wrong, or the server answered with an error of the protocol.
    pub(crate) async fn call(
        &self,
        tool: &ToolName,
        request: CallToolRequestParams,
        past: Option<Arguments>,
    ) -> Result<CallToolResponse, ErrorData> {
        let seen = || Arc::new(Json::from_value(&Value::Object(request.arguments.unwrap_or_default())));
        let arguments = past.map_or_else(seen, |Arguments(arguments)| arguments);
        let asker = spending_client(self.context)?;
        let make = |options| self.gateway.proxy_call(self.view, &asker, tool.clone(), Json::clone(&arguments), options);
        let input = input(request.input_responses, request.request_state);
        let mut told = LoggedCall::of(tool);
        let request = DirectRequest { name: tool.clone(), arguments: Arc::clone(&arguments), make };
        let end = self.follow(request, input).await?;
        told.outcome = end.outcome();
        Ok(match end {
            End::Result(ResultKind::Task, result) => self.task(tool, &result),
            End::Result(kind, result) => results::call_result(tool, kind, result, is_modern(self.context)),
            End::Asks(result) => result.into(),
            End::Other(answer) => return results::unanswered(answer),
            End::Nothing(why) => failure(&why),
        })
    }
}

/// What a client brings that was asked for something.
pub(super) fn input(responses: Option<InputResponses>, state: Option<String>) -> Input {
    let responses = responses.and_then(|responses| serde_json::to_value(responses).ok());
    Input { responses: responses.as_ref().map(Json::from_value), state }
}
