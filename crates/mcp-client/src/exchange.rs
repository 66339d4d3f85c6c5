//! Requests in flight, and their responses as the server wrote them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use exuvia_tool::{Deadline, Json, locked};
use rmcp::model::ProgressToken;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::failure::CallFailure;
use crate::order::Departure;
use crate::question::Question;
use crate::relay::InterimMessage;

/// What came back for a request.
#[derive(Debug)]
pub enum ServerAnswer {
    /// The `result`, as written.
    Result(RawSlice),
    /// The `error`.
    Error {
        /// JSON-RPC's code.
        code: i64,
        /// What the server says.
        message: String,
        /// What it says beyond that.
        data: Option<Json>,
    },
    /// The message that answers is longer than the limit.
    Oversized {
        /// At least this long.
        bytes: u64,
    },
    /// Something that is no answer. The words complete "answered with".
    Unreadable(&'static str),
    /// None: the request met a server that is in the way of it.
    Failed(CallFailure),
}

/// A part of a message.
#[derive(Debug)]
pub struct RawSlice {
    text: String,
    part: Range<usize>,
    /// How many numbers of the message are none: `null` stands in their place.
    pub(crate) nulls: usize,
}

impl RawSlice {
    /// The part of `text` at this range.
    pub(crate) fn new(text: String, part: Range<usize>, nulls: usize) -> Self {
        Self { text, part, nulls }
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.text[self.part.clone()]
    }

    /// The text, in the memory of the message.
    pub(crate) fn into_string(self) -> String {
        let Self { mut text, part, .. } = self;
        text.truncate(part.end);
        text.drain(..part.start);
        text
    }
}

/// Where the answer to one request is put. Travels with the request through rmcp, which never sees the answer.
#[derive(Debug, Clone, Default)]
pub struct Slot {
    contents: Arc<Mutex<SlotContents>>,
    kind: RequestKind,
    /// The receiver of what the server sends before its response.
    interim: Option<mpsc::Sender<InterimMessage>>,
    /// The tool is known to ask.
    asks: bool,
    /// When it has taken too long, and how long progress may put that off.
    patience: Option<(Deadline, Duration)>,
    /// The request's permit among the calls in flight. Released while the user is asked: no other call waits for a person.
    place: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
    leaving: Departure,
}

/// What a request is for, as far as its answer is read differently.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RequestKind {
    /// One answer.
    #[default]
    Call,
    /// A page of the tool list.
    List,
    /// News, for as long as the connection lasts. The answer only says that there will be none any more.
    Listen,
}

/// What was learned of one request.
#[derive(Debug, Default)]
pub struct SlotContents {
    /// The answer.
    pub answer: Option<ServerAnswer>,
    /// The server asked for something while the request was in flight: the method it used.
    pub asked: Option<String>,
    /// The client answered what was asked.
    pub is_answered: bool,
    /// What became of the session that the request was sent in.
    pub session: SessionOutcome,
    /// Nobody was asked that, because it was not certain whose question it was, and it may have been this request's.
    pub doubt: Option<Doubt>,
}

/// What became of the session of a request, over HTTP.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum SessionOutcome {
    /// Nothing.
    #[default]
    Kept,
    /// The server has lost it and did not take the request, which waits for another one.
    Awaited,
    /// The request was sent again in another one.
    Renewed,
    /// The server has lost it, and whether it took the request is unknown.
    Lost,
}

/// How likely it is that a question was a request's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Others were in flight.
    Among,
    /// It was the only one.
    Alone,
}

impl Slot {
    /// The slot of such a request.
    pub fn new(kind: RequestKind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// The slot of a call. Progress and questions go to `interim`; `asks`: the tool is known to ask. `place` is released when
    /// the user is asked.
    pub fn of_call(
        interim: Option<mpsc::Sender<InterimMessage>>,
        asks: bool,
        place: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self { interim, asks, place: Arc::new(Mutex::new(place)), ..Self::default() }
    }

    /// The same, of a call that progress gives more time, up to this in all.
    pub fn put_off(self, deadline: &Deadline, most: Option<Duration>) -> Self {
        Self { patience: most.map(|most| (deadline.clone(), most)), ..self }
    }

    /// The server says how far the request is. News that finds no room is lost: there is more to come.
    pub(crate) fn progressed(&self, params: &str) {
        if let Some((deadline, most)) = &self.patience {
            deadline.put_off(Instant::now(), *most);
        }
        if let (Some(interim), Ok(params)) = (&self.interim, Json::parse(params)) {
            let _ = interim.try_send(InterimMessage::Progress(params));
        }
    }

    /// What the request is for.
    pub(crate) fn kind(&self) -> RequestKind {
        self.kind
    }

    /// Where those behind the request wait for it to leave.
    pub(crate) fn leaving(&self) -> &Departure {
        &self.leaving
    }

    /// Takes out what was learned.
    pub(crate) fn take(&self) -> SlotContents {
        std::mem::take(&mut *locked(&self.contents))
    }

    /// Puts the answer in. The first one counts.
    pub(crate) fn fill(&self, answer: ServerAnswer) {
        locked(&self.contents).answer.get_or_insert(answer);
    }

    /// The request is sent.
    pub(crate) fn sent(&self) {
        let session = &mut locked(&self.contents).session;
        if *session == SessionOutcome::Awaited {
            *session = SessionOutcome::Renewed;
        }
    }

    /// The server has lost the session and did not take the request. Tells whether it is to be sent again: once at most.
    pub(crate) fn awaits_session(&self) -> bool {
        let session = &mut locked(&self.contents).session;
        let first = *session == SessionOutcome::Kept;
        if first {
            *session = SessionOutcome::Awaited;
        }
        first
    }

    /// The server has lost the session, and whether it took the request is unknown.
    pub(crate) fn lost_session(&self) {
        locked(&self.contents).session = SessionOutcome::Lost;
    }

    /// What is in doubt.
    pub fn doubt(&self) -> Option<Doubt> {
        locked(&self.contents).doubt
    }

    /// Forwards a question to the client. Returns false if there is no client, or it has too many messages to read.
    pub(crate) fn ask(&self, question: Question) -> bool {
        let asked =
            self.interim.as_ref().is_some_and(|interim| interim.try_send(InterimMessage::Question(question)).is_ok());
        if asked {
            self.give_way();
        }
        asked
    }

    /// Gives back the place among those in flight.
    pub fn give_way(&self) {
        // Dropped outside the lock: that wakes the next waiter.
        let place = locked(&self.place).take();
        drop(place);
    }

    /// The client answered a question.
    pub(crate) fn answered(&self) {
        locked(&self.contents).is_answered = true;
    }

    fn asked(&self, method: &str) {
        locked(&self.contents).asked.get_or_insert_with(|| method.to_owned());
    }

    fn doubted(&self, doubt: Doubt) {
        let mut contents = locked(&self.contents);
        if contents.doubt != Some(Doubt::Alone) {
            contents.doubt = Some(doubt);
        }
    }
}

/// The requests of one connection that have no answer yet.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    pending: Mutex<HashMap<i64, Pending>>,
    users: Mutex<Users>,
}

