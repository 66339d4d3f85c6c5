//! The output of a script, up to a limit.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use exuvia_tool::{LogStream, RunEvent};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::events::EventSink;

/// The most that one write of native code to descriptor 1 or 2 may carry, in bytes.
const NATIVE_WRITE_BYTES: usize = 64 << 10;

/// The log of one run. Clones share it: the standard streams of WASI and the import `output` write to the same place.
#[derive(Clone)]
pub struct Log {
    shared: Arc<Mutex<Kept>>,
}

struct Kept {
    events: EventSink,
    text: String,
    limit_bytes: usize,
    dropped_bytes: u64,
}

/// A finished log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogText {
    /// What was kept: both streams in the order of their writes.
    pub text: String,
    /// How many bytes went over the limit and were dropped.
    pub dropped_bytes: u64,
}

impl Log {
    /// An empty log that keeps at most `limit_bytes` and reports to `events` what it kept.
    #[must_use]
    pub fn new(limit_bytes: usize, events: EventSink) -> Self {
        let kept = Kept { events, text: String::new(), limit_bytes, dropped_bytes: 0 };
        Self { shared: Arc::new(Mutex::new(kept)) }
    }

    /// Reports no further events.
    pub(crate) fn silence(&self) {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).events = Arc::new(|_| {});
    }

    /// Begins anew, for a further script of the same guest, which has the streams of the one before it.
    pub(crate) fn begin_again(&self, limit_bytes: usize, events: EventSink) {
        *self.shared.lock().unwrap_or_else(PoisonError::into_inner) =
            Kept { events, text: String::new(), limit_bytes, dropped_bytes: 0 };
    }

    /// Appends as much of `text` as the limit leaves room for, and counts the rest. Nothing is kept after the first cut, so
    /// that the log stays a prefix of what was printed.
    pub(crate) fn append(&self, stream: LogStream, text: &str) {
        let (accepted, events) = {
            let mut kept = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            (kept.append(text), Arc::clone(&kept.events))
        };
        if accepted > 0 {
            events(RunEvent::Log { stream, text: text[..accepted].to_owned() });
        }
    }

    /// What was logged so far.
    #[must_use]
    pub fn text(&self) -> LogText {
        let kept = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        LogText { text: kept.text.clone(), dropped_bytes: kept.dropped_bytes }
    }

    pub(crate) fn native_stream(&self, stream: LogStream) -> NativeStream {
        NativeStream { log: self.clone(), stream }
    }
}

impl Kept {
    /// How many bytes of `text` were kept.
    fn append(&mut self, text: &str) -> usize {
        let room = if self.dropped_bytes > 0 { 0 } else { self.limit_bytes - self.text.len() };
        let accepted = text.floor_char_boundary(room);
        self.text.push_str(&text[..accepted]);
        self.dropped_bytes += (text.len() - accepted) as u64;
        accepted
    }
}

/// Descriptor 1 or 2 of WASI: what native code writes without going through Python's `sys.stdout`.
///
/// Never blocks and buffers nothing. wasmtime-wasi's own adapter for asynchronous writers is not used because empty writes
/// make its memory grow.
#[derive(Clone)]
pub(crate) struct NativeStream {
    log: Log,
    stream: LogStream,
}

impl IsTerminal for NativeStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for NativeStream {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for NativeStream {
    async fn ready(&mut self) {}
}

impl OutputStream for NativeStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.log.append(self.stream, &String::from_utf8_lossy(&bytes));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(NATIVE_WRITE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(limit_bytes: usize) -> Log {
        Log::new(limit_bytes, Arc::new(|_| {}))
    }

    #[test]
    fn what_is_over_the_limit_is_cut_at_a_character_and_counted() {
        let log = log(4);
        log.append(LogStream::Stdout, "aäää");
        log.append(LogStream::Stdout, "b");
        assert_eq!(log.text(), LogText { text: "aä".into(), dropped_bytes: 5 });
    }

    #[test]
    fn both_streams_are_kept_in_order() {
        let log = log(100);
        log.append(LogStream::Stdout, "one ");
        log.append(LogStream::Stderr, "two ");
        log.append(LogStream::Stdout, "three");
        assert_eq!(log.text().text, "one two three");
    }
}
