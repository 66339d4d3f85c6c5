//! What another configuration would have decided about recorded runs.

use std::sync::Arc;

use exuvia_config::{AccessConfig, Config};
use exuvia_journal::{Event, Filter, Record, Stamped};
use exuvia_policy::{Classification, Grants, OnUnlisted, Policy, Refusal, decide};
use exuvia_tool::{Principal, ToolCall};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keys;
use super::runs::exported_origin;
use crate::answer::ApiError;
use crate::operation::{Ask, Nothing};
use crate::sources::ReadError;

/// The most runs that are looked at.
const MOST: u32 = 1_000;
/// The most calls that are named of one run.
const CALLS: usize = 100;

/// Another configuration, and how far back it is tried.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DryRunRequest {
    /// The text of an `exuvia.toml`, in place of the present one. Relative paths and variables are those of the daemon.
    toml: String,
    /// The last so many runs and direct calls. Default: 100.
    #[schemars(range(min = 1, max = MOST))]
    last: Option<u32>,
}

/// What would have been decided otherwise.
#[derive(Serialize, JsonSchema)]
pub(super) struct DryRun {
    /// Runs and direct calls that were looked at.
    checked: usize,
    /// Those that could not be, because their content was erased or cannot be read.
    skipped: usize,
    /// Those of which something would be decided otherwise, the latest first.
    runs: Vec<ChangedRun>,
}

/// A run of which something would be decided otherwise.
#[derive(Serialize, JsonSchema)]
struct ChangedRun {
    /// Its id.
    id: String,
    /// On whose behalf.
    principal: String,
    /// When it began, in milliseconds since the epoch.
    started_ms: u64,
    /// The strictest decision on its calls: `allowed`, `needs-approval` or `denied`.
    then: &'static str,
    /// The same by the other configuration.
    now: &'static str,
    /// The calls that would be decided otherwise, at most 100.
    calls: Vec<ChangedCall>,
}

/// A call that would be decided otherwise.
#[derive(Serialize, JsonSchema)]
struct ChangedCall {
    /// The line of the script that made it.
    line: Option<u32>,
    /// The server.
    server: String,
    /// The tool.
    tool: String,
    /// What was decided: `allowed`, `needs-approval` or `denied`.
    then: &'static str,
    /// What would be.
    now: &'static str,
    /// The rule that says so.
    rule: String,
}

/// A decision on a call, the mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Decided {
    Allowed,
    NeedsApproval,
    Denied,
}

impl Decided {
    fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::NeedsApproval => "needs-approval",
            Self::Denied => "denied",
        }
    }
}

pub(super) async fn run(ask: Ask<Nothing, Nothing, DryRunRequest>) -> Result<DryRun, ApiError> {
    let DryRunRequest { toml, last } = ask.body;
    let last = last.unwrap_or(100);
    if !(1..=MOST).contains(&last) {
        return Err(ApiError::bad_request(format!("last: must be between 1 and {MOST}")));
    }
    let read = ask.admin.sources().read_config(&toml).await;
    let Config { policy, access, .. } = read.map_err(|error| match error {
        ReadError::Wrong(errors) => ApiError::conflict(errors.to_string()),
        ReadError::Unavailable(error) => error.into(),
    })?;
    let _place = ask.admin.heavy_place().await?;
    let roles = Arc::new(Roles { policy: Arc::new(policy), access, issued: keys::issued(&ask.admin).await? });
    let journals = ask.admin.sources().journals().await?;
    let found = journals.list(&Filter { limit: last as usize, ..Filter::default() }).await?;
    let (mut runs, mut skipped, mut actions) = (Vec::new(), 0, 0);
    for summary in &found {
        let (kind, id) = exported_origin(&summary.origin);
        if kind == "admin" {
            actions += 1;
            continue;
        }
        // One that cannot be read is no reason to leave out the others.
        let Ok(Some((_, record))) = journals.record(&id).await else {
            skipped += 1;
            continue;
        };
        if record.is_erased {
            skipped += 1;
            continue;
        }
        let roles = Arc::clone(&roles);
        let changed = tokio::task::spawn_blocking(move || changed(&record, &id, &roles)).await;
        runs.extend(changed.map_err(|_| ApiError::unavailable("the dry-run broke off"))?);
    }
    Ok(DryRun { checked: found.len() - skipped - actions, skipped, runs })
}

/// Who would be decided on by which policy.
struct Roles {
    policy: Arc<Policy>,
    access: AccessConfig,
    issued: Vec<exuvia_journal::StoredKey>,
}

impl Roles {
    /// The policy for a principal. None: it would have no role, and may do nothing.
    fn policy_of(&self, principal: &Principal) -> Option<&Arc<Policy>> {
        let name = match principal {
            Principal::Operator => return Some(&self.policy),
            Principal::Key(name) => name,
            // The role of a user was in the user's token: as for those without one.
            _ => return Some(&self.policy),
        };
        let configured = self.access.keys.get(&**name).map(|key| &key.role);
        let role = configured.or_else(|| self.issued.iter().find(|key| key.name == **name).map(|key| &key.role))?;
        self.access.roles.get(role).map(|role| &role.policy)
    }
}

fn changed(record: &Record, id: &str, roles: &Roles) -> Option<ChangedRun> {
    let policy = roles.policy_of(&record.principal);
    let mut strictest = [Decided::Allowed; 2];
    let mut calls = Vec::new();
    for Stamped { entry, .. } in &record.entries {
        let Some((call, then)) = decided_call(&entry.event) else { continue };
        let (now, rule) = match policy {
            Some(policy) => decide_anew(call, policy),
            None => (Decided::Denied, "the key has no role".to_owned()),
        };
        strictest = [strictest[0].max(then), strictest[1].max(now)];
        if then != now && calls.len() < CALLS {
            let (server, tool) = (call.name.server.clone(), call.name.tool.clone());
            calls.push(ChangedCall { line: call.line, server, tool, then: then.name(), now: now.name(), rule });
        }
    }
    let [then, now] = strictest.map(Decided::name);
    let (principal, started_ms) = (record.principal.to_string(), record.entries.first().map_or(0, |first| first.at_ms));
    (!calls.is_empty()).then(|| ChangedRun { id: id.to_owned(), principal, started_ms, then, now, calls })
}

/// A call that the policy decided on, and how.
fn decided_call(event: &Event) -> Option<(&ToolCall, Decided)> {
    match event {
        Event::CallIntended { call, .. } => Some((call, Decided::Allowed)),
        Event::CallRefused { call, code, .. } => match code.as_str() {
            "awaiting-approval" => Some((call, Decided::NeedsApproval)),
            "denied" => Some((call, Decided::Denied)),
            // Unknown tools and wrong arguments are no decisions of a policy.
            _ => None,
        },
        _ => None,
    }
}

fn decide_anew(call: &ToolCall, policy: &Policy) -> (Decided, String) {
    let standing = policy.classify(&call.name);
    let why = standing.why(&call.name);
    match standing {
        Classification::Unlisted(OnUnlisted::Deny) | Classification::Denied(_) | Classification::Hidden => {
            (Decided::Denied, why)
        }
        Classification::Unlisted(_) => (Decided::NeedsApproval, why),
        Classification::Listed(_) => match decide(call.clone(), &Grants::of([call.name.clone()]), policy) {
            Ok(_) => (Decided::Allowed, why),
            Err(Refusal::Denied(denial)) => (Decided::Denied, denial.operator()),
            Err(Refusal::Held(_)) => (Decided::NeedsApproval, why),
        },
    }
}
