//! What would run, in a line for each server. Of variables and headers the names alone, of addresses the origin: the rest
//! may hold secrets.

use std::collections::BTreeSet;

use exuvia_catalog::files::Layout;
use exuvia_policy::{PolicySource, ServerRules};
use exuvia_text::line as one_line;
use exuvia_tool::{Cost, CredentialId, Quantity};

use crate::{
    AccessConfig, AdminConfig, ApprovalLimits, ApprovalsConfig, BudgetAction, BudgetConfig, Config, ConfiguredServer,
    Each, FunctionsConfig, Grant, Http, HttpProtocol, JournalConfig, JournalStore, Members, Mode, PASSED_VARIABLES,
    PinMode, Profile, SessionsConfig, Share, Stdio, Transport,
};

/// What would run: a line for each server, one for the lists that hold for all of them, and one for each profile and address.
#[must_use]
pub fn summary(config: &Config) -> String {
    let source = config.policy.source();
    let pin = |server: &ConfiguredServer| config.pins.get(&server.config.name).copied().unwrap_or_default();
    let mut lines: Vec<String> = config.servers.iter().map(|server| line(server, pin(server), source)).collect();
    let PolicySource { auto_execute, deny, repeatable, .. } = source;
    let everywhere = [list("auto_execute", auto_execute), list("deny", deny), list("repeatable", repeatable)];
    let everywhere: Vec<String> = everywhere.into_iter().flatten().collect();
    if !everywhere.is_empty() {
        lines.push(format!("all: {}", everywhere.join("; ")));
    }
    lines.extend(config.profiles.iter().map(|(name, profile)| format!("profile {name}: {}", servers(profile))));
    lines.extend(config.workspaces.summary());
    lines.extend(config.sessions.as_ref().map(SessionsConfig::summary));
    lines.extend(config.functions.as_ref().map(FunctionsConfig::summary));
    lines.extend(access(&config.access));
    lines.extend(config.access.budgets.iter().map(|(name, budget)| format!("budget {name}: {}", budget_parts(budget))));
    let tls = if config.tls.is_some() { " by https" } else { "" };
    lines.extend(config.listen.map(|address| format!("listen: mcp on {address}{tls}")));
    lines.extend(config.collector.as_ref().map(|_| "telemetry: spans by otlp".to_owned()));
    lines.extend(journal(&config.journal));
    lines.extend(admin(&config.admin));
    lines.extend(approvals(&config.approvals));
    if lines.is_empty() {
        lines.push("no servers".to_owned());
    }
    lines.push(String::new());
    lines.iter().map(|line| one_line(line)).collect::<Vec<_>>().join("\n")
}

