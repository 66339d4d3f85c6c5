//! Keys: those of the configuration and those that were issued.

use std::collections::BTreeMap;

use exuvia_access::{KeyIssuer, NewKey, Rotation};
use exuvia_gateway::now_ms;
use exuvia_journal::{BudgetOverride, StoredKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{Done, Page};
use crate::admin::Admin;
use crate::answer::{ApiError, LAST_MS, check_range};
use crate::operation::{Ask, Nothing};

/// The most that limits are multiplied by, in percent.
const MOST_PERCENT: u32 = 1_000_000;
/// The longest time that two secrets hold: a year, in milliseconds.
const MOST_OVERLAP_MS: u64 = 365 * 24 * 60 * 60 * 1_000;

/// A key, without its secret.
#[derive(Serialize, JsonSchema)]
pub(super) struct KeyView {
    /// Its name.
    name: String,
    /// Its role.
    role: String,
    /// `configured` or `issued`.
    kind: &'static str,
    /// `active`, `expired` or `revoked`.
    state: &'static str,
    /// When it was issued, in milliseconds since the epoch. Null: it is configured.
    created_ms: Option<u64>,
    /// When it got its secret, in milliseconds since the epoch. Null: it is configured.
    rotated_ms: Option<u64>,
    /// Until when the secret before holds as well, in milliseconds since the epoch.
    old_secret_until_ms: Option<u64>,
    /// When it stops to hold, in milliseconds since the epoch.
    expires_ms: Option<u64>,
    /// When it was revoked, in milliseconds since the epoch.
    revoked_ms: Option<u64>,
    /// Its labels.
    labels: BTreeMap<String, String>,
    /// Budgets that are other ones for it.
    overrides: Vec<OverrideView>,
}

/// A budget that is another one for a key, for a time.
#[derive(Serialize, JsonSchema)]
struct OverrideView {
    /// The budget.
    budget: String,
    /// What its limits are multiplied by, in percent.
    percent: u32,
    /// Limits in place of the configured ones; costs in millionths.
    amounts: BTreeMap<String, u64>,
    /// When it ends, in milliseconds since the epoch.
    until_ms: u64,
}

/// A key to be issued.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyRequest {
    /// Its name: at most 64 letters, digits, `-`, `_` and `.`.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^[A-Za-z0-9._-]+$"))]
    name: String,
    /// A role of the configuration.
    role: String,
    /// When it stops to hold, in milliseconds since the epoch. Default: when it is revoked.
    #[schemars(range(max = LAST_MS))]
    expires_ms: Option<u64>,
    /// Its labels: at most 16 of at most 64 characters.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// Budgets that are other ones for it: at most 16.
    #[serde(default)]
    overrides: Vec<OverrideRequest>,
}

/// A budget that is to be another one for a key, for a time.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OverrideRequest {
    /// A budget of the configuration.
    budget: String,
    /// What its limits are multiplied by, in percent. Default: 100.
    #[serde(default = "whole")]
    #[schemars(range(min = 1, max = MOST_PERCENT))]
    percent: u32,
    /// Limits in place of the configured ones, by quantity; costs in millionths.
    #[serde(default)]
    amounts: BTreeMap<QuantityName, u64>,
    /// When it ends, in milliseconds since the epoch.
    #[schemars(range(max = LAST_MS))]
    until_ms: u64,
}

/// What a budget counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum QuantityName {
    /// Runs.
    Runs,
    /// Calls.
    Calls,
    /// Units of fuel.
    Fuel,
    /// Milliseconds of running scripts.
    WallMs,
    /// What calls cost.
    Cost,
}

/// Which budgets of a key are other ones, and which are as configured again.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OverridesRequest {
    /// In place of what was said before of the same budgets: at most 16.
    #[serde(default)]
    overrides: Vec<OverrideRequest>,
    /// As configured again.
    #[serde(default)]
    remove: Vec<String>,
}

/// How a secret is replaced.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RotationRequest {
    /// How long the secret so far holds beside the new one, in milliseconds. Default: it stops to hold now.
    #[schemars(range(min = 1, max = MOST_OVERLAP_MS))]
    overlap_ms: Option<u64>,
    /// When the key stops to hold, in milliseconds since the epoch. Default: as before.
    #[schemars(range(max = LAST_MS))]
    expires_ms: Option<u64>,
}

