//! From a request to who answers it.

use std::convert::Infallible;
use std::net::SocketAddr;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use super::HttpConfig;
use super::answered::{Answered, later, line};
use super::drain::Drain;
use super::health;
use super::host::{self, Scheme};
use super::mcp::Mcp;
use crate::PendingGateway;
use crate::client::Peer;

/// All that can be asked for.
pub(super) struct Routes {
    scheme: Scheme,
    address: SocketAddr,
    mcp: Mcp,
    gateway: PendingGateway,
    drain: Drain,
}

impl Routes {
    pub(super) fn new(
        gateway: PendingGateway,
        address: SocketAddr,
        config: &HttpConfig,
        drain: &Drain,
        sessions: &CancellationToken,
    ) -> Self {
        let mcp = Mcp::new(gateway.clone(), address, config, sessions, drain.ending());
        Self { scheme: config.scheme(), address, mcp, gateway, drain: drain.clone() }
    }

    /// A connection is closed.
    pub(super) fn closed(&self, peer: Peer) {
        if let Some(gateway) = self.gateway.now() {
            gateway.client_left(&peer.client());
        }
    }

    /// Answers a request, whatever it is.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Result<Response<Answered>, Infallible> {
        if !host::is_ours(request.uri(), request.headers(), self.scheme, self.address) {
            return Ok(line(
                StatusCode::MISDIRECTED_REQUEST,
                "this server answers to the name of its own machine only\n",
            ));
        }
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        let path = request.uri().path().to_owned();
        if let Some(profile) = profile(&path) {
            return Ok(match self.drain.is_asked() {
                true => later("this server is ending\n"),
                false => self.mcp.answer(profile, request, &self.drain).await,
            });
        }
        Ok(match path.as_str() {
            "/healthz" if is_read => line(StatusCode::OK, "ok\n"),
            "/readyz" if is_read => health::ready(&self.gateway, self.drain.is_asked()),
            "/metrics" if is_read => health::metrics(&self.gateway),
            "/healthz" | "/readyz" | "/metrics" => line(StatusCode::METHOD_NOT_ALLOWED, "GET only\n"),
            _ => line(StatusCode::NOT_FOUND, "there is nothing here; MCP is at /mcp\n"),
        })
    }
}

/// Which profile is asked for, if it is MCP that is.
fn profile(path: &str) -> Option<Option<&str>> {
    let rest = path.strip_prefix("/mcp")?;
    match rest.strip_prefix('/') {
        Some(name) => Some(Some(name).filter(|name| !name.is_empty())),
        None => rest.is_empty().then_some(None),
    }
}
