//! MCP over Streamable HTTP, for many clients at once.
//!
//! [`HttpServer`] listens, bounds what every client can hold open, and hands requests to `mcp.rs` (the protocol) and
//! `health.rs` (the operator's questions). `drain.rs` is how it ends.

mod accept;
mod address;
mod authenticate;
mod bodies;
mod challenge;
mod connection;
mod connection_place;
mod drain;
mod endpoint;
mod endpoints;
mod exposition;
mod health;
mod host;
mod mcp;
mod media;
mod messages;
mod overflow;
mod rejections;
mod request_rate;
mod resource_metadata;
mod route;
mod session_stream;
mod session_table;
mod sessions;
mod shares;
mod tls;
mod tls_error;
mod tracked_body;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::PendingGateway;
use drain::Drain;
use host::Scheme;
use route::Router;

pub use drain::{Shutdown, ShutdownSignal};
pub use exuvia_config::{HttpConfig, TlsFiles};
pub use host::is_own_host;
pub use route::{Audience, ROUTES};
pub use tls::Tls;
pub use tls_error::{TlsError, TlsErrorKind};

/// The address cannot be listened on.
#[derive(Debug)]
#[non_exhaustive]
pub enum BindError {
    /// Others on the network could reach it, and clients are not authenticated, or what they send is not encrypted.
    NotLoopback(SocketAddr),
    /// The system says no.
    Io(SocketAddr, std::io::Error),
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoopback(address) => write!(
                f,
                "{address} is not a loopback address: listen on 127.0.0.1 or [::1], or configure [roles] for clients, and \
                 `tls` or `trusted_proxies` in [listen]"
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
    tls: Option<Tls>,
}

impl HttpServer {
    /// Listens on `address`. Clients that connect wait until [`serve`](Self::serve).
    ///
    /// # Errors
    ///
    /// The address is not that of this machine alone and clients are not authenticated, or it is taken.
    pub async fn bind(address: SocketAddr, config: HttpConfig) -> Result<Self, BindError> {
        Self::check(address, &config)?;
        let error = |error| BindError::Io(address, error);
        let listener = TcpListener::bind(address).await.map_err(error)?;
        let address = listener.local_addr().map_err(error)?;
        Ok(Self { listener, address, config, tls: None })
    }

    /// The same, which speaks HTTPS alone.
    #[must_use]
    pub fn with_tls(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Whether this address may be listened on, taken or not.
    ///
    /// # Errors
    ///
    /// It is not that of this machine alone, and clients are not authenticated.
    pub fn check(address: SocketAddr, config: &HttpConfig) -> Result<(), BindError> {
        if address.ip().is_loopback() || config.is_exposable { Ok(()) } else { Err(BindError::NotLoopback(address)) }
    }

    /// Where it listens; the real port where port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients write before a path: `http://127.0.0.1:8420`, or `https://` of it.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", Scheme::of(self.tls.as_ref()), self.address)
    }

    /// Serves clients until `stop` is asked for, then lets requests in flight complete. Answers `/healthz` and
    /// `/readyz` while the gateway is still starting.
    pub async fn serve(self, gateway: PendingGateway, stop: ShutdownSignal) -> Shutdown {
        let sessions = CancellationToken::new();
        let drain = Drain::new(stop);
        let router = Router::new(gateway.clone(), (self.address, self.tls), &self.config, &drain, &sessions);
        let connections = accept::until_stopped(self.listener, Arc::new(router), &self.config, &drain).await;
        drain.finish(&gateway, connections, &sessions, self.config.drain).await
    }
}
