//! The configuration in use as an `exuvia.toml`, without secrets: everything looked up, merged, and with its defaults.

use std::path::Path;

use exuvia_catalog::files::Layout;
use exuvia_policy::RoleRules;
use exuvia_tool::{Cost, Quantity};
use serde_json::{Map, Value, json};
use toml::Table;

use crate::{
    AccessConfig, ApprovalsConfig, BudgetAction, BudgetConfig, Config, ConfiguredServer, Each, FileAccess,
    FunctionsConfig, Grant, HttpProtocol, IdentityProviderConfig, JournalStore, KeyConfig, Mode, OnDisconnect,
    PASSED_VARIABLES, Profile, RoleConfig, SessionShare, SessionsConfig, Share, Transport, WorkspaceConfig,
    WorkspaceShare,
};

/// What stands in the place of a value that may be a secret.
const HIDDEN: &str = "[not shown]";
/// What the text begins with.
const BEGINNING: &str = "\
# The configuration in use: what all files, includes and arguments say together, with the defaults. Values that may be
# secrets are not shown, and hashes of keys are zeros: it is for reading and for trying changes of the policy.

";

/// What is in use, as the text of an `exuvia.toml`. Of values that may be secrets (arguments, variables, headers, paths of URLs, hashes) there are the
/// names alone. It can be read again, and decides as the present one does.
#[must_use]
pub fn effective_toml(config: &Config) -> String {
    let table = toml_of(effective(config)).unwrap_or_else(|| Table::new().into());
    format!("{BEGINNING}{}", toml::to_string(&table).unwrap_or_default())
}

fn effective(config: &Config) -> Value {
    let source = config.policy.source();
    let groups = source.groups.iter().map(|(name, tools)| (name.clone(), json!({"tools": tools})));
    let mut servers = Map::new();
    for server in &config.servers {
        servers.insert(server.config.name.clone(), of_server(server, config));
    }
    let AccessConfig { roles, keys, identity_providers, budgets } = &config.access;
    let profiles = config
        .profiles
        .iter()
        .map(|(name, profile)| (name.clone(), of_profile(profile, config.workspaces.profiles.get(name))));
    json!({
        "servers": servers,
        "auto_execute": source.auto_execute,
        "deny": source.deny,
        "repeatable": source.repeatable,
        "groups": groups.collect::<Map<_, _>>(),
        "profiles": profiles.collect::<Map<_, _>>(),
        "roles": roles.iter().map(|(name, role)| (name.clone(), of_role(role, config.workspaces.roles.get(name)))).collect::<Map<_, _>>(),
        "keys": keys.iter().map(|(name, key)| (name.clone(), of_key(key))).collect::<Map<_, _>>(),
        "identity_providers":
            identity_providers.iter().map(|(name, one)| (name.clone(), of_provider(one))).collect::<Map<_, _>>(),
        "budgets": budgets.iter().map(|(name, budget)| (name.clone(), of_budget(budget))).collect::<Map<_, _>>(),
        "learn_shapes": config.learn_shapes,
        "shipped_shapes": config.shipped_shapes,
        "limits": limits(config),
        "server_limits": config.upstream_limits,
        "runs": runs(config),
        "listen": listen(config),
        "telemetry": {"otlp": config.collector.as_ref().map(|_| "http://localhost")},
        "journal": journal(config),
        "admin": admin(config),
        "approvals": approvals(&config.approvals),
        "workspaces": config.workspaces.named.iter().map(|(name, one)| (name.clone(), of_workspace(one))).collect::<Map<_, _>>(),
        "workspace": config.workspaces.everyone,
        "sessions": config.sessions.as_ref().map(sessions),
        "functions": config.functions.as_ref().map(of_functions),
    })
}

fn sessions(sessions: &SessionsConfig) -> Value {
    json!({
        "share": match sessions.share {
            SessionShare::Key => "key",
            SessionShare::Session => "session",
        },
        "warm": sessions.warm,
        "idle_minutes": sessions.idle_minutes(),
        "per_principal": sessions.per_principal,
        "scripts": sessions.scripts,
        "fuel": sessions.fuel,
        "revival_fuel": sessions.revival_fuel,
        "keep_days": sessions.keep_days(),
    })
}

