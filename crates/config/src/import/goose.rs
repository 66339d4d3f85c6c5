//! Goose writes YAML, with keys of its own, and keeps what is never called in a second file. Here both become what other clients
//! write.

use serde_json::{Map, Value, json};

use super::restrictions::{Denied, Restrictions};
use super::yaml;
use crate::ConfigError;
use crate::builder::ConfigBuilder;

/// Its map of servers.
pub(super) const OBJECT: &str = "extensions";
/// The kinds of extensions that are MCP servers.
const SERVERS: [&str; 3] = ["stdio", "sse", "streamable_http"];
/// Kinds that are parts of Goose itself.
const BUILT_IN: [&str; 2] = ["builtin", "platform"];
/// Its keys, and those of other clients.
const KEYS: [(&str, &str); 3] = [("cmd", "command"), ("uri", "url"), ("envs", "env")];

/// The servers of a `config.yaml` as the text of an `mcpServers` file.
///
/// # Errors
///
/// It is no YAML. The message holds nothing of the text.
pub(super) fn json(text: &str) -> Result<String, String> {
    let Value::Object(mut file) = yaml::tree(text)? else { return Ok("{}".to_owned()) };
    let Some(Value::Object(extensions)) = file.remove(OBJECT) else { return Ok("{}".to_owned()) };
    let is_built_in = |entry: &Value| BUILT_IN.iter().any(|kind| entry["type"] == *kind);
    let servers = extensions.into_iter().filter(|(_, entry)| !is_built_in(entry));
    let servers: Map<String, Value> = servers.map(|(name, entry)| (name, translated(entry))).collect();
    Ok(json!({ OBJECT: servers }).to_string())
}

fn translated(mut entry: Value) -> Value {
    let Value::Object(keys) = &mut entry else { return entry };
    if !SERVERS.iter().any(|kind| keys.get("type").is_some_and(|found| found == kind)) {
        return entry;
    }
    for (own, other) in KEYS {
        if let Some(value) = keys.remove(own) {
            keys.insert(other.to_owned(), value);
        }
    }
    // An empty list means all.
    if keys.get("available_tools").is_some_and(|tools| *tools == json!([])) {
        keys.remove("available_tools");
    }
    // Secrets from the environment or from Goose's keyring, which other programs cannot read.
    if let Some(Value::Array(names)) = keys.remove("env_keys") {
        let env = keys.entry("env").or_insert_with(|| json!({}));
        if let Value::Object(env) = env {
            for name in names.iter().filter_map(Value::as_str) {
                env.entry(name).or_insert_with(|| json!(format!("${{{name}}}")));
            }
        }
    }
    entry
}

/// Adds what its `permission.yaml` never allows: `user: {never_allow: [crm__delete]}`.
pub(super) fn permissions(text: &str, file: &str, restrictions: &mut Restrictions, builder: &mut ConfigBuilder) {
    let error = |message: String| ConfigError::of_file(file, message);
    let categories = match yaml::tree(text) {
        Ok(Value::Object(categories)) => categories,
        Ok(Value::Null) => return,
        Ok(_) => return builder.error(error("must be a map".to_owned())),
        Err(message) => return builder.error(error(message)),
    };
    for (category, levels) in &categories {
        let entries = match levels.get("never_allow") {
            None | Some(Value::Null) => continue,
            Some(Value::Array(names)) => names.iter().map(Value::as_str).collect::<Option<Vec<_>>>(),
            Some(_) => None,
        };
        let Some(entries) = entries else {
            let key = format!("{}.never_allow", category.escape_debug());
            builder.error(error("must be a list of strings".to_owned()).at_key(key));
            continue;
        };
        let denied = entries.into_iter().map(|entry| Denied {
            file: file.to_owned(),
            key: "never_allow",
            entry: entry.to_owned(),
            between: "__",
        });
        restrictions.denied.extend(denied);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_keys_become_those_of_other_clients() {
        let text = "GOOSE_PROVIDER: x\nextensions:\n  developer:\n    type: builtin\n    enabled: true\n  todo: {type: platform}\n  \
            crm:\n    enabled: true\n    type: stdio\n    name: CRM\n    cmd: npx\n    args: [-y, crm-mcp, 7, true]\n    envs: \
            {A: b}\n    env_keys: [TOKEN]\n    timeout: 300\n    available_tools: []\n  web:\n    type: streamable_http\n    \
            uri: https://w.example/mcp\n    headers: {X: y}\n    env_keys: []\n    available_tools: [get]\n";
        let read: Value = serde_json::from_str(&json(text).unwrap()).unwrap();
        let servers = read[OBJECT].as_object().unwrap();
        assert_eq!(servers.keys().collect::<Vec<_>>(), ["crm", "web"]);
        let crm = &servers["crm"];
        assert_eq!((&crm["command"], &crm["args"]), (&json!("npx"), &json!(["-y", "crm-mcp", 7, true])));
        assert_eq!(crm["env"], json!({"A": "b", "TOKEN": "${TOKEN}"}));
        assert!(crm.get("available_tools").is_none());
        assert_eq!(
            (&servers["web"]["url"], &servers["web"]["available_tools"]),
            (&json!("https://w.example/mcp"), &json!(["get"]))
        );
        for none in ["", "# x\n", "extensions:\n", "extensions: []\n"] {
            assert_eq!(json(none).unwrap(), "{}", "{none}");
        }
    }
}
