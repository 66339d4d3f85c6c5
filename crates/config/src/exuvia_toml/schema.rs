//! The JSON Schema of `exuvia.toml`: what editors use is what this program checks with.

use exuvia_tool::Limits;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::{Value, json};

use super::file_types::File;
use crate::config::{ANSWER_BYTES, PREVIEW_TOKENS};
use crate::journal::{KEEP_BYTES, KEEP_DAYS};
use crate::{HttpConfig, Runs, UpstreamLimits};

/// The JSON Schema of `exuvia.toml`, in draft 2020-12: what editors use is what files are checked with.
#[must_use]
pub fn schema() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(plain as fn(&mut Schema)));
    let mut schema = settings.into_generator().into_root_schema_for::<File>().to_value();
    let values = |limits: serde_json::Result<Value>| limits.unwrap_or_default();
    add_defaults(&mut schema["$defs"]["Limits"], &values(serde_json::to_value(Limits::default())));
    add_defaults(
        &mut schema["$defs"]["Limits"],
        &json!({"answer_bytes": ANSWER_BYTES, "preview_tokens": PREVIEW_TOKENS}),
    );
    add_defaults(&mut schema["$defs"]["ServerLimits"], &values(serde_json::to_value(UpstreamLimits::default())));
    let (runs, http) = (Runs::default(), HttpConfig::default());
    let waiting = runs.queue.runs - runs.concurrent as usize;
    let runs = json!({
        "concurrent": runs.concurrent, "waiting": waiting, "per_client": runs.queue.runs_per_client,
        "on_disconnect": "cancel", "repair_minutes": runs.repair_minutes,
    });
    add_defaults(&mut schema["$defs"]["Runs"], &runs);
    add_defaults(&mut schema["$defs"]["Journal"], &json!({"keep_days": KEEP_DAYS, "keep_bytes": KEEP_BYTES}));
    let drain_ms = u64::try_from(http.drain.as_millis()).unwrap_or(u64::MAX);
    let grace_ms = u64::try_from(http.session_grace.as_millis()).unwrap_or(u64::MAX);
    let listen = json!({
        "connections": http.connections, "sessions": http.sessions, "session_grace_ms": grace_ms, "drain_ms": drain_ms,
    });
    add_defaults(&mut schema["$defs"]["Listen"], &listen);
    schema
}

fn add_defaults(table: &mut Value, defaults: &Value) {
    for (key, default) in defaults.as_object().into_iter().flatten() {
        table["properties"][key]["default"] = default.clone();
    }
}

/// Takes what only concerns Rust: TOML has no null, `uint64` is no format, lines of comments are no lines of text, and a
/// choice of words is a choice whether or not each of them is described.
fn plain(schema: &mut Schema) {
    let Some(map) = schema.as_object_mut() else { return };
    map.remove("format");
    if let Some(words) = map.get("oneOf").and_then(described_words) {
        map.remove("oneOf");
        let meanings =
            words.iter().map(|(word, meaning)| format!("`{word}`: {meaning}")).collect::<Vec<_>>().join("\n\n");
        let text = map.get("description").and_then(Value::as_str).unwrap_or_default();
        map.insert("description".to_owned(), format!("{text}\n\n{meanings}").into());
        map.insert("type".to_owned(), "string".into());
        map.insert("enum".to_owned(), words.into_iter().map(|(word, _)| word).collect());
    }
    if let Some(Value::String(text)) = map.get_mut("description") {
        // Paragraphs stay; lines are the editor's business.
        *text = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n");
    }
    if map.get("default").is_some_and(Value::is_null) {
        map.remove("default");
    }
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            map.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(options)) = map.get_mut("anyOf") {
        options.retain(|option| option["type"] != "null");
        if let [Value::Object(one)] = options.as_slice() {
            let one = one.clone();
            map.remove("anyOf");
            map.extend(one);
        }
    }
}

/// The words of a choice, each with what it means. None where it is a choice of something else.
fn described_words(options: &Value) -> Option<Vec<(String, String)>> {
    let text = |option: &Value, key: &str| option.get(key)?.as_str().map(str::to_owned);
    options.as_array()?.iter().map(|option| Some((text(option, "const")?, text(option, "description")?))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_limit_of_a_run_has_a_key_with_its_default() {
        let schema = schema();
        let properties = schema["$defs"]["Limits"]["properties"].as_object().unwrap();
        let limits = serde_json::to_value(Limits::default()).unwrap();
        let keys: BTreeSet<_> =
            limits.as_object().unwrap().keys().map(String::as_str).chain(["answer_bytes", "preview_tokens"]).collect();
        assert_eq!(properties.keys().map(String::as_str).collect::<BTreeSet<_>>(), keys);
        for table in ["Limits", "ServerLimits"] {
            for (key, property) in schema["$defs"][table]["properties"].as_object().unwrap() {
                assert!(property["default"].is_u64() && property["description"].is_string(), "{key}: {property}");
            }
        }
    }
}
