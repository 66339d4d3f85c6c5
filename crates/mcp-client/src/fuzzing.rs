//! Parsers of this crate as functions of bytes, for `exuvia-fuzz`. No part of the interface.

use futures_util::FutureExt as _;
use tokio::io::BufReader;

use crate::http::{Data, Events};
use crate::lines::{Line, LineEnd, Lines, at_head, at_tail, number};

/// A stream of events, the same however it comes in. The first byte is the limit.
///
/// # Panics
///
/// It is not.
pub fn event_stream(data: &[u8]) {
    same_in_pieces(data, events);
}

/// Lines of a server, the same however they come in. The first byte is the limit.
///
/// # Panics
///
/// They are not.
pub fn lines(data: &[u8]) {
    for ends in [LineEnd::Newline, LineEnd::Either] {
        same_in_pieces(data, |stream, limit, piece| lines_of(stream, limit, piece, ends));
    }
}

fn same_in_pieces(data: &[u8], read: impl Fn(&[u8], usize, usize) -> Vec<String>) {
    let Some((&limit, stream)) = data.split_first() else { return };
    let whole = read(stream, limit.into(), 64 << 10);
    for piece in [1, 7] {
        assert_eq!(read(stream, limit.into(), piece), whole, "in pieces of {piece}");
    }
}

fn events(stream: &[u8], limit: usize, piece: usize) -> Vec<String> {
    let mut events = Events::new(BufReader::with_capacity(piece, stream), limit);
    let mut seen = Vec::new();
    while let Some(event) = at_once(events.next()) {
        assert!(seen.len() <= stream.len(), "there are more events than bytes");
        let rest = match &event.data {
            Data::Whole(data) => {
                assert!(data.len() <= limit, "an event of {} bytes is whole", data.len());
                None
            }
            Data::None => None,
            Data::Long { .. } => Some(at_once(events.rest(u64::MAX))),
        };
        seen.push(format!("{event:?} {rest:?}"));
    }
    seen
}

fn lines_of(stream: &[u8], limit: usize, piece: usize, ends: LineEnd) -> Vec<String> {
    let mut lines = Lines::new(BufReader::with_capacity(piece, stream), limit, ends);
    let mut seen = Vec::new();
    while let Some(line) = at_once(lines.next()) {
        assert!(seen.len() <= stream.len(), "there are more lines than bytes");
        let rest = match &line {
            Line::Whole(line) => {
                assert!(line.len() <= limit, "a line of {} bytes is whole", line.len());
                let _ = (at_tail(line), number(&String::from_utf8_lossy(line)));
                format!("{:?}", at_head(line))
            }
            Line::Long { .. } => format!("{:?}", at_once(lines.rest(u64::MAX))),
        };
        seen.push(format!("{line:?} {rest}"));
    }
    seen
}

/// The result of reading from memory, which never waits and cannot fail.
fn at_once<T>(reading: impl Future<Output = std::io::Result<T>>) -> T {
    reading.now_or_never().expect("bytes are there").expect("bytes can be read")
}
