//! A non-blocking log: a thread writes the lines, and lines are dropped when it cannot keep up.
//!
//! Whoever reads our standard error may stop reading. Then a write waits for as long as that lasts, and with it whatever else the
//! thread that logs has to do.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What may wait to be written, in bytes. Lines beyond that are dropped and counted.
const WAITING_BYTES: usize = 1 << 20;

/// Where lines are handed over. Clones write to the same place.
#[derive(Clone)]
pub(crate) struct LogWriter(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Told how many lines were dropped, once further ones are written again.
    tell_dropped: fn(u64),
}

struct State {
    lines: Vec<u8>,
    dropped: u64,
    /// The thread has taken lines, and has not written all of them.
    is_writing: bool,
    /// What is written to, before the thread has it: without a line there is no thread.
    to: Option<Box<dyn Write + Send>>,
}

impl LogWriter {
    /// A log that writes to this. `tell_dropped` is called by the thread that writes, and may log.
    pub(crate) fn new(to: impl Write + Send + 'static, tell_dropped: fn(u64)) -> Self {
        let state = State { lines: Vec::new(), dropped: 0, is_writing: false, to: Some(Box::new(to)) };
        Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), tell_dropped }))
    }

    /// Hands over one line, or several. Waits for nothing.
    pub(crate) fn line(&self, line: &[u8]) {
        let mut state = self.0.state();
        if let Some(to) = state.to.take() {
            let shared = Arc::clone(&self.0);
            let thread = std::thread::Builder::new().name("exuvia-log".into());
            // Without a thread nothing is written, as where standard error is closed.
            let _ = thread.spawn(move || shared.write_all(to));
        }
        if state.lines.len() + line.len() > WAITING_BYTES {
            state.dropped += 1;
            return;
        }
        state.lines.extend_from_slice(line);
        drop(state);
        self.0.changed.notify_all();
    }

    /// Waits until everything is written, at most this long.
    pub(crate) fn flush(&self, within: Duration) {
        let pending = |state: &mut State| !state.lines.is_empty() || state.is_writing;
        let waited = self.0.changed.wait_timeout_while(self.0.state(), within, pending);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }
}

impl Write for LogWriter {
    /// Takes it whole: an entry of the log is written by one call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self, mut to: impl Write) {
        loop {
            let (lines, dropped) = self.next();
            // If standard error is closed, there is nowhere to report that.
            let _ = to.write_all(&lines);
            if dropped > 0 {
                (self.tell_dropped)(dropped);
            }
            self.state().is_writing = false;
            self.changed.notify_all();
        }
    }

    fn next(&self) -> (Vec<u8>, u64) {
        let idle = |state: &mut State| state.lines.is_empty() && state.dropped == 0;
        let mut state = self.changed.wait_while(self.state(), idle).unwrap_or_else(PoisonError::into_inner);
        state.is_writing = true;
        (std::mem::take(&mut state.lines), std::mem::take(&mut state.dropped))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    static DROPPED: AtomicU64 = AtomicU64::new(0);

    #[test]
    fn a_log_that_is_not_read_drops_lines_counts_them_and_holds_up_nobody() {
        const LINES: u64 = 50_000;
        let (reader, writer) = io::pipe().unwrap();
        let log = LogWriter::new(writer, |lines| {
            DROPPED.fetch_add(lines, Ordering::SeqCst);
        });
        let (done, is_done) = channel();
        let logging = log.clone();
        std::thread::spawn(move || {
            for n in 0..LINES {
                logging.line(format!("{n:099}\n").as_bytes());
            }
            logging.flush(Duration::from_millis(50));
            done.send(()).unwrap();
        });
        is_done.recv_timeout(Duration::from_secs(20)).expect("nobody reads, and nobody waits for it");
        let (sender, read) = channel();
        std::thread::spawn(move || {
            BufReader::new(reader).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        log.flush(Duration::from_secs(20));
        let read: Vec<String> = std::iter::from_fn(|| read.recv_timeout(Duration::from_secs(1)).ok()).collect();
        assert_eq!(read.len() as u64 + DROPPED.load(Ordering::SeqCst), LINES);
        assert!((10_000..25_000).contains(&read.len()), "{}", read.len());
        // What is there is whole, and from the beginning.
        assert!(read.iter().take(10_000).enumerate().all(|(n, line)| *line == format!("{n:099}")));
    }

    #[test]
    fn what_was_logged_is_written_at_the_end() {
        let (reader, writer) = io::pipe().unwrap();
        let mut log = LogWriter::new(writer, |_| {});
        writeln!(log, "one").unwrap();
        log.flush(Duration::from_secs(20));
        let mut line = String::new();
        BufReader::new(reader).read_line(&mut line).unwrap();
        assert_eq!(line, "one\n");
    }
}
