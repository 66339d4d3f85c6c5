//! The order in which the calls of a run are sent to their server.
//!
//! A call leaves when the ones before it have been sent, not when they have been answered. Its ticket is one for two lines. In
//! the first, calls are admitted to the server one by one: limits on what is on its way let them in in their order, and so
//! whoever waits in the second line waits for calls that have been let in as well, never for one that waits for its own place.
//! Between the two they wait for a connection side by side. In the second they leave.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use exuvia_tool::{Line, Place};
use http_body::{Body, Frame, SizeHint};

use crate::exchange::locked;

/// The order in which the calls of one run leave for one server. Clones are the same order.
#[derive(Debug, Clone, Default)]
pub struct DispatchOrder {
    admission: Line,
    leaving: Line,
}

/// A call's place in a [`DispatchOrder`]. Dropping it lets those behind it pass. The default waits for nobody.
#[derive(Debug, Default)]
pub struct DispatchTicket {
    pub(crate) admission: Place,
    pub(crate) leaving: Place,
}

impl DispatchOrder {
    /// A ticket for the next call.
    #[must_use]
    pub fn ticket(&self) -> DispatchTicket {
        DispatchTicket { admission: self.admission.enter(), leaving: self.leaving.enter() }
    }
}

/// The place of a request that is about to leave, shared by those who may be the ones to see it go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Leaving(Arc<Mutex<Option<Place>>>);

impl Leaving {
    /// The request has this place.
    pub(crate) fn at(&self, place: Place) {
        *locked(&self.0) = Some(place).filter(Place::is_in_line);
    }

    /// The request has left, or never will.
    pub(crate) fn left(&self) {
        // Dropped outside the lock: that wakes whoever is next.
        let place = locked(&self.0).take();
        drop(place);
    }

    /// Whether nobody waits for the request to leave.
    pub(crate) fn is_over(&self) -> bool {
        locked(&self.0).is_none()
    }

    /// The body of the request, which has left when the connection has taken it.
    pub(crate) fn body(&self, bytes: Bytes) -> reqwest::Body {
        if self.is_over() { bytes.into() } else { reqwest::Body::wrap(LeavingBody { bytes, leaving: self.clone() }) }
    }
}

/// One piece of bytes that tells when it is taken, and when it never will be.
struct LeavingBody {
    bytes: Bytes,
    leaving: Leaving,
}

impl Body for LeavingBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let bytes = std::mem::take(&mut this.bytes);
        this.leaving.left();
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

impl Drop for LeavingBody {
    fn drop(&mut self) {
        self.leaving.left();
    }
}
