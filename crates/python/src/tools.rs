//! The tools of a sandbox: their namespace, made of schemas, and which of them are async.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use exuvia_catalog::files::StubFiles;
use exuvia_catalog::{build, stub};
use exuvia_tool::{CallError, Namespace, ToolAnnotations, ToolCall, ToolDescriptor};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde_json::Value;

/// The longest answer of a search in a script, in bytes.
const MAX_SEARCH_BYTES: usize = 8_000;

/// One tool as Python describes it: name, description, schema of its arguments, schema of its result, whether it is async, whether
/// the time of the run stands still while it is called.
type Described = (String, Option<String>, String, Option<String>, bool, bool);

/// How a tool is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    /// Its place, counted over all servers.
    pub(crate) place: usize,
    pub(crate) is_async: bool,
    /// The time of the run stands still meanwhile.
    pub(crate) is_held: bool,
}

/// Tools and how to call them: the same for all runs of a sandbox.
pub(crate) struct ToolSet {
    pub(crate) namespace: Arc<Namespace>,
    targets: HashMap<(String, String), Target>,
    files: OnceLock<StubFiles>,
}

impl ToolSet {
    /// Checks a call, and says whom it goes to.
    ///
    /// # Errors
    ///
    /// There is no such tool, or the arguments do not fit its schema.
    pub(crate) fn admit(&self, call: &mut ToolCall) -> Result<Target, CallError> {
        let tool = self.namespace.server(&call.name.server).and_then(|server| server.tool(&call.name.tool));
        let tool = tool.ok_or_else(|| CallError::UnknownTool(format!("there is no tool {}", call.name)))?;
        let invalid = |error: &dyn std::fmt::Display| CallError::InvalidArguments(error.to_string());
        call.arguments.amend(|arguments| tool.arguments.fit(arguments)).map_err(|error| invalid(&error))?;
        let arguments = call.arguments.tree().map_err(|error| invalid(&error))?;
        tool.arguments.check(arguments).map_err(CallError::InvalidArguments)?;
        let key = (call.name.server.clone(), call.name.tool.clone());
        let target = self.targets.get(&key);
        target.copied().ok_or_else(|| CallError::UnknownTool(format!("there is no tool {}", call.name)))
    }

    /// The tools that fit words of what they do.
    pub(crate) fn search(&self, query: &str) -> String {
        let files = self.files.get_or_init(|| StubFiles::new(Arc::clone(&self.namespace), Default::default()));
        files.list(Some(query), MAX_SEARCH_BYTES)
    }

    /// Whether any of them is async.
    pub(crate) fn has_async(&self) -> bool {
        self.targets.values().any(|target| target.is_async)
    }

    /// Whether any of them holds the time: those of a session do.
    pub(crate) fn has_held(&self) -> bool {
        self.targets.values().any(|target| target.is_held)
    }
}

/// The tools of a sandbox, for Python.
#[pyclass(frozen, module = "exuvia._native")]
pub(crate) struct Tools(pub(crate) Arc<ToolSet>);

#[pymethods]
impl Tools {
    #[new]
    fn new(servers: Vec<(String, Vec<Described>)>) -> PyResult<Self> {
        let (mut targets, mut lists) = (HashMap::new(), Vec::new());
        for (server, tools) in servers {
            let mut list = Vec::new();
            for (name, description, input, output, is_async, is_held) in tools {
                let target = Target { place: targets.len(), is_async, is_held };
                if targets.insert((server.clone(), name.clone()), target).is_some() {
                    return Err(PyValueError::new_err(format!("there are two tools {server}.{name}")));
                }
                list.push(ToolDescriptor {
                    name,
                    title: None,
                    description,
                    input_schema: schema(&input)?,
                    output_schema: output.as_deref().map(schema).transpose()?,
                    annotations: ToolAnnotations::default(),
                });
            }
            lists.push((server, list));
        }
        let namespace = Arc::new(build(lists));
        Ok(Self(Arc::new(ToolSet { namespace, targets, files: OnceLock::new() })))
    }

    /// The stubs of all servers, one text each, with the names that scripts call them by.
    fn stubs(&self) -> Vec<(String, String)> {
        let servers = self.0.namespace.servers().iter();
        servers.map(|server| (server.python_name.clone(), stub::server_stub(server))).collect()
    }

    /// The tools that fit words of what they do, as text for the author of a script.
    fn search(&self, query: &str) -> String {
        self.0.search(query)
    }
}

fn schema(text: &str) -> PyResult<Value> {
    serde_json::from_str(text).map_err(|error| PyValueError::new_err(format!("a schema is no JSON: {error}")))
}
