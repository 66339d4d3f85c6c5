//! What clients read of direct servers: resources, prompts, completions.

use std::sync::Arc;

use exuvia_gateway::DirectAnswer;
use exuvia_tool::{Json, ToolName};
use exuvia_upstream::{Input, Query, RelayOptions, Relayed};
use rmcp::ErrorData;
use rmcp::model::{
    CompleteRequestParams, CompleteResult, GetPromptRequestParams, GetPromptResponse, GetPromptResult,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Reference,
};

use super::Direct;
use super::call::input;
use super::conversation::abilities;
use super::dialogue::{End, Request};
use super::relayed::{self, Answered, Complete, unreadable};
use crate::client::client;

impl Direct<'_> {
    /// Reads a resource: of the server that listed it, else of the first one that has it.
    ///
    /// # Errors
    ///
    /// None has it, or it cannot be read.
    pub(crate) async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let input = input(request.input_responses, request.request_state);
        let mut last = ErrorData::resource_not_found(format!("there is no resource {}", request.uri), None);
        for server in self.servers_of(&request.uri) {
            let query = Query::ReadResource { uri: request.uri.clone() };
            match self.read::<ReadResourceResult>(server, query, input.clone()).await {
                Ok(Answered::Complete(result)) => return Ok(result.into()),
                Ok(Answered::Asks(result)) => return Ok(result.into()),
                Err(error) => last = error,
            }
        }
        Err(relayed::about(last, &request.uri))
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
            Answered::Complete(result) => Ok(result.into()),
            Answered::Asks(result) => Ok(result.into()),
        }
    }

    /// Completes an argument of a prompt or of a template.
    ///
    /// # Errors
    ///
    /// No server knows what is to be completed.
    pub(crate) async fn complete(&self, mut request: CompleteRequestParams) -> Result<CompleteResult, ErrorData> {
        let servers = match &mut request.r#ref {
            Reference::Prompt(prompt) => {
                let (server, name) = self.prompt(&prompt.name)?;
                prompt.name = name;
                vec![server]
            }
            Reference::Resource(resource) => self.servers_of(&resource.uri),
            _ => Vec::new(),
        };
        request.meta = None;
        let params = serde_json::to_value(&request).map_err(|_| unreadable())?;
        let mut last = ErrorData::invalid_params("no server completes this", None);
        for server in servers {
            match self.ask(server, Query::Complete(params.clone())).await {
                Ok(result) => return relayed::complete(&result).ok_or_else(unreadable),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The servers to ask for a resource, the first one first: its owner alone, where that is known.
    fn servers_of(&self, uri: &str) -> Vec<&str> {
        let owner = self.shared.resources.owner(uri);
        let servers: Vec<&str> = self.view.direct_servers().collect();
        match servers.iter().find(|&&server| owner.as_deref() == Some(server)) {
            Some(&owner) => vec![owner],
            None => servers,
        }
    }

    /// The server of a prompt and its own name.
    fn prompt(&self, name: &str) -> Result<(&str, String), ErrorData> {
        let owns = |server: &&str| self.view.own_name(server, name).is_some();
        let server = self.view.direct_servers().find(owns);
        let unknown = || ErrorData::invalid_params(format!("there is no prompt named {name:?}"), None);
        let server = server.ok_or_else(unknown)?;
        let own = self.view.own_name(server, name).ok_or_else(unknown)?;
        Ok((server, own.to_owned()))
    }

    /// Asks for something that a server may ask the client about first.
    async fn read<T: Complete>(&self, server: &str, query: Query, input: Input) -> Result<Answered<T>, ErrorData> {
        let asker = client(self.context);
        let make = |options| self.gateway.query(self.view, &asker, server, query.clone(), options);
        let name = ToolName::new(server, query.method());
        let request = Request { name, arguments: Arc::new(Json::from_value(&query.params())), make };
        match self.follow(request, input).await? {
            End::Result(kind, result) => relayed::read(kind, &result).ok_or_else(unreadable),
            End::Asks(result) => Ok(Answered::Asks(result)),
            End::Other(answer) => Err(relayed::error(answer)),
            End::Nothing(why) => Err(ErrorData::internal_error(why, None)),
        }
    }

    /// Asks for something that no client is asked about.
    pub(super) async fn ask(&self, server: &str, query: Query) -> Result<Json, ErrorData> {
        let options = RelayOptions { can: abilities(self.context), ..RelayOptions::default() };
        let asked = self.gateway.query(self.view, &client(self.context), server, query, options).answer;
        tokio::select! {
            () = self.context.ct.cancelled() => Err(ErrorData::internal_error("cancelled", None)),
            answer = asked => match answer {
                DirectAnswer::Relayed(Relayed::Result(_, result)) => Ok(result),
                other => Err(relayed::error(other)),
            },
        }
    }
}
