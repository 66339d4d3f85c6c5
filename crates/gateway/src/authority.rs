//! The current policy and its counters of calls: one for all runs of a gateway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use exuvia_access::{Access, Identity, NoLonger, Roles};
use exuvia_policy::{
    Allowed, Classification, Denial, DenialReason, Grants, Permit, Policy, PolicySource, RateStore, RateWindows,
    Refusal, RunCallCounts, decide,
};
use exuvia_tool::{BoxFuture, CredentialId, ToolCall, ToolName};

/// Decides on calls as the policy is when they are made. A policy that is replaced holds for running scripts at once.
#[derive(Debug)]
pub(crate) struct Authority {
    rules: RwLock<Rules>,
    access: Arc<Access>,
    rates: ProcessRates,
}

/// The calls of this process.
#[derive(Debug)]
struct ProcessRates {
    rates: Mutex<RateWindows>,
    begun: Instant,
}

/// What holds for everyone, and for those who have a role.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policies {
    pub(crate) policy: Arc<Policy>,
    pub(crate) roles: Roles,
}

#[derive(Debug)]
struct Rules {
    policies: Policies,
    /// The servers that are configured.
    servers: BTreeSet<String>,
    /// For servers that are configured no more, and that scripts may still use: the last policy that knew them.
    left: BTreeMap<String, Policies>,
    /// What the policy denies of those: `deny` holds for them too.
    denies: Arc<Policy>,
}

impl Authority {
    /// `servers` are the names of the servers that are configured.
    pub(crate) fn new(policies: Policies, servers: BTreeSet<String>, access: Arc<Access>) -> Self {
        let rules = RwLock::new(Rules { policies, servers, left: BTreeMap::new(), denies: Arc::default() });
        Self { rules, access, rates: ProcessRates { rates: Mutex::default(), begun: Instant::now() } }
    }

    /// The policy of the moment, for those without a role.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner).policies.policy)
    }

    /// Puts another policy in force, for the same servers.
    pub(crate) fn replace(&self, policy: Arc<Policy>) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let roles = Arc::clone(&rules.policies.roles);
        rules.replace(Policies { policy, roles });
    }

    /// Replaces the policy with that of a new configuration. Servers that the new configuration does not have keep their old
    /// rules for scripts that still use them: those for which `is_used` returns true.
    pub(crate) fn reconfigure(&self, policies: Policies, servers: BTreeSet<String>, is_used: impl Fn(&str) -> bool) {
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let old = rules.policies.clone();
        let leaving: Vec<String> = rules.servers.difference(&servers).cloned().collect();
        rules.left.extend(leaving.into_iter().map(|server| (server, old.clone())));
        rules.left.retain(|server, _| !servers.contains(server) && is_used(server));
        rules.servers = servers;
        rules.replace(policies);
    }

    /// Under which name the credentials are found that this identity has now. Of one that may do nothing any more: those that it had, and
    /// never those of the gateway.
    pub(crate) fn credential(&self, identity: &Identity) -> Option<CredentialId> {
        let role = self.access.role_of(identity).unwrap_or_else(|_| identity.role().cloned());
        role.map(CredentialId::of_role)
    }

    /// Decides on a call of this identity, which takes as long as its arguments are large. What the identity may do is what holds now: of a
    /// key that was revoked, nothing.
    pub(crate) fn decide(&self, call: ToolCall, grants: &Grants, identity: &Identity) -> Result<Allowed, Refusal> {
        let denied = |why: NoLonger| {
            Refusal::Denied(Denial { tool: call.name.clone(), reason: DenialReason::NoAccess(why.to_string()) })
        };
        let role = self.access.role_of(identity).map_err(denied)?;
        let policy = self.policy_for(&call.name, role.as_deref())?.ok_or_else(|| denied(NoLonger::NoRole))?;
        decide(call, grants, &policy)
    }

    /// Takes what the call takes: the only way to a permit.
    pub(crate) async fn reserve(&self, allowed: Allowed, spent: &Mutex<RunCallCounts>) -> Result<Permit, Refusal> {
        allowed.reserve(spent, &self.rates).await
    }

    /// The policy that decides on calls of a tool by those who have this role. None: there is no such role.
    fn policy_for(&self, tool: &ToolName, role: Option<&str>) -> Result<Option<Arc<Policy>>, Refusal> {
        // Patterns are tried without the lock.
        let (left, denies) = {
            let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner);
            let Some(left) = rules.left.get(&tool.server) else { return Ok(rules.policies.of(role)) };
            (left.of(role), Arc::clone(&rules.denies))
        };
        let reason = match denies.classify(tool) {
            Classification::Denied(rule) => DenialReason::Denied(rule),
            Classification::Hidden => DenialReason::Hidden,
            Classification::Listed(_) | Classification::Unlisted(_) => return Ok(left),
        };
        Err(Refusal::Denied(Denial { tool: tool.clone(), reason }))
    }
}

impl RateStore for ProcessRates {
    fn take<'a>(&'a self, server: &'a str, most: u32) -> BoxFuture<'a, Result<(), Duration>> {
        let taken = self.rates.lock().unwrap_or_else(PoisonError::into_inner).take(server, most, self.begun.elapsed());
        Box::pin(std::future::ready(taken))
    }
}

impl Policies {
    /// What holds for those who have this role; without one, for the operator.
    fn of(&self, role: Option<&str>) -> Option<Arc<Policy>> {
        match role {
            None => Some(Arc::clone(&self.policy)),
            Some(role) => self.roles.get(role).map(|role| Arc::clone(&role.policy)),
        }
    }
}

