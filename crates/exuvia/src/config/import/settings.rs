//! What the settings of opencode and Zed forbid beside the entries of servers.

use std::path::Path;

use exuvia_upstream::{ConfigError, relaxed_json};
use serde_json::{Map, Value};

use super::restrictions::{Denied, Restrictions};
use super::{KnownClient, Source, text};
use crate::config::found::Found;

/// Adds what the files of a client say.
pub(super) fn read(client: KnownClient, sources: &[Source], restrictions: &mut Restrictions, found: &mut Found) {
    if !matches!(client, KnownClient::Opencode | KnownClient::Zed | KnownClient::Gemini) {
        return;
    }
    for Source { file, .. } in sources {
        let Some(settings) = object(file, found) else { continue };
        let file = file.display().to_string();
        match client {
            KnownClient::Opencode => opencode(&settings, &file, restrictions, found),
            KnownClient::Zed => zed(&settings, &file, found),
            KnownClient::Gemini => gemini(&settings, &file, restrictions, found),
            _ => {}
        }
    }
}

/// The object that a file holds, if it is there. Where it cannot be read, what it restricts is not known.
pub(super) fn object(file: &Path, found: &mut Found) -> Option<Map<String, Value>> {
    let text = text(file, found)?;
    let read = relaxed_json(&text).map_err(|error| format!("no JSON: {error}"));
    let read = read.and_then(|text| match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err("is no JSON object".to_owned()),
    });
    let wrong = |message| {
        let error = ConfigError::of_file(file.display().to_string(), message);
        if !found.errors.contains(&error) {
            found.errors.push(error);
        }
    };
    read.map_err(wrong).ok()
}

/// `tools: {"crm_delete": false}` and `permission: {"crm_*": "deny"}`, of the tools of all servers.
fn opencode(settings: &Map<String, Value>, file: &str, restrictions: &mut Restrictions, found: &mut Found) {
    let switched = settings.get("tools").and_then(Value::as_object).into_iter().flatten();
    let switched = switched.filter(|(_, value)| **value == Value::Bool(false)).map(|(entry, _)| ("tools", entry));
    let permission = || settings.get("permission").and_then(Value::as_object).into_iter().flatten();
    // What is not plainly allowed is denied here where it is denied there in part.
    let is_denied = |value: &Value| value.to_string().contains("\"deny\"");
    let denied = permission().filter(|(_, value)| is_denied(value)).map(|(entry, _)| ("permission", entry));
    let denied = switched.chain(denied).map(|(key, entry)| Denied {
        file: file.to_owned(),
        key,
        entry: entry.clone(),
        between: "_",
    });
    restrictions.denied.extend(denied);
    if permission().any(|(_, value)| value.to_string().contains("\"ask\"")) {
        let message = "asks before tools; here, every tool is asked for that `auto_execute` does not list";
        found.config.notices.push(ConfigError::of_file(file, message).at_key("permission"));
    }
}

fn zed(settings: &Map<String, Value>, file: &str, found: &mut Found) {
    let agent = settings.get("agent").and_then(Value::as_object);
    for key in ["profiles", "tool_permissions"] {
        if agent.is_some_and(|agent| agent.contains_key(key)) {
            let message =
                "may restrict which tools are called, and is not kept; write `tools` or `deny` for the servers";
            found.config.notices.push(ConfigError::of_file(file, message).at_key(format!("agent.{key}")));
        }
    }
}

/// `mcp: {allowed, excluded}`, names of servers.
fn gemini(settings: &Map<String, Value>, file: &str, restrictions: &mut Restrictions, found: &mut Found) {
    let mcp = settings.get("mcp").and_then(Value::as_object);
    let lists = [
        ("mcp.allowed", mcp.and_then(|mcp| mcp.get("allowed")), true),
        ("mcp.excluded", mcp.and_then(|mcp| mcp.get("excluded")), false),
        ("allowMCPServers", settings.get("allowMCPServers"), true),
        ("excludeMCPServers", settings.get("excludeMCPServers"), false),
    ];
    for (key, list, is_only) in lists {
        let Some(list) = list.filter(|list| !list.is_null()) else { continue };
        let names = list.as_array().map(|names| names.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        let Some(Some(names)) = names else {
            found.errors.push(ConfigError::of_file(file, "must be an array of strings").at_key(key));
            continue;
        };
        let names = names.into_iter().map(str::to_owned);
        match is_only {
            true => restrictions.only(names.collect()),
            false => restrictions.off.extend(names),
        }
    }
}
