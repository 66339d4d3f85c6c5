//! The memory budget of all request bodies.

use std::sync::Arc;
use std::time::Duration;

use bytes::Buf as _;
use exuvia_tool::Principal;
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::shares::{Share, Shares};
use crate::large_arguments::SMALL_BYTES;

/// What a permit stands for.
const UNIT_BYTES: usize = 1024;
/// How long a client may pause in a discarded body before it gets the answer: it may be waiting for it.
const IDLE: Duration = Duration::from_secs(1);

/// Room for bodies. Small ones take none: their number is that of the connections. No principal but the operator has more than half of
/// it.
#[derive(Debug, Clone)]
pub(super) struct Bodies {
    room: Arc<Semaphore>,
    shares: Arc<Shares<Principal>>,
}

/// The room that one request takes, until this is dropped.
#[derive(Debug, Default)]
pub(super) struct BodyRoom {
    permit: Option<OwnedSemaphorePermit>,
    /// What is counted of whoever has a share.
    share: Option<Share<Principal>>,
    bytes: usize,
}

/// A body that is not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    TooLarge,
    /// The memory for bodies is in use.
    NoRoom,
    BrokenOff,
}

impl Bodies {
    /// Room for `all` bytes, and for one body of `longest` at least.
    pub(super) fn new(all: usize, longest: usize) -> Self {
        let units = |bytes: usize| (bytes / UNIT_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        let room = Arc::new(Semaphore::new(units(all.max(longest))));
        Self { room, shares: Shares::of(units(longest.next_multiple_of(SMALL_BYTES).max(all / 2))) }
    }

    /// Reads a body of at most `most` bytes, which a principal sends.
    pub(super) async fn read(
        &self,
        principal: &Principal,
        head: &HeaderMap,
        body: &mut Incoming,
        most: usize,
    ) -> Result<(Vec<u8>, BodyRoom), BodyError> {
        let announced = head.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let (mut read, mut held) = (Vec::new(), BodyRoom::default());
        if let Some(length) = announced {
            if length > most {
                return Err(BodyError::TooLarge);
            }
            held.grow(self, principal, length)?;
            read.reserve_exact(length);
        }
        while let Some(frame) = body.frame().await {
            let Ok(mut data) = frame.map_err(|_| BodyError::BrokenOff)?.into_data() else { continue };
            let length = read.len() + data.remaining();
            if length > most {
                return Err(BodyError::TooLarge);
            }
            held.grow(self, principal, length)?;
            while data.has_remaining() {
                let chunk = data.chunk();
                read.extend_from_slice(chunk);
                let length = chunk.len();
                data.advance(length);
            }
        }
        Ok((read, held))
    }
}

/// Discards the rest of a body, within bounds: a connection that is closed while its client still writes is reset, and the
/// answer is lost. A client that waits for `100 Continue` and has sent nothing does not get it.
pub(super) async fn discard(body: &mut Incoming, head: &ExpectContinue, most: usize, within: Duration) {
    if head.for_word && body.size_hint().exact() == head.announced {
        return;
    }
    let rest = async {
        let mut passed = 0;
        while let Ok(Some(Ok(frame))) = timeout(IDLE, body.frame()).await {
            passed += frame.data_ref().map_or(0, |data| data.len());
            if passed > most {
                return;
            }
        }
    };
    let _ = timeout(within, rest).await;
}

/// What the head of a request says about its body.
pub(super) struct ExpectContinue {
    /// It sends it only after `100 Continue`.
    for_word: bool,
    announced: Option<u64>,
}

impl ExpectContinue {
    pub(super) fn of(head: &HeaderMap) -> Self {
        let announced = head.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        Self { for_word: head.contains_key(header::EXPECT), announced }
    }
}

impl BodyRoom {
    /// Reserves this many bytes in total.
    fn grow(&mut self, bodies: &Bodies, principal: &Principal, bytes: usize) -> Result<(), BodyError> {
        if bytes <= SMALL_BYTES || bytes <= self.bytes {
            return Ok(());
        }
        // In steps, so that a body of many small pieces does not ask for each.
        let more = (bytes - self.bytes).next_multiple_of(SMALL_BYTES);
        let units = u32::try_from(more / UNIT_BYTES).map_err(|_| BodyError::TooLarge)?;
        if *principal != Principal::Operator {
            let has_share = match &mut self.share {
                Some(share) => share.grow(units as usize),
                none => {
                    *none = bodies.shares.take(principal.clone(), units as usize);
                    none.is_some()
                }
            };
            if !has_share {
                return Err(BodyError::NoRoom);
            }
        }
        let permit = Arc::clone(&bodies.room).try_acquire_many_owned(units).map_err(|_| BodyError::NoRoom)?;
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        self.bytes += more;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_share_the_room_and_small_ones_take_none() {
        let bodies = Bodies::new(1 << 20, 1);
        let take = |bytes: usize| {
            let mut held = BodyRoom::default();
            held.grow(&bodies, &Principal::Operator, bytes).map(|()| held)
        };
        let first = take(600 << 10);
        assert!(first.is_ok());
        assert_eq!(take(600 << 10).unwrap_err(), BodyError::NoRoom);
        assert!(take(SMALL_BYTES).is_ok_and(|held| held.permit.is_none()));
        drop(first);
        let mut grown = take(600 << 10).expect("room");
        assert!(grown.grow(&bodies, &Principal::Operator, 900 << 10).is_ok());
        assert_eq!(grown.grow(&bodies, &Principal::Operator, 2 << 20), Err(BodyError::NoRoom));
        drop(grown);
        assert!(take(1 << 20).is_ok());
    }

    #[test]
    fn a_key_leaves_others_half_of_the_room() {
        let bodies = Bodies::new(1 << 20, 1);
        let take = |key: &str, bytes: usize| {
            let mut held = BodyRoom::default();
            held.grow(&bodies, &Principal::Key(key.into()), bytes).map(|()| held)
        };
        let mut first = take("ada", 200 << 10).expect("room");
        assert!(first.grow(&bodies, &Principal::Key("ada".into()), 400 << 10).is_ok());
        assert_eq!(take("ada", 200 << 10).unwrap_err(), BodyError::NoRoom);
        assert!(take("bob", 500 << 10).is_ok());
        drop(first);
        assert!(take("ada", 500 << 10).is_ok());
    }
}
