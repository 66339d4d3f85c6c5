//! A tool of the application.

use std::fmt;
use std::sync::Arc;

use exuvia_tool::{Arguments, Json, ToolAnnotations, ToolDescriptor, ToolName};
#[cfg(feature = "schemars")]
use schemars::JsonSchema;
#[cfg(feature = "schemars")]
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::handler::Handler;
#[cfg(feature = "schemars")]
use crate::handler::{read, written};
use crate::{Call, ToolError};

/// One tool: its name, what is said of it, and the closure that answers its calls.
///
/// The name is `SERVER.TOOL`, as a script writes it: tools of one server stand together in one stub. Names that are no Python
/// identifiers get one (`crm.get-contact` is `crm.get_contact`), and a server that is named like a module or a builtin of Python gives way
/// to it (`math.add` is `math_.add`).
#[derive(Clone)]
pub struct Tool {
    pub(crate) name: String,
    pub(crate) descriptor: ToolDescriptor,
    pub(crate) handler: Handler,
}

impl Tool {
    /// A tool over types of the application. The doc comment of `A` is the tool's description, those of its fields describe its
    /// parameters; the schema of `R` types the answer in the stub.
    #[cfg(feature = "schemars")]
    pub fn new<A, R, E, F, Fut>(name: impl Into<String>, run: F) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        R: Serialize + JsonSchema,
        E: Into<ToolError>,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        Self::with_call(name, move |_, arguments| run(arguments))
    }

    /// The same with a closure that reads of the [call](Call) which run it is made in, and until when.
    #[cfg(feature = "schemars")]
    pub fn with_call<A, R, E, F, Fut>(name: impl Into<String>, run: F) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        R: Serialize + JsonSchema,
        E: Into<ToolError>,
        F: Fn(Call, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |call, arguments| {
            let name = call.name.clone();
            let answer = read(&name, arguments).map(|arguments| run(call, arguments));
            Box::pin(async move {
                let answer = answer?.await.map_err(|error| error.into().into_call_error())?;
                written(&name, &answer)
            })
        });
        Self::described(name.into(), crate::schema::described::<A, R>(), handler)
    }

    /// The same with a closure that blocks: each call has a thread of tokio's for blocking work. A call that is cancelled goes on there, and
    /// its answer is dropped.
    #[cfg(feature = "schemars")]
    pub fn blocking<A, R, E, F>(name: impl Into<String>, run: F) -> Self
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + JsonSchema + Send + 'static,
        E: Into<ToolError> + Send + 'static,
        F: Fn(A) -> Result<R, E> + Send + Sync + 'static,
    {
        let run = Arc::new(run);
        Self::new(name, move |arguments: A| {
            let run = Arc::clone(&run);
            async move {
                let answer = tokio::task::spawn_blocking(move || run(arguments)).await;
                // Neither aborted nor dropped: it panicked.
                answer.map_err(|_| ToolError::new("the tool panicked"))?.map_err(Into::into)
            }
        })
    }

    /// A tool over JSON: `input_schema` is the JSON Schema of its arguments, an object. The closure gets arguments that fit it.
    pub fn json<E, F, Fut>(name: impl Into<String>, input_schema: Value, run: F) -> Self
    where
        E: Into<ToolError>,
        F: Fn(Call, Arguments) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Json, E>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |call, arguments| {
            let answer = run(call, arguments);
            Box::pin(async move { answer.await.map_err(|error| error.into().into_call_error()) })
        });
        let descriptor = ToolDescriptor {
            name: String::new(),
            title: None,
            description: None,
            input_schema,
            output_schema: None,
            annotations: ToolAnnotations::default(),
        };
        Self::described(name.into(), descriptor, handler)
    }

    /// What the tool does, in one sentence and more after it if need be: the model reads it.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.descriptor.description = Some(description.into());
        self
    }

    /// The JSON Schema of the tool's answers, which types them in the stub.
    #[must_use]
    pub fn output_schema(mut self, schema: Value) -> Self {
        self.descriptor.output_schema = Some(schema);
        self
    }

    /// What the tool does to the world, for the stub.
    #[must_use]
    pub fn annotations(mut self, annotations: ToolAnnotations) -> Self {
        self.descriptor.annotations = annotations;
        self
    }

    fn described(name: String, descriptor: ToolDescriptor, handler: Handler) -> Self {
        Self { name, descriptor, handler }
    }

    /// Server and tool, if the name has both.
    pub(crate) fn split_name(&self) -> Option<ToolName> {
        let (server, tool) = self.name.split_once('.')?;
        (!server.is_empty() && !tool.is_empty()).then(|| ToolName::new(server, tool))
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("name", &self.name).finish_non_exhaustive()
    }
}
