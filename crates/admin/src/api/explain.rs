//! Why somebody may see or call a tool.

use exuvia_policy::{Classification, OnUnlisted};
use exuvia_tool::{Principal, ToolName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keys;
use crate::admin::Admin;
use crate::answer::ApiError;
use crate::operation::{Ask, Nothing};

/// Who, and which tool.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExplainQuery {
    /// `operator` or `key:NAME`. Default: operator.
    #[schemars(regex(pattern = r"^(operator|key:[A-Za-z0-9._-]+)$"))]
    principal: Option<String>,
    /// In place of a principal: the role.
    role: Option<String>,
    /// The server.
    server: String,
    /// The tool, by the name its server gave it.
    tool: String,
}

/// Why somebody may see or call a tool.
#[derive(Serialize, JsonSchema)]
pub(super) struct Explanation {
    /// Whether it is shown.
    visible: bool,
    /// `allowed`, `needs-approval`, `denied` or `not-visible`.
    decision: &'static str,
    /// The rules that say so.
    rules: Vec<String>,
    /// The role by which it is decided. Null: the operator has none.
    role: Option<String>,
}

/// The name of a decision.
pub(super) fn decision(standing: &Classification) -> &'static str {
    match standing {
        Classification::Listed(_) => "allowed",
        Classification::Denied(_) | Classification::Unlisted(OnUnlisted::Deny) => "denied",
        Classification::Unlisted(_) => "needs-approval",
        Classification::Hidden => "not-visible",
    }
}

/// The role that a principal has.
pub(super) async fn role_of(admin: &Admin, principal: &Principal) -> Result<Option<String>, ApiError> {
    match principal {
        Principal::Operator => Ok(None),
        Principal::Key(name) => {
            let config = admin.sources().config();
            if let Some(key) = config.access.keys.get(&**name) {
                return Ok(Some(key.role.clone()));
            }
            let issued = keys::issued(admin).await?.into_iter().find(|key| key.name == **name);
            let key = issued.ok_or_else(|| ApiError::not_found(format!("there is no key {name:?}")))?;
            Ok(Some(key.role))
        }
        _ => Err(ApiError::bad_request("the role of a user is in the user's token: ask by `role`")),
    }
}

pub(super) async fn show(ask: Ask<Nothing, ExplainQuery>) -> Result<Explanation, ApiError> {
    let ExplainQuery { principal, role, server, tool } = ask.query;
    let role = match (role, principal.as_deref()) {
        (Some(_), Some(_)) => return Err(ApiError::conflict("name a principal or a role")),
        (Some(role), None) => Some(role),
        (None, None) => None,
        (None, Some(principal)) => {
            let principal = principal.parse().map_err(|error| ApiError::bad_request(format!("principal: {error}")))?;
            role_of(&ask.admin, &principal).await?
        }
    };
    let gateway = ask.admin.gateway()?;
    let policy = match &role {
        None => gateway.policy(),
        Some(role) => {
            let roles = gateway.access().roles();
            let known = roles.get(role).ok_or_else(|| ApiError::not_found(format!("there is no role {role:?}")))?;
            std::sync::Arc::clone(&known.policy)
        }
    };
    let name = ToolName::new(server.as_str(), tool.as_str());
    let standing = policy.classify(&name);
    let mut rules = vec![standing.why(&name)];
    let servers = gateway.servers();
    match servers.iter().find(|one| one.name == server) {
        None => rules.push(format!("no server {server:?} is configured")),
        Some(one) if one.is_ready() && !one.tools.iter().any(|listed| listed.name == tool) => {
            rules.push(format!("server {server} lists no tool {tool:?} now"));
        }
        Some(_) => {}
    }
    Ok(Explanation { visible: policy.shows(&name), decision: decision(&standing), rules, role })
}
