//! The servers and tools that a script sees, under the names it writes.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Absent, LazyText, ToolName, Withheld};

/// A tool as its server describes it. All of it is the server's claim: untrusted, and no ground for authority.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ToolDescriptor {
    /// The tool's name.
    pub name: String,
    /// A name for people.
    pub title: Option<String>,
    /// What the tool does, in the server's words.
    pub description: Option<String>,
    /// The JSON Schema of the arguments object.
    pub input_schema: Value,
    /// The JSON Schema of the structured result, if the server gives one.
    pub output_schema: Option<Value>,
    /// What the tool claims of its effects.
    pub annotations: ToolAnnotations,
}

impl ToolDescriptor {
    /// Whether the tool's value comes boxed as `{"result": ..}`, because its schema had to be an object and its value is none.
    ///
    /// FastMCP says so by `x-fastmcp-wrap-result`. The official Python SDK says nothing: its boxes are known by the class that it
    /// makes for them, which has one member and is named after the tool.
    #[must_use]
    pub fn is_boxed(&self) -> bool {
        let Some(schema) = &self.output_schema else { return false };
        if schema.get("x-fastmcp-wrap-result") == Some(&Value::Bool(true)) {
            return true;
        }
        let title = |schema: &Value, title: &str| schema.get("title").and_then(Value::as_str) == Some(title);
        let properties = schema.get("properties").and_then(Value::as_object);
        let only =
            properties.filter(|properties| properties.len() == 1).and_then(|properties| properties.get("result"));
        only.is_some_and(|result| title(result, "Result"))
            && title(schema, &format!("{}Output", self.name))
            && schema.get("required").is_some_and(|required| *required == serde_json::json!(["result"]))
    }
}

/// What a tool claims of its effects. Hints to show, and no ground for authority: what they decide is whether the gateway makes a
/// call of the tool again that failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolAnnotations {
    /// It says that it changes nothing.
    pub read_only: Option<bool>,
    /// It says that it may destroy something.
    pub destructive: Option<bool>,
    /// It says that a further call with the same arguments changes nothing more.
    pub idempotent: Option<bool>,
    /// It says that it reaches beyond its server, as a search of the web does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_world: Option<bool>,
}

/// Checks the arguments of one tool against its schema.
pub trait ArgumentCheck: Send + Sync {
    /// # Errors
    ///
    /// A sentence for the script's author: where in the arguments, what was expected, what was found.
    fn check(&self, arguments: &Value) -> Result<(), String>;

    /// Says the same as the server takes it, before the check: leaves out what is null and optional where no null is taken, and
    /// writes 30.0 as 30 where an integer is asked for. Whether anything was changed.
    fn fit(&self, arguments: &mut Value) -> bool {
        let _ = arguments;
        false
    }

    /// The most work that the next [`check`](Self::check) of arguments of this many bytes of JSON takes, in steps of about
    /// 50 ns. Whoever must not be held up checks aside what may take longer than it can wait.
    fn most_steps(&self, argument_bytes: usize) -> u64 {
        argument_bytes as u64
    }
}

/// One parameter of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// The keyword that a script writes: a Python identifier, no keyword, unique in its tool.
    pub python_name: String,
    /// The key in the arguments object.
    pub name: String,
    /// Whether the schema requires it.
    pub required: bool,
}

/// One tool under its Python name.
#[derive(Clone)]
pub struct Tool {
    /// The attribute that a script writes: a Python identifier, no keyword, unique in its server.
    pub python_name: String,
    /// The tool as its server describes it.
    pub descriptor: Arc<ToolDescriptor>,
    /// The parameters in schema order: the order in which positional arguments fill them.
    pub parameters: Vec<Parameter>,
    /// Whether the schema lets keys pass that it does not name.
    pub accepts_other_keywords: bool,
    /// One line without `def`: `get_orders(customer: int, limit: int = 10) -> list[dict]`.
    pub signature: LazyText,
    /// What `help` shows below the signature.
    pub documentation: LazyText,
    /// The check of the arguments.
    pub arguments: Arc<dyn ArgumentCheck>,
}

impl Tool {
    /// The tool's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.descriptor.name
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("python_name", &self.python_name).finish_non_exhaustive()
    }
}

