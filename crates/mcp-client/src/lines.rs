//! Lines from a server, read within a limit.

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// How much of each end of an oversized message is kept, to find out which request it answers.
pub(crate) const ENDS_BYTES: usize = 4096;
/// An oversized message whose request is unknown from its head ends its connection at this multiple of the limit.
const UNKNOWN_TIMES: u64 = 2;
/// So does one whose request was identified by its head, and answered, but which does not end.
const KNOWN_TIMES: u64 = 16;

/// How much of a message is read before its connection is given up.
pub(crate) fn patience(limit_bytes: usize, known: bool) -> u64 {
    (limit_bytes as u64).saturating_mul(if known { KNOWN_TIMES } else { UNKNOWN_TIMES })
}

/// A stream of lines.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: R,
    limit_bytes: usize,
    ends: LineEnd,
    /// The last line ended with a carriage return: a newline that comes next belongs to it.
    after_return: bool,
    /// What is known of the line that [`Line::Long`] began.
    rest: Rest,
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineEnd {
    /// A newline.
    Newline,
    /// A newline, a carriage return, or both, as in streams of events.
    Either,
}

impl LineEnd {
    fn find(self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Newline => text.iter().position(|&byte| byte == b'\n'),
            Self::Either => text.iter().position(|&byte| matches!(byte, b'\n' | b'\r')),
        }
    }
}

/// What a server wrote up to the end of a line, or of everything.
#[derive(Debug)]
pub(crate) enum Line {
    /// A whole line, without what ended it.
    Whole(Vec<u8>),
    /// The beginning of a line beyond the limit. [`Lines::rest`] reads on.
    Long {
        /// The first bytes of it.
        head: Vec<u8>,
        /// How much has been read.
        bytes: u64,
    },
}

/// What followed the beginning of a line beyond the limit.
#[derive(Debug, Default, Clone)]
pub(crate) struct Rest {
    /// The last bytes.
    pub(crate) tail: Vec<u8>,
    /// The length of the line, as far as it was read.
    pub(crate) bytes: u64,
    /// Whether the line ended.
    pub(crate) ended: bool,
}

impl Rest {
    /// Takes in what follows.
    pub(crate) fn add(&mut self, part: &[u8]) {
        self.bytes += part.len() as u64;
        self.tail.extend_from_slice(&part[part.len().saturating_sub(ENDS_BYTES)..]);
        self.tail.drain(..self.tail.len().saturating_sub(ENDS_BYTES));
    }
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// Lines of at most this many bytes.
    pub(crate) fn new(reader: R, limit_bytes: usize, ends: LineEnd) -> Self {
        Self { reader, limit_bytes, ends, after_return: false, rest: Rest::default() }
    }

    /// Skips the second half of what ended the last line.
    async fn begin(&mut self) -> std::io::Result<()> {
        if std::mem::take(&mut self.after_return) {
            let is_newline = self.reader.fill_buf().await?.first() == Some(&b'\n');
            self.reader.consume(usize::from(is_newline));
        }
        Ok(())
    }

    /// Reads the next line. `None` is the end of the stream. A last line without an end counts.
    pub(crate) async fn next(&mut self) -> std::io::Result<Option<Line>> {
        let mut line = Vec::new();
        self.begin().await?;
        loop {
            let available = self.reader.fill_buf().await?;
            if available.is_empty() {
                return Ok((!line.is_empty()).then_some(Line::Whole(line)));
            }
            let end = self.ends.find(available);
            let part = &available[..end.unwrap_or(available.len())];
            let room = self.limit_bytes - line.len();
            if part.len() > room {
                line.extend_from_slice(&part[..room]);
                self.reader.consume(room);
                self.rest = Rest::default();
                self.rest.add(&line);
                line.truncate(ENDS_BYTES);
                return Ok(Some(Line::Long { head: line, bytes: self.rest.bytes + 1 }));
            }
            line.extend_from_slice(part);
            self.after_return = end.is_some_and(|end| available[end] == b'\r');
            let consumed = part.len() + usize::from(end.is_some());
            self.reader.consume(consumed);
            if end.is_some() {
                return Ok(Some(Line::Whole(line)));
            }
        }
    }

    /// Reads on to the end of a [`Line::Long`], until the line is this long.
    pub(crate) async fn rest(&mut self, most_bytes: u64) -> std::io::Result<Rest> {
        while self.rest.bytes < most_bytes {
            let available = self.reader.fill_buf().await?;
            let end = self.ends.find(available);
            let part = &available[..end.unwrap_or(available.len())];
            self.rest.add(part);
            self.after_return = end.is_some_and(|end| available[end] == b'\r');
            let consumed = part.len() + usize::from(end.is_some());
            let ended = end.is_some() || available.is_empty();
            self.reader.consume(consumed);
            if ended {
                self.rest.ended = true;
                break;
            }
        }
        Ok(std::mem::take(&mut self.rest))
    }
}

/// What is known of an oversized message from its first and last bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// It answers this request.
    Answer(i64),
    /// It is no answer.
    Other,
    /// Nothing.
    Unknown,
}

