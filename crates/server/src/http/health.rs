//! What an operator's machine asks.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Serialize;

use super::answered::{Answered, with_body};
use crate::PendingGateway;

#[derive(Serialize)]
struct Ready {
    ready: bool,
    /// What is not: `gateway`, `ending`, `journal`, or servers by name. A server that is away takes its tools with it, and
    /// nothing else; a journal that cannot be written is tried again by the next script.
    not_ready: Vec<String>,
}

/// 200 once the gateway has started and until it ends, whatever becomes of single servers; else 503.
pub(super) fn ready(gateway: &PendingGateway, is_ending: bool) -> Response<Answered> {
    let gateway = gateway.now();
    let mut not_ready = Vec::new();
    not_ready.extend(is_ending.then(|| "ending".to_owned()));
    not_ready.extend(gateway.is_none().then(|| "gateway".to_owned()));
    let ready = not_ready.is_empty();
    if let Some(gateway) = gateway {
        not_ready.extend((!gateway.is_recording()).then(|| "journal".to_owned()));
        let servers = gateway.servers();
        let away = servers.iter().filter(|server| !server.is_ready());
        not_ready.extend(away.map(|server| format!("server {}", server.name)));
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = serde_json::to_vec(&Ready { ready, not_ready }).unwrap_or_default();
    body.push(b'\n');
    with_body(status, "application/json", Bytes::from(body))
}
