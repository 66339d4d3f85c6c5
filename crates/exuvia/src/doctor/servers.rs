//! Every server started once, all of them at the same time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use exuvia_config::{Config, ServerConfig, Transport, passed_variables};
use exuvia_tool::{Absence, CredentialId, Principal};
use exuvia_upstream::{ServerState, ServerStatus, Upstreams};
use tokio_util::sync::CancellationToken;

use super::commands::Commands;
use super::finding::{Finding, Status};
use crate::terminal::Terminal;

/// What stands in place of a secret.
const HIDDEN: &str = "[redacted]";
/// Shorter values are no secrets, and would be found everywhere.
const LEAST_CHARS: usize = 6;
/// What messages about certificates have in them.
const CERTIFICATES: [&str; 4] = ["certificate", "tls", "ssl", "unknownissuer"];

/// Starts the servers, each for at most this long, and ends them: as the operator has them, and as roles do with their own credentials.
pub(super) async fn servers(config: &Config, most: Duration, commands: &Commands, terminal: &Terminal) -> Vec<Finding> {
    let tried: Vec<Tried> = config.servers.iter().flat_map(|server| of_all(config, &server.config)).collect();
    let configs: Vec<ServerConfig> = tried.iter().map(|tried| bounded(&tried.config, most)).collect();
    terminal.show_progress("starting servers");
    let (over, begun) = (CancellationToken::new(), Instant::now());
    let upstreams = Upstreams::begin(configs, config.upstream_limits, over.clone()).await;
    let mut changes = upstreams.changes();
    let mut times: Vec<Option<Duration>> = vec![None; tried.len()];
    let statuses = loop {
        let statuses = changes.borrow_and_update().clone();
        for (time, status) in times.iter_mut().zip(statuses.iter()) {
            if !status.is_starting() {
                time.get_or_insert_with(|| begun.elapsed());
            }
        }
        let is_settled = !statuses.iter().any(ServerStatus::is_starting);
        // A server has its own bound; what comes beyond it is that of a machine under load.
        let rest = (most * 2).saturating_sub(begun.elapsed());
        if is_settled || tokio::time::timeout(rest, changes.changed()).await.is_err() {
            break statuses;
        }
    };
    over.cancel();
    upstreams.shutdown().await;
    let findings = tried.iter().zip(statuses.iter()).zip(times);
    findings.map(|((tried, status), time)| of_server(tried, status, time, commands)).collect()
}

/// A server as somebody has it.
struct Tried {
    config: ServerConfig,
    /// Where the credential is written that it is shown.
    credential: String,
}

/// A server as the operator has it, and as each role does that has a credential for it. Logins of keys are looked at, not tried.
fn of_all(config: &Config, server: &ServerConfig) -> Vec<Tried> {
    let own = Tried {
        config: ServerConfig { credentials: BTreeMap::new(), ..server.clone() },
        credential: "its `headers`".to_owned(),
    };
    let of_roles = config.access.roles.keys().filter_map(|role| {
        let credential = server.credentials.get(&CredentialId::of_role(role.as_str().into()))?;
        let config = credential.applied_to(server, &Principal::Operator);
        let name = format!("{} as {role}", server.name);
        let written = format!("`[roles.{role}.credentials.{}]`", server.name);
        (!credential.oauth).then(|| Tried { config: ServerConfig { name, ..config }, credential: written })
    });
    std::iter::once(own).chain(of_roles).collect()
}

fn bounded(config: &ServerConfig, most: Duration) -> ServerConfig {
    ServerConfig { start_timeout: config.start_timeout.min(most), ..config.clone() }
}

fn of_server(tried: &Tried, status: &ServerStatus, time: Option<Duration>, commands: &Commands) -> Finding {
    let config = &tried.config;
    let ms = time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    let finding = match &status.state {
        ServerState::Ready { .. } if status.tools.is_empty() => Finding::warning(
            "server",
            "it starts and lists no tools",
            "check that it is configured for what it is to serve; without tools it is of no use to scripts",
        ),
        ServerState::Ready { .. } => match status.warnings.first() {
            None => Finding::ok("server", "starts"),
            Some(warning) => {
                Finding::warning("server", warning.clone(), "tell whoever makes this server; its other tools work")
            }
        },
        ServerState::Starting => Finding::failed("server", "it was not ready in time", late(config)),
        ServerState::Failed { message, why } => {
            Finding::failed("server", redacted(config, message), fix(tried, message, *why, commands))
        }
    };
    let tools = (finding.status != Status::Failed).then_some(status.tools.len());
    Finding { ms, tools, ..finding }.named(&*status.name)
}

/// What to do about a server that did not start.
fn fix(Tried { config, credential }: &Tried, message: &str, why: Absence, commands: &Commands) -> String {
    let lower = message.to_lowercase();
    let is_http = matches!(config.transport, Transport::Http(_));
    match why {
        Absence::Starting | Absence::Late => late(config),
        Absence::Unauthorized { login: true } => commands.login(&config.name, &[]),
        Absence::Unauthorized { login: false } => {
            format!("check {credential}: the token there may be wrong, expired, or a variable that is not set here")
        }
        Absence::NotRun => "install the program, or write its whole path as `command`: the PATH that counts is that of whoever starts \
            Exuvia, and desktop applications do not have your shell's"
            .to_owned(),
        _ if CERTIFICATES.iter().any(|word| lower.contains(word)) && is_http => {
            "if its certificate is of a private authority, set `ca` to that authority's PEM file; if it has expired, it has to be renewed"
                .to_owned()
        }
        Absence::Unreachable => {
            "check `url`, that the server runs, and whether a `proxy` is needed: proxy variables of the environment are ignored".to_owned()
        }
        Absence::NoHandshake if is_http => {
            "check that `url` is the MCP endpoint, often /mcp, or /sse with `protocol = \"sse\"`".to_owned()
        }
        Absence::NoHandshake | Absence::Failed => {
            "run its command in a terminal: it has to stay, and to write nothing but MCP messages to standard output".to_owned()
        }
    }
}

fn late(config: &ServerConfig) -> String {
    match &config.transport {
        Transport::Stdio(stdio) if ["npx", "uvx", "docker", "bunx"].iter().any(|tool| stdio.command.ends_with(tool)) => {
            format!("run `{}` once by hand: it may be downloading; else raise `start_timeout_ms`", stdio.command)
        }
        _ => "raise `start_timeout_ms` if it is slow; else it waits for something, such as a login or a question on its terminal".to_owned(),
    }
}

/// The message without what the server is given as secrets.
fn redacted(config: &ServerConfig, message: &str) -> String {
    let mut secrets: Vec<String> = match &config.transport {
        Transport::Stdio(stdio) => {
            let passed = passed_variables(&|name| std::env::var(name).ok());
            let own = stdio.env.iter().filter(|(name, value)| passed.get(*name) != Some(*value));
            own.map(|(_, value)| value.clone()).collect()
        }
        Transport::Http(http) => {
            let values = http.headers.values().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            // Of `Bearer TOKEN`, the token too.
            values.flat_map(|value| [value.rsplit(' ').next().unwrap_or_default().to_owned(), value]).collect()
        }
    };
    secrets.retain(|secret| secret.len() >= LEAST_CHARS);
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.iter().fold(message.to_owned(), |message, secret| message.replace(secret, HIDDEN))
}
