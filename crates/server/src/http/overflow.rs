//! Connections beyond the limit: health and metrics are answered, everything else is rejected with 503.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::Watcher;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::HttpConfig;
use super::connection::{reject, served};
use super::connection_place::ConnectionPlace;
use super::route::{ConnectionClass, Router};

/// How many there may be at a time. Further ones are rejected with 503, where there is no TLS, and closed.
const CONNECTIONS: usize = 16;
/// The timeout for the head of its request, and for the TLS handshake before it.
const HEADER: Duration = Duration::from_secs(2);

/// Room for them.
pub(super) struct OverflowConnections {
    room: Arc<Semaphore>,
    config: Arc<HttpConfig>,
}

impl OverflowConnections {
    pub(super) fn new(config: &HttpConfig) -> Self {
        let header_timeout = HEADER.min(config.header_timeout);
        let config = Arc::new(HttpConfig { header_timeout, ..config.clone() });
        Self { room: Arc::new(Semaphore::new(CONNECTIONS)), config }
    }

    /// Serves a connection beyond the limit.
    pub(super) fn serve(&self, stream: TcpStream, place: Arc<ConnectionPlace>, router: &Arc<Router>, watcher: Watcher) {
        let Ok(open) = Arc::clone(&self.room).try_acquire_owned() else {
            router.rejections().connections.note();
            return reject(stream, router);
        };
        let (router, config) = (Arc::clone(router), Arc::clone(&self.config));
        tokio::spawn(async move {
            let _open = open;
            let (served_by, spare) = (Arc::clone(&router), ConnectionClass::Spare);
            if let Err(why) = served(stream, Arc::clone(&place), served_by, &config, watcher, spare).await {
                tracing::debug!(%why, "connection lost");
            }
            router.closed(&place);
        });
    }
}
