//! How a request signals that it was sent, so that the next one in the [order](exuvia_tool::DispatchOrder) may leave.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use exuvia_tool::{Place, locked};
use http_body::{Body, Frame, SizeHint};

/// The place of a request that is about to leave, shared by those who may be the ones to see it go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Departure(Arc<Mutex<Option<Place>>>);

impl Departure {
    /// The request has this place.
    pub(crate) fn at(&self, place: Place) {
        *locked(&self.0) = Some(place).filter(Place::is_in_line);
    }

    /// The request has left, or never will.
    pub(crate) fn left(&self) {
        // Dropped outside the lock: that wakes the next waiter.
        let place = locked(&self.0).take();
        drop(place);
    }

    /// Whether the order no longer waits for the request.
    pub(crate) fn is_over(&self) -> bool {
        locked(&self.0).is_none()
    }

    /// The body of the request, which has left when the connection has taken it.
    pub(crate) fn body(&self, bytes: Bytes) -> reqwest::Body {
        if self.is_over() { bytes.into() } else { reqwest::Body::wrap(DepartingBody { bytes, leaving: self.clone() }) }
    }
}

/// A body of one chunk that signals when it is taken, or that it never will be.
struct DepartingBody {
    bytes: Bytes,
    leaving: Departure,
}

impl Body for DepartingBody {
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

impl Drop for DepartingBody {
    fn drop(&mut self) {
        self.leaving.left();
    }
}
