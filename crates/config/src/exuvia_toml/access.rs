//! `[roles]` and `[keys]`, resolved.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use exuvia_policy::RoleRules;

use super::access_types::{Key, Role, RoleLimits};
use super::document::below;
use super::file_types;
use super::limits::Written as _;
use super::resolve::Resolver;
use crate::access::{AccessConfig, Approver, KeyConfig, LoweredLimits, RoleConfig};

/// The longest name of a role or key, in bytes: it is a part of records, metrics and file names.
const NAME_BYTES: usize = 64;
/// The most labels of a key.
const LABELS: usize = 16;
/// The longest label, in characters.
const LABEL_CHARS: usize = 64;

impl Resolver<'_> {
    /// Roles and keys. What roles say of tools is compiled when all servers are known.
    pub(super) fn access(&mut self, written: &file_types::File) -> AccessConfig {
        let mut access = AccessConfig::default();
        for (name, role) in &written.roles {
            let pointer = below("/roles", name);
            self.access_name(name, &pointer);
            if role.profile.as_ref().is_some_and(|profile| !written.profiles.contains_key(profile)) {
                self.error(&below(&pointer, "profile"), "unknown profile");
            }
            access.roles.insert(name.clone(), self.role(name, role, &pointer));
        }
        for (name, key) in &written.keys {
            let pointer = below("/keys", name);
            self.access_name(name, &pointer);
            // Where it is missing or no text, that is said already.
            if let Some(role) = &key.role {
                self.role_exists(role, &written.roles, &below(&pointer, "role"));
            }
            access.keys.extend(self.key(key, &pointer).map(|key| (name.clone(), key)));
        }
        self.same_secrets(&access.keys);
        access.identity_providers = self.identity_providers(&written.identity_providers, &written.roles);
        access.budgets = self.budgets(written);
        access
    }

    fn role(&mut self, name: &str, written: &Role, pointer: &str) -> RoleConfig {
        let rules = RoleRules {
            name: name.to_owned(),
            tools: written.tools.clone(),
            auto_execute: written.auto_execute.clone(),
            deny: written.deny.clone(),
            on_unlisted: written.on_unlisted,
            constraints: written.constraints.clone(),
        };
        let limits = self.lowered(&written.limits, &below(pointer, "limits"));
        RoleConfig {
            rules,
            limits,
            profile: written.profile.clone(),
            reads_metrics: written.metrics,
            client_approves: written.approve_by.as_ref().is_some_and(|by| by.contains(&Approver::Client)),
            ..RoleConfig::default()
        }
    }

    fn lowered(&mut self, written: &RoleLimits, pointer: &str) -> LoweredLimits {
        let RoleLimits { fuel, wall_ms, tool_calls, concurrent_calls, call_timeout_ms, hold_ms, .. } = *written;
        let memory = written.memory_bytes.as_ref().map(|bytes| bytes.value());
        let memory_bytes = memory.and_then(|value: Result<u64, String>| {
            value.map_err(|message| self.error(&below(pointer, "memory_bytes"), message)).ok()
        });
        LoweredLimits { fuel, wall_ms, memory_bytes, tool_calls, concurrent_calls, call_timeout_ms, hold_ms }
    }

    fn key(&mut self, written: &Key, pointer: &str) -> Option<KeyConfig> {
        let hash = written.hash.as_deref().and_then(hash);
        let expires_ms = written.expires.as_deref().and_then(|text| self.time(text, &below(pointer, "expires")));
        let is_label = |text: &str| !text.is_empty() && text.chars().count() <= LABEL_CHARS;
        let labels = &written.labels;
        if labels.len() > LABELS || !labels.iter().all(|(key, value)| is_label(key) && is_label(value)) {
            let message = format!("must be at most {LABELS} labels of at most {LABEL_CHARS} characters each");
            self.error(&below(pointer, "labels"), message);
        }
        Some(KeyConfig { role: written.role.clone()?, hash: hash?, expires_ms, labels: labels.clone() })
    }

    fn time(&mut self, text: &str, pointer: &str) -> Option<u64> {
        let time = humantime::parse_rfc3339_weak(text).ok();
        let ms = time.and_then(|time| u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok());
        if ms.is_none() {
            self.error(pointer, "must be a time in UTC, for example 2027-01-31T12:00:00Z");
        }
        ms
    }

    /// Whether there is a role of this name.
    pub(super) fn role_exists(&mut self, role: &str, roles: &BTreeMap<String, Role>, pointer: &str) {
        if !roles.contains_key(role) {
            let known = roles.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "none is defined".to_owned() } else { format!("defined: {known}") };
            self.error(pointer, format!("unknown role; {known}"));
        }
    }

    pub(super) fn access_name(&mut self, name: &str, pointer: &str) {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > NAME_BYTES || !name.chars().all(is_plain) {
            self.error(pointer, format!("must be at most {NAME_BYTES} letters, digits, '-', '_' and '.'"));
        }
    }

    /// One secret is one key: else it could not be said who acts.
    fn same_secrets(&mut self, keys: &BTreeMap<String, KeyConfig>) {
        let mut seen: BTreeMap<[u8; 32], &str> = BTreeMap::new();
        for (name, key) in keys {
            match seen.get(&key.hash) {
                Some(other) => {
                    let pointer = below(&below("/keys", name), "hash");
                    self.error(&pointer, format!("is also that of keys.{other}: each key needs a secret of its own"));
                }
                None => {
                    seen.insert(key.hash, name);
                }
            }
        }
    }
}

/// The hash that is written as `sha256:` and hexadecimal digits.
fn hash(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix("sha256:")?.as_bytes();
    let mut hash = [0; 32];
    if digits.len() != 2 * hash.len() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? * 16 + low?).ok()?;
    }
    Some(hash)
}
