//! Standard error, where a progress line may be on the screen as well.

use std::io::{self, Write, stderr};
use std::sync::OnceLock;

use indicatif::ProgressBar;

static BESIDE: OnceLock<ProgressBar> = OnceLock::new();

/// From now on this progress line is taken away while the log is written, and put back.
pub(crate) fn beside(progress: &ProgressBar) {
    // There is one in a program.
    let _ = BESIDE.set(progress.clone());
}

/// Standard error.
#[derive(Debug)]
pub(super) struct Screen;

impl Write for Screen {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let written = || stderr().write_all(text).map(|()| text.len());
        BESIDE.get().map_or_else(written, |progress| progress.suspend(written))
    }

    fn flush(&mut self) -> io::Result<()> {
        stderr().flush()
    }
}
