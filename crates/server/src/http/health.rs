//! What an operator's machine asks.

use bytes::Bytes;
use exuvia_gateway::Outdated;
use exuvia_text::line;
use exuvia_tool::{Absence, Absent};
use exuvia_upstream::{Failing, ServerStatus};
use http::{Response, StatusCode};
use serde::Serialize;

use super::answered::{Answered, with_body};
use crate::PendingGateway;

#[derive(Serialize)]
struct Ready {
    ready: bool,
    /// What is not: `gateway`, `ending`, `journal`, `configuration` or `certificate` that are older than their files, or servers
    /// by name, those whose every call fails with the reason. A server that is away takes its tools with it, and nothing else; a journal that cannot be written is tried again by
    /// the next script.
    not_ready: Vec<String>,
    /// What is older than its files, for how long and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outdated: Vec<String>,
}

/// Why the calls of a server fail, and what to do about it.
fn failing((server, failing): (&String, &Failing)) -> String {
    match failing {
        Failing::Broken => format!("server {server}: its calls fail, its circuit breaker is open"),
        Failing::Unauthorized { login: true } => {
            format!("server {server}: it refuses the credentials; run `exuvia login {server}`")
        }
        Failing::Unauthorized { login: false } => {
            format!("server {server}: it refuses the credentials that it is given")
        }
    }
}

/// Why a server is not there, if it is not.
fn absent(server: &ServerStatus) -> Option<String> {
    let name = &server.name;
    Some(match server.absence()? {
        Absence::Starting => format!("server {name}: it is starting"),
        Absence::Late => format!("server {name}: it did not come up in time"),
        Absence::Unauthorized { login } => failing((name, &Failing::Unauthorized { login })),
        why => match Absent::new(name.as_str(), why).reason() {
            Some(reason) => format!("server {name}: it did not come up: {reason}"),
            None => format!("server {name}: it did not come up"),
        },
    })
}

/// 200 once the gateway has started and until it ends, whatever becomes of single servers; else 503.
pub(super) fn ready(gateway: &PendingGateway, is_ending: bool) -> Response<Answered> {
    let gateway = gateway.now();
    let (mut not_ready, mut outdated) = (Vec::new(), Vec::new());
    not_ready.extend(is_ending.then(|| "ending".to_owned()));
    not_ready.extend(gateway.is_none().then(|| "gateway".to_owned()));
    let ready = not_ready.is_empty();
    if let Some(gateway) = gateway {
        not_ready.extend((!gateway.is_recording()).then(|| "journal".to_owned()));
        let older = gateway.configuration().outdated();
        not_ready.extend(older.iter().map(|older| older.part.name().to_owned()));
        outdated.extend(older.iter().map(told));
        let servers = gateway.servers();
        not_ready.extend(servers.iter().filter_map(absent));
        let failures = gateway.failing();
        let is_up = |name: &str| servers.iter().any(|server| server.name == name && server.is_ready());
        not_ready.extend(failures.iter().filter(|(name, _)| is_up(name)).map(failing));
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = serde_json::to_vec(&Ready { ready, not_ready, outdated }).unwrap_or_default();
    body.push(b'\n');
    with_body(status, "application/json", Bytes::from(body))
}

fn told(older: &Outdated) -> String {
    let Outdated { part, why, since } = older;
    line(&format!("{} is older than its files, for {} s: {why}", part.name(), since.elapsed().as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_watches_is_told_what_to_do_about_a_server_that_fails() {
        let told = |why| failing((&"crm".to_owned(), &why));
        assert_eq!(told(Failing::Broken), "server crm: its calls fail, its circuit breaker is open");
        assert!(told(Failing::Unauthorized { login: true }).ends_with("run `exuvia login crm`"));
        assert!(!told(Failing::Unauthorized { login: false }).contains("login"));
    }
}
