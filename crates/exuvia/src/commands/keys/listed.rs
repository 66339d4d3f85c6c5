//! Keys as they are shown: never with a secret, nor with its hash.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use exuvia_access::Secret;
use exuvia_config::KeyConfig;
use exuvia_gateway::now_ms;
use exuvia_journal::{BudgetOverride, PreviousSecret, StoredKey};
use exuvia_text::{line, one_line};
use serde_json::{Value, json as object};

use super::super::runs::{table, utc};

/// How much of a label is shown in a table, in characters.
const LABEL_CHARS: usize = 60;

/// A key, issued or configured.
pub(super) struct Listed {
    key: StoredKey,
    is_configured: bool,
    state: &'static str,
}

impl Listed {
    pub(super) fn issued(key: StoredKey, now_ms: u64) -> Self {
        let state = match (key.revoked_ms, key.expires_ms) {
            (Some(_), _) => "revoked",
            (None, Some(expires)) if expires <= now_ms => "expired",
            _ => "active",
        };
        Self { key, is_configured: false, state }
    }

    pub(super) fn configured(name: &str, config: &KeyConfig) -> Self {
        let key = StoredKey {
            name: name.to_owned(),
            revision: 0,
            role: config.role.clone(),
            hash: config.hash,
            previous: None,
            created_ms: 0,
            rotated_ms: 0,
            expires_ms: config.expires_ms,
            revoked_ms: None,
            labels: config.labels.clone(),
            overrides: Vec::new(),
        };
        Self { is_configured: true, ..Self::issued(key, now_ms()) }
    }

    pub(super) fn name(&self) -> &str {
        &self.key.name
    }

    fn kind(&self) -> &'static str {
        if self.is_configured { "configured" } else { "issued" }
    }

    fn created(&self) -> Option<String> {
        (!self.is_configured).then(|| utc(self.key.created_ms))
    }
}

pub(super) fn table_of(found: &[Listed]) -> String {
    if found.is_empty() {
        return "no keys\n".to_owned();
    }
    let row = |listed: &Listed| {
        let key = &listed.key;
        [
            key.name.clone(),
            one_line(&key.role, LABEL_CHARS),
            listed.kind().to_owned(),
            listed.state.to_owned(),
            listed.created().unwrap_or_default(),
            key.expires_ms.map(utc).unwrap_or_default(),
            one_line(&labels(&key.labels), LABEL_CHARS),
        ]
    };
    table(["NAME", "ROLE", "KIND", "STATE", "CREATED", "EXPIRES", "LABELS"], found.iter().map(row))
}

pub(super) fn text(listed: &Listed) -> String {
    let key = &listed.key;
    let until = |previous: &PreviousSecret| utc(previous.until_ms);
    let rows = [
        ("name", Some(key.name.clone())),
        ("role", Some(one_line(&key.role, LABEL_CHARS))),
        ("kind", Some(listed.kind().to_owned())),
        ("state", Some(listed.state.to_owned())),
        ("created", listed.created()),
        ("rotated", (key.rotated_ms != key.created_ms).then(|| utc(key.rotated_ms))),
        ("old secret until", key.previous.as_ref().filter(|old| old.until_ms > now_ms()).map(until)),
        ("expires", key.expires_ms.map(utc)),
        ("revoked", key.revoked_ms.map(utc)),
        ("labels", Some(line(&labels(&key.labels))).filter(|text| !text.is_empty())),
        ("budgets", (!key.overrides.is_empty()).then(|| overrides(&key.overrides))),
    ];
    rows.into_iter().filter_map(|(name, value)| Some(format!("{name:<18}{}\n", value?))).collect()
}

pub(super) fn json(listed: &Listed) -> Value {
    let key = &listed.key;
    object!({
        "name": key.name,
        "role": key.role,
        "kind": listed.kind(),
        "state": listed.state,
        "created_at": listed.created(),
        "rotated_at": listed.created().map(|_| utc(key.rotated_ms)),
        "old_secret_until": key.previous.as_ref().map(|old| utc(old.until_ms)),
        "expires_at": key.expires_ms.map(utc),
        "revoked_at": key.revoked_ms.map(utc),
        "labels": key.labels,
        "budget_overrides": key.overrides.iter().map(over).collect::<Vec<_>>(),
    })
}

pub(super) fn all_json(found: &[Listed]) -> Value {
    object!({"keys": found.iter().map(json).collect::<Vec<_>>()})
}

fn over(over: &BudgetOverride) -> Value {
    object!({"budget": over.budget, "percent": over.percent, "amounts": over.amounts, "until": utc(over.until_ms)})
}

fn labels(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

/// Budgets that are other ones for a key, in one line.
pub(super) fn overrides(overrides: &[BudgetOverride]) -> String {
    let one = |over: &BudgetOverride| {
        let mut text = over.budget.clone();
        if over.percent != 100 {
            let _ = write!(text, " {} %", over.percent);
        }
        for (name, amount) in &over.amounts {
            let _ = match name.as_str() {
                "cost" => write!(text, " cost {}.{:06}", amount / 1_000_000, amount % 1_000_000),
                _ => write!(text, " {name} {amount}"),
            };
        }
        format!("{text} until {}", utc(over.until_ms))
    };
    match overrides {
        [] => "as configured".to_owned(),
        overrides => overrides.iter().map(one).collect::<Vec<_>>().join("; "),
    }
}

/// A hash as the configuration has it.
pub(super) fn hash_text(hash: &[u8; 32]) -> String {
    let digits = hash.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.filter_map(|digit| char::from_digit(digit.into(), 16));
    format!("sha256:{}", digits.collect::<String>())
}

/// The table that makes a secret a key.
pub(super) fn configuration(
    name: &str,
    role: &str,
    secret: &Secret,
    expires_ms: Option<u64>,
    labels: &BTreeMap<String, String>,
) -> String {
    // A text in JSON is one in TOML, but for DEL.
    let text = |text: &str| Value::from(text).to_string().replace('\u{7f}', "\\u007f");
    let mut table = format!("[keys.{}]\nrole = {}\nhash = \"{}\"", text(name), text(role), hash_text(&secret.hash()));
    if let Some(expires_ms) = expires_ms {
        let _ = write!(table, "\nexpires = \"{}\"", utc(expires_ms));
    }
    if !labels.is_empty() {
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{} = {}", text(name), text(value))).collect();
        let _ = write!(table, "\nlabels = {{ {} }}", labels.join(", "));
    }
    table
}
