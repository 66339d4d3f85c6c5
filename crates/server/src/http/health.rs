//! The readiness that an operator's machine asks for.

use bytes::Bytes;
use exuvia_gateway::{Gateway, Outdated};
use exuvia_text::line;
use exuvia_tool::{Absence, Absent};
use exuvia_upstream::{Failing, ServerStatus};
use http::{Response, StatusCode};
use serde::Serialize;

use super::tracked_body::{TrackedBody, with_body};
use crate::PendingGateway;

/// The keys are always the same. A failed server or a problem does not make the gateway unready: everything else works.
#[derive(Serialize)]
struct Readiness {
    status: Status,
    /// Servers that are not up, and those whose every call fails. Each takes its own tools with it, and nothing else.
    unavailable_servers: Vec<UnavailableServer>,
    /// A journal that cannot be written, and a configuration or certificate that is older than its file.
    problems: Vec<String>,
}

#[derive(Serialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ready,
    Starting,
    ShuttingDown,
}

#[derive(Serialize)]
struct UnavailableServer {
    name: String,
    reason: String,
}

impl UnavailableServer {
    fn new(name: &str, reason: String) -> Self {
        Self { name: name.to_owned(), reason }
    }

    /// A server that is not up.
    fn absent(server: &ServerStatus) -> Option<Self> {
        let name = &server.name;
        let reason = match server.absence()? {
            Absence::Starting => "starting".to_owned(),
            Absence::Late => "not ready in time (start_timeout_ms)".to_owned(),
            Absence::Unauthorized { login } => reason(name, &Failing::Unauthorized { login }),
            why => match Absent::new(name.as_str(), why).reason() {
                Some(reason) => format!("did not start: {reason}; see the log"),
                None => "did not start; see the log".to_owned(),
            },
        };
        Some(Self::new(name, reason))
    }
}

/// Why the calls of a server fail, and what to do about it.
fn reason(server: &str, failing: &Failing) -> String {
    match failing {
        Failing::Broken => "every call fails; circuit breaker open".to_owned(),
        Failing::Unauthorized { login: true } => format!("credentials rejected; run `exuvia login {server}`"),
        Failing::Unauthorized { login: false } => "credentials rejected; check its `headers`".to_owned(),
    }
}

/// 200 once the gateway has started and until it shuts down, whatever becomes of single servers; else 503.
///
/// Names of servers and problems are for those who may read them: `is_told`.
pub(super) fn ready(gateway: &PendingGateway, is_ending: bool, is_told: bool) -> Response<TrackedBody> {
    let gateway = gateway.now();
    let status = match &gateway {
        _ if is_ending => Status::ShuttingDown,
        None => Status::Starting,
        Some(_) => Status::Ready,
    };
    let (unavailable_servers, problems) = gateway
        .filter(|_| is_told)
        .map_or_else(Default::default, |gateway| (unavailable(&gateway), problems(&gateway)));
    let code = if status == Status::Ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = serde_json::to_vec(&Readiness { status, unavailable_servers, problems }).unwrap_or_default();
    body.push(b'\n');
    with_body(code, "application/json", Bytes::from(body))
}

fn unavailable(gateway: &Gateway) -> Vec<UnavailableServer> {
    let servers = gateway.servers();
    let is_up = |name: &str| servers.iter().any(|server| server.name == name && server.is_ready());
    let failures = gateway.failing();
    let failing = failures.iter().filter(|(name, _)| is_up(name));
    let failing = failing.map(|(name, why)| UnavailableServer::new(name, reason(name, why)));
    servers.iter().filter_map(UnavailableServer::absent).chain(failing).collect()
}

fn problems(gateway: &Gateway) -> Vec<String> {
    let journal = "journal cannot be written: runs and calls are rejected, and the next one tries again";
    let journal = (!gateway.is_recording()).then(|| journal.to_owned());
    journal.into_iter().chain(gateway.configuration().outdated().iter().map(outdated)).collect()
}

fn outdated(older: &Outdated) -> String {
    let Outdated { part, why, since, .. } = older;
    line(&format!("{} older than its files for {} s: {why}", part.name(), since.elapsed().as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_says_what_to_do_about_a_server_that_fails() {
        assert_eq!(reason("crm", &Failing::Broken), "every call fails; circuit breaker open");
        let told = reason("crm", &Failing::Unauthorized { login: true });
        assert_eq!(told, "credentials rejected; run `exuvia login crm`");
        assert!(!reason("crm", &Failing::Unauthorized { login: false }).contains("login"));
    }
}
