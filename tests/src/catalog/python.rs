//! Calls as a script writes them.

use exuvia_tool::{Server, Tool};
use serde_json::{Map, Value};

/// How a call names its tool and its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As the stub shows it: `crm.get_user(id=1)`.
    Keywords,
    /// By their own names: `mcp["crm"]["get-user"](**{"id": 1})`.
    OwnNames,
    /// By position, as far as there is one without a gap; the rest by keyword.
    Positions,
}

/// The expression that calls `tool` with these arguments.
#[must_use]
pub fn call(server: &Server, tool: &Tool, arguments: &Map<String, Value>, form: Form) -> String {
    let callee = match form {
        Form::OwnNames => format!("mcp[{}][{}]", literal(&server.name.as_str().into()), literal(&tool.name().into())),
        _ => format!("{}.{}", server.python_name, tool.python_name),
    };
    let in_place = tool.parameters.iter().zip(arguments).take_while(|(parameter, (name, _))| parameter.name == **name);
    let by_position = if form == Form::Positions { in_place.count() } else { 0 };
    let written = arguments.iter().enumerate().map(|(place, (name, value))| match form {
        Form::OwnNames => format!("**{{{}: {}}}", literal(&name.as_str().into()), literal(value)),
        _ if place < by_position => literal(value),
        _ => match tool.parameters.iter().find(|parameter| parameter.name == *name) {
            Some(parameter) => format!("{}={}", parameter.python_name, literal(value)),
            None => format!("**{{{}: {}}}", literal(&name.as_str().into()), literal(value)),
        },
    });
    format!("{callee}({})", written.collect::<Vec<_>>().join(", "))
}

/// A value as Python. JSON's strings and numbers are Python's as well.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(_) | Value::String(_) => value.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let entries =
                map.iter().map(|(key, value)| format!("{}: {}", literal(&key.as_str().into()), literal(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}
