//! Server-sent events, parsed within a limit.
//!
//! sse-stream, whose types stand in rmcp's interface, ends a stream at the first line that it does not know and at the first
//! byte that is not UTF-8, and has no way to skip an event. Here such an event costs only the call that it answers.

use std::io;

use tokio::io::AsyncBufRead;

use crate::lines::{ENDS_BYTES, Line, LineEnd, Lines, Rest};

/// The longest name of an event that is of interest, and the longest id, which goes back to the server in a header.
const NAME_BYTES: usize = 256;
/// What may stand before the data of a line.
const FIELD: &[u8] = b"data: ";

/// A stream of events.
#[derive(Debug)]
pub(crate) struct Events<R> {
    lines: Lines<R>,
    limit_bytes: usize,
    /// What is known of the event that [`Data::Long`] began.
    rest: Rest,
    /// Whether the line in which it began is not read to its end.
    within_line: bool,
}

/// One event.
#[derive(Debug, Default)]
pub(crate) struct Event {
    /// What kind it is; none for a message.
    pub(crate) name: Option<String>,
    /// By which a stream is resumed after it.
    pub(crate) id: Option<String>,
    /// How many milliseconds to wait before that.
    pub(crate) retry: Option<u64>,
    /// What it says.
    pub(crate) data: Data,
}

/// What an event says.
#[derive(Debug, Default)]
pub(crate) enum Data {
    /// Nothing.
    #[default]
    None,
    /// Its data, lines joined.
    Whole(Vec<u8>),
    /// The beginning of data beyond the limit. [`Events::rest`] reads on.
    Long {
        /// The first bytes of it.
        head: Vec<u8>,
        /// How much has been read.
        bytes: u64,
    },
}

impl<R: AsyncBufRead + Unpin> Events<R> {
    /// Events with at most this much data.
    pub(crate) fn new(reader: R, limit_bytes: usize) -> Self {
        let lines = Lines::new(reader, limit_bytes.saturating_add(FIELD.len()), LineEnd::Either);
        Self { lines, limit_bytes, rest: Rest::default(), within_line: false }
    }

    /// Reads the next event. `None` is the end of the stream; what no empty line has ended does not count.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Event>> {
        let mut event = Event::default();
        loop {
            let line = match self.lines.next().await? {
                None => return Ok(None),
                Some(Line::Long { head, bytes }) => {
                    self.within_line = true;
                    self.begin_long(&mut event, &head, bytes);
                    return Ok(Some(event));
                }
                Some(Line::Whole(line)) => line,
            };
            match field(&line) {
                None if event.says_something() => return Ok(Some(event)),
                None => {}
                Some((b"data", value)) if event.data.len_with(value) > self.limit_bytes => {
                    self.within_line = false;
                    self.begin_long(&mut event, &line, value.len() as u64);
                    return Ok(Some(event));
                }
                Some((name, value)) => event.take(name, value),
            }
        }
    }

    fn begin_long(&mut self, event: &mut Event, line: &[u8], line_bytes: u64) {
        let mut head = match std::mem::take(&mut event.data) {
            Data::Whole(data) => data,
            _ => Vec::new(),
        };
        let bytes = head.len() as u64 + line_bytes;
        self.rest = Rest::default();
        self.rest.add(&head);
        if let Some((b"data", value)) = field(line) {
            head.extend_from_slice(value);
            if !self.within_line {
                self.rest.add(value);
            }
        }
        head.truncate(ENDS_BYTES);
        event.data = Data::Long { head, bytes };
    }

    /// Reads on to the end of an event with [`Data::Long`], until it is this long.
    pub(crate) async fn rest(&mut self, most_bytes: u64) -> io::Result<Rest> {
        while self.rest.bytes < most_bytes {
            if std::mem::take(&mut self.within_line) {
                let line = self.lines.rest(most_bytes - self.rest.bytes).await?;
                self.rest.add(&line.tail);
                self.rest.bytes += line.bytes - line.tail.len() as u64;
                continue;
            }
            match self.lines.next().await? {
                Some(Line::Long { .. }) => self.within_line = true,
                Some(Line::Whole(line)) if field(&line).is_some() => {
                    // One more than its length, so that lines without any do not go on for ever.
                    self.rest.bytes += 1;
                    if let Some((b"data", value)) = field(&line) {
                        self.rest.add(value);
                    }
                }
                Some(Line::Whole(_)) | None => {
                    self.rest.ended = true;
                    break;
                }
            }
        }
        Ok(std::mem::take(&mut self.rest))
    }
}

