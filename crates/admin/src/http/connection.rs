//! One connection: its bounds, and its requests.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_io_timeout::TimeoutStream;

use crate::admin::Admin;
use crate::caller::Channel;

/// The largest head of a request, in bytes.
const HEAD_BYTES: usize = 32 << 10;
/// How long the head of a request may take, also of the next one on a connection.
const HEAD: Duration = Duration::from_secs(15);
/// How long a client may leave an answer unread.
const UNREAD: Duration = Duration::from_secs(30);

/// Serves one connection to its end.
pub(crate) async fn served<S>(stream: S, admin: Arc<Admin>, channel: Channel, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(UNREAD));
    let service = service_fn(move |request: Request<Incoming>| {
        let admin = Arc::clone(&admin);
        async move { Ok::<_, Infallible>(super::answer(&admin, request, channel).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    if let Err(why) = watcher.watch(connection).await {
        tracing::debug!(%why, "connection of the admin API lost");
    }
}