/// Whose requests a connection has carried.
#[derive(Debug, Default, PartialEq, Eq)]
enum Users {
    #[default]
    Nobody,
    One(Arc<str>),
    Several,
}

#[derive(Debug)]
enum Pending {
    /// Belongs to the start of the connection: rmcp reads the answer itself.
    Handshake,
    /// Ours, and its progress token.
    Slot(Slot, Option<ProgressToken>),
}

/// Whom an answer is for.
#[derive(Debug)]
pub(crate) enum Recipient {
    /// rmcp, during the handshake.
    Handshake,
    /// The request that waits at this slot.
    Slot(Slot),
}

impl Exchange {
    /// A request leaves. One without a slot belongs to the handshake, in which a newer request replaces the older one: an
    /// answer that comes late is not taken for the answer to the next.
    pub(crate) fn sent(&self, id: i64, slot: Option<Slot>, progress: Option<ProgressToken>) {
        let mut pending = locked(&self.pending);
        match slot {
            Some(slot) => {
                pending.insert(id, Pending::Slot(slot, progress));
            }
            None => {
                pending.retain(|_, pending| matches!(pending, Pending::Slot(..)));
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
            Pending::Slot(slot, _) => Recipient::Slot(slot),
        })
    }

    /// Whether this request waits for its answer.
    pub(crate) fn is_pending(&self, id: i64) -> bool {
        locked(&self.pending).contains_key(&id)
    }

    /// The only request that waits for an answer, if it is the only one: whom an answer without a readable id must be for.
    pub(crate) fn only(&self) -> Option<i64> {
        let all = self.all();
        all.first().copied().filter(|_| all.len() == 1)
    }

    /// All requests that wait for an answer.
    pub(crate) fn all(&self) -> Vec<i64> {
        let listens = |pending: &Pending| matches!(pending, Pending::Slot(slot, _) if slot.kind == RequestKind::Listen);
        locked(&self.pending).iter().filter(|(_, pending)| !listens(pending)).map(|(&id, _)| id).collect()
    }

    /// Whose progress has this token.
    pub(crate) fn progressed(&self, token: &ProgressToken) -> Option<Slot> {
        locked(&self.pending).values().find_map(|pending| match pending {
            Pending::Slot(slot, Some(progress)) if progress == token => Some(slot.clone()),
            _ => None,
        })
    }

    /// A request of this client is about to be sent. Questions outside a request's stream can be attributed only while all
    /// requests are of one client.
    pub(crate) fn used_by(&self, client: Option<&Arc<str>>) {
        let Some(client) = client else { return };
        let mut users = locked(&self.users);
        match &*users {
            Users::Nobody => *users = Users::One(Arc::clone(client)),
            Users::One(one) if one != client => *users = Users::Several,
            Users::One(_) | Users::Several => {}
        }
    }

    /// The request that a question belongs to. On the stream of a request it is that one. Without such a stream it is the only
    /// request in flight, on a connection that has carried the requests of one client only, whose question it is even if it
    /// comes late. Otherwise it belongs to none, and all requests in flight are marked.
    pub(crate) fn asked(&self, method: &str, on: Option<i64>) -> Option<Slot> {
        let pending = locked(&self.pending);
        let calls = || {
            pending.iter().filter_map(|(id, pending)| match pending {
                Pending::Slot(slot, _) if slot.kind == RequestKind::Call => Some((id, slot)),
                _ => None,
            })
        };
        let own = match on {
            Some(on) => calls().find(|(id, _)| **id == on),
            None if *locked(&self.users) == Users::Several => None,
            None => calls().next().filter(|_| calls().count() == 1),
        };
        if let Some((_, slot)) = own {
            slot.asked(method);
            if on.is_none() && slot.interim.is_none() {
                // A request of a script: there is no user to ask, and beside other calls the question could be another one's.
                slot.doubted(Doubt::Alone);
            }
            return Some(slot.clone());
        }
        if on.is_none() {
            let doubt = if calls().count() == 1 { Doubt::Alone } else { Doubt::Among };
            // A failure is put down to the question where the tool is one that asks, if there is any.
            let is_known = calls().any(|(_, slot)| slot.asks);
            for (_, slot) in calls() {
                slot.doubted(doubt);
                if slot.asks || !is_known {
                    slot.asked(method);
                }
            }
        }
        None
    }
}
