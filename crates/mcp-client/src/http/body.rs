//! Response bodies, read within bounds.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::Stream;
use futures_util::stream::{BoxStream, StreamExt};
use reqwest::Response;
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

use super::error::HttpError;
use crate::lines::ENDS_BYTES;

/// How much of the body of an error is read.
pub(super) const ERROR_BYTES: usize = 64 * 1024;

/// A body as tokio reads.
pub(crate) struct Body {
    chunks: BoxStream<'static, io::Result<Bytes>>,
    chunk: Bytes,
}

impl Body {
    /// The body of this response.
    pub(crate) fn of(response: Response) -> Self {
        let chunks =
            response.bytes_stream().map(|chunk| chunk.map_err(|error| io::Error::other(HttpError::from(error))));
        Self { chunks: chunks.boxed(), chunk: Bytes::new() }
    }
}

impl AsyncBufRead for Body {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        while this.chunk.is_empty() {
            match ready!(Pin::new(&mut this.chunks).poll_next(cx)) {
                Some(chunk) => this.chunk = chunk?,
                None => break,
            }
        }
        Poll::Ready(Ok(&this.chunk))
    }

    fn consume(mut self: Pin<&mut Self>, bytes: usize) {
        self.chunk.advance(bytes);
    }
}

impl AsyncRead for Body {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let available = ready!(self.as_mut().poll_fill_buf(cx))?;
        let bytes = available.len().min(into.remaining());
        into.put_slice(&available[..bytes]);
        self.consume(bytes);
        Poll::Ready(Ok(()))
    }
}

/// A body that is one message.
#[derive(Debug)]
pub(crate) enum Message {
    Whole(Vec<u8>),
    /// It goes beyond the limit. The rest of it was not read.
    Long {
        head: Vec<u8>,
        bytes: u64,
    },
}

/// Reads a body to its end or to a limit.
pub(crate) async fn message(mut response: Response, limit_bytes: usize) -> Result<Message, HttpError> {
    let announced = response.content_length();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > limit_bytes {
            let bytes = announced.unwrap_or_default().max(body.len() as u64);
            body.truncate(ENDS_BYTES);
            return Ok(Message::Long { head: body, bytes });
        }
    }
    Ok(Message::Whole(body))
}