/// A key with its secret, which is not shown again.
#[derive(Serialize, JsonSchema)]
pub(super) struct KeyWithSecret {
    /// Its name.
    name: String,
    /// Its secret. Nobody can read it again.
    secret: String,
}

/// A key.
#[derive(Deserialize, JsonSchema)]
pub(super) struct KeyPath {
    /// Its name.
    name: String,
}

fn whole() -> u32 {
    100
}

impl QuantityName {
    fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Calls => "calls",
            Self::Fuel => "fuel",
            Self::WallMs => "wall_ms",
            Self::Cost => "cost",
        }
    }
}

/// Overrides of budgets that there are.
fn overrides_of(admin: &Admin, asked: Vec<OverrideRequest>) -> Result<Vec<BudgetOverride>, ApiError> {
    let config = admin.sources().config();
    let one = |asked: OverrideRequest| {
        let OverrideRequest { budget, percent, amounts, until_ms } = asked;
        if !config.access.budgets.contains_key(&budget) {
            return Err(ApiError::not_found(format!("unknown budget {budget:?}")));
        }
        check_range("percent", Some(percent), 1, MOST_PERCENT)?;
        check_future(Some(until_ms))?;
        let amounts = amounts.into_iter().map(|(quantity, amount)| (quantity.name().to_owned(), amount)).collect();
        Ok(BudgetOverride { budget, percent, amounts, until_ms })
    };
    asked.into_iter().map(one).collect()
}

impl KeyView {
    fn of(key: StoredKey, kind: &'static str, now_ms: u64) -> Self {
        let state = match (key.revoked_ms, key.expires_ms) {
            (Some(_), _) => "revoked",
            (None, Some(expires)) if expires <= now_ms => "expired",
            _ => "active",
        };
        let is_issued = kind == "issued";
        let previous = key.previous.filter(|previous| previous.until_ms > now_ms);
        Self {
            name: key.name,
            role: key.role,
            kind,
            state,
            created_ms: is_issued.then_some(key.created_ms),
            rotated_ms: is_issued.then_some(key.rotated_ms),
            old_secret_until_ms: previous.map(|previous| previous.until_ms),
            expires_ms: key.expires_ms,
            revoked_ms: key.revoked_ms,
            labels: key.labels,
            overrides: key.overrides.into_iter().map(OverrideView::of).collect(),
        }
    }
}

impl OverrideView {
    fn of(over: BudgetOverride) -> Self {
        let BudgetOverride { budget, percent, amounts, until_ms } = over;
        Self { budget, percent, amounts, until_ms }
    }
}

/// The keys that were issued. None where there is nowhere to keep them.
pub(super) async fn issued(admin: &Admin) -> Result<Vec<StoredKey>, ApiError> {
    match admin.sources().access_store() {
        Ok(store) => Ok(store.keys_since(0).await?.keys),
        Err(_) => Ok(Vec::new()),
    }
}

async fn all(admin: &Admin) -> Result<Vec<KeyView>, ApiError> {
    let (config, now) = (admin.sources().config(), now_ms());
    let configured = config.access.keys.iter().map(|(name, key)| StoredKey {
        name: name.clone(),
        revision: 0,
        role: key.role.clone(),
        hash: [0; 32],
        previous: None,
        created_ms: 0,
        rotated_ms: 0,
        expires_ms: key.expires_ms,
        revoked_ms: None,
        labels: key.labels.clone(),
        overrides: Vec::new(),
    });
    let configured = configured.map(|key| KeyView::of(key, "configured", now));
    let issued = issued(admin).await?.into_iter().map(|key| KeyView::of(key, "issued", now));
    let mut keys: Vec<KeyView> = configured.chain(issued).collect();
    keys.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(keys)
}

pub(super) async fn list(ask: Ask) -> Result<Page<KeyView>, ApiError> {
    Ok(Page::whole(all(&ask.admin).await?))
}

