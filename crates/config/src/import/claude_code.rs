//! Claude Code: servers of a folder that its user added, of all folders, and of the folder's own file, and what its settings say.
//!
//! A user's consent to servers of a folder's file counts where only the user writes: in `~/.claude.json` and the user's settings, not
//! in settings that lie in the folder. What restricts counts wherever it is said.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::consent::Consent;
use super::project::Project;
use super::restrictions::{Banned, Denied, Restrictions};
use super::settings::object;
use super::{Places, Scope, Source};
use crate::ConfigError;
use crate::builder::ConfigBuilder;

/// What Claude Code writes before the name of a server and its tool.
const PREFIX: &str = "mcp__";
const MANAGED_SERVERS: &str = "managed-mcp.json";
const MANAGED_SETTINGS: &str = "managed-settings.json";

/// Who writes a file of settings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writer {
    Administrator,
    User,
    /// Whoever made the folder, perhaps.
    Folder,
}

/// Where the servers are, and in passing what may and may not be done with them.
pub(super) fn sources(
    home: &Path,
    places: &Places<'_>,
    project: &Project,
    consent: &mut Consent,
    restrictions: &mut Restrictions,
    builder: &mut ConfigBuilder,
) -> Vec<Source> {
    let dir = (places.environment.variable)("CLAUDE_CONFIG_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let state = dir.as_deref().unwrap_or(home).join(".claude.json");
    let mut settings = vec![
        (places.system.join(MANAGED_SETTINGS), Writer::Administrator),
        (dir.unwrap_or_else(|| home.join(".claude")).join("settings.json"), Writer::User),
    ];
    // Of every folder up to the root: what restricts the project restricts all of it.
    for folder in project.folders.iter().chain(&project.checkout) {
        let names = ["settings.json", "settings.local.json"].map(|name| folder.join(".claude").join(name));
        settings.extend(names.map(|file| (file, Writer::Folder)));
    }
    let mut allowed = Allowed::default();
    let mut seen = HashSet::new();
    for (file, writer) in settings {
        // A home that is a repository has the user's own settings.
        if !seen.insert(file.clone()) {
            continue;
        }
        if let Some(settings) = object(&file, builder) {
            let mut reader = Reader { file: file.display().to_string(), builder, consent, restrictions };
            reader.settings(&settings, writer, &mut allowed);
        }
    }
    restrictions.allowed = allowed.finish();
    let keys = project.keys();
    let state_of_all = object(&state, builder).unwrap_or_default();
    let mut reader = Reader { file: state.display().to_string(), builder, consent, restrictions };
    let folders = project.folders.iter().map(|folder| folder.display().to_string());
    for key in folders.chain(project.checkout.iter().map(|checkout| checkout.display().to_string())) {
        let of_folder = state_of_all.get("projects").and_then(|all| all.get(&key)).and_then(Value::as_object);
        let Some(of_folder) = of_folder else { continue };
        if keys.contains(&key) {
            reader.consents(of_folder);
        }
        reader.switches(of_folder);
    }
    let managed = places.system.join(MANAGED_SERVERS);
    if managed.try_exists().unwrap_or(true) {
        // Where it is, there are no others.
        return vec![Source::new(managed, Scope::User, &["mcpServers"])];
    }
    let local = keys.iter().map(|key| Source::new(&state, Scope::Local, &["projects", key, "mcpServers"]));
    let of_user = Source::new(&state, Scope::User, &["mcpServers"]);
    let files = project.folders.iter().map(|folder| folder.join(".mcp.json"));
    let of_project = files.map(|file| Source::new(file, Scope::Project, &["mcpServers"]));
    local.chain([of_user]).chain(of_project).collect()
}

/// The allowlists of servers in the settings of users and administrators.
#[derive(Default)]
struct Allowed {
    of_administrator: Option<Vec<Banned>>,
    of_user: Option<Vec<Banned>>,
    administrator_alone: bool,
}

impl Allowed {
    fn finish(self) -> Option<Vec<Banned>> {
        match (self.of_administrator, self.of_user) {
            (administrator, _) if self.administrator_alone => administrator,
            (None, None) => None,
            (administrator, user) => Some(administrator.into_iter().chain(user).flatten().collect()),
        }
    }
}

/// Reads one file.
struct Reader<'a> {
    file: String,
    builder: &'a mut ConfigBuilder,
    consent: &'a mut Consent,
    restrictions: &'a mut Restrictions,
}

