//! How each client writes an entry for a server over stdio.

use std::path::Path;

use exuvia_config::{KnownClient, ServerScope};
use serde_json::{Map, Value, json};

/// The name of the one entry.
pub(super) const NAME: &str = "exuvia";

/// How a client hands variables of its own environment on to a server.
#[derive(Clone, Copy)]
enum Variables {
    /// All of them, or none that could be asked for.
    Nothing,
    /// By a reference in a value, such as `${env:NAME}`.
    Reference(&'static str, &'static str),
    /// By a list of names under this key.
    Names(&'static str),
}

/// The form of an entry.
struct Form {
    /// Members that are always there, before the command.
    first: &'static [(&'static str, &'static str)],
    command: &'static str,
    /// None: the arguments stand behind the program, in one array.
    args: Option<&'static str>,
    env: &'static str,
    variables: Variables,
    /// What `exuvia.toml` in the project's folder is called in a project's file.
    project_config: &'static str,
}

const PLAIN: Form = Form {
    first: &[],
    command: "command",
    args: Some("args"),
    env: "env",
    variables: Variables::Nothing,
    project_config: "exuvia.toml",
};

const FOLDER: &str = "${workspaceFolder}/exuvia.toml";

/// The form of each client.
fn form(client: KnownClient) -> Form {
    match client {
        // It replaces references itself, and hands its whole environment on.
        KnownClient::ClaudeCode => {
            Form { first: &[("type", "stdio")], project_config: "${CLAUDE_PROJECT_DIR:-.}/exuvia.toml", ..PLAIN }
        }
        KnownClient::ClaudeDesktop | KnownClient::Zed => PLAIN,
        KnownClient::Cursor => Form { variables: Variables::Reference("${env:", "}"), project_config: FOLDER, ..PLAIN },
        KnownClient::Vscode => Form {
            first: &[("type", "stdio")],
            variables: Variables::Reference("${env:", "}"),
            project_config: FOLDER,
            ..PLAIN
        },
        KnownClient::Windsurf => Form { variables: Variables::Reference("${env:", "}"), ..PLAIN },
        KnownClient::Gemini => Form { variables: Variables::Reference("${", "}"), ..PLAIN },
        KnownClient::Codex => Form { variables: Variables::Names("env_vars"), ..PLAIN },
        KnownClient::Opencode => Form {
            first: &[("type", "local")],
            args: None,
            env: "environment",
            variables: Variables::Reference("{env:", "}"),
            ..PLAIN
        },
        KnownClient::Copilot => {
            Form { first: &[("type", "local")], variables: Variables::Reference("${", "}"), ..PLAIN }
        }
        KnownClient::Goose => Form {
            first: &[("type", "stdio"), ("name", NAME)],
            command: "cmd",
            env: "envs",
            variables: Variables::Names("env_keys"),
            ..PLAIN
        },
    }
}

/// The configuration as the entry names it: in a project's file, as everybody has it who has the folder.
pub(super) fn config(client: KnownClient, scope: ServerScope, config: &Path) -> String {
    match scope {
        ServerScope::Project => form(client).project_config.to_owned(),
        _ => config.display().to_string(),
    }
}

/// The entry: what is there of it, with these words as its command, and these variables handed on. They come with the client's own reference.
pub(super) fn entry<'a>(
    client: KnownClient,
    there: Option<&Value>,
    words: &[String],
    variables: impl Iterator<Item = (&'a str, &'a str)>,
) -> Value {
    let form = form(client);
    let is_new = there.is_none();
    let mut entry: Map<String, Value> =
        form.first.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    if let (true, KnownClient::Goose) = (is_new, client) {
        entry.insert("enabled".to_owned(), json!(true));
    }
    entry.extend(there.and_then(Value::as_object).cloned().unwrap_or_default());
    match (form.args, words) {
        (Some(key), [program, args @ ..]) => {
            entry.insert(form.command.to_owned(), json!(program));
            entry.insert(key.to_owned(), json!(args));
        }
        _ => drop(entry.insert(form.command.to_owned(), json!(words))),
    }
    variables.for_each(|(name, written)| hand_on(&mut entry, &form, name, written));
    if is_new {
        match client {
            KnownClient::Opencode => drop(entry.insert("enabled".to_owned(), json!(true))),
            KnownClient::Copilot => drop(entry.insert("tools".to_owned(), json!(["*"]))),
            KnownClient::Goose => drop(entry.insert("timeout".to_owned(), json!(300))),
            KnownClient::Zed => drop(entry.entry("env").or_insert_with(|| json!({}))),
            _ => {}
        }
    }
    Value::Object(entry)
}

fn hand_on(entry: &mut Map<String, Value>, form: &Form, name: &str, written: &str) {
    let value = match form.variables {
        // What the client asks its user for it alone can hand on.
        Variables::Reference(..) if written.starts_with("${input:") => json!(written),
        Variables::Reference(start, end) => json!(format!("{start}{name}{end}")),
        Variables::Nothing => return,
        Variables::Names(key) => {
            let names = entry.entry(key).or_insert_with(|| json!([]));
            if let Value::Array(names) = names
                && !names.contains(&json!(name))
            {
                names.push(json!(name));
            }
            return;
        }
    };
    if let Value::Object(env) = entry.entry(form.env).or_insert_with(|| json!({})) {
        env.insert(name.to_owned(), value);
    }
}
