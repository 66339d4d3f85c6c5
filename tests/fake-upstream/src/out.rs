//! Where messages go.

use std::io::Write;
use std::sync::Arc;

/// The way back to whoever sent a message.
pub(crate) trait Out {
    /// Sends a message.
    fn message(&mut self, message: &[u8]);

    /// Begins a message.
    fn begin(&mut self, part: &[u8]);

    /// Sends bytes as they are. Tells whether anybody takes them.
    fn raw(&mut self, bytes: &[u8]) -> bool;

    /// The same way, for messages that are sent later. It tells whether it still leads anywhere.
    fn later(&mut self) -> Later;
}

/// See [`Out::later`].
pub(crate) type Later = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Standard output, a line for each message.
pub(crate) struct Stdout;

impl Out for Stdout {
    fn message(&mut self, message: &[u8]) {
        self.raw(&[message, b"\n"].concat());
    }

    fn begin(&mut self, part: &[u8]) {
        self.raw(part);
    }

    fn raw(&mut self, bytes: &[u8]) -> bool {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).is_ok()
    }

    fn later(&mut self) -> Later {
        Arc::new(|message| {
            let mut stdout = std::io::stdout().lock();
            stdout.write_all(&[message, b"\n"].concat()).and_then(|()| stdout.flush()).is_ok()
        })
    }
}
