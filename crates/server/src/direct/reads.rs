//! What clients read of direct servers: resources, prompts, completions.

use exuvia_tool::Json;
use exuvia_upstream::{Input, Query, RelayOptions};
use rmcp::ErrorData;
use rmcp::model::{
    CompleteRequestParams, CompleteResult, GetPromptRequestParams, GetPromptResponse, GetPromptResult, InputResponses,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Reference, ResultType,
};

use super::Direct;
use super::conversation::abilities;
use super::relayed::{self, Answered, unreadable};

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
            match self.ask(server, query, input.clone()).await {
                Ok(result) => {
                    return match relayed::read::<ReadResourceResult>(&result).ok_or_else(unreadable)? {
                        Answered::Complete(mut result) => {
                            result.result_type.get_or_insert(ResultType::COMPLETE);
                            Ok(result.into())
                        }
                        Answered::Asks(result) => Ok(result.into()),
                    };
                }
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
        let result = self.ask(server, Query::GetPrompt { name, arguments }, input).await?;
        match relayed::read::<GetPromptResult>(&result).ok_or_else(unreadable)? {
            Answered::Complete(mut result) => {
                result.result_type.get_or_insert(ResultType::COMPLETE);
                Ok(result.into())
            }
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
            match self.ask(server, Query::Complete(params.clone()), Input::default()).await {
                Ok(result) => {
                    let mut result: CompleteResult = serde_json::from_str(result.as_str()).map_err(|_| unreadable())?;
                    result.result_type.get_or_insert(ResultType::COMPLETE);
                    return Ok(result);
                }
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

    pub(super) async fn ask(&self, server: &str, query: Query, input: Input) -> Result<Json, ErrorData> {
        let options = RelayOptions { news: None, can: abilities(self.context), input };
        let asked = self.gateway.query(self.view, server, query, options);
        let relayed = tokio::select! {
            () = self.context.ct.cancelled() => return Err(ErrorData::internal_error("cancelled", None)),
            relayed = asked => relayed.map_err(|error| ErrorData::internal_error(error.to_string(), None))?,
        };
        relayed::result(relayed)
    }
}

fn input(responses: Option<InputResponses>, state: Option<String>) -> Input {
    let responses = responses.and_then(|responses| serde_json::to_value(responses).ok());
    Input { responses: responses.as_ref().map(Json::from_value), state }
}
