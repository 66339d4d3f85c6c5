//! Calls that are held.

use std::time::Instant;

use exuvia_tool::Deadline;

/// A call that is held, until this is ended or dropped: its time does not run, nor that of its run while that waits for nothing else, and other
/// calls have its turn.
#[derive(Debug)]
#[must_use = "the call is held for as long as this exists"]
pub struct Hold {
    deadline: Option<Deadline>,
}

impl Hold {
    /// The call with this deadline is held.
    pub fn begin(deadline: &Deadline) -> Self {
        deadline.hold(Instant::now());
        deadline.give_turn_back();
        Self { deadline: Some(deadline.clone()) }
    }

    /// The call goes on, when it has a turn again. False: its run is parked, and nothing of it may be done any more.
    #[must_use]
    pub async fn end(mut self) -> bool {
        if let Some(deadline) = &self.deadline {
            deadline.take_turn().await;
        }
        self.deadline.take().is_some_and(|deadline| deadline.release(Instant::now()))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(deadline) = &self.deadline {
            // Of a run that is parked nothing goes on.
            let _ = deadline.release(Instant::now());
        }
    }
}

/// A call whose server asks a person something, until this is dropped: as one that is [held](Hold), but that its run is not parked.
#[derive(Debug)]
#[must_use = "the call waits for as long as this exists"]
pub struct Asking(Deadline);

impl Asking {
    /// The server of the call with this deadline asks.
    pub fn begin(deadline: &Deadline) -> Self {
        deadline.ask(Instant::now());
        Self(deadline.clone())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.answered(Instant::now());
    }
}
