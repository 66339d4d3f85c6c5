//! A log that a test can read.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

/// Keeps what is written. Clones share it.
#[derive(Clone, Default)]
pub(super) struct TestLog(Arc<Mutex<Vec<u8>>>);

impl TestLog {
    /// What was written so far.
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("UTF-8")
    }
}

impl Write for TestLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
