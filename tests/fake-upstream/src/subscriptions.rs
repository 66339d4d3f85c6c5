//! Changes of resources, and their subscribers.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::out::Later;

/// The subscribers of each resource.
#[derive(Default)]
pub(crate) struct Subscriptions {
    /// In the legacy era, of the one client there is.
    addresses: HashSet<String>,
    /// In the modern era: the ways, the ids of the requests, and the addresses.
    listening: Vec<(Later, Value, HashSet<String>)>,
}

impl Subscriptions {
    /// Takes `resources/subscribe` or `resources/unsubscribe`.
    pub(crate) fn set(&mut self, address: &str, subscribed: bool) {
        match subscribed {
            true => self.addresses.insert(address.to_owned()),
            false => self.addresses.remove(address),
        };
    }

    /// Takes a request that listens.
    pub(crate) fn listen(&mut self, way: Later, id: &Value, addresses: &Value) {
        let addresses = addresses.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned));
        self.listening.push((way, id.clone(), addresses.collect()));
    }

    /// A request that listens was cancelled.
    pub(crate) fn cancel(&mut self, id: &Value) {
        self.listening.retain(|(_, listening, _)| listening != id);
    }

    /// Tells that the resource has changed, to all listeners of the legacy era here, and to those who listen to it in the modern one.
    pub(crate) fn touch(&mut self, address: &str, legacy: &[Later]) {
        let mut updated = json!({
            "jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": address},
        });
        if self.addresses.contains(address) {
            for way in legacy {
                way(updated.to_string().as_bytes());
            }
        }
        self.listening.retain(|(way, id, addresses)| {
            updated["params"]["_meta"] = json!({"io.modelcontextprotocol/subscriptionId": id});
            !addresses.contains(address) || way(updated.to_string().as_bytes())
        });
    }
}
