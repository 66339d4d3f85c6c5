//! The subscribers to the resources of one server, as one tenant sees them.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use exuvia_config::{ServerConfig, Share};
use exuvia_mcp_client::ResourceListener;
use exuvia_tool::{locked, raw};
use tokio::sync::{Notify, watch};

use crate::mailbox::Mailbox;

/// The longest address that can be subscribed to, in bytes.
pub(super) const ADDRESS_BYTES: usize = 2 << 10;
/// The longest notification that is read.
const NOTE_BYTES: usize = 4 << 20;

/// A client's place among the subscribers to one resource. Dropping it ends the subscription.
#[derive(Debug)]
pub(crate) struct SubscriberPlace {
    of: Arc<Subscribers>,
    address: Arc<str>,
    number: u64,
}

impl SubscriberPlace {
    /// Whether it is one among these.
    pub(super) fn is_with(&self, subscribers: &Arc<Subscribers>) -> bool {
        Arc::ptr_eq(&self.of, subscribers)
    }

    /// The address of the resource.
    pub(super) fn address(&self) -> &Arc<str> {
        &self.address
    }
}

impl Drop for SubscriberPlace {
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
struct Subscriber {
    number: u64,
    mailbox: Arc<Mailbox>,
}

/// The subscribers, and what the server acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    heard: Mutex<HashMap<Arc<str>, Vec<Subscriber>>>,
    /// Whether the server offers subscriptions. `None`: not known yet.
    offered: Mutex<Option<bool>>,
    /// The addresses that a server of the modern era has accepted.
    pub(super) acknowledged: watch::Sender<Arc<BTreeSet<String>>>,
    /// An address has lost its last subscriber.
    pub(super) left: Notify,
    /// The server has dropped the subscriptions, on a connection that stays open.
    is_forgotten: AtomicBool,
    numbers: AtomicU64,
}

impl Subscribers {
    /// Whether the server offers subscriptions, if known.
    pub(crate) fn offered(&self) -> Option<bool> {
        *locked(&self.offered)
    }

    /// The server says whether it offers subscriptions.
    pub(crate) fn offers(&self, config: &ServerConfig, offers: bool) {
        // No connection is kept on which notifications for everybody could arrive.
        *locked(&self.offered) = Some(offers && config.share != Share::Run);
    }

    /// The server gave another session: what was asked for in the old one is gone.
    pub(crate) fn forgotten(&self) {
        self.is_forgotten.store(true, Ordering::SeqCst);
        self.left.notify_one();
    }

    /// The addresses that have subscribers.
    pub(super) fn wanted(&self) -> BTreeSet<Arc<str>> {
        locked(&self.heard).keys().cloned().collect()
    }

    /// Whether there are no subscribers.
    pub(super) fn is_empty(&self) -> bool {
        locked(&self.heard).is_empty()
    }

    /// Whether the server has forgotten what it was asked for.
    pub(super) fn is_forgotten(&self) -> bool {
        self.is_forgotten.load(Ordering::SeqCst)
    }

    /// Returns whether the server has dropped them, and resets that: the caller subscribes again.
    pub(super) fn take_forgotten(&self) -> bool {
        self.is_forgotten.swap(false, Ordering::SeqCst)
    }

    /// Everything may have changed.
    pub(super) fn all_updated(&self) {
        for (address, hearers) in locked(&self.heard).iter() {
            hearers.iter().for_each(|hearer| hearer.mailbox.put(address));
        }
    }

    /// Adds a subscriber to this resource, until the subscription is dropped.
    pub(super) fn add_subscriber(self: &Arc<Self>, address: Arc<str>, mailbox: &Arc<Mailbox>) -> SubscriberPlace {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let hearer = Subscriber { number, mailbox: Arc::clone(mailbox) };
        locked(&self.heard).entry(Arc::clone(&address)).or_default().push(hearer);
        SubscriberPlace { of: Arc::clone(self), address, number }
    }
}

impl ResourceListener for Subscribers {
    fn updated(&self, params: &str) {
        let address = raw::member(params, "uri").filter(|raw| raw.len() <= 6 * ADDRESS_BYTES);
        let Some(address) = address.and_then(|raw| serde_json::from_str::<String>(raw).ok()) else { return };
        if let Some((address, hearers)) = locked(&self.heard).get_key_value(&*address) {
            hearers.iter().for_each(|hearer| hearer.mailbox.put(address));
        }
    }

    fn acknowledged(&self, params: &str) {
        let addresses = raw::member(params, "notifications").and_then(|all| raw::member(all, "resourceSubscriptions"));
        let Some(addresses) = addresses.filter(|_| params.len() <= NOTE_BYTES) else { return };
        let addresses = raw::elements(addresses).filter_map(|raw| serde_json::from_str(raw).ok());
        self.acknowledged.send_replace(Arc::new(addresses.collect()));
    }
}
