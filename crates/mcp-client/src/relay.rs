//! Requests and results relayed between a client and a direct server, as they were written.

#[cfg(doc)]
use exuvia_tool::CallError;
use exuvia_tool::Json;
use rmcp::model::{
    ClientCapabilities, ClientRequest, ElicitationCapability, FormElicitationCapability, RequestMetaObject,
    UrlElicitationCapability,
};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::forms::Parts;
use crate::question::Question;

/// What a server says to a request before it answers it.
#[derive(Debug)]
pub enum InterimMessage {
    /// How far it is: the parameters of its notification, with a progress token that is not the client's.
    Progress(Json),
    /// It wants something of the user first.
    Question(Question),
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relayed {
    /// The result, as written, and what it is.
    Result(ResultKind, Json),
    /// The error.
    Error {
        /// JSON-RPC's code.
        code: i64,
        /// What the server says.
        message: String,
        /// What it says beyond that.
        data: Option<Json>,
    },
}

/// What a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResultKind {
    /// What was asked for.
    Complete,
    /// The same, of a tool that says that it failed.
    Failed,
    /// A wish for input of the client (SEP-2322).
    AsksForInput,
    /// A task, whose result is still to come (SEP-2663).
    Task,
    /// Something that this version of the protocol does not know.
    Unknown,
}

impl ResultKind {
    pub(crate) fn of(result: &Json) -> Self {
        let Parts { kind, is_error, .. } = Parts::of(result.as_str());
        match kind.as_deref() {
            None | Some("complete") if is_error => Self::Failed,
            None | Some("complete") => Self::Complete,
            Some("input_required") => Self::AsksForInput,
            Some("task") => Self::Task,
            Some(_) => Self::Unknown,
        }
    }
}

impl Relayed {
    /// `ok`, or the code for a failed tool or an unknown kind of result, named as in [`CallError::code`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Result(ResultKind::Failed | ResultKind::Unknown, _) | Self::Error { .. } => "tool-failed",
            Self::Result(..) => "ok",
        }
    }
}

/// What a client brings to a call that asked for something before (SEP-2322).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Input {
    /// Its answers, an object.
    pub responses: Option<Json>,
    /// What the server gave it to hand back.
    pub state: Option<String>,
}

/// How a request is handed through.
#[derive(Debug, Clone, Default)]
pub struct RelayOptions {
    /// Where the server's news go. Full or without a receiver, its questions are declined and the rest is lost.
    pub interim: Option<mpsc::Sender<InterimMessage>>,
    /// Whether the client can be asked.
    pub can: Abilities,
    /// What the client brings.
    pub input: Input,
}

/// What a client can be asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Input of the user, in a form.
    pub elicitation: bool,
    /// A visit of the user to a web page.
    pub url: bool,
    /// A completion of a language model.
    pub sampling: bool,
    /// To come back for the result of a task: in the modern era alone.
    pub tasks: bool,
    /// Its roots (deprecated, SEP-2577): in the modern era alone, where the request says for which call.
    pub roots: bool,
}

impl Abilities {
    /// The capabilities declared to a server of the legacy era, once for all clients.
    pub(crate) const OF_ANYBODY: Self =
        Self { elicitation: true, url: true, sampling: true, tasks: false, roots: false };

    /// What a script's client can be asked for on behalf of a server, of what it can be asked for.
    #[must_use]
    pub fn of_script(self) -> Self {
        Self { elicitation: self.elicitation, url: self.url, ..Self::default() }
    }

    /// What one of two can be asked for.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            elicitation: self.elicitation || other.elicitation,
            url: self.url || other.url,
            sampling: self.sampling || other.sampling,
            tasks: self.tasks || other.tasks,
            roots: self.roots || other.roots,
        }
    }

    /// Whether there is anything to ask for in the middle of a request.
    pub fn any(self) -> bool {
        self.elicitation || self.url || self.sampling
    }

    /// As the protocol's type.
    pub(crate) fn capabilities(self) -> ClientCapabilities {
        let mut capabilities = ClientCapabilities::default();
        if self.elicitation || self.url {
            let mut elicitation = ElicitationCapability::new();
            elicitation.form = self.elicitation.then(FormElicitationCapability::default);
            elicitation.url = self.url.then(UrlElicitationCapability::default);
            capabilities.elicitation = Some(elicitation);
        }
        if self.sampling {
            capabilities.sampling = serde_json::from_value(json!({})).ok();
        }
        if self.roots {
            capabilities.roots = serde_json::from_value(json!({})).ok();
        }
        if self.tasks {
            capabilities.extensions = ClientCapabilities::builder().enable_tasks().build().extensions;
        }
        capabilities
    }
}

