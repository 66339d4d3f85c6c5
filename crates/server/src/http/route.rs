//! Routing of requests.
//!
//! What is not health is for those who authenticate: [`ROUTES`] has every path with who is let in.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use exuvia_access::Identity;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use super::authenticate::Authenticator;
use super::bodies::{ExpectContinue, discard};
use super::connection_place::{ConnectionPlace, ConnectionShares, TooMany};
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

/// Who is answered at a path, where clients authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Anybody: it tells nothing but whether the program works.
    Anybody,
    /// Anybody, and details those whose roles may read metrics.
    AnybodyInPart,
    /// Those whose roles may read metrics.
    Monitoring,
    /// Everybody with a key or token: what there is depends on whose it is.
    Principals,
}

/// All paths there are, with the audience of each. `{profile}` is the name of one.
pub const ROUTES: [(&str, Audience); 6] = [
    ("/healthz", Audience::Anybody),
    ("/readyz", Audience::AnybodyInPart),
    ("/metrics", Audience::Monitoring),
    // Where there are identity providers, also with the path of an endpoint behind it (RFC 9728).
    (RESOURCE_METADATA, Audience::Anybody),
    ("/mcp", Audience::Principals),
    ("/mcp/{profile}", Audience::Principals),
];

/// What the paths of the metadata for clients begin with that look for somebody who issues tokens.
const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route<'a> {
    Health,
    Readiness,
    Metrics,
    ResourceMetadata,
    /// With the name of a profile.
    Mcp(Option<&'a str>),
}

impl<'a> Route<'a> {
    fn of(path: &'a str) -> Option<Self> {
        Some(match path {
            "/healthz" => Self::Health,
            "/readyz" => Self::Readiness,
            "/metrics" => Self::Metrics,
            path if path.starts_with(RESOURCE_METADATA) => Self::ResourceMetadata,
            path => Self::Mcp(profile(path)?),
        })
    }
}

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
    /// Open connections of each address and of each principal.
    connection_shares: ConnectionShares,
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
        let authenticator = Authenticator::new(Arc::clone(gateway.access()), config, scheme);
        Self {
            hosts: config.hosts.clone(),
            authenticator,
            connection_shares: ConnectionShares::new(config),
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

    /// The place of a new connection. None: its address has too many.
    pub(super) fn connected(&self, peer: Peer) -> Option<Arc<ConnectionPlace>> {
        let place = self.connection_shares.enter(peer);
        if place.is_none() {
            self.rejections.connections.note();
        }
        place.map(Arc::new)
    }

    /// A connection is closed.
    pub(super) fn closed(&self, place: &ConnectionPlace) {
        if let Some(gateway) = self.gateway.now() {
            gateway.client_left(&place.peer().client(place.identity().unwrap_or_else(Identity::operator)));
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
        match Route::of(&path) {
            Some(Route::Mcp(profile)) => self.mcp(profile, head, body, class).await,
            None => not_found(),
            Some(_) if !is_read => line(StatusCode::METHOD_NOT_ALLOWED, "method not allowed; use GET\n"),
            Some(Route::Health) => line(StatusCode::OK, "ok\n"),
            Some(Route::Readiness) => {
                let is_told = self.authenticator.reads_metrics(&mut head).await.is_ok();
                health::ready(&self.gateway, self.drain.is_asked(), is_told)
            }
            Some(Route::ResourceMetadata) => self.authenticator.resource_metadata(&head).unwrap_or_else(not_found),
            Some(Route::Metrics) => match self.authenticator.reads_metrics(&mut head).await {
                Ok(()) => exposition::metrics(&self.gateway, &self.rejections, self.mcp.open_now(), &head.headers),
                Err(refusal) => refusal,
            },
        }
    }

    /// Answers a client of MCP, if it may be one.
    async fn mcp(
        &self,
        profile: Option<&str>,
        mut head: Parts,
        body: &mut Incoming,
        class: ConnectionClass,
    ) -> Response<TrackedBody> {
        if class == ConnectionClass::Spare {
            self.rejections.connections.note();
            return later("too many connections, retry\n");
        }
        if self.drain.is_asked() {
            return later("server is shutting down\n");
        }
        let identity = match self.authenticator.identify(&mut head).await {
            Ok(identity) => identity,
            Err(refusal) => return refusal,
        };
        if !self.takes_connection(&head, &identity) {
            self.rejections.connections.note();
            let mut response = later("too many connections of this key, retry\n");
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            return response;
        }
        self.mcp.answer((profile, identity), head, body, &self.drain).await
    }

    /// Whether the connection may be used by this identity: none has all of them.
    fn takes_connection(&self, head: &Parts, identity: &Arc<Identity>) -> bool {
        let Some(place) = head.extensions.get::<Arc<ConnectionPlace>>() else { return true };
        match self.connection_shares.take(place, identity) {
            Ok(None) => true,
            Ok(Some(before)) => {
                // Whoever shares a connection by a proxy is another client.
                if let Some(gateway) = self.gateway.now() {
                    gateway.client_left(&place.peer().client(before));
                    gateway.client_returned(&place.peer().client(Arc::clone(identity)));
                }
                true
            }
            Err(TooMany) => false,
        }
    }
}

fn not_found() -> Response<TrackedBody> {
    line(StatusCode::NOT_FOUND, "not found; the MCP endpoint is /mcp\n")
}

/// Which profile is asked for, if it is MCP that is.
fn profile(path: &str) -> Option<Option<&str>> {
    let rest = path.strip_prefix("/mcp")?;
    match rest.strip_prefix('/') {
        Some(name) => Some(Some(name).filter(|name| !name.is_empty())),
        None => rest.is_empty().then_some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_listed_with_its_audience() {
        for (path, audience) in ROUTES {
            let route = Route::of(path).expect("it is a route");
            let expected = match route {
                Route::Health | Route::ResourceMetadata => Audience::Anybody,
                Route::Readiness => Audience::AnybodyInPart,
                Route::Metrics => Audience::Monitoring,
                Route::Mcp(_) => Audience::Principals,
            };
            assert_eq!(audience, expected, "{path}");
        }
        for (path, expected) in [("/mcp", None), ("/mcp/", None), ("/mcp/a", Some("a")), ("/mcp/a/b", Some("a/b"))] {
            assert_eq!(Route::of(path), Some(Route::Mcp(expected)), "{path}");
        }
        assert!(["/", "", "/mcpx", "/metrics/", "/Metrics", "//mcp"].iter().all(|path| Route::of(path).is_none()));
    }
}
