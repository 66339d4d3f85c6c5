//! The four as a client lists them. Every word is paid for on every turn of every conversation.

use serde_json::{Value, json};

/// One of the four.
#[derive(Debug, Clone)]
pub struct MetaTool {
    /// Its name.
    pub name: &'static str,
    /// What it does, for the model.
    pub description: &'static str,
    /// The JSON Schema of its arguments.
    pub input_schema: Value,
}

/// Their names, in the order in which a model uses them.
pub const NAMES: [&str; 4] = ["listToolFiles", "readToolFile", "getToolDocs", "executeToolCode"];

/// The four, in the order of their names. The same for every client, so that prompts can be cached.
#[must_use]
pub fn definitions() -> [MetaTool; 4] {
    [list_tool_files(), read_tool_file(), get_tool_docs(), execute_tool_code()]
}

fn list_tool_files() -> MetaTool {
    MetaTool {
        name: "listToolFiles",
        description: "Lists the Python stub files of the tools that scripts can call, or, with a query, the tools that fit it.",
        input_schema: object(json!({"query": {"type": "string"}}), &[]),
    }
}

fn read_tool_file() -> MetaTool {
    MetaTool {
        name: "readToolFile",
        description: "Reads a stub file: the typed signatures of one server's tools. Read it before you call them.",
        input_schema: object(
            json!({
                "fileName": {"type": "string", "description": "as listed, e.g. crm.pyi"},
                "startLine": {"type": "integer", "minimum": 1},
                "endLine": {"type": "integer", "minimum": 1, "description": "inclusive"},
            }),
            &["fileName"],
        ),
    }
}

fn get_tool_docs() -> MetaTool {
    MetaTool {
        name: "getToolDocs",
        description: "The full documentation of one tool, where its signature is not enough.",
        input_schema: object(json!({"server": {"type": "string"}, "tool": {"type": "string"}}), &["server", "tool"]),
    }
}

fn execute_tool_code() -> MetaTool {
    MetaTool {
        name: "executeToolCode",
        description: "Runs a Python 3.14 script in a fresh sandbox and returns its result as JSON.\n\
            - Servers are globals: `crm.get_contacts(limit=10)` calls the tool and gives its value.\n\
            - Calls block, in order; in parallel: `await asyncio.gather(*[crm.get_order(id=i) for i in ids])`; top-level await works.\n\
            - The value of the last expression, or of `result = ...`, is what you get; print() adds a log. \
            Filter and aggregate in the script: return only what you need.\n\
            - A failed call raises ToolError (.message, .data), a refused one ToolDenied.\n\
            - The standard library is there; files, network, threads and other packages are not. Nothing is kept between scripts.",
        input_schema: object(json!({"code": {"type": "string"}}), &["code"]),
    }
}

fn object(properties: Value, required: &[&str]) -> Value {
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema["additionalProperties"] = json!(false);
    schema
}