fn of_server(server: &ConfiguredServer, config: &Config) -> Value {
    let ConfiguredServer { config: own, mode, layout, notes } = server;
    let mut value = of_transport(&own.transport);
    let rules = config.policy.source().servers.get(&own.name).cloned().unwrap_or_default();
    let rest = json!({
        "mode": if *mode == Mode::Direct { "direct" } else { "code" },
        "stubs": if *layout == Layout::Tool { "tool" } else { "server" },
        "pin": config.pins.get(&own.name).copied().unwrap_or_default().name(),
        "share": match own.share {
            Share::All => "all",
            Share::Key => "key",
            Share::Run => "run",
        },
        "start_timeout_ms": ms(own.start_timeout),
        "call_timeout_ms": ms(own.call_timeout),
        "max_call_timeout_ms": own.max_call_timeout.map(ms),
        "question_timeout_ms": ms(own.question_timeout),
        "refresh_ms": ms(own.refresh),
        "notes": notes,
    });
    for part in [rest, json!(rules)] {
        if let (Value::Object(value), Value::Object(part)) = (&mut value, part) {
            value.extend(part);
        }
    }
    value
}

fn of_transport(transport: &Transport) -> Value {
    let hidden =
        |names: &mut dyn Iterator<Item = String>| names.map(|name| (name, json!(HIDDEN))).collect::<Map<_, _>>();
    match transport {
        Transport::Stdio(stdio) => {
            let own = stdio.env.keys().filter(|name| !PASSED_VARIABLES.contains(&name.as_str())).cloned();
            json!({
                "command": stdio.command,
                "args": vec![HIDDEN; stdio.args.len()],
                "env": hidden(&mut own.into_iter()),
                "cwd": stdio.cwd.as_deref().map(path),
            })
        }
        Transport::Http(http) => {
            let grant = |grant: &Grant| match grant {
                Grant::Code(_) => json!({"grant": "code"}),
                Grant::ClientCredentials(_) => {
                    json!({"grant": "client-credentials", "client_id": HIDDEN, "client_secret": HIDDEN})
                }
            };
            json!({
                "url": http.url.origin().ascii_serialization(),
                "protocol": match http.protocol {
                    HttpProtocol::Auto => "auto",
                    HttpProtocol::Streamable => "streamable",
                    HttpProtocol::Sse => "sse",
                },
                "headers": hidden(&mut http.headers.keys().map(ToString::to_string)),
                "headers_command": http.header_command.as_ref().map(|command| json!([command.command])),
                "proxy": http.proxy.as_ref().map(|proxy| proxy.origin().to_string()),
                "oauth": http.oauth.as_ref().map(|oauth| grant(&oauth.grant)),
            })
        }
    }
}

fn of_profile(profile: &Profile, workspace: Option<&String>) -> Value {
    let of = |mode| profile.servers().iter().filter(move |(_, own)| *own == mode).map(|(name, _)| name);
    json!({
        "code": of(Mode::Code).collect::<Vec<_>>(),
        "direct": of(Mode::Direct).collect::<Vec<_>>(),
        "prefix": !profile.has_bare_names(),
        "workspace": workspace,
    })
}

fn of_role(role: &RoleConfig, workspace: Option<&String>) -> Value {
    let RoleRules { tools, auto_execute, deny, on_unlisted, constraints, .. } = &role.rules;
    let lowered = &role.limits;
    json!({
        "tools": tools,
        "auto_execute": auto_execute,
        "deny": deny,
        "on_unlisted": on_unlisted,
        "constraints": constraints,
        "profile": role.profile,
        "workspace": workspace,
        "metrics": role.reads_metrics,
        "approve_by": if role.client_approves { ["operator", "client"].as_slice() } else { &["operator"] },
        "limits": {
            "fuel": lowered.fuel,
            "wall_ms": lowered.wall_ms,
            "memory_bytes": lowered.memory_bytes,
            "tool_calls": lowered.tool_calls,
            "concurrent_calls": lowered.concurrent_calls,
            "call_timeout_ms": lowered.call_timeout_ms,
            "hold_ms": lowered.hold_ms,
        },
    })
}

fn of_key(key: &KeyConfig) -> Value {
    let expires = key.expires_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms.try_into().ok()?).ok());
    let hash = format!("sha256:{}", "0".repeat(64));
    json!({"role": key.role, "hash": hash, "expires": expires.map(|at| at.to_string()), "labels": key.labels})
}

fn of_provider(provider: &IdentityProviderConfig) -> Value {
    let role = |one: &crate::RoleMapping| {
        let parts = one.claim.parts();
        let escaped = |part: &String| part.replace('~', "~0").replace('/', "~1");
        let pointer = || parts.iter().map(|part| format!("/{}", escaped(part))).collect::<String>();
        let claim = if let [name] = parts { name.clone() } else { pointer() };
        json!({"claim": claim, "value": one.value, "role": one.role})
    };
    json!({
        "issuer": provider.issuer.as_str(),
        "audience": provider.audiences,
        "scopes": provider.scopes,
        "roles": provider.roles.iter().map(role).collect::<Vec<_>>(),
        "default_role": provider.default_role,
        "jwks_uri": provider.jwks_uri.as_ref().map(ToString::to_string),
    })
}