pub(super) async fn show(ask: Ask<KeyPath>) -> Result<KeyView, ApiError> {
    let name = ask.path.name;
    let found = all(&ask.admin).await?.into_iter().find(|key| key.name == name);
    found.ok_or_else(|| ApiError::not_found(format!("there is no key {name:?}")))
}

/// Checks that a key is not one of the configuration, which is changed there alone.
fn check_issued(admin: &Admin, name: &str) -> Result<(), ApiError> {
    match admin.sources().config().access.keys.contains_key(name) {
        true => Err(ApiError::conflict(format!("key {name:?} is defined in the configuration: change it there"))),
        false => Ok(()),
    }
}

/// Checks a time after which a key does not hold.
fn check_future(expires_ms: Option<u64>) -> Result<(), ApiError> {
    check_range("expires_ms", expires_ms, 0, LAST_MS)?;
    match expires_ms {
        Some(expires_ms) if expires_ms <= now_ms() => Err(ApiError::conflict("the expiry must be in the future")),
        _ => Ok(()),
    }
}

pub(super) async fn create(ask: Ask<Nothing, Nothing, KeyRequest>) -> Result<KeyWithSecret, ApiError> {
    let KeyRequest { name, role, expires_ms, labels, overrides } = ask.body;
    check_future(expires_ms)?;
    check_issued(&ask.admin, &name)?;
    let config = ask.admin.sources().config();
    if !config.access.roles.contains_key(&role) {
        let roles = config.access.roles.keys().cloned().collect::<Vec<_>>().join(", ");
        let roles = if roles.is_empty() { "none".to_owned() } else { roles };
        return Err(ApiError::not_found(format!("unknown role {role:?}; configured roles: {roles}")));
    }
    let overrides = overrides_of(&ask.admin, overrides)?;
    let store = ask.admin.sources().access_store()?;
    let new = NewKey { name: name.clone(), role, expires_ms, labels, overrides };
    let action = ask.admin.record(&ask.caller, "key.create", &name).await?;
    let (_, secret) = KeyIssuer::new(&*store, now_ms()).create(new).await?;
    action.done();
    Ok(KeyWithSecret { name, secret: secret.expose().to_owned() })
}

pub(super) async fn rotate(ask: Ask<KeyPath, Nothing, RotationRequest>) -> Result<KeyWithSecret, ApiError> {
    let (name, now) = (ask.path.name, now_ms());
    check_future(ask.body.expires_ms)?;
    check_range("overlap_ms", ask.body.overlap_ms, 1, MOST_OVERLAP_MS)?;
    check_issued(&ask.admin, &name)?;
    let store = ask.admin.sources().access_store()?;
    let overlap_until_ms = ask.body.overlap_ms.map(|overlap| now.saturating_add(overlap));
    let rotation = Rotation { overlap_until_ms, expires_ms: ask.body.expires_ms };
    let action = ask.admin.record(&ask.caller, "key.rotate", &name).await?;
    let (_, secret) = KeyIssuer::new(&*store, now).rotate(&name, rotation).await?;
    action.done();
    Ok(KeyWithSecret { name, secret: secret.expose().to_owned() })
}

pub(super) async fn revoke(ask: Ask<KeyPath>) -> Result<Done, ApiError> {
    let name = ask.path.name;
    check_issued(&ask.admin, &name)?;
    let store = ask.admin.sources().access_store()?;
    let action = ask.admin.record(&ask.caller, "key.revoke", &name).await?;
    KeyIssuer::new(&*store, now_ms()).revoke(&name).await?;
    action.done();
    Ok(Done::DONE)
}

pub(super) async fn budgets(ask: Ask<KeyPath, Nothing, OverridesRequest>) -> Result<KeyView, ApiError> {
    let name = ask.path.name;
    check_issued(&ask.admin, &name)?;
    let OverridesRequest { overrides, remove } = ask.body;
    let overrides = overrides_of(&ask.admin, overrides)?;
    let store = ask.admin.sources().access_store()?;
    let action = ask.admin.record(&ask.caller, "key.budgets", &name).await?;
    let key = KeyIssuer::new(&*store, now_ms()).override_budgets(&name, overrides, &remove).await?;
    action.done();
    Ok(KeyView::of(key, "issued", now_ms()))
}
