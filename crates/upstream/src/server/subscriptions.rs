//! Subscriptions of clients to the resources of one server.
//!
//! However many want to hear of one address, the server is asked once, over the operator's lane, which all share; and once nobody
//! does any more it is told so. Where the connection is lost a task opens another one and asks again, and everybody is told
//! that their resources may have changed meanwhile.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use exuvia_tool::{CallError, Deadline, ToolName};
use tokio::sync::{Notify, watch};

use super::lane::Lane;
use super::subscribed::{Asked, SUBSCRIBE};
use crate::error_code::METHOD_NOT_FOUND;
use crate::exchange::locked;
use crate::mailbox::Mailbox;
use crate::relay::Relayed;
use crate::{ServerConfig, Share, raw};

/// The longest address that can be subscribed to, in bytes.
const ADDRESS_BYTES: usize = 2 << 10;
/// The longest notification that is read.
const NOTE_BYTES: usize = 4 << 20;
/// The time between two looks at whether what was asked for still holds.
const LOOK: Duration = Duration::from_secs(1);
/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of a wish to hear of changes.
#[derive(Debug)]
pub enum Subscribing {
    /// The client is notified of them.
    Done(Subscription),
    /// The server's own error, or that it offers nothing of the kind.
    Refused(Relayed),
}

/// A client's subscription to one resource. Dropping it ends the subscription.
#[derive(Debug)]
pub struct Subscription {
    of: Arc<Subscriptions>,
    address: Arc<str>,
    number: u64,
}

impl Subscription {
    /// Whether it is one with this server.
    pub(crate) fn is_with(&self, subscriptions: &Arc<Subscriptions>) -> bool {
        Arc::ptr_eq(&self.of, subscriptions)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let mut heard = locked(&self.of.heard);
        if let Some(hearers) = heard.get_mut(&self.address) {
            hearers.retain(|hearer| hearer.number != self.number);
            if hearers.is_empty() {
                heard.remove(&self.address);
                self.of.left.notify_one();
            }
        }
    }
}

#[derive(Debug)]
struct Hearer {
    number: u64,
    mailbox: Arc<Mailbox>,
}

/// Who hears of what, and what the server was asked for.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    heard: Mutex<HashMap<Arc<str>, Vec<Hearer>>>,
    /// Held by whoever asks the server: one at a time.
    asked: tokio::sync::Mutex<Asked>,
    /// Whether the server offers subscriptions. `None`: not known yet.
    offered: Mutex<Option<bool>>,
    /// The addresses that a server of the newer era has accepted.
    pub(super) acknowledged: watch::Sender<Arc<BTreeSet<String>>>,
    /// Nobody wants to hear of an address any more.
    left: Notify,
    /// The server has forgotten what it was asked for, on a connection that goes on.
    is_forgotten: AtomicBool,
    is_tended: AtomicBool,
    numbers: AtomicU64,
}

impl Subscriptions {
    /// Whether the server offers subscriptions, if known.
    pub(crate) fn offered(&self) -> Option<bool> {
        *locked(&self.offered)
    }

    /// The server says whether it offers subscriptions.
    pub(crate) fn offers(&self, config: &ServerConfig, offers: bool) {
        // Nobody keeps a connection that everybody could hear on.
        *locked(&self.offered) = Some(offers && config.share != Share::Run);
    }

    /// The server gave another session: what was asked for in the old one is gone.
    pub(crate) fn forgotten(&self) {
        self.is_forgotten.store(true, Ordering::SeqCst);
        self.left.notify_one();
    }

    /// The parameters of `notifications/resources/updated`.
    pub(crate) fn updated(&self, params: &str) {
        let address = raw::member(params, "uri").filter(|raw| raw.len() <= 6 * ADDRESS_BYTES);
        let Some(address) = address.and_then(|raw| serde_json::from_str::<String>(raw).ok()) else { return };
        if let Some((address, hearers)) = locked(&self.heard).get_key_value(&*address) {
            hearers.iter().for_each(|hearer| hearer.mailbox.put(address));
        }
    }