/// One server under its Python name.
#[derive(Debug, Clone)]
pub struct Server {
    /// The global that a script writes.
    pub python_name: String,
    /// The server's name in the configuration.
    pub name: String,
    tools: Vec<Tool>,
    by_any_name: HashMap<String, usize>,
    withheld: Vec<WithheldTool>,
}

/// A tool that a script is not shown. It has a name, and nothing of what its server says of it.
#[derive(Debug, Clone)]
pub struct WithheldTool {
    /// The tool, so that a script that names it can be told when it calls it.
    pub tool: Tool,
    /// Why it is withheld.
    pub why: Withheld,
}

impl Server {
    /// A server with its tools in the order in which they are shown.
    ///
    /// A tool is found by its own name first and by its Python name second.
    #[must_use]
    pub fn new(name: impl Into<String>, python_name: impl Into<String>, tools: Vec<Tool>) -> Self {
        let mut by_any_name = HashMap::with_capacity(tools.len());
        for (index, tool) in tools.iter().enumerate() {
            by_any_name.entry(tool.name().to_owned()).or_insert(index);
        }
        for (index, tool) in tools.iter().enumerate() {
            by_any_name.entry(tool.python_name.clone()).or_insert(index);
        }
        Self { python_name: python_name.into(), name: name.into(), tools, by_any_name, withheld: Vec::new() }
    }

    /// The same, beside tools that are withheld.
    #[must_use]
    pub fn with_withheld(self, withheld: Vec<WithheldTool>) -> Self {
        Self { withheld, ..self }
    }

    /// The tools that are withheld.
    #[must_use]
    pub fn withheld(&self) -> &[WithheldTool] {
        &self.withheld
    }

    /// The withheld tool with this own name or Python name.
    #[must_use]
    pub fn find_withheld(&self, name: &str) -> Option<&WithheldTool> {
        let by_name = self.withheld.iter().find(|withheld| withheld.tool.name() == name);
        by_name.or_else(|| self.withheld.iter().find(|withheld| withheld.tool.python_name == name))
    }

    /// What is the matter with the withheld tool of this own name or Python name.
    #[must_use]
    pub fn withheld_trouble(&self, name: &str) -> Option<String> {
        let WithheldTool { tool, why } = self.find_withheld(name)?;
        Some(why.trouble(&ToolName::new(self.name.as_str(), tool.name())))
    }

    /// The tools, in the order in which they are shown.
    #[must_use]
    pub fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// The tool with this own name or Python name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Tool> {
        self.by_any_name.get(name).map(|&index| &self.tools[index])
    }

    /// The tool with this own name: the spelling that calls are authorized in.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&Tool> {
        self.find(name).filter(|tool| tool.name() == name)
    }
}

/// The servers and tools visible to one run.
#[derive(Debug, Clone, Default)]
pub struct Namespace {
    servers: Vec<Server>,
    absent: Vec<Absent>,
}

impl Namespace {
    /// A namespace of these servers, in the order in which they are shown. Their names and Python names must be unique.
    #[must_use]
    pub fn new(servers: Vec<Server>) -> Self {
        Self { servers, absent: Vec::new() }
    }

    /// The same, beside servers that are configured and not there.
    #[must_use]
    pub fn with_absent(self, absent: Vec<Absent>) -> Self {
        Self { absent, ..self }
    }

    /// The servers that are configured and not there.
    #[must_use]
    pub fn absent(&self) -> &[Absent] {
        &self.absent
    }

    /// The server with this name or Python name that is configured and not there.
    #[must_use]
    pub fn find_absent(&self, name: &str) -> Option<&Absent> {
        let by_name = self.absent.iter().find(|absent| absent.name == name);
        by_name.or_else(|| self.absent.iter().find(|absent| absent.python_name == name))
    }

    /// The servers, in the order in which they are shown.
    #[must_use]
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The server with this name in the configuration.
    #[must_use]
    pub fn server(&self, name: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.name == name)
    }

    /// The server with this name or Python name.
    #[must_use]
    pub fn find_server(&self, name: &str) -> Option<&Server> {
        self.server(name).or_else(|| self.servers.iter().find(|server| server.python_name == name))
    }
}
