//! Connections: how many there are, and how long each may take.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

use super::HttpConfig;
use super::drain::Drain;
use super::route::Routes;
use crate::client::Peer;

/// The largest head of a request, in bytes.
const HEAD_BYTES: usize = 64 << 10;
/// After an error that concerns this process and not one connection: no descriptors, no memory.
const BREATH: Duration = Duration::from_millis(100);

/// What a client is told for whom there is no connection.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
    Content-Type: text/plain\r\nContent-Length: 27\r\n\r\ntoo many connections, retry\n";

/// Serves connections until the stop. Gives back the open ones, to be waited for.
pub(super) async fn until_stopped(
    listener: TcpListener,
    routes: Arc<Routes>,
    config: &HttpConfig,
    drain: &Drain,
) -> GracefulShutdown {
    let (graceful, room) = (GracefulShutdown::new(), Arc::new(Semaphore::new(config.connections)));
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
        match Arc::clone(&room).try_acquire_owned() {
            Ok(place) => {
                let connection = graceful.watch(connection(stream, peer, Arc::clone(&routes), config));
                tokio::spawn(async move {
                    let _place = place;
                    if let Err(error) = connection.await {
                        tracing::debug!(%error, "a connection broke off");
                    }
                });
            }
            Err(_) => turn_away(stream),
        }
    }
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    routes: Arc<Routes>,
    config: &HttpConfig,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send + 'static {
    // Events are small, and wait for nothing.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(config.unread_timeout));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        let routes = Arc::clone(&routes);
        async move { routes.answer(request).await }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
}

/// A client whose answer does not fit into the kernel's buffer at once is not waited for.
fn turn_away(mut stream: TcpStream) {
    tokio::spawn(async move {
        let _ = tokio::time::timeout(BREATH, stream.write_all(FULL)).await;
    });
}

async fn rest_after(error: &io::Error) {
    if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        return;
    }
    tracing::warn!(%error, "no connection can be accepted");
    tokio::time::sleep(BREATH).await;
}
