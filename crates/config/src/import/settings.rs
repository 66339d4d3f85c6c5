//! Restrictions in the settings files of other clients.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::project::Project;
use super::restrictions::{Denied, Restrictions};
use super::{KnownClient, ReadFile, Source, goose, text};
use crate::builder::ConfigBuilder;
use crate::{ConfigError, Environment, relaxed_json};

/// Adds what the files of a client say, of a user with this home and configuration, in this project.
pub(super) fn read(
    client: KnownClient,
    sources: &[Source],
    (home, config, project): (&Path, &Path, &Project),
    environment: Environment<'_>,
    restrictions: &mut Restrictions,
    builder: &mut ConfigBuilder,
) {
    match client {
        KnownClient::Opencode | KnownClient::Zed | KnownClient::Gemini => {}
        KnownClient::Cursor => return cursor(home, config, project, environment, restrictions, builder),
        KnownClient::Goose => {
            let file = config.join("goose/permission.yaml");
            let ReadFile::Text(text) = text(&file, builder) else { return };
            return goose::permissions(&text, &file.display().to_string(), restrictions, builder);
        }
        _ => return,
    }
    for Source { file, .. } in sources {
        let Some(settings) = object(file, builder) else { continue };
        let file = file.display().to_string();
        match client {
            KnownClient::Opencode => opencode(&settings, &file, restrictions, builder),
            KnownClient::Zed => zed(&settings, &file, builder),
            KnownClient::Gemini => gemini(&settings, &file, restrictions, builder),
            _ => {}
        }
    }
}

/// The object in a file, if the file exists. If it cannot be read, its restrictions are unknown.
pub(super) fn object(file: &Path, builder: &mut ConfigBuilder) -> Option<Map<String, Value>> {
    let ReadFile::Text(text) = text(file, builder) else { return None };
    let read = relaxed_json(&text).map_err(|error| format!("invalid JSON: {error}"));
    let read = read.and_then(|text| match serde_json::from_str(&text) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err("is not a JSON object".to_owned()),
    });
    read.map_err(|message| builder.error(ConfigError::of_file(file.display().to_string(), message))).ok()
}

/// `tools: {"crm_delete": false}` and `permission: {"crm_*": "deny"}`, of the tools of all servers.
fn opencode(settings: &Map<String, Value>, file: &str, restrictions: &mut Restrictions, builder: &mut ConfigBuilder) {
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
        let message = "is not imported: here, every tool outside `auto_execute` requires approval";
        builder.config.notices.push(ConfigError::of_file(file, message).at_key("permission"));
    }
}

fn zed(settings: &Map<String, Value>, file: &str, builder: &mut ConfigBuilder) {
    let agent = settings.get("agent").and_then(Value::as_object);
    for key in ["profiles", "tool_permissions"] {
        if agent.is_some_and(|agent| agent.contains_key(key)) {
            let message = "may restrict tools and is not imported; set `tools` or `deny` for the servers";
            builder.config.notices.push(ConfigError::of_file(file, message).at_key(format!("agent.{key}")));
        }
    }
}

/// `mcp: {allowed, excluded}`, names of servers.
fn gemini(settings: &Map<String, Value>, file: &str, restrictions: &mut Restrictions, builder: &mut ConfigBuilder) {
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
            builder.errors.push(ConfigError::of_file(file, "must be an array of strings").at_key(key));
            continue;
        };
        let names = names.into_iter().map(str::to_owned);
        match is_only {
            true => restrictions.only(names.collect()),
            false => restrictions.off.extend(names),
        }
    }
}

/// `permissions: {deny: ["Mcp(crm:delete_*)"]}` of Cursor's command line, for the user and for every folder of the project.
fn cursor(
    home: &Path,
    config: &Path,
    project: &Project,
    environment: Environment<'_>,
    restrictions: &mut Restrictions,
    builder: &mut ConfigBuilder,
) {
    const USER: &str = "cli-config.json";
    let elsewhere = (environment.variable)("CURSOR_CONFIG_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let of_user = [home.join(".cursor"), config.join("cursor")].into_iter().chain(elsewhere).map(|dir| dir.join(USER));
    let of_project = project.folders.iter().map(|folder| folder.join(".cursor/cli.json"));
    for file in of_user.chain(of_project) {
        let Some(settings) = object(&file, builder) else { continue };
        let file = file.display().to_string();
        let wrong = |message: &str| ConfigError::of_file(&file, message).at_key("permissions.deny");
        let entries = match settings.get("permissions").and_then(|permissions| permissions.get("deny")) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(entries)) => entries.iter().map(Value::as_str).collect::<Option<Vec<_>>>(),
            Some(_) => None,
        };
        let Some(entries) = entries else {
            builder.error(wrong("must be an array of strings"));
            continue;
        };
        for entry in entries {
            match of_tools(entry) {
                Ok(None) => {}
                Ok(Some(entry)) => {
                    let (file, key) = (file.clone(), "permissions.deny");
                    restrictions.denied.push(Denied { file, key, entry, between: ":" });
                }
                Err(message) => builder.error(wrong(message)),
            }
        }
    }
}

/// `SERVER:TOOL` of an entry about tools of servers.
fn of_tools(entry: &str) -> Result<Option<String>, &'static str> {
    let entry = entry.trim();
    let is_of_tools = entry.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("mcp"));
    if !is_of_tools {
        return Ok(None);
    }
    let inner = entry[3..].trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let inner = inner.map(str::trim).filter(|inner| !inner.is_empty());
    let inner = inner.ok_or("has an unsupported tool entry; write Mcp(SERVER:TOOL)")?;
    // Rather too much than too little.
    let inner = inner.replace('?', "*");
    let parts = inner.split_once([':', ',']);
    Ok(Some(parts.map_or_else(|| inner.clone(), |(server, tool)| format!("{}:{}", server.trim(), tool.trim()))))
}
