//! MCP over Streamable HTTP, for many clients at once.
//!
//! [`HttpServer`] listens, bounds what every client can hold open, and hands requests to `mcp.rs` (the protocol) and
//! `health.rs` (the operator's questions). `drain.rs` is how it ends.

mod accept;
mod answered;
mod bodies;
mod drain;
mod exposition;
mod health;
mod host;
mod listening;
mod mcp;
mod media;
mod messages;
mod refusals;
mod route;
mod sessions;
mod spare;
mod table;
mod tls;
mod tls_error;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::PendingGateway;
use drain::Drain;
use host::Scheme;
use route::Routes;

pub use drain::{Drained, Stop};
pub use tls::{Tls, TlsFiles};
pub use tls_error::{TlsError, TlsErrorKind};

/// What a server over HTTP bounds.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// With it, HTTPS alone is spoken. Default: none.
    pub tls: Option<Tls>,
    /// Browser origins whose pages may send requests, such as `https://inspector.example:443`, beside the server's own.
    /// Requests of pages from elsewhere are refused; what is no browser sends no origin. Default: none.
    pub origins: Vec<String>,
    /// Connections at the same time. 16 further ones are answered for health and metrics and rejected with 503 otherwise; those
    /// beyond are rejected with 503, where there is no TLS, and closed. Default 1,024.
    pub connections: usize,
    /// Sessions of clients up to 2025-11-25 at the same time. For a further one the session ends that was idle longest, with no
    /// stream and nothing on its way; if there is none, it is rejected with 503. Default 1,024.
    pub sessions: usize,
    /// How long the client of a session that lost its last stream may take to come back. Then what it asked for is cancelled, and
    /// the session makes room for another one where that is needed. Default 5 s, longer than clients are asked to wait before they
    /// come back.
    pub session_grace: Duration,
    /// How long a session lives in which nothing happens. Default 30 min. Never shorter than what a script may take.
    pub session_idle: Duration,
    /// The longest body of a request, in bytes. A longer one is told 413. Default 16 MiB. Without a session, and where the header
    /// names no version that has none, 64 KiB: a longer one is told 400. What holds too many values outside the arguments of a
    /// call is told 413 as well.
    pub body_bytes: usize,
    /// Bodies of more than 32 KiB, in bytes, of all requests that are not answered yet. Further ones are told 503. Never less than
    /// one body. Default 64 MiB.
    pub all_bodies_bytes: usize,
    /// How long the head of a request may take, how long a connection may wait for the next one, and how long a TLS handshake
    /// may take. Default 30 s.
    pub header_timeout: Duration,
    /// How long the body of a request may take. Default 30 s.
    pub body_timeout: Duration,
    /// How long a client may leave what it is sent unread. Then its connection is closed. Default 60 s.
    pub unread_timeout: Duration,
    /// How long requests may take after the stop was asked for. What is left is cancelled. Default 25 s.
    pub drain: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            tls: None,
            origins: Vec::new(),
            connections: 1_024,
            sessions: 1_024,
            session_grace: Duration::from_secs(5),
            session_idle: Duration::from_secs(30 * 60),
            body_bytes: 16 << 20,
            all_bodies_bytes: 64 << 20,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            unread_timeout: Duration::from_secs(60),
            drain: Duration::from_secs(25),
        }
    }
}

impl HttpConfig {
    fn scheme(&self) -> Scheme {
        if self.tls.is_some() { Scheme::Https } else { Scheme::Http }
    }
}

/// The address cannot be listened on.
#[derive(Debug)]
#[non_exhaustive]
pub enum BindError {
    /// Others on the network could reach it, and nothing would tell them apart.
    NotLoopback(SocketAddr),
    /// The system says no.
    Io(SocketAddr, std::io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoopback(address) => write!(
                f,
                "{address} is not a loopback address, and clients are not authenticated: listen on 127.0.0.1 or [::1], \
                 behind an authenticating proxy"
            ),
            Self::Io(address, error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                write!(f, "{address}: address already in use; choose another port, for example with --port")
            }
            Self::Io(address, error) => write!(f, "{address}: {error}"),
        }
    }
}

impl std::error::Error for BindError {}

/// A server that listens.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
    address: SocketAddr,
    config: HttpConfig,
}

impl HttpServer {
    /// Listens on `address`. Clients that connect wait until [`serve`](Self::serve).
    ///
    /// # Errors
    ///
    /// The address is not that of this machine alone, or it is taken.
    pub async fn bind(address: SocketAddr, config: HttpConfig) -> Result<Self, BindError> {
        Self::check(address)?;
        let error = |error| BindError::Io(address, error);
        let listener = TcpListener::bind(address).await.map_err(error)?;
        let address = listener.local_addr().map_err(error)?;
        Ok(Self { listener, address, config })
    }

    /// Whether this address may be listened on, taken or not.
    ///
    /// # Errors
    ///
    /// It is not that of this machine alone.
    pub fn check(address: SocketAddr) -> Result<(), BindError> {
        if address.ip().is_loopback() { Ok(()) } else { Err(BindError::NotLoopback(address)) }
    }

    /// Where it listens; the real port where port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients write before a path: `http://127.0.0.1:8420`, or `https://` of it.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.config.scheme(), self.address)
    }

    /// Serves clients until `stop` is asked for, then lets what is on its way come to an end. Answers `/healthz` and
    /// `/readyz` while the gateway is still starting.
    pub async fn serve(self, gateway: PendingGateway, stop: Stop) -> Drained {
        let sessions = CancellationToken::new();
        let drain = Drain::new(stop);
        let routes = Routes::new(gateway.clone(), self.address, &self.config, &drain, &sessions);
        let connections = accept::until_stopped(self.listener, Arc::new(routes), &self.config, &drain).await;
        drain.finish(&gateway, connections, &sessions, self.config.drain).await
    }
}
