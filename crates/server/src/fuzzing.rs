//! Parsers of this crate as functions of bytes, for `exuvia-fuzz`. No part of the interface.

use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::lines::{Line, Lines};

/// Lines of a client, the same however they come in. The first byte is the limit.
///
/// # Panics
///
/// They are not.
pub fn lines(data: &[u8]) {
    let Some((&limit, stream)) = data.split_first() else { return };
    let whole = read(stream, limit.into());
    let ends = stream.iter().filter(|&&byte| byte == b'\n').count();
    assert!((ends..=ends + 1).contains(&whole.len()), "{} lines of {ends}", whole.len());
    for at in [1, 7, stream.len() / 2].map(|at| at.min(stream.len())) {
        assert_eq!(read(stream[..at].chain(&stream[at..]), limit.into()), whole, "in pieces at {at}");
    }
}

fn read(input: impl AsyncRead + Unpin, limit: usize) -> Vec<Line> {
    let mut lines = Lines::new(input, limit);
    let mut seen = Vec::new();
    loop {
        match lines.next().now_or_never().expect("bytes are there").expect("bytes can be read") {
            Line::End => return seen,
            Line::Whole(line) if line.len() > limit => panic!("a line of {} bytes is whole", line.len()),
            line => seen.push(line),
        }
    }
}
