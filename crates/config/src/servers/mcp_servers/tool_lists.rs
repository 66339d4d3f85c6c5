//! Tool lists in an entry. Each client has keys of its own; none of them may be lost here.

use exuvia_policy::literal;
use serde_json::{Map, Value};

use super::entry::ServerEntry;

/// Lists of tools that are never called.
const NEVER: [&str; 8] = [
    "disabledTools",
    "disabled_tools",
    "excludeTools",
    "exclude_tools",
    "excludedTools",
    "blockedTools",
    "deniedTools",
    "disallowedTools",
];
/// Lists of the tools that there are.
const ONLY: [&str; 8] = [
    "includeTools",
    "include_tools",
    "includedTools",
    "enabledTools",
    "enabled_tools",
    "allowedTools",
    "allowed_tools",
    "available_tools",
];
/// Parts of the names of keys that restrict. Not of those that say what runs without asking: that is asked here anyway.
const RESTRICTS: [&str; 20] = [
    "approval",
    "block",
    "confirm",
    "denied",
    "deny",
    "disable",
    "disallow",
    "exclude",
    "allowed",
    "allowlist",
    "whitelist",
    "blacklist",
    "denylist",
    "filter",
    "forbid",
    "permission",
    "readonly",
    "read_only",
    "restrict",
    "sandbox",
];
/// Keys that only seem to.
const HARMLESS: [&str; 2] = ["disabled", "sandboxEnabled"];

/// How long a pattern of a policy may be.
const PATTERN_BYTES: usize = 1_024;

/// Which tools of a server may be called, as patterns of a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolLists {
    /// Those that there are. None: all.
    pub only: Option<Vec<String>>,
    /// Those that are never called.
    pub never: Vec<String>,
}

impl ToolLists {
    /// Whether they restrict nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.only.is_none() && self.never.is_empty()
    }
}

/// The name of a tool as a pattern of a policy. Clients take `*` for any text, and nothing else for more than itself.
///
/// # Errors
///
/// It is too long.
pub(crate) fn tool_pattern(name: &str) -> Result<String, String> {
    let parts: Vec<String> = name.split('*').map(literal).collect();
    let pattern = parts.join("*");
    if pattern.len() > PATTERN_BYTES {
        return Err(format!("contains a name longer than {PATTERN_BYTES} bytes"));
    }
    Ok(pattern)
}

impl ServerEntry<'_> {
    /// Whether the server is switched off there.
    pub(super) fn is_off(&mut self, entry: &Map<String, Value>) -> bool {
        let switches = [("disabled", true), ("enabled", false), ("isActive", false)];
        let mut is_off = false;
        for (key, off) in switches {
            match entry.get(key) {
                None | Some(Value::Null) => {}
                Some(Value::Bool(value)) => is_off |= *value == off,
                // What it means is not certain: it may be off.
                Some(_) => drop(self.wrong(&[key], "true or false")),
            }
        }
        is_off
    }

    /// The tool lists of an entry. Unknown restrictions are reported.
    pub(super) fn tool_lists(&mut self, entry: &Map<String, Value>) -> ToolLists {
        let mut lists = ToolLists::default();
        for key in NEVER {
            lists.never.extend(self.patterns(entry.get(key), &[key]).unwrap_or_default());
        }
        for key in ONLY {
            self.narrow(&mut lists, entry.get(key), &[key]);
        }
        match entry.get("tools") {
            Some(Value::Object(tools)) => self.of_tools(tools, &mut lists),
            tools => self.narrow(&mut lists, tools, &["tools"]),
        }
        for (key, value) in entry {
            let is_known = NEVER.iter().chain(&ONLY).chain(&HARMLESS).any(|known| known == key);
            let name = key.to_lowercase();
            if !is_known && !is_nothing(value) && RESTRICTS.iter().any(|part| name.contains(part)) {
                self.notice(&[key], "may restrict tools but is not supported; ignored");
            }
        }
        lists
    }

    /// `tools: {include, exclude}`.
    fn of_tools(&mut self, tools: &Map<String, Value>, lists: &mut ToolLists) {
        for (key, value) in tools {
            let path = ["tools", key.as_str()];
            match key.as_str() {
                "include" | "allow" | "allowed" | "enabled" => self.narrow(lists, Some(value), &path),
                "exclude" | "deny" | "denied" | "disabled" => {
                    lists.never.extend(self.patterns(Some(value), &path).unwrap_or_default());
                }
                _ if is_nothing(value) => {}
                _ => self.notice(&path, "may restrict tools but is not supported; ignored"),
            }
        }
    }

    /// Of two lists of what there is, both hold; that cannot be said as one, so the server is lost.
    fn narrow(&mut self, lists: &mut ToolLists, list: Option<&Value>, path: &[&str]) {
        let Some(patterns) = self.patterns(list, path) else { return };
        if patterns.iter().any(|pattern| pattern == "*") {
            return;
        }
        match &lists.only {
            Some(only) if *only != patterns => {
                self.error(path, "conflicts with another list of tools; remove one");
            }
            _ => lists.only = Some(patterns),
        }
    }

    /// A list of tools: strings, or one string. Gemini writes arguments behind a name, which are left off.
    fn patterns(&mut self, list: Option<&Value>, path: &[&str]) -> Option<Vec<String>> {
        let names: Vec<&str> = match list {
            None | Some(Value::Null) => return None,
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) if names.iter().all(Value::is_string) => {
                names.iter().filter_map(Value::as_str).collect()
            }
            Some(_) => {
                self.wrong(path, "an array of strings");
                return None;
            }
        };
        let mut patterns = Vec::new();
        for name in names {
            let name = name.split('(').next().unwrap_or_default().trim();
            match tool_pattern(name) {
                Ok(pattern) => patterns.push(pattern),
                Err(message) => self.error(path, &message),
            }
        }
        Some(patterns)
    }
}

/// Whether a value of such a key restricts nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}
