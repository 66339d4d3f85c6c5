//! Codex writes TOML, and credentials as names of variables. Here it becomes what other clients write.

use serde_json::{Map, Value, json};

use crate::Environment;

/// Its table of servers.
pub(super) const OBJECT: &str = "mcp_servers";

/// The servers of a `config.toml` as the text of an `mcpServers` file.
///
/// # Errors
///
/// It is no TOML. The message holds nothing of the text.
pub(super) fn json(text: &str, environment: Environment<'_>) -> Result<String, String> {
    let table: toml::Table = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start.min(text.len())].lines().count().max(1));
        let line = line.map(|line| format!(" on line {line}")).unwrap_or_default();
        format!("invalid TOML{line}: {}", error.message())
    })?;
    let Some(toml::Value::Table(servers)) = table.get(OBJECT) else { return Ok("{}".to_owned()) };
    let entry = |(name, entry): (&String, &toml::Value)| {
        let entry = serde_json::to_value(entry).unwrap_or_default();
        (name.clone(), translated(entry, environment))
    };
    let servers: Map<String, Value> = servers.iter().map(entry).collect();
    Ok(json!({ OBJECT: servers }).to_string())
}

fn translated(mut entry: Value, environment: Environment<'_>) -> Value {
    let Value::Object(keys) = &mut entry else { return entry };
    let mut headers = match keys.remove("http_headers") {
        Some(Value::Object(headers)) => headers,
        _ => Map::new(),
    };
    if let Some(Value::Object(variables)) = keys.remove("env_http_headers") {
        let header = |(name, variable): (String, Value)| Some((name, json!(format!("${{{}}}", variable.as_str()?))));
        headers.extend(variables.into_iter().filter_map(header));
    }
    if let Some(Value::String(variable)) = keys.remove("bearer_token_env_var") {
        headers.insert("Authorization".to_owned(), json!(format!("Bearer ${{{variable}}}")));
    }
    if !headers.is_empty() {
        keys.insert("headers".to_owned(), Value::Object(headers));
    }
    if let Some(Value::Array(names)) = keys.remove("env_vars") {
        let names = names.iter().filter_map(Value::as_str).filter(|name| (environment.variable)(name).is_some());
        let passed: Vec<(String, Value)> = names.map(|name| (name.to_owned(), json!(format!("${{{name}}}")))).collect();
        let env = keys.entry("env").or_insert_with(|| json!({}));
        if let Value::Object(env) = env {
            for (name, value) in passed {
                env.entry(name).or_insert(value);
            }
        }
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_become_variables_and_nothing_is_quoted() {
        let text = "model = 'x'\n[mcp_servers.a]\ncommand = 'a'\nenv_vars = ['SET', 'UNSET']\nenabled_tools = ['t']\n\
            [mcp_servers.b]\nurl = 'https://b.example'\nbearer_token_env_var = 'B'\nhttp_headers = { X = 'y' }\n\
            env_http_headers = { Z = 'V' }\n";
        let environment = Environment { variable: &|name| (name == "SET").then(String::new), token_dir: None };
        let read: Value = serde_json::from_str(&json(text, environment).unwrap()).unwrap();
        let (a, b) = (&read["mcp_servers"]["a"], &read["mcp_servers"]["b"]);
        assert_eq!(*a, json!({"command": "a", "enabled_tools": ["t"], "env": {"SET": "${SET}"}}));
        let headers = json!({"X": "y", "Z": "${V}", "Authorization": "Bearer ${B}"});
        assert_eq!(*b, json!({"url": "https://b.example", "headers": headers}));
        assert_eq!(json("model = 'x'", environment).unwrap(), "{}");
        let told = json("a = 1\nb = s3cret", environment).unwrap_err();
        assert!(told.starts_with("invalid TOML on line 2") && !told.contains("s3cret"), "{told}");
    }
}