impl Event {
    fn says_something(&self) -> bool {
        self.name.is_some() || self.id.is_some() || self.retry.is_some() || !matches!(self.data, Data::None)
    }

    fn take(&mut self, name: &[u8], value: &[u8]) {
        let text = || std::str::from_utf8(value).ok().filter(|text| text.len() <= NAME_BYTES && !text.contains('\0'));
        match name {
            b"data" => match &mut self.data {
                Data::Whole(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                data => *data = Data::Whole(value.to_vec()),
            },
            b"event" => self.name = text().filter(|name| !name.is_empty() && *name != "message").map(str::to_owned),
            b"id" => self.id = text().map(str::to_owned),
            b"retry" => self.retry = text().and_then(|text| text.trim().parse().ok()),
            // Comments, and what later versions add.
            _ => {}
        }
    }
}

impl Data {
    /// Its length with one more line: a newline stands between two.
    fn len_with(&self, line: &[u8]) -> usize {
        if let Self::Whole(data) = self { data.len() + 1 + line.len() } else { line.len() }
    }
}

/// The name and the value of a field; nothing for an empty line.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    if line.is_empty() {
        return None;
    }
    let Some(colon) = line.iter().position(|&byte| byte == b':') else { return Some((line, b"")) };
    let value = &line[colon + 1..];
    Some((&line[..colon], value.strip_prefix(b" ").unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn events(text: &str, limit: usize) -> Vec<String> {
        let mut events = Events::new(tokio::io::BufReader::with_capacity(7, text.as_bytes()), limit);
        let mut seen = Vec::new();
        while let Some(event) = events.next().await.unwrap() {
            let data = match event.data {
                Data::None => "-".to_owned(),
                Data::Whole(data) => String::from_utf8(data).unwrap(),
                Data::Long { head, .. } => {
                    let rest = events.rest(1000).await.unwrap();
                    let text = String::from_utf8(head).unwrap();
                    format!("{}..{}:{}", &text[..5.min(text.len())], String::from_utf8_lossy(&rest.tail), rest.ended)
                }
            };
            seen.push(format!("{:?} {:?} {:?} {data}", event.name, event.id, event.retry));
        }
        seen
    }

    #[tokio::test]
    async fn fields_make_an_event() {
        let text = "\u{feff}event: endpoint\r\nid: 7\r\nretry: 20\r\ndata: a\r\ndata:b\r\n\r\n: comment\n\nunheard\nof: x\ndata\n\nid: 8\n\ndata: cut";
        assert_eq!(
            events(text, 100).await,
            [
                r#"Some("endpoint") Some("7") Some(20) a
b"#,
                "None None None ",
                r#"None Some("8") None -"#
            ]
        );
    }

    #[tokio::test]
    async fn lines_may_end_with_a_carriage_return() {
        assert_eq!(events("id: 7\rdata: a\rdata: b\r\rdata: c\r\r", 100).await.len(), 2);
        let mut kept = Events::new(tokio::io::BufReader::new(&b"data: a\r\r"[..]), 100);
        assert!(matches!(kept.next().await.unwrap().unwrap().data, Data::Whole(data) if data == b"a"));
    }

    #[tokio::test]
    async fn an_event_beyond_the_limit_is_skipped() {
        let next = "data: next\n\n";
        let long = format!("id: 3\ndata: 0123456789abcdef\nid: 4\n\n{next}");
        assert_eq!(
            events(&long, 10).await,
            [r#"None Some("3") None 01234..data: 0123456789abcdef:true"#, "None None None next"]
        );
        let lines = format!("data: 01234\ndata: 56789\ndata: x\n\n{next}");
        assert_eq!(events(&lines, 8).await, ["None None None 01234..0123456789x:true", "None None None next"]);
        assert_eq!(events(&format!("data: 0123456789\n\n{next}"), 10).await.len(), 2);
        assert!(
            events(&format!("data: 0123\ndata:\n\n{next}"), 4).await[0].contains(".."),
            "the newline between lines counts"
        );
        let endless = format!("data: {}", "x".repeat(9000));
        assert!(events(&endless, 10).await[0].ends_with("false"));
    }
}