impl Reader<'_> {
    fn settings(&mut self, settings: &Map<String, Value>, writer: Writer, allowed: &mut Allowed) {
        if writer != Writer::Folder {
            self.consents(settings);
        }
        self.switches(settings);
        let banned = self.servers(settings, "deniedMcpServers");
        self.restrictions.banned.extend(banned.unwrap_or_default());
        let list = self.servers(settings, "allowedMcpServers");
        match writer {
            Writer::Administrator => {
                allowed.of_administrator = list;
                allowed.administrator_alone = settings.get("allowManagedMcpServersOnly") == Some(&Value::Bool(true));
            }
            Writer::User => allowed.of_user = list,
            // It could only widen what others allow.
            Writer::Folder => {}
        }
        if let Some(Value::Object(permissions)) = settings.get("permissions") {
            self.permissions(permissions);
        }
        let plugins_only = match settings.get("strictPluginOnlyCustomization") {
            Some(Value::Bool(only)) => *only,
            Some(Value::Array(kinds)) => kinds.contains(&Value::from("mcp")),
            _ => false,
        };
        if plugins_only {
            self.wrong("strictPluginOnlyCustomization", "allows servers from plugins only, which are not imported");
        }
    }

    fn permissions(&mut self, permissions: &Map<String, Value>) {
        let entries = |list: Vec<String>| -> Vec<String> {
            let of_servers = list.iter().filter_map(|entry| entry.trim().strip_prefix(PREFIX));
            // What stands in brackets would deny a part of a tool; here it is all of it.
            of_servers.map(|entry| entry.split('(').next().unwrap_or_default().to_owned()).collect()
        };
        let denied = entries(self.names(permissions, "deny", "permissions.deny"));
        let denied = denied.into_iter().map(|entry| Denied {
            file: self.file.clone(),
            key: "permissions.deny",
            entry,
            between: "__",
        });
        self.restrictions.denied.extend(denied);
        let asked = entries(self.names(permissions, "ask", "permissions.ask"));
        if !asked.is_empty() {
            let message = "is not imported: here, every tool outside `auto_execute` requires approval";
            let notice = ConfigError::of_file(&self.file, message).at_key("permissions.ask");
            self.builder.config.notices.push(notice);
        }
    }

    /// What the user agreed to.
    fn consents(&mut self, settings: &Map<String, Value>) {
        let all = settings.get("enableAllProjectMcpServers") == Some(&Value::Bool(true));
        let names = self.names(settings, "enabledMcpjsonServers", "enabledMcpjsonServers");
        self.consent.add(all, names);
    }

    /// What is switched off.
    fn switches(&mut self, settings: &Map<String, Value>) {
        let off = self.names(settings, "disabledMcpServers", "disabledMcpServers");
        self.restrictions.off.extend(off);
        let off = self.names(settings, "disabledMcpjsonServers", "disabledMcpjsonServers");
        self.restrictions.off_in_project.extend(off);
    }

    fn names(&mut self, settings: &Map<String, Value>, key: &str, whole_key: &str) -> Vec<String> {
        match settings.get(key) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(names)) if names.iter().all(Value::is_string) => {
                names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(_) => {
                self.wrong(whole_key, "must be an array of strings");
                Vec::new()
            }
        }
    }

    /// A list of servers, by name, command or address.
    fn servers(&mut self, settings: &Map<String, Value>, key: &str) -> Option<Vec<Banned>> {
        let list = match settings.get(key)? {
            Value::Array(list) => list.iter().map(banned).collect::<Option<Vec<_>>>(),
            _ => None,
        };
        if list.is_none() {
            self.wrong(key, "must be an array of objects with `serverName`, `serverCommand` or `serverUrl`");
        }
        Some(list.unwrap_or_default())
    }

    /// What is not understood may restrict: nothing is imported.
    fn wrong(&mut self, key: &str, message: &str) {
        self.builder.errors.push(ConfigError::of_file(&self.file, message).at_key(key));
    }
}

fn banned(entry: &Value) -> Option<Banned> {
    let entry = entry.as_object().filter(|entry| entry.len() == 1)?;
    let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    let command = || {
        let words = entry.get("serverCommand")?.as_array()?;
        words.iter().map(|word| word.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    };
    let name = text("serverName").map(Banned::Name);
    name.or_else(|| command().map(Banned::Command)).or_else(|| text("serverUrl").map(Banned::Url))
}
