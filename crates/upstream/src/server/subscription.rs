//! A client's subscription to one resource of a server.

use std::sync::Arc;

use exuvia_mcp_client::Relayed;

use super::lane_owner::Lease;
use super::subscribers::{SubscriberPlace, Subscribers};

/// A client's subscription to one resource. Dropping it ends the subscription.
#[derive(Debug)]
pub struct Subscription {
    place: SubscriberPlace,
    /// The lane over which changes come stays open.
    _lane: Lease,
}

/// The outcome of a subscription request.
#[derive(Debug)]
pub enum Subscribing {
    /// The client is notified of them.
    Done(Subscription),
    /// The server's own error, or that it offers nothing of the kind.
    Refused(Relayed),
}

impl Subscription {
    pub(super) fn new(place: SubscriberPlace, lane: Lease) -> Self {
        Self { place, _lane: lane }
    }

    /// Whether it is one with these.
    pub(super) fn is_with(&self, subscribers: &Arc<Subscribers>) -> bool {
        self.place.is_with(subscribers)
    }
}
