//! Subscriptions of clients to the resources of one server.
//!
//! However many clients of one [tenant](super::lane_owner::Tenant) subscribe to one address, the server gets one subscription, over the
//! lane that they share, and an unsubscription when the last client leaves. After a lost connection a task connects again and renews the
//! subscriptions, and all subscribers are notified that their resources may have changed meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use exuvia_mcp_client::Relayed;
use exuvia_mcp_client::error_code::METHOD_NOT_FOUND;
use exuvia_tool::{CallError, Deadline, ToolName};

use super::lane::Lane;
use super::subscribers::{ADDRESS_BYTES, SubscriberPlace, Subscribers};
use super::upstream_subscriptions::{SUBSCRIBE, UpstreamSubscriptions};
use crate::mailbox::Mailbox;

/// The interval at which subscriptions are checked.
const LOOK: Duration = Duration::from_secs(1);
/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the server was asked for on behalf of the subscribers.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    of: Arc<Subscribers>,
    /// Held while the server is asked: one request at a time.
    asked: tokio::sync::Mutex<UpstreamSubscriptions>,
    is_tended: AtomicBool,
}

impl Subscriptions {
    /// On behalf of these.
    pub(crate) fn new(of: Arc<Subscribers>) -> Self {
        Self { of, asked: tokio::sync::Mutex::default(), is_tended: AtomicBool::new(false) }
    }

    /// The subscribers.
    pub(crate) fn subscribers(&self) -> &Arc<Subscribers> {
        &self.of
    }

    /// Subscribes a client to the changes of a resource. Else what the server says against it.
    ///
    /// # Errors
    ///
    /// The server cannot be asked, or does not answer in time.
    pub(crate) async fn subscribe(
        self: &Arc<Self>,
        lane: &Arc<Lane>,
        address: String,
        mailbox: &Arc<Mailbox>,
        deadline: Deadline,
    ) -> Result<Result<SubscriberPlace, Relayed>, CallError> {
        let server = lane.dialer.config.name.clone();
        if address.len() > ADDRESS_BYTES {
            let message = format!("resource URIs are limited to {ADDRESS_BYTES} bytes");
            return Err(CallError::InvalidArguments(message));
        }
        let name = ToolName::new(&server, SUBSCRIBE);
        let asking = async {
            let connection = lane.connection().await.map_err(|refused| refused.of_call(&name))?.connection;
            if self.of.offered() != Some(true) {
                let message = format!("server {server} does not offer subscriptions to resources");
                return Ok(Err(Relayed::Error { code: METHOD_NOT_FOUND, message, data: None }));
            }
            let mut asked = self.asked.lock().await;
            // First, so that a change that follows the answer at once is not missed.
            let subscription = self.of.add_subscriber(address.into(), mailbox);
            let holds = !self.of.is_forgotten() && asked.holds_for(&connection, subscription.address());
            if !holds
                && let Some(refused) =
                    asked.ask(&self.of, lane, &connection, subscription.address(), deadline.clone()).await?
            {
                return Ok(Err(refused));
            }
            Ok(Ok(subscription))
        };
        let done =
            tokio::time::timeout_at(deadline.at().into(), asking).await.unwrap_or_else(|_| Err(deadline.missed()));
        if matches!(done, Ok(Ok(_))) && !self.is_tended.swap(true, Ordering::SeqCst) {
            lane.dialer.runtime.spawn(tend(Arc::downgrade(self), Arc::downgrade(lane)));
        }
        done
    }

    /// Has the server do what is wanted now. Whether there is anything left to look after.
    async fn settle(&self, lane: &Arc<Lane>) -> bool {
        let mut asked = self.asked.lock().await;
        let wanted = self.of.wanted();
        let is_forgotten = self.of.take_forgotten();
        if !is_forgotten && asked.is_live(lane) {
            asked.give_up(&self.of, lane, &wanted).await;
        } else if wanted.is_empty() {
            *asked = UpstreamSubscriptions::default();
        } else {
            match lane.connection().await {
                Ok(admitted) => {
                    asked.ask_anew(&self.of, lane, &admitted.connection, &wanted).await;
                    self.of.all_updated();
                }
                // It is tried again. The lane says when that makes sense.
                Err(_) => *asked = UpstreamSubscriptions::default(),
            }
        }
        let is_done = asked.is_empty() && self.of.is_empty();
        if is_done {
            self.is_tended.store(false, Ordering::SeqCst);
        }
        !is_done
    }
}

/// Looks after what one server was asked for, until it was asked for nothing any more.
async fn tend(subscriptions: Weak<Subscriptions>, lane: Weak<Lane>) {
    loop {
        let Some(subscriptions) = subscriptions.upgrade() else { return };
        let _ = tokio::time::timeout(LOOK, subscriptions.of.left.notified()).await;
        let Some(lane) = lane.upgrade() else { return };
        if tokio::time::timeout(PATIENCE, subscriptions.settle(&lane)).await == Ok(false) {
            return;
        }
    }
}
