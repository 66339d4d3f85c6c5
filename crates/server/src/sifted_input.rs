//! A client's messages over a pipe, sifted line by line on their way to rmcp.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use exuvia_tool::raw;
use tokio::io::{AsyncBufRead, AsyncRead, BufReader, ReadBuf};

use crate::sift::{Past, Sifted, sift};

/// An input of lines.
pub(crate) struct SiftedInput<R> {
    input: BufReader<R>,
    past: Arc<Past>,
    line_bytes: usize,
    /// The line that comes in.
    line: Vec<u8>,
    /// Whether what comes in goes on as it is, to the end of its line: rmcp itself drops lines that are too long.
    is_passing: bool,
    /// What goes on.
    ready: Vec<u8>,
    given: usize,
}

impl<R: AsyncRead> SiftedInput<R> {
    /// The same lines as `input` has; of those up to `line_bytes` the arguments that go past rmcp are put into `past`.
    pub(crate) fn new(input: R, past: Arc<Past>, line_bytes: usize) -> Self {
        let input = BufReader::with_capacity(64 * 1024, input);
        Self { input, past, line_bytes, line: Vec::new(), is_passing: false, ready: Vec::new(), given: 0 }
    }

    fn take(&mut self, piece: &[u8]) {
        self.line.extend_from_slice(piece);
        let is_whole = piece.ends_with(b"\n");
        if self.is_passing || (self.line.len() > self.line_bytes && !is_whole) {
            self.is_passing = !is_whole;
            self.ready = std::mem::take(&mut self.line);
        } else if is_whole {
            self.ready = self.sifted();
        }
        self.given = 0;
    }

    /// What rmcp reads of the line.
    fn sifted(&mut self) -> Vec<u8> {
        let line = std::mem::take(&mut self.line);
        let id = || {
            let text = std::str::from_utf8(&line).unwrap_or_default();
            raw::member(text, "id").and_then(|id| serde_json::from_str(id).ok())
        };
        let id = if line.len() > crate::sift::SMALL_BYTES { id() } else { None };
        match sift(line) {
            Ok(Sifted { message, arguments: None }) => return message,
            Ok(Sifted { message, arguments: Some(arguments) }) => {
                if id.is_some_and(|id| self.past.put(id, arguments)) {
                    return message;
                }
                tracing::error!("too many long calls at the same time, or two of one id: one is not read");
            }
            Err(unread) => tracing::error!(%unread, "a message of the client is not read"),
        }
        Vec::new()
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for SiftedInput<R> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.given == this.ready.len() {
            // Both, before anything can be waited for.
            (this.ready, this.given) = (Vec::new(), 0);
            let input = ready!(Pin::new(&mut this.input).poll_fill_buf(context))?;
            if input.is_empty() {
                // A line that does not end is none; what it holds is rmcp's to drop.
                return Poll::Ready(Ok(()));
            }
            let length = input.iter().position(|&byte| byte == b'\n').map_or(input.len(), |end| end + 1);
            let piece = input[..length].to_vec();
            Pin::new(&mut this.input).consume(length);
            this.take(&piece);
        }
        let rest = &this.ready[this.given..];
        let length = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..length]);
        this.given += length;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use rmcp::model::RequestId;
    use tokio::io::AsyncReadExt as _;

    use super::*;

    async fn read(input: &str, past: &Arc<Past>) -> String {
        let mut read = String::new();
        let mut input = SiftedInput::new(input.as_bytes(), Arc::clone(past), 1_000_000);
        input.read_to_string(&mut read).await.unwrap();
        read
    }

    fn call(id: &str, arguments: &str) -> String {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t","arguments":{arguments}}}}}{}"#,
            '\n'
        )
    }

    #[tokio::test]
    async fn long_arguments_go_past_and_everything_else_goes_on_as_it_is() {
        let past = Arc::new(Past::default());
        let list = format!("{{\"a\":[{}1]}}", "1,".repeat(100_000));
        let endless = "x".repeat(3_000_000);
        let input = [call("1", "{}"), call("7", &list), "\n\r\n".into(), format!("{endless}\n"), call("\"s\"", &list)];
        let expected = [call("1", "{}"), call("7", "{}"), "\n\r\n".into(), format!("{endless}\n"), call("\"s\"", "{}")];
        assert!(read(&input.concat(), &past).await == expected.concat());
        for id in [RequestId::Number(7), RequestId::String("s".into())] {
            assert_eq!(past.take(&id).unwrap().0.as_str(), list);
        }
        assert!(past.take(&RequestId::Number(1)).is_none());
    }

    #[tokio::test]
    async fn what_rmcp_must_not_see_is_dropped() {
        let past = Arc::new(Past::default());
        let list = format!("{{\"a\":[{}1]}}", "1,".repeat(100_000));
        let input = [format!("[{}1]\n", "1,".repeat(100_000)), call("7", &list), call("7", &list), call("8", "{}")];
        assert_eq!(read(&input.concat(), &past).await, [call("7", "{}"), call("8", "{}")].concat());
    }
}
