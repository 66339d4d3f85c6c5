//! Reads of direct servers: resources, prompts, completions.

use std::sync::Arc;

use exuvia_gateway::DirectAnswer;
use exuvia_mcp_client::{Input, Query, RelayOptions, Relayed};
use exuvia_text::{is_plain_name, quoted};
use exuvia_tool::{Json, ToolName};
use rmcp::ErrorData;
use rmcp::model::{
    CompleteRequestParams, CompleteResult, GetPromptRequestParams, GetPromptResponse, GetPromptResult,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Reference,
};

use super::Direct;
use super::call::input;
use super::in_flight::{DirectRequest, End};
use super::results::{self, Complete, DirectResult, unreadable};
use crate::client::{client, spending_client};
use crate::questions::abilities;

/// What a server is asked for that has an address.
pub(super) const RESOURCES: &str = "resources/read";

impl Direct<'_> {
    /// Reads a resource: of the server whose its address is.
    ///
    /// # Errors
    ///
    /// No server owns it, or it cannot be read.
    pub(crate) async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let input = input(request.input_responses, request.request_state);
        let server = self.server_of(&request.uri).await?;
        let query = Query::ReadResource { uri: request.uri.clone() };
        match self.read::<ReadResourceResult>(server, query, input).await {
            Ok(DirectResult::Complete(result)) => Ok(result.into()),
            Ok(DirectResult::Asks(result)) => Ok(result.into()),
            Err(error) => Err(results::about(error, &request.uri)),
        }
    }

    /// Gets a prompt.
    ///
    /// # Errors
    ///
    /// There is none of this name, or its server says so.
    pub(crate) async fn get_prompt(&self, request: GetPromptRequestParams) -> Result<GetPromptResponse, ErrorData> {
        let (server, name) = self.prompt(&request.name)?;
        let arguments = request.arguments.map(serde_json::Value::Object);
        let input = input(request.input_responses, request.request_state);
        match self.read::<GetPromptResult>(server, Query::GetPrompt { name, arguments }, input).await? {
            DirectResult::Complete(result) => Ok(result.into()),
            DirectResult::Asks(result) => Ok(result.into()),
        }
    }

    /// Completes an argument of a prompt or of a template.
    ///
    /// # Errors
    ///
    /// No server knows what is to be completed.
    pub(crate) async fn complete(&self, mut request: CompleteRequestParams) -> Result<CompleteResult, ErrorData> {
        let server = match &mut request.r#ref {
            Reference::Prompt(prompt) => {
                let (server, name) = self.prompt(&prompt.name)?;
                prompt.name = name;
                server
            }
            Reference::Resource(resource) => self.server_of(&resource.uri).await?,
            _ => return Err(ErrorData::invalid_params("no server offers completions for this", None)),
        };
        request.meta = None;
        let params = serde_json::to_value(&request).map_err(|_| unreadable())?;
        let result = self.ask(server, Query::Complete(params)).await?;
        results::complete(&result).ok_or_else(unreadable)
    }

    /// The server of an address, or of a template. The only direct server there is has all of them.
    pub(super) async fn server_of(&self, uri: &str) -> Result<&str, ErrorData> {
        let mut all = self.view.direct_servers();
        if let (Some(only), None) = (all.next(), all.next()) {
            return Ok(only);
        }
        let request = self.gateway.request_place(&client(self.context)).map_err(results::failed)?;
        let (servers, cancellation) = (self.shown(RESOURCES).collect::<Vec<_>>(), request.cancellation());
        let owner = tokio::select! {
            () = self.context.ct.cancelled() => return Err(ErrorData::internal_error("cancelled", None)),
            () = cancellation.cancelled() => return Err(ErrorData::internal_error("cancelled", None)),
            owner = self.shared.directory.owner(self.asker(), &servers, uri) => owner,
        };
        let unknown = || {
            let message = format!("no server lists {uri}, and no resource template matches it");
            results::about(ErrorData::resource_not_found(message, None), uri)
        };
        owner.ok_or_else(unknown)
    }

    /// The server of a prompt and its own name.
    fn prompt(&self, name: &str) -> Result<(&str, String), ErrorData> {
        let unknown = || ErrorData::invalid_params(format!("unknown prompt {}", quoted(name, 80)), None);
        // One with another name is in no list.
        let (server, own) = self.view.owner(name).filter(|_| is_plain_name(name)).ok_or_else(unknown)?;
        Ok((server, own.to_owned()))
    }

    /// Asks for something that a server may ask the client about first.
    async fn read<T: Complete>(&self, server: &str, query: Query, input: Input) -> Result<DirectResult<T>, ErrorData> {
        let asker = spending_client(self.context)?;
        let make = |options| self.gateway.proxy_query(self.view, &asker, server, &query, options);
        let name = ToolName::new(server, query.method());
        let request = DirectRequest { name, arguments: Arc::new(Json::from_value(&query.params())), make };
        match self.follow(request, input).await? {
            End::Result(kind, result) => results::read(kind, &result).ok_or_else(unreadable),
            End::Asks(result) => Ok(DirectResult::Asks(result)),
            End::Other(answer) => Err(results::error(answer)),
            End::Nothing(why) => Err(ErrorData::internal_error(why, None)),
        }
    }

    /// Asks for something that no client is asked about.
    pub(super) async fn ask(&self, server: &str, query: Query) -> Result<Json, ErrorData> {
        let options = RelayOptions { can: abilities(self.context), ..RelayOptions::default() };
        let asker = spending_client(self.context)?;
        let asked = self.gateway.proxy_query(self.view, &asker, server, &query, options).answer;
        tokio::select! {
            () = self.context.ct.cancelled() => Err(ErrorData::internal_error("cancelled", None)),
            answer = asked => match answer {
                DirectAnswer::Relayed(Relayed::Result(_, result)) => Ok(result),
                other => Err(results::error(other)),
            },
        }
    }
}