/// Who may use the gateway beside its operator.
fn access(access: &AccessConfig) -> Option<String> {
    let names = |names: &mut dyn Iterator<Item = &String>| names.cloned().collect::<Vec<_>>().join(", ");
    let roles = (!access.roles.is_empty()).then(|| format!("roles: {}", names(&mut access.roles.keys())));
    let keys = access.keys.iter().map(|(name, key)| format!("{name} ({})", key.role)).collect::<Vec<_>>().join(", ");
    let keys = (!keys.is_empty()).then(|| format!("keys: {keys}"));
    let providers = access.identity_providers.iter();
    let providers =
        providers.map(|(name, provider)| format!("{name} ({})", provider.issuer)).collect::<Vec<_>>().join(", ");
    let providers = (!providers.is_empty()).then(|| format!("identity providers: {providers}"));
    let parts: Vec<String> = [roles, keys, providers].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// What a budget allows, and whom.
fn budget_parts(budget: &BudgetConfig) -> String {
    let zone = budget.time_zone.iana_name().unwrap_or("UTC");
    let mut parts = vec![format!("{} in {zone}", budget.period)];
    let limits = budget.limits.iter().filter_map(|(quantity, limit)| Some((quantity, (*limit)?)));
    parts.extend(limits.map(|(quantity, limit)| match quantity {
        Quantity::Cost => format!("cost {}", Cost::from_micros(limit)),
        _ => format!("{} {limit}", quantity.name()),
    }));
    let Members { roles, keys, principals, labels } = &budget.members;
    let texts = |texts: &BTreeSet<String>| texts.iter().cloned().collect::<Vec<_>>();
    parts.extend(list("roles", &texts(roles)));
    parts.extend(list("keys", &texts(keys)));
    parts.extend(list("principals", &principals.iter().map(ToString::to_string).collect::<Vec<_>>()));
    parts.extend(list("labels", &labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()));
    parts.extend((budget.each == Each::Key).then(|| "each key".to_owned()));
    parts.extend((budget.action == BudgetAction::Report).then(|| "report".to_owned()));
    parts.join("; ")
}

/// Where runs are recorded, where that is configured.
fn journal(journal: &JournalConfig) -> Option<String> {
    let default = JournalConfig::default();
    let store = match &journal.store {
        JournalStore::Sqlite(None) if !journal.is_required => None,
        JournalStore::Sqlite(None) => Some("sqlite".to_owned()),
        JournalStore::Sqlite(Some(path)) => Some(format!("sqlite in {}", path.display())),
        JournalStore::Memory => Some("memory".to_owned()),
        JournalStore::Postgres { .. } => Some("postgres".to_owned()),
    };
    let parts = [
        store,
        (journal.keep_days != default.keep_days).then(|| format!("keep_days {}", journal.keep_days)),
        (journal.keep_bytes != default.keep_bytes).then(|| format!("keep_bytes {}", journal.keep_bytes)),
        (!journal.redaction.is_empty()).then(|| "redact".to_owned()),
        journal.checkpoint_copy.as_ref().map(|path| format!("checkpoint_copy {}", path.display())),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("journal: {}", parts.join("; ")))
}

/// The listener of the admin API, where it is configured.
fn admin(admin: &AdminConfig) -> Option<String> {
    match (admin.is_on, admin.is_fixed) {
        (false, _) => Some("admin: off".to_owned()),
        (true, true) => Some(format!("admin: on {}", admin.listen)),
        (true, false) => None,
    }
}

/// How people learn that approvals wait.
fn approvals(approvals: &ApprovalsConfig) -> Option<String> {
    let webhook = approvals.webhook.as_ref();
    let parts = [
        webhook.map(|webhook| format!("webhook {}", webhook.http.url.origin().ascii_serialization())),
        webhook.and_then(|webhook| Some(format!("proxy {}", webhook.http.proxy.as_ref()?.origin()))),
        approvals.desktop.then(|| "desktop".to_owned()),
        approval_limits(&approvals.limits),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("approvals: {}", parts.join("; ")))
}

/// How much may wait for how long, where it is not the default.
fn approval_limits(limits: &ApprovalLimits) -> Option<String> {
    let default = ApprovalLimits::default();
    if *limits == default {
        return None;
    }
    let ApprovalLimits { expires, lease, pending, pending_per_principal, waiting_runs, waiting_runs_per_principal } =
        limits;
    let minutes = expires.as_secs() / 60;
    let lease = lease.map_or_else(String::new, |lease| format!(", leases of {} ms", lease.as_millis()));
    Some(format!(
        "{minutes} min to answer{lease}; at most {pending} pending, {pending_per_principal} of a principal; at most {waiting_runs} runs, \
         {waiting_runs_per_principal} of a principal"
    ))
}

fn servers(profile: &Profile) -> String {
    let one = |(name, mode): &(String, Mode)| match mode {
        Mode::Code => name.clone(),
        Mode::Direct => format!("{name} (direct)"),
    };
    let names = if profile.has_bare_names() { "; names without a prefix" } else { "" };
    profile.servers().iter().map(one).collect::<Vec<_>>().join(", ") + names
}

fn line(server: &ConfiguredServer, pin: PinMode, policy: &PolicySource) -> String {
    let mut parts = match &server.config.transport {
        Transport::Stdio(stdio) => process(stdio),
        Transport::Http(http) => over_http(http),
    };
    if server.mode == Mode::Direct {
        parts.push("mode direct".to_owned());
    }
    if server.layout == Layout::Tool {
        parts.push("stubs tool".to_owned());
    }
    if server.notes.is_some() {
        parts.push("notes".to_owned());
    }
    if pin != PinMode::default() {
        parts.push(format!("pin {}", pin.name()));
    }
    match server.config.share {
        Share::All => {}
        Share::Key => parts.push("share key".to_owned()),
        Share::Run => parts.push("share run".to_owned()),
    }
    if !server.config.credentials.is_empty() {
        let names: Vec<&str> = server.config.credentials.keys().map(CredentialId::role).collect();
        parts.push(format!("credentials of {}", names.join(" ")));
    }
    parts.extend(policy.servers.get(&server.config.name).into_iter().flat_map(rules));
    format!("{}: {}", server.config.name, parts.join("; "))
}

/// Who may call what of a server, as far as it is written.
fn rules(rules: &ServerRules) -> Vec<String> {
    let default = ServerRules::default();
    let constraints: Vec<String> = rules.constraints.keys().cloned().collect();
    let tools = if rules.tools == default.tools { None } else { Some(format!("tools {}", rules.tools.join(" "))) };
    let on_unlisted = (rules.on_unlisted != default.on_unlisted).then(|| format!("on_unlisted {}", rules.on_unlisted));
    let parts = [
        tools,
        list("auto_execute", &rules.auto_execute),
        list("deny", &rules.deny),
        list("repeatable", &rules.repeatable),
        rules.retries.map(|most| format!("retries {most}")),
        on_unlisted,
        list("constraints", &constraints),
        rules.calls_per_run.map(|most| format!("calls_per_run {most}")),
        rules.calls_per_minute.map(|most| format!("calls_per_minute {most}")),
        (!rules.cost_per_call.is_zero()).then(|| format!("cost_per_call {}", rules.cost_per_call)),
        list("costs", &rules.costs.keys().cloned().collect::<Vec<_>>()),
    ];
    parts.into_iter().flatten().collect()
}

fn list(key: &str, texts: &[String]) -> Option<String> {
    (!texts.is_empty()).then(|| format!("{key} {}", texts.join(" ")))
}

fn process(stdio: &Stdio) -> Vec<String> {
    let arguments = match stdio.args.len() {
        0 => String::new(),
        1 => " with 1 argument".to_owned(),
        more => format!(" with {more} arguments"),
    };
    let mut parts = vec![format!("runs {}{arguments}", stdio.command)];
    parts.extend(stdio.cwd.as_ref().map(|cwd| format!("in {}", cwd.display())));
    let own: Vec<&str> = stdio.env.keys().map(String::as_str).filter(|name| !PASSED_VARIABLES.contains(name)).collect();
    if !own.is_empty() {
        parts.push(format!("env {}", own.join(" ")));
    }
    parts
}

fn over_http(http: &Http) -> Vec<String> {
    let protocol = match http.protocol {
        HttpProtocol::Auto => "streamable or sse",
        HttpProtocol::Streamable => "streamable",
        HttpProtocol::Sse => "sse",
    };
    let mut parts = vec![format!("{} by {protocol}", http.url.origin().ascii_serialization())];
    if !http.headers.is_empty() {
        let names: Vec<&str> = http.headers.keys().map(|name| name.as_str()).collect();
        parts.push(format!("headers {}", names.join(" ")));
    }
    match http.ca.len() {
        0 => {}
        1 => parts.push("ca of 1 certificate".to_owned()),
        more => parts.push(format!("ca of {more} certificates")),
    }
    parts.extend(http.proxy.as_ref().map(|proxy| format!("proxy {}", proxy.origin())));
    parts.extend(http.header_command.as_ref().map(|command| format!("headers of {}", command.command)));
    parts.extend(http.oauth.as_ref().map(|oauth| {
        match &oauth.grant {
            Grant::Code(_) => "oauth code",
            Grant::ClientCredentials(_) => "oauth client-credentials",
        }
        .to_owned()
    }));
    parts
}
