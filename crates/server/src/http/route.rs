//! Routing of requests.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use exuvia_access::Identity;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use super::authenticate::{Authenticator, forbidden};
use super::bodies::{ExpectContinue, discard};
use super::drain::Drain;
use super::exposition;
use super::health;
use super::host::{self, Scheme};
use super::mcp::Mcp;
use super::rejections::RejectionCounters;
use super::tracked_body::{TrackedBody, later, line};
use super::{HttpConfig, Tls};
use crate::PendingGateway;
use crate::client::Peer;

/// Where a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConnectionClass {
    Main,
    /// Beyond the bound on connections: health and metrics alone are answered.
    Spare,
}

/// All that can be asked for.
pub(super) struct Router {
    scheme: Scheme,
    address: SocketAddr,
    tls: Option<Tls>,
    hosts: Vec<String>,
    authenticator: Authenticator,
    mcp: Arc<Mcp>,
    gateway: PendingGateway,
    drain: Drain,
    rejections: Arc<RejectionCounters>,
    /// How much of a discarded body is read, and for how long.
    rest_bytes: usize,
    rest_timeout: Duration,
}

/// How many times the longest body.
const REST_TIMES: usize = 2;

impl Router {
    pub(super) fn new(
        gateway: PendingGateway,
        (address, tls): (SocketAddr, Option<Tls>),
        config: &HttpConfig,
        drain: &Drain,
        sessions: &CancellationToken,
    ) -> Self {
        let rejections = Arc::new(RejectionCounters::default());
        let scheme = Scheme::of(tls.as_ref());
        let mcp =
            Mcp::new(gateway.clone(), (scheme, address), config, sessions, drain.ending(), Arc::clone(&rejections));
        let authenticator = Authenticator::new(Arc::clone(gateway.access()), config.trusted_proxies.clone());
        Self {
            hosts: config.hosts.clone(),
            authenticator,
            scheme,
            address,
            tls,
            mcp,
            gateway,
            drain: drain.clone(),
            rejections,
            rest_bytes: config.body_bytes.saturating_mul(REST_TIMES),
            rest_timeout: config.body_timeout,
        }
    }

    /// With it, HTTPS alone is spoken.
    pub(super) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    pub(super) fn rejections(&self) -> &RejectionCounters {
        &self.rejections
    }

    /// A connection is closed.
    pub(super) fn closed(&self, peer: Peer) {
        if let Some(gateway) = self.gateway.now() {
            // Connections to servers go by the name of the client, whoever it acts for.
            gateway.client_left(&peer.client(Identity::operator()));
        }
    }

    /// Answers a request, whatever it is.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
        class: ConnectionClass,
    ) -> Result<Response<TrackedBody>, Infallible> {
        let (head, mut body) = request.into_parts();
        let waits = ExpectContinue::of(&head.headers);
        let mut response = self.answered(head, &mut body, class).await;
        // Of a request that was read to its end nothing is left.
        discard(&mut body, &waits, self.rest_bytes, self.rest_timeout).await;
        if class == ConnectionClass::Spare {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response)
    }

    async fn answered(&self, mut head: Parts, body: &mut Incoming, class: ConnectionClass) -> Response<TrackedBody> {
        if !host::is_ours(&head.uri, &head.headers, self.scheme, self.address, &self.hosts) {
            return line(
                StatusCode::MISDIRECTED_REQUEST,
                "host not allowed: this server accepts requests for its own host name only\n",
            );
        }
        let is_read = matches!(head.method, Method::GET | Method::HEAD);
        let path = head.uri.path().to_owned();
        let profile = profile(&path);
        if profile.is_some() && class == ConnectionClass::Spare {
            self.rejections.connections.note();
            return later("too many connections, retry\n");
        }
        if let Some(profile) = profile {
            if self.drain.is_asked() {
                return later("server is shutting down\n");
            }
            return match self.authenticator.identify(&mut head).await {
                Ok(identity) => self.mcp.answer((profile, identity), head, body, &self.drain).await,
                Err(refusal) => refusal,
            };
        }
        match path.as_str() {
            "/healthz" if is_read => line(StatusCode::OK, "ok\n"),
            "/readyz" if is_read => {
                let identity = self.authenticator.identify(&mut head).await.ok();
                let is_told = identity.is_some_and(|identity| self.authenticator.access().reads_metrics(&identity));
                health::ready(&self.gateway, self.drain.is_asked(), is_told)
            }
            "/metrics" if is_read => match self.authenticator.identify(&mut head).await {
                Ok(identity) if self.authenticator.access().reads_metrics(&identity) => {
                    exposition::metrics(&self.gateway, &self.rejections, self.mcp.open_now(), &head.headers)
                }
                Ok(_) => forbidden(),
                Err(refusal) => refusal,
            },
            "/healthz" | "/readyz" | "/metrics" => {
                line(StatusCode::METHOD_NOT_ALLOWED, "method not allowed; use GET\n")
            }
            _ => line(StatusCode::NOT_FOUND, "not found; the MCP endpoint is /mcp\n"),
        }
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