impl Rules {
    fn replace(&mut self, policies: Policies) {
        let source = policies.policy.source();
        let denies =
            PolicySource { deny: source.deny.clone(), groups: source.groups.clone(), ..PolicySource::default() };
        // It is a part of what was compiled before. A policy that knows no server hides everything.
        self.denies = Arc::new(Policy::compile(denies, self.left.keys().map(String::as_str)).unwrap_or_default());
        self.policies = policies;
    }
}

#[cfg(test)]
mod tests {
    use exuvia_config::{AccessConfig, KeyConfig, RoleConfig};
    use exuvia_policy::ServerRules;
    use exuvia_tool::{Arguments, CallId};

    use super::*;

    /// Lists everything of these servers, and denies this everywhere.
    fn policies(servers: &[&str], deny: &[&str]) -> Policies {
        let rules = |&name: &&str| {
            (name.to_owned(), ServerRules { auto_execute: vec!["*".to_owned()], ..ServerRules::default() })
        };
        let deny = deny.iter().map(|&text| text.to_owned()).collect();
        let source = PolicySource { servers: servers.iter().map(rules).collect(), deny, ..PolicySource::default() };
        let policy = Arc::new(Policy::compile(source, servers.iter().copied()).unwrap());
        Policies { policy, roles: Arc::default() }
    }

    fn authority(servers: &[&str]) -> Authority {
        Authority::new(policies(servers, &[]), names(servers), Access::open())
    }

    fn names(servers: &[&str]) -> BTreeSet<String> {
        servers.iter().map(|&name| name.to_owned()).collect()
    }

    /// `ok`, or the rule or the reason why not.
    fn asked(authority: &Authority, server: &str, tool: &str) -> String {
        let name = ToolName::new(server, tool);
        let call =
            ToolCall { id: CallId(1), name: name.clone(), arguments: Arguments::parse("{}").unwrap(), line: None };
        match authority.decide(call, &Grants::of([name]), &Identity::operator()) {
            Ok(_) => "ok".to_owned(),
            Err(Refusal::Denied(denial)) => denial.operator(),
            Err(Refusal::Held(_)) => "held".to_owned(),
        }
    }

    #[tokio::test]
    async fn whoever_may_do_nothing_any_more_is_never_lent_the_credentials_of_the_gateway() {
        let configured = |role: &str| {
            let hash = exuvia_access::secret_hash("secret");
            let key = KeyConfig { role: role.to_owned(), hash, expires_ms: None, labels: BTreeMap::new() };
            let roles = [(role.to_owned(), RoleConfig::default())].into();
            AccessConfig { roles, keys: [("ada".to_owned(), key)].into(), ..AccessConfig::default() }
        };
        let access = Access::new(configured("red"), || 0);
        let authority = Authority::new(policies(&[], &[]), names(&[]), Arc::clone(&access));
        let identity = access.authenticate(Some("secret"), [127, 0, 0, 1].into()).await.unwrap();
        let own = |role: &str| Some(CredentialId::of_role(role.into()));
        assert_eq!(authority.credential(&identity), own("red"));
        access.reconfigure(configured("blue"));
        assert_eq!(authority.credential(&identity), own("blue"), "the role that it has now");
        access.reconfigure(AccessConfig::default());
        assert_eq!(authority.credential(&identity), own("red"));
        assert_eq!(authority.credential(&Identity::operator()), None);
    }

    #[test]
    fn a_server_that_left_keeps_its_last_rules_and_meets_new_denials() {
        let authority = authority(&["crm", "billing"]);
        authority.reconfigure(policies(&["crm", "billing"], &["crm.wipe"]), names(&["crm", "billing"]), |_| true);
        let wiped = asked(&authority, "crm", "wipe");
        assert_ne!(wiped, "ok");
        authority.reconfigure(policies(&["billing"], &["crm.drop"]), names(&["billing"]), |_| true);
        assert_eq!(asked(&authority, "crm", "get"), "ok");
        assert_eq!(asked(&authority, "crm", "wipe"), wiped, "the last policy that knew it denied it");
        assert!(asked(&authority, "crm", "drop").starts_with("deny"), "{}", asked(&authority, "crm", "drop"));
        authority.replace(policies(&["billing"], &["crm.*"]).policy);
        assert_ne!(asked(&authority, "crm", "get"), "ok");
        authority.replace(policies(&["billing"], &[]).policy);
        assert_eq!(asked(&authority, "crm", "get"), "ok");
        assert_eq!(asked(&authority, "crm", "wipe"), wiped);
    }

    #[test]
    fn a_server_that_comes_back_has_the_new_rules_and_one_that_nobody_uses_has_none() {
        let authority = authority(&["crm", "billing"]);
        authority.reconfigure(policies(&[], &[]), names(&[]), |server| server == "crm");
        assert_eq!(asked(&authority, "crm", "get"), "ok");
        assert_ne!(asked(&authority, "billing", "get"), "ok");
        authority.reconfigure(policies(&["crm"], &["crm.get"]), names(&["crm"]), |_| true);
        assert_ne!(asked(&authority, "crm", "get"), "ok");
        assert_eq!(asked(&authority, "crm", "put"), "ok");
        authority.reconfigure(policies(&[], &[]), names(&[]), |_| false);
        assert_ne!(asked(&authority, "crm", "put"), "ok");
    }

    #[test]
    fn a_policy_that_is_replaced_takes_back_what_it_does_not_say() {
        let authority = authority(&["crm"]);
        assert_eq!(asked(&authority, "crm", "get"), "ok");
        authority.replace(Arc::default());
        assert_ne!(asked(&authority, "crm", "get"), "ok");
    }
}
