//! Whether an intent is refused, where whoever waits for it may leave at any moment.

use std::sync::atomic::{AtomicU8, Ordering};

const OPEN: u8 = 0;
const REFUSED: u8 = 1;
const LEFT: u8 = 2;

/// Whether an intent is refused: agreed on by the journal and whoever waits for that, who may leave before hearing of it and then records what
/// became of the intent. Either the log has both, or neither.
#[derive(Debug, Default)]
pub struct Refusal(AtomicU8);

impl Refusal {
    /// The journal refuses the intent. False: whoever waited has left, and the intent must be kept.
    pub fn refuse(&self) -> bool {
        self.settle(REFUSED) == REFUSED
    }

    /// Whether the intent was refused.
    pub fn is_refused(&self) -> bool {
        self.0.load(Ordering::SeqCst) == REFUSED
    }

    /// Whoever waited leaves, or has heard how it came out. True: the intent was refused, and nothing may be recorded of what it led to.
    pub fn leave(&self) -> bool {
        self.settle(LEFT) == REFUSED
    }

    fn settle(&self, to: u8) -> u8 {
        match self.0.compare_exchange(OPEN, to, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => to,
            Err(earlier) => earlier,
        }
    }
}
