//! The lines of a client's pipe, one message each.

use std::io;

use exuvia_tool::raw;
use rmcp::model::RequestId;
use serde::de::IgnoredAny;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

/// How much of the end of a line that is too long is kept: some clients write the id last.
const TAIL_BYTES: usize = 256;

/// An input of lines.
pub(crate) struct Lines<R> {
    input: BufReader<R>,
    line_bytes: usize,
    /// The line that comes in.
    line: Vec<u8>,
    /// What is known of a line that is too long, while the rest of it is passed over.
    long: Option<Long>,
}

/// A line that is too long.
struct Long {
    id: Option<RequestId>,
    tail: Vec<u8>,
}

/// What comes in.
#[derive(Debug, PartialEq)]
pub(crate) enum Line {
    /// A line without its end.
    Whole(Vec<u8>),
    /// A line that is too long, and the id of the request that it seems to be.
    TooLong(Option<RequestId>),
    /// Nothing more.
    End,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Lines of at most `line_bytes`; longer ones are passed over.
    pub(crate) fn new(input: R, line_bytes: usize) -> Self {
        let input = BufReader::with_capacity(64 * 1024, input);
        Self { input, line_bytes, line: Vec::new(), long: None }
    }

    /// The next line. Dropping the future loses nothing.
    ///
    /// # Errors
    ///
    /// The input cannot be read.
    pub(crate) async fn next(&mut self) -> io::Result<Line> {
        loop {
            let input = self.input.fill_buf().await?;
            let length = input.iter().position(|&byte| byte == b'\n').map_or(input.len(), |end| end + 1);
            let is_over = input.is_empty() || input[length - 1] == b'\n';
            let piece = &input[..length - usize::from(is_over && length > 0)];
            let is_end = input.is_empty();
            match &mut self.long {
                Some(long) => long.add(piece),
                None => self.line.extend_from_slice(piece),
            }
            self.input.consume(length);
            if self.long.is_none() && self.line.len() > self.line_bytes {
                self.long = Some(Long::beginning(&std::mem::take(&mut self.line), self.line_bytes));
            }
            if is_over && let Some(long) = self.long.take() {
                return Ok(Line::TooLong(long.id()));
            }
            if is_over && !(is_end && self.line.is_empty()) {
                // The last line may come without its end.
                return Ok(Line::Whole(std::mem::take(&mut self.line)));
            }
            if is_end {
                return Ok(Line::End);
            }
        }
    }
}

impl Long {
    /// One that begins like this. Its id is looked for in its first `head_bytes`, so that it does not depend on the pieces in which
    /// the line comes.
    fn beginning(line: &[u8], head_bytes: usize) -> Self {
        let head = &line[..line.len().min(head_bytes)];
        let whole = std::str::from_utf8(head).map_or_else(|error| error.valid_up_to(), str::len);
        let text = std::str::from_utf8(&head[..whole]).unwrap_or_default();
        let mut long = Self { id: id_of(text), tail: Vec::new() };
        long.add(line);
        long
    }

    fn add(&mut self, piece: &[u8]) {
        self.tail.extend_from_slice(&piece[piece.len().saturating_sub(TAIL_BYTES)..]);
        self.tail.drain(..self.tail.len().saturating_sub(TAIL_BYTES));
    }

    fn id(self) -> Option<RequestId> {
        self.id.or_else(|| id_at_end(&String::from_utf8_lossy(&self.tail)))
    }
}

/// The id of the message that ends so, if it is its last member: only what closes the whole message is its own, `"id":7}` and not
/// `"id":7}}`.
pub(crate) fn id_at_end(text: &str) -> Option<RequestId> {
    let end = &text[text.ceil_char_boundary(text.len().saturating_sub(TAIL_BYTES))..];
    let member = end.rfind("\"id\"").map(|at| format!("{{{}", &end[at..]))?;
    serde_json::from_str::<IgnoredAny>(&member).ok()?;
    id_of(&member)
}

/// The id of a request, if it has one that can be answered.
pub(crate) fn id_of(message: &str) -> Option<RequestId> {
    raw::member(message, "id").and_then(|id| serde_json::from_str(id).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(input: &str, line_bytes: usize) -> Vec<Line> {
        let mut lines = Lines::new(input.as_bytes(), line_bytes);
        let mut found = Vec::new();
        loop {
            match lines.next().await.unwrap() {
                Line::End => return found,
                line => found.push(line),
            }
        }
    }

    fn whole(text: &str) -> Line {
        Line::Whole(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn lines_come_without_their_ends_and_the_last_one_needs_none() {
        assert_eq!(lines("a\n\nb\r\nc", 10).await, [whole("a"), whole(""), whole("b\r"), whole("c")]);
        assert_eq!(lines("a\n", 10).await, [whole("a")]);
        assert_eq!(lines("", 10).await, []);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_passed_over_and_its_id_is_found() {
        let long = "x".repeat(100_000);
        let first = format!(r#"{{"jsonrpc":"2.0","id":7,"params":"{long}"}}"#);
        let last = format!(r#"{{"method":"m","params":"{long}","jsonrpc":"2.0","id":"s"}}"#);
        let inner = format!(r#"{{"method":"m","params":{{"a":"{long}","id":9}}}}"#);
        let input = [&first, &last, &inner, &long, "short"].map(|line| format!("{line}\n")).concat();
        let ids = [Some(RequestId::Number(7)), Some(RequestId::String("s".into())), None, None];
        let expected: Vec<Line> = ids.into_iter().map(Line::TooLong).chain([whole("short")]).collect();
        for line_bytes in [1_000, 64 * 1024, 99_999] {
            assert_eq!(lines(&input, line_bytes).await, expected);
        }
    }
}
