//! Connections, bounded in number and time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::HttpConfig;
use super::connection::{reject, served};
use super::drain::Drain;
use super::overflow::OverflowConnections;
use super::route::{ConnectionClass, Router};
use crate::client::Peer;

/// After an error that concerns this process and not one connection: no descriptors, no memory.
const BREATH: Duration = Duration::from_millis(100);

/// Serves connections until the stop. Gives back the open ones, to be waited for.
pub(super) async fn until_stopped(
    listener: TcpListener,
    router: Arc<Router>,
    config: &HttpConfig,
    drain: &Drain,
) -> GracefulShutdown {
    let (graceful, room) = (GracefulShutdown::new(), Arc::new(Semaphore::new(config.connections)));
    let (overflow, config) = (OverflowConnections::new(config), Arc::new(config.clone()));
    loop {
        let (stream, peer) = tokio::select! {
            () = drain.asked() => return graceful,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    rest_after(&error).await;
                    continue;
                }
            },
        };
        let Some(place) = router.connected(Peer::new(peer)) else {
            reject(stream, &router);
            continue;
        };
        match Arc::clone(&room).try_acquire_owned() {
            Ok(open) => {
                let (watcher, router, config) = (graceful.watcher(), Arc::clone(&router), Arc::clone(&config));
                tokio::spawn(async move {
                    let _open = open;
                    let (served_by, main) = (Arc::clone(&router), ConnectionClass::Main);
                    if let Err(why) = served(stream, Arc::clone(&place), served_by, &config, watcher, main).await {
                        tracing::debug!(%why, "connection lost");
                    }
                    router.closed(&place);
                });
            }
            Err(_) => overflow.serve(stream, place, &router, graceful.watcher()),
        }
    }
}

async fn rest_after(error: &io::Error) {
    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        return;
    }
    tracing::warn!(%error, "accept failed");
    tokio::time::sleep(BREATH).await;
}
