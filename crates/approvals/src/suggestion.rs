//! What would make an approval unnecessary, as text of a configuration. Nobody writes it but a person.

use std::fmt::Write as _;

use exuvia_journal::{Approval, ApprovalContent};
use exuvia_policy::literal;
use exuvia_tool::ToolName;
use serde_json::Value;

/// A change of the configuration that would allow a call without asking.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// What it would allow.
    pub scope: Scope,
    /// The text of the configuration. What it names may be there already: then it is one more element of a list, or one more line of a table.
    pub toml: String,
}

/// What a suggestion would allow.
#[derive(Debug, Clone, PartialEq)]
pub enum Scope {
    /// The tool, whatever its arguments.
    Tool(ToolName),
    /// The tool, with these arguments alone.
    Arguments(ToolName, serde_json::Map<String, Value>),
    /// Those tools of the server that it calls read-only. Nobody has checked what it says.
    ReadOnlyTools(String, Vec<String>),
}

impl Scope {
    /// The stable name of the case.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tool(_) => "tool",
            Self::Arguments(..) => "arguments",
            Self::ReadOnlyTools(..) => "read-only-tools",
        }
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &str {
        match self {
            Self::Tool(tool) | Self::Arguments(tool, _) => &tool.server,
            Self::ReadOnlyTools(server, _) => server,
        }
    }

    /// Whether it would allow this call.
    #[must_use]
    pub fn allows(&self, tool: &ToolName, arguments: &str) -> bool {
        match self {
            Self::Tool(own) => own == tool,
            Self::ReadOnlyTools(server, tools) => *server == tool.server && tools.contains(&tool.tool),
            Self::Arguments(own, wanted) => {
                let arguments = serde_json::from_str(arguments).unwrap_or_default();
                let Value::Object(arguments) = arguments else { return false };
                own == tool && wanted.iter().all(|(name, value)| arguments.get(name) == Some(value))
            }
        }
    }
}

/// What would make this approval unnecessary, from what allows least to what allows most. `read_only_tools`: those of the server that it calls so. None for the
/// start of a script: its tools are in the [card](crate::card_text).
#[must_use]
pub fn suggestions(
    approval: &Approval,
    content: Option<&ApprovalContent>,
    read_only_tools: &[String],
) -> Vec<Suggestion> {
    let Some(tool) = &approval.tool else { return Vec::new() };
    let role = approval.role.as_deref();
    let mut all = Vec::new();
    let arguments = content.and_then(|content| serde_json::from_str(&content.arguments).ok());
    if let Some(Value::Object(arguments)) = arguments
        && let Some(toml) = with_arguments(role, tool, &arguments)
    {
        all.push(Suggestion { scope: Scope::Arguments(tool.clone(), arguments), toml });
    }
    let toml = listed(role, &tool.server, &[tool.tool.as_str()]);
    all.push(Suggestion { scope: Scope::Tool(tool.clone()), toml });
    if read_only_tools.contains(&tool.tool) {
        let names: Vec<_> = read_only_tools.iter().map(String::as_str).collect();
        let scope = Scope::ReadOnlyTools(tool.server.clone(), read_only_tools.to_vec());
        all.push(Suggestion { scope, toml: listed(role, &tool.server, &names) });
    }
    all
}

/// The list of tools that are called without asking: that of the role where there is one.
fn listed(role: Option<&str>, server: &str, tools: &[&str]) -> String {
    let (table, before) = match role {
        Some(role) => (format!("[roles.{}]", key(role)), format!("{}.", literal(server))),
        None => (format!("[servers.{}]", key(server)), String::new()),
    };
    let tools: Vec<String> = tools.iter().map(|tool| string(&format!("{before}{}", literal(tool)))).collect();
    format!("{table}\nauto_execute = [{}]  # beside what is there\n", tools.join(", "))
}

/// The same, under conditions on the arguments. None: a condition cannot say so, or there are no arguments.
fn with_arguments(role: Option<&str>, tool: &ToolName, arguments: &serde_json::Map<String, Value>) -> Option<String> {
    if arguments.is_empty() {
        return None;
    }
    let table = match role {
        Some(role) => format!(
            "[roles.{}.constraints.{}]",
            key(role),
            string(&format!("{}.{}", literal(&tool.server), literal(&tool.tool)))
        ),
        None => format!("[servers.{}.constraints.{}]", key(&tool.server), string(&literal(&tool.tool))),
    };
    let mut toml = format!("{}\n{table}\n", listed(role, &tool.server, &[tool.tool.as_str()]));
    for (name, value) in arguments {
        let value = match value {
            Value::String(text) => string(text),
            Value::Bool(_) => value.to_string(),
            Value::Number(number) if number.is_i64() => number.to_string(),
            // What a condition compares is text, a whole number or a truth value.
            _ => return None,
        };
        // Writing to a string does not fail.
        let _ = writeln!(toml, "{} = {{ one_of = [{value}] }}", key(name));
    }
    Some(toml)
}

/// A key of TOML, in quotes where it needs some.
fn key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.is_empty() && name.bytes().all(is_bare) { name.to_owned() } else { string(name) }
}

/// A text of TOML, in one line, with every character that does not show as itself as an escape.
fn string(text: &str) -> String {
    let mut string = String::with_capacity(text.len() + 2);
    string.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => string.extend(['\\', character]),
            _ if character == ' ' || (exuvia_text::is_plain(character) && !character.is_whitespace()) => {
                string.push(character);
            }
            // Writing to a string does not fail.
            _ => drop(write!(string, "\\U{:08X}", u32::from(character))),
        }
    }
    string.push('"');
    string
}