/// One of the lists that a server shows to everybody: no permit is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Listing {
    /// Of resources.
    Resources,
    /// Of templates of resources.
    ResourceTemplates,
    /// Of prompts.
    Prompts,
}

impl Listing {
    /// The protocol's name for a page of it.
    #[must_use]
    pub fn method(self) -> &'static str {
        match self {
            Self::Resources => "resources/list",
            Self::ResourceTemplates => "resources/templates/list",
            Self::Prompts => "prompts/list",
        }
    }

    /// What holds the items in a result.
    #[must_use]
    pub fn member(self) -> &'static str {
        match self {
            Self::Resources => "resources",
            Self::ResourceTemplates => "resourceTemplates",
            Self::Prompts => "prompts",
        }
    }

    /// The request for the page at this cursor.
    pub fn request(self, cursor: Option<&str>) -> Option<ClientRequest> {
        let params = cursor.map_or_else(|| json!({}), |cursor| json!({ "cursor": cursor }));
        request(self.method(), params, Input::default())
    }
}

/// A request that is no call of a tool, and is permitted like one: permits name it by its method.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// What a resource holds.
    ReadResource {
        /// Which one.
        uri: String,
    },
    /// A prompt, with its arguments filled in.
    GetPrompt {
        /// Its own name.
        name: String,
        /// Its arguments, an object of strings.
        arguments: Option<Value>,
    },
    /// Completions of an argument: the parameters of `completion/complete`.
    Complete(Value),
    /// How far a task is, or its result: the parameters of `tasks/get`.
    GetTask(Value),
    /// Answers to what a task asks: the parameters of `tasks/update`.
    UpdateTask(Value),
    /// The end of a task: the parameters of `tasks/cancel`.
    CancelTask(Value),
}

impl Query {
    /// The protocol's name for it, by which permits know it.
    #[must_use]
    pub fn method(&self) -> &'static str {
        match self {
            Self::ReadResource { .. } => "resources/read",
            Self::GetPrompt { .. } => "prompts/get",
            Self::Complete(_) => "completion/complete",
            Self::GetTask(_) => "tasks/get",
            Self::UpdateTask(_) => "tasks/update",
            Self::CancelTask(_) => "tasks/cancel",
        }
    }

    /// The parameters of the request.
    #[must_use]
    pub fn params(&self) -> Value {
        match self {
            Self::ReadResource { uri } => json!({ "uri": uri }),
            Self::GetPrompt { name, arguments: None } => json!({ "name": name }),
            Self::GetPrompt { name, arguments: Some(arguments) } => json!({ "name": name, "arguments": arguments }),
            Self::Complete(params) | Self::GetTask(params) | Self::UpdateTask(params) | Self::CancelTask(params) => {
                params.clone()
            }
        }
    }
}

/// A request of this method. `None`: its parameters are none that the protocol knows.
pub fn request(method: &'static str, params: Value, input: Input) -> Option<ClientRequest> {
    let request = json!({ "method": method, "params": with_input(params, input) });
    // From the text: from a tree rmcp's types refuse some numbers.
    serde_json::from_str(&request.to_string()).ok()
}

fn with_input(mut params: Value, input: Input) -> Value {
    let responses = input.responses.and_then(|responses| responses.to_value().ok());
    let state = input.state.map(Value::String);
    let added: Map<String, Value> = [("inputResponses", responses), ("requestState", state)]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect();
    if let Value::Object(params) = &mut params {
        params.extend(added);
    }
    params
}

impl RelayOptions {
    /// What goes into the `_meta` of a request to a server of the modern era, beside what rmcp puts there.
    pub fn meta(&self) -> RequestMetaObject {
        let mut meta = RequestMetaObject::default();
        meta.set_client_capabilities(self.can.capabilities());
        meta
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_what_its_own_members_say() {
        for (result, kind) in [
            ("{}", ResultKind::Complete),
            (r#"{"resultType":"complete","isError":false}"#, ResultKind::Complete),
            (r#"{ "isError" : true , "content":[] }"#, ResultKind::Failed),
            (r#"{"resultType":"input_required","isError":true}"#, ResultKind::AsksForInput),
            (r#"{"resultType":"task"}"#, ResultKind::Task),
            (r#"{"resultType":"later"}"#, ResultKind::Unknown),
            (r#"{"resultType":1}"#, ResultKind::Unknown),
            (r#"{"resultType":null,"isError":null}"#, ResultKind::Complete),
            (r#"{"structuredContent":{"isError":true,"resultType":"task"}}"#, ResultKind::Complete),
            ("[]", ResultKind::Complete),
        ] {
            assert_eq!(ResultKind::of(&Json::parse(result).unwrap()), kind, "{result}");
        }
    }
}
