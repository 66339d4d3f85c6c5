//! One connection: TLS, bounds, and its requests.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, Watcher};
use tokio::io::{self, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;

use super::HttpConfig;
use super::connection_place::ConnectionPlace;
use super::route::{ConnectionClass, Router};

/// The largest head of a request, in bytes.
const HEAD_BYTES: usize = 64 << 10;
/// How long a client that is turned away may take to read why.
const BREATH: Duration = Duration::from_millis(100);

/// The response to a client beyond the limit on connections.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
    Content-Type: text/plain\r\nContent-Length: 27\r\n\r\ntoo many connections, retry\n";
/// The response to a client that does not begin with a TLS handshake.
const HTTPS_ONLY: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\
    Content-Length: 39\r\n\r\nthis server speaks HTTPS: ask https://\n";

/// Serves one connection to its end.
pub(super) async fn served(
    stream: TcpStream,
    place: Arc<ConnectionPlace>,
    router: Arc<Router>,
    config: &HttpConfig,
    watcher: Watcher,
    class: ConnectionClass,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    // Events are small, and wait for nothing.
    let _ = stream.set_nodelay(true);
    let Some(tls) = router.tls().cloned() else {
        return Ok(watcher.watch(connection(bounded(stream, config), place, router, config, class)).await?);
    };
    let secure = async {
        if is_plain(&stream).await? {
            turn_away(stream, HTTPS_ONLY);
            return Err(io::Error::other("plain HTTP on an HTTPS port"));
        }
        tls.acceptor().accept(bounded(stream, config)).await
    };
    let stream = timeout(config.header_timeout, secure).await.map_err(|_| "TLS handshake timed out")??;
    Ok(watcher.watch(connection(stream, place, router, config, class)).await?)
}

/// Whether a request begins where a TLS handshake should: a capital letter, which begins no record of TLS.
async fn is_plain(stream: &TcpStream) -> io::Result<bool> {
    let mut first = [0];
    Ok(stream.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase())
}

/// A connection whose client reads, or is given up.
fn bounded(stream: TcpStream, config: &HttpConfig) -> Pin<Box<TimeoutStream<TcpStream>>> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(config.unread_timeout));
    Box::pin(stream)
}

fn connection<S>(
    stream: S,
    place: Arc<ConnectionPlace>,
    router: Arc<Router>,
    config: &HttpConfig,
    class: ConnectionClass,
) -> impl GracefulConnection<Error = hyper::Error> + Send + 'static
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(place.peer());
        request.extensions_mut().insert(Arc::clone(&place));
        let router = Arc::clone(&router);
        async move { router.answer(request, class).await }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
}

/// Turns a connection away: there are too many.
pub(super) fn reject(stream: TcpStream, router: &Router) {
    if router.tls().is_none() {
        turn_away(stream, FULL);
    }
}

/// A client that does not take the answer at once is not waited for.
fn turn_away(mut stream: TcpStream, answer: &'static [u8]) {
    let told = async move {
        stream.write_all(answer).await?;
        stream.shutdown().await?;
        // What it has sent is read: a connection that is closed with something unread is reset, and takes the answer with it.
        io::copy(&mut stream.take(HEAD_BYTES as u64), &mut io::sink()).await
    };
    tokio::spawn(async move {
        let _ = timeout(BREATH, told).await;
    });
}