/// Reads the first bytes of an oversized message: servers write the id first or last. A member inside the result is not
/// mistaken for it, because the head is read member by member.
pub(crate) fn at_head(head: &[u8]) -> Subject {
    let head = String::from_utf8_lossy(head);
    for (key, raw) in exuvia_tool::raw::members(&head) {
        match key.as_str() {
            "id" => return number(raw).map_or(Subject::Unknown, Subject::Answer),
            "method" => return Subject::Other,
            _ => {}
        }
    }
    Subject::Unknown
}

/// Reads the last bytes: the object with the id must be the last one to close.
pub(crate) fn at_tail(tail: &[u8]) -> Subject {
    let id = || {
        let tail = String::from_utf8_lossy(tail);
        let tail = tail.trim_end().strip_suffix('}')?.trim_end();
        let tail = tail.strip_suffix(r#","jsonrpc":"2.0""#).unwrap_or(tail);
        let (_, raw) = tail.rsplit_once(r#","id":"#)?;
        number(raw.trim())
    };
    id().map_or(Subject::Unknown, Subject::Answer)
}

/// A response's id: ours are whole numbers, and some servers give them back as strings, or with a fraction that is none: `5.0`.
pub(crate) fn number(raw: &str) -> Option<i64> {
    let digits = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).unwrap_or(raw).trim();
    digits.parse().ok().or_else(|| whole(digits))
}

fn whole(digits: &str) -> Option<i64> {
    let number: f64 = digits.parse().ok().filter(|number: &f64| number.fract() == 0.0)?;
    format!("{number:.0}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn lines(text: &[u8], limit: usize) -> Vec<String> {
        lines_of(text, limit, LineEnd::Newline).await
    }

    async fn lines_of(text: &[u8], limit: usize, ends: LineEnd) -> Vec<String> {
        let mut lines = Lines::new(tokio::io::BufReader::with_capacity(7, text), limit, ends);
        let mut seen = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            seen.push(match line {
                Line::Whole(line) => String::from_utf8(line).unwrap(),
                Line::Long { head, bytes } => {
                    let rest = lines.rest(30_000).await.unwrap();
                    let ended = if rest.ended { "" } else { "..." };
                    format!("{bytes}:{}:{}:{}{ended}", head.len(), rest.tail.len(), rest.bytes)
                }
            });
        }
        seen
    }

    #[tokio::test]
    async fn lines_are_cut_at_newlines_and_at_the_end() {
        assert_eq!(lines(b"one\n\ntwo two two\r\nhalf", 100).await, ["one", "", "two two two\r", "half"]);
    }

    #[tokio::test]
    async fn a_carriage_return_ends_a_line_where_it_may() {
        let text = b"one\rtwo\r\rthree\r\n\r\nfour\n\rfivefi\r\nsix";
        assert_eq!(
            lines_of(text, 100, LineEnd::Either).await,
            ["one", "two", "", "three", "", "four", "", "fivefi", "six"]
        );
        assert_eq!(lines_of(b"12345\r\n1234\r", 4, LineEnd::Either).await, ["5:4:5:5", "1234"]);
    }

    #[tokio::test]
    async fn an_oversized_line_is_reported_and_the_next_one_is_read() {
        let text = [vec![b'x'; 20_000], b"\nnext\n".to_vec()].concat();
        assert_eq!(lines(&text, 10_000).await, ["10001:4096:4096:20000", "next"]);
        assert_eq!(lines(b"12345\n1234\n", 4).await, ["5:4:5:5", "1234"]);
        assert_eq!(lines(b"12345", 4).await, ["5:4:5:5"]);
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_given_up() {
        let endless = [vec![b'x'; 100_000], b"\n".to_vec()].concat();
        assert!(lines(&endless, 10).await[0].ends_with("..."));
    }

    #[test]
    fn the_id_is_found_at_either_end() {
        assert_eq!(at_head(br#"{"jsonrpc":"2.0","id":7,"result":{"x"#), Subject::Answer(7));
        assert_eq!(at_head(br#"{"jsonrpc":"2.0","method":"notifications/message","para"#), Subject::Other);
        assert_eq!(at_head(br#"{"result":{"id":8,"x"#), Subject::Unknown);
        assert_eq!(at_tail(br#"xx"}]},"jsonrpc":"2.0","id":8}"#), Subject::Answer(8));
        assert_eq!(at_tail(br#"xx"}]},"id":"9","jsonrpc":"2.0"}"#), Subject::Answer(9));
        assert_eq!(at_tail(br#"xx","id":8}}"#), Subject::Unknown);
        assert_eq!(at_tail(br#"xx"}"#), Subject::Unknown);
        assert_eq!(at_head(br#"{"jsonrpc":"2.0","id":7.0,"result":{"x"#), Subject::Answer(7));
    }

    #[test]
    fn a_number_is_whole_however_it_is_written() {
        for seven in ["7", "\"7\"", "7.0", "\"7.00\"", "70e-1", "0.7e1", "\" 7\""] {
            assert_eq!(number(seven), Some(7), "{seven}");
        }
        for none in ["7.5", "1e400", "\"\"", "null", "inf", "NaN", "\"a7\"", "1e30", "{}"] {
            assert_eq!(number(none), None, "{none}");
        }
    }
}
