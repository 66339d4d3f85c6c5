//! The requests that are on their way, and their answers as the server wrote them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use exuvia_tool::Json;

/// What came back for a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The `result`, as written.
    Result(Written),
    /// The `error`.
    Error { code: i64, message: String, data: Option<Json> },
    /// The line that answers was longer than the limit.
    Oversized { bytes: u64 },
    /// Something that is no answer. The words complete "answered with".
    Unreadable(&'static str),
}

/// A part of a line.
#[derive(Debug)]
pub(crate) struct Written {
    line: String,
    part: Range<usize>,
}

impl Written {
    /// The part of `line` at this range.
    pub(crate) fn new(line: String, part: Range<usize>) -> Self {
        Self { line, part }
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.line[self.part.clone()]
    }
}

/// Where the answer to one request is put. Travels with the request through rmcp, which never sees the answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slot(Arc<Mutex<Filled>>);

/// What was learnt of one request.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    /// The answer.
    pub(crate) answer: Option<Answer>,
    /// The server asked for something while the request was on its way: the method it used.
    pub(crate) asked: Option<String>,
}

impl Slot {
    /// Takes out what was learnt.
    pub(crate) fn take(&self) -> Filled {
        std::mem::take(&mut *locked(&self.0))
    }

    /// Puts the answer in. The first one counts.
    pub(crate) fn fill(&self, answer: Answer) {
        locked(&self.0).answer.get_or_insert(answer);
    }
}

/// The requests of one connection that have no answer yet.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    pending: Mutex<HashMap<i64, Pending>>,
}

#[derive(Debug)]
enum Pending {
    /// Belongs to the start of the connection: rmcp reads the answer itself.
    Handshake,
    /// Ours.
    Slot(Slot),
}

/// Whom an answer is for.
#[derive(Debug)]
pub(crate) enum Recipient {
    /// rmcp, during the handshake.
    Handshake,
    /// The one who waits at this slot.
    Slot(Slot),
}

impl Exchange {
    /// A request leaves. One without a slot belongs to the handshake, in which a newer request replaces the older one: an
    /// answer that comes late is not taken for the answer to the next.
    pub(crate) fn sent(&self, id: i64, slot: Option<Slot>) {
        let mut pending = locked(&self.pending);
        match slot {
            Some(slot) => {
                pending.insert(id, Pending::Slot(slot));
            }
            None => {
                pending.retain(|_, pending| matches!(pending, Pending::Slot(_)));
                pending.insert(id, Pending::Handshake);
            }
        }
    }

    /// Nobody waits for this request any more.
    pub(crate) fn forget(&self, id: i64) {
        locked(&self.pending).remove(&id);
    }

    /// An answer with this id arrived. The first one counts.
    pub(crate) fn answered(&self, id: i64) -> Option<Recipient> {
        Some(match locked(&self.pending).remove(&id)? {
            Pending::Handshake => Recipient::Handshake,
            Pending::Slot(slot) => Recipient::Slot(slot),
        })
    }

    /// The only request that is on its way, if it is the only one: whom an answer without a readable id must be for.
    pub(crate) fn only(&self) -> Option<i64> {
        let pending = locked(&self.pending);
        let mut ids = pending.keys();
        ids.next().copied().filter(|_| ids.next().is_none())
    }

    /// All requests that are on their way.
    pub(crate) fn all(&self) -> Vec<i64> {
        locked(&self.pending).keys().copied().collect()
    }

    /// The server asked for something by `method`. Nothing says on behalf of which request, so all are marked.
    pub(crate) fn asked(&self, method: &str) {
        for pending in locked(&self.pending).values() {
            if let Pending::Slot(slot) = pending {
                locked(&slot.0).asked.get_or_insert_with(|| method.to_owned());
            }
        }
    }
}

/// These locks guard plain data that no panic can leave half changed.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
