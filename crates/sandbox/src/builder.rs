//! Building a sandbox.

use std::collections::HashMap;
use std::sync::Arc;

use exuvia_runtime::{Engine, Limits};
use exuvia_tool::{Namespace, ToolDescriptor, ToolName};
#[cfg(feature = "schemars")]
use schemars::JsonSchema;
#[cfg(feature = "schemars")]
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

#[cfg(feature = "schemars")]
use crate::ToolError;
use crate::handler::Handler;
use crate::tools::Tools;
use crate::{BuildError, Sandbox, Tool};

/// Collects what a [`Sandbox`] has.
#[derive(Default)]
pub struct SandboxBuilder {
    engine: Option<Engine>,
    limits: Limits,
    tools: Vec<Tool>,
}

impl SandboxBuilder {
    /// The limits of each run, unless [one has its own](crate::SandboxRun::limits).
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Runs scripts on this engine instead of the one that all sandboxes of the process share, which has the default
    /// [settings](exuvia_runtime::EngineConfig).
    #[must_use]
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = Some(engine);
        self
    }

    /// Adds [a tool over types of the application](Tool::new).
    #[cfg(feature = "schemars")]
    #[must_use]
    pub fn tool<A, R, E, F, Fut>(self, name: impl Into<String>, run: F) -> Self
    where
        A: DeserializeOwned + JsonSchema,
        R: Serialize + JsonSchema,
        E: Into<ToolError>,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        self.with(Tool::new(name, run))
    }

    /// Adds a tool. Servers and tools are shown in the order in which they are added.
    #[must_use]
    pub fn with(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// The sandbox.
    ///
    /// # Errors
    ///
    /// The engine does not start, or a tool is declared wrongly.
    pub fn build(self) -> Result<Sandbox, BuildError> {
        let mut servers: Vec<(String, Vec<ToolDescriptor>)> = Vec::new();
        let mut handlers: HashMap<ToolName, Handler> = HashMap::new();
        for tool in self.tools {
            let name = tool.split_name().ok_or_else(|| BuildError::Name(tool.name.clone()))?;
            if !takes_an_object(&tool.descriptor.input_schema) {
                return Err(BuildError::Arguments(tool.name));
            }
            let descriptor = ToolDescriptor { name: name.tool.clone(), ..tool.descriptor };
            match servers.iter_mut().find(|(server, _)| *server == name.server) {
                Some((_, tools)) => tools.push(descriptor),
                None => servers.push((name.server.clone(), vec![descriptor])),
            }
            if handlers.insert(name, tool.handler).is_some() {
                return Err(BuildError::Repeated(tool.name));
            }
        }
        let namespace: Arc<Namespace> = Arc::new(exuvia_catalog::build(servers));
        let engine = self.engine.map_or_else(shared_engine, Ok)?;
        Ok(Sandbox::new(engine, self.limits, Arc::new(Tools::new(namespace, handlers))))
    }
}

/// A schema without a type is of an object here, as MCP has it.
fn takes_an_object(schema: &Value) -> bool {
    schema.is_object() && schema.get("type").is_none_or(|found| found == "object")
}

/// The engine of all sandboxes that bring none.
#[cfg(feature = "embedded-guest")]
fn shared_engine() -> Result<Engine, BuildError> {
    use std::sync::{Mutex, PoisonError};

    static ENGINE: Mutex<Option<Engine>> = Mutex::new(None);
    let mut engine = ENGINE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(engine) = &*engine {
        return Ok(engine.clone());
    }
    Ok(engine.insert(Engine::new(&exuvia_runtime::EngineConfig::default())?).clone())
}

#[cfg(not(feature = "embedded-guest"))]
fn shared_engine() -> Result<Engine, BuildError> {
    Err(BuildError::NoGuest)
}