    /// The parameters of `notifications/subscriptions/acknowledged`.
    pub(crate) fn acknowledge(&self, params: &str) {
        let addresses = raw::member(params, "notifications").and_then(|all| raw::member(all, "resourceSubscriptions"));
        let Some(addresses) = addresses.filter(|_| params.len() <= NOTE_BYTES) else { return };
        let addresses = raw::elements(addresses).filter_map(|raw| serde_json::from_str(raw).ok());
        self.acknowledged.send_replace(Arc::new(addresses.collect()));
    }

    /// The addresses that somebody wants to hear of.
    pub(super) fn wanted(&self) -> BTreeSet<Arc<str>> {
        locked(&self.heard).keys().cloned().collect()
    }

    /// Has this client hear of the changes of a resource.
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
    ) -> Result<Subscribing, CallError> {
        let server = lane.dialer.config.name.clone();
        if address.len() > ADDRESS_BYTES {
            let message = format!("resource URIs are limited to {ADDRESS_BYTES} bytes");
            return Err(CallError::InvalidArguments(message));
        }
        let name = ToolName::new(&server, SUBSCRIBE);
        let asking = async {
            let connection = lane.connection().await.map_err(|refused| refused.of_call(&name))?.connection;
            if self.offered() != Some(true) {
                let message = format!("server {server} does not offer subscriptions to resources");
                return Ok(Subscribing::Refused(Relayed::Error { code: METHOD_NOT_FOUND, message, data: None }));
            }
            let mut asked = self.asked.lock().await;
            // First, so that a change that follows the answer at once is not missed.
            let subscription = self.hear(address.into(), mailbox);
            let holds =
                !self.is_forgotten.load(Ordering::SeqCst) && asked.holds_for(&connection, &subscription.address);
            if !holds
                && let Some(refused) =
                    asked.ask(self, lane, &connection, &subscription.address, deadline.clone()).await?
            {
                return Ok(Subscribing::Refused(refused));
            }
            Ok(Subscribing::Done(subscription))
        };
        let done =
            tokio::time::timeout_at(deadline.at().into(), asking).await.unwrap_or_else(|_| Err(deadline.missed()));
        if matches!(done, Ok(Subscribing::Done(_))) && !self.is_tended.swap(true, Ordering::SeqCst) {
            lane.dialer.runtime.spawn(tend(Arc::downgrade(self), Arc::downgrade(lane)));
        }
        done
    }

    fn hear(self: &Arc<Self>, address: Arc<str>, mailbox: &Arc<Mailbox>) -> Subscription {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let hearer = Hearer { number, mailbox: Arc::clone(mailbox) };
        locked(&self.heard).entry(Arc::clone(&address)).or_default().push(hearer);
        Subscription { of: Arc::clone(self), address, number }
    }

    /// Everything may have changed.
    fn all_updated(&self) {
        for (address, hearers) in locked(&self.heard).iter() {
            hearers.iter().for_each(|hearer| hearer.mailbox.put(address));
        }
    }

    /// Has the server do what is wanted now. Whether there is anything left to look after.
    async fn settle(self: &Arc<Self>, lane: &Arc<Lane>) -> bool {
        let mut asked = self.asked.lock().await;
        let wanted = self.wanted();
        let is_forgotten = self.is_forgotten.swap(false, Ordering::SeqCst);
        if !is_forgotten && asked.is_live(lane) {
            asked.give_up(self, lane, &wanted).await;
        } else if wanted.is_empty() {
            *asked = Asked::default();
        } else {
            match lane.connection().await {
                Ok(admitted) => {
                    asked.ask_anew(self, lane, &admitted.connection, &wanted).await;
                    self.all_updated();
                }
                // It is tried again. The lane says when that makes sense.
                Err(_) => *asked = Asked::default(),
            }
        }
        let is_done = asked.is_empty() && locked(&self.heard).is_empty();
        if is_done {
            self.is_tended.store(false, Ordering::SeqCst);
        }
        !is_done
    }
}

/// Looks after what one server was asked for, until it was asked for nothing any more.
async fn tend(subscriptions: Weak<Subscriptions>, lane: Weak<Lane>) {
    loop {
        let Some(of) = subscriptions.upgrade() else { return };
        let _ = tokio::time::timeout(LOOK, of.left.notified()).await;
        let Some(lane) = lane.upgrade() else { return };
        if tokio::time::timeout(PATIENCE, of.settle(&lane)).await == Ok(false) {
            return;
        }
    }
}
