//! What servers write to standard error: the last lines, for the operator.

use std::collections::VecDeque;
use std::sync::Mutex;

use exuvia_tool::locked;

/// Lines that are kept.
const LINES: usize = 500;
/// What is kept of all lines together, in bytes.
const BYTES: usize = 64 << 10;

/// The last lines of a server's standard error, over all its processes: at most 500, and at most 64 KiB.
#[derive(Debug, Default)]
pub struct ServerLog(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<String>,
    bytes: usize,
}

impl ServerLog {
    /// The last lines, the newest last: at most so many. They are the server's own text.
    #[must_use]
    pub fn last(&self, lines: usize) -> Vec<String> {
        let kept = locked(&self.0);
        let skipped = kept.lines.len().saturating_sub(lines);
        kept.lines.iter().skip(skipped).cloned().collect()
    }

    /// The server wrote a line.
    pub(crate) fn add(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(line).into_owned();
        let mut kept = locked(&self.0);
        kept.bytes += line.len();
        kept.lines.push_back(line);
        while kept.lines.len() > LINES || kept.bytes > BYTES {
            let removed = kept.lines.pop_front().map_or(0, |line| line.len());
            kept.bytes -= removed;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_within_their_bounds() {
        let log = ServerLog::default();
        (0..LINES + 3).for_each(|number| log.add(number.to_string().as_bytes()));
        assert_eq!(log.last(2), ["501", "502"]);
        assert_eq!(log.last(usize::MAX).len(), LINES);
        log.add(&vec![b'x'; BYTES]);
        assert_eq!(log.last(usize::MAX).len(), 1);
        log.add(&vec![0xff; BYTES]);
        assert!(locked(&log.0).bytes <= BYTES);
    }
}