fn of_budget(budget: &BudgetConfig) -> Value {
    let members = &budget.members;
    let mut value = json!({
        "roles": members.roles,
        "keys": members.keys,
        "principals": members.principals.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "labels": members.labels,
        "each": if budget.each == Each::Key { "key" } else { "all" },
        "period": budget.period.name(),
        "time_zone": budget.time_zone.iana_name().unwrap_or("UTC"),
        "action": if budget.action == BudgetAction::Report { "report" } else { "refuse" },
    });
    for (quantity, limit) in budget.limits.iter() {
        value[quantity.name()] = match quantity {
            Quantity::Cost => json!(limit.map(Cost::from_micros)),
            _ => json!(limit),
        };
    }
    value
}

fn limits(config: &Config) -> Value {
    let mut value = json!(config.limits);
    value["answer_bytes"] = json!(config.answer_bytes);
    value["preview_tokens"] = json!(config.preview_tokens);
    value
}

fn runs(config: &Config) -> Value {
    let runs = &config.runs;
    json!({
        "concurrent": runs.concurrent,
        "memory_bytes": runs.memory_bytes,
        "waiting": runs.queue.runs,
        "per_client": runs.queue.runs_per_client,
        "on_disconnect": if runs.on_disconnect == OnDisconnect::Finish { "finish" } else { "cancel" },
        "repair_minutes": runs.repair_minutes,
    })
}

fn listen(config: &Config) -> Value {
    let http = &config.http;
    json!({
        "mcp": config.listen.map(|address| address.to_string()),
        "hosts": http.hosts,
        "origins": http.origins,
        "trusted_proxies": http.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "tls": config.tls.as_ref().map(|tls| json!({"certificate": path(&tls.certificate), "key": path(&tls.key)})),
        "requests_per_minute": http.requests_per_minute,
        "connections": http.connections,
        "sessions": http.sessions,
        "session_grace_ms": ms(http.session_grace),
        "drain_ms": ms(http.drain),
    })
}

fn journal(config: &Config) -> Value {
    let journal = &config.journal;
    let (store, folder) = match &journal.store {
        JournalStore::Memory => ("memory", None),
        JournalStore::Sqlite(folder) => ("sqlite", folder.as_deref()),
        // The address of a database may have a password.
        JournalStore::Postgres { folder, .. } => ("sqlite", folder.as_deref()),
    };
    json!({
        "store": store,
        "path": folder.map(path),
        "keep_days": journal.keep_days,
        "keep_bytes": journal.keep_bytes,
        "checkpoint_copy": journal.checkpoint_copy.as_deref().map(path),
    })
}

fn admin(config: &Config) -> Value {
    json!({"enabled": config.admin.is_on, "listen": config.admin.listen.to_string(), "trace_url": config.admin.trace_url})
}

fn approvals(approvals: &ApprovalsConfig) -> Value {
    let limits = &approvals.limits;
    json!({
        "desktop": approvals.desktop,
        "expires_minutes": limits.expires.as_secs() / 60,
        "lease_ms": limits.lease.map(ms),
        "pending": limits.pending,
        "pending_per_principal": limits.pending_per_principal,
        "waiting_runs": limits.waiting_runs,
        "waiting_runs_per_principal": limits.waiting_runs_per_principal,
    })
}

fn of_workspace(workspace: &WorkspaceConfig) -> Value {
    json!({
        "share": match workspace.share {
            WorkspaceShare::All => "all",
            WorkspaceShare::Key => "key",
            WorkspaceShare::Session => "session",
        },
        "read_only": workspace.access == FileAccess::ReadOnly,
        "path": workspace.path.as_deref().map(path),
        "bytes": workspace.bytes,
        "files": workspace.files,
        "open_files": workspace.open_files,
        "keep_days": workspace.path.is_none().then(|| workspace.keep_days.unwrap_or(0)),
    })
}

fn of_functions(functions: &FunctionsConfig) -> Value {
    json!({
        "dir": functions.dir.as_deref().map(path),
        "propose": functions.propose,
        "expose": functions.expose,
        "depth": functions.depth,
        "proposals": functions.proposals,
        "proposals_per_principal": functions.proposals_per_principal,
    })
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn ms(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The same in TOML, which has no null. An empty table says nothing.
fn toml_of(value: Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => value.into(),
        // The smallest costs have six decimals.
        Value::Number(number) => {
            number.as_i64().map_or_else(|| number.as_f64().map(Into::into), |whole| Some(whole.into()))?
        }
        Value::String(text) => text.into(),
        Value::Array(items) => toml::Value::Array(items.into_iter().filter_map(toml_of).collect()),
        Value::Object(members) => {
            let members = members.into_iter().filter_map(|(name, value)| Some((name, toml_of(value)?)));
            let table: Table = members.collect();
            if table.is_empty() {
                return None;
            }
            toml::Value::Table(table)
        }
    })
}
