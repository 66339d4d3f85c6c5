//! Resource subscriptions of clients: authorized and recorded like a read, and bounded.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use exuvia_mcp_client::Relayed;
use exuvia_policy::Policy;
use exuvia_tool::{Arguments, CallError, CallId, Principal, ToolCall, ToolName};
use exuvia_upstream::{Mailbox, Subscribing, Subscription};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::call::{CallKind, CallRejected};
use crate::end_guards::CallCountGuard;
use crate::{Client, DirectAnswer, DirectCall, Gateway, View};

/// By which lists and the record know it.
const SUBSCRIBE: &str = "resources/subscribe";
/// Subscriptions of one client.
const OWN: usize = 128;
/// Subscriptions of all clients.
const ALL: usize = 1_024;
/// Subscriptions of all clients of one principal, but for the operator.
const OF_PRINCIPAL: usize = ALL / 2;

/// The subscribers, by client.
#[derive(Debug)]
pub(crate) struct ClientSubscriptions {
    clients: Mutex<HashMap<Client, Subscriber>>,
    room: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Subscriber {
    mailbox: Arc<Mailbox>,
    /// By address.
    held: HashMap<String, HeldSubscription>,
}

#[derive(Debug)]
struct HeldSubscription {
    server: String,
    /// What it was permitted by.
    policy: Arc<Policy>,
    subscription: Subscription,
    _room: OwnedSemaphorePermit,
}

impl Default for ClientSubscriptions {
    fn default() -> Self {
        Self { clients: Mutex::default(), room: Arc::new(Semaphore::new(ALL)) }
    }
}

impl ClientSubscriptions {
    fn clients(&self) -> MutexGuard<'_, HashMap<Client, Subscriber>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for one more subscription of a client.
    fn room(&self, client: &Client, address: &str) -> Result<OwnedSemaphorePermit, CallError> {
        let full = |limit: &str, allowed: usize| {
            let (limit, allowed) = (limit.to_owned(), allowed as u64);
            CallError::LimitReached { limit, allowed, used: allowed + 1 }
        };
        let clients = self.clients();
        let own = clients.get(client).map_or(0, |own| own.held.len() - usize::from(own.held.contains_key(address)));
        if own >= OWN {
            return Err(full("subscriptions of one client", OWN));
        }
        let principal = client.principal();
        let of_principal = clients.iter().filter(|(other, _)| other.principal() == principal);
        let of_principal: usize = of_principal.map(|(_, other)| other.held.len()).sum();
        if *principal != Principal::Operator && of_principal >= OF_PRINCIPAL {
            return Err(full("subscriptions of one key", OF_PRINCIPAL));
        }
        drop(clients);
        Arc::clone(&self.room).try_acquire_owned().map_err(|_| full("subscriptions", ALL))
    }
}

impl Gateway {
    /// The mailbox of a client for resource changes. Kept until the client is [forgotten](Self::forget_subscriptions).
    #[must_use]
    pub fn mailbox(&self, client: &Client) -> Arc<Mailbox> {
        Arc::clone(&self.subscribers.clients().entry(client.clone()).or_default().mailbox)
    }

    /// Subscribes a client to the changes of a resource of a direct server of `view`. Asking once more changes nothing.
    ///
    /// # Errors
    ///
    /// Why not: the policy, a bound, the server.
    pub async fn subscribe(
        &self,
        view: &View,
        client: &Client,
        server: &str,
        address: &str,
    ) -> Result<(), DirectAnswer> {
        let _place = self.requests.enter(client).map_err(|busy| DirectAnswer::Failed(DirectCall::busy(&busy)))?;
        let mailbox = self.mailbox(client);
        let (tools, over) = self.direct_tools(view, client.identity(), Some(client), CallKind::Read);
        let _over = over;
        let mut counted = CallCountGuard::new(&tools.run().metrics, Some(server.to_owned()), None);
        let (name, arguments) = (ToolName::new(server, SUBSCRIBE), Arguments::from_tree(json!({ "uri": address })));
        let call = ToolCall { id: CallId(1), name, arguments, line: None };
        let done = async {
            let room = self.subscribers.room(client, address).map_err(DirectAnswer::Failed)?;
            let (permit, mut recorded) =
                tools.admit(call, CallKind::Read).await.map_err(|rejected| match rejected {
                    CallRejected::Refused { error, .. } => DirectAnswer::Failed(error),
                    CallRejected::Held(held) => DirectAnswer::Held(*held),
                })?;
            let subscribing = view.direct().routes.subscribe(permit, tools.run().call_context(), &mailbox).await;
            let subscribing = match subscribing {
                Ok(Subscribing::Done(subscription)) => Ok((subscription, room)),
                Ok(Subscribing::Refused(refused)) => Err(DirectAnswer::Relayed(refused)),
                Err(error) => Err(DirectAnswer::Failed(error)),
            };
            recorded.relayed(code(&subscribing), None, 0);
            subscribing
        };
        let done = done.await;
        counted.code = Some(code(&done));
        let (subscription, room) = done?;
        let held = HeldSubscription { server: server.to_owned(), policy: self.policy(), subscription, _room: room };
        let mut clients = self.subscribers.clients();
        // A client that was removed meanwhile is not notified.
        if let Some(own) = clients.get_mut(client).filter(|own| Arc::ptr_eq(&own.mailbox, &mailbox)) {
            own.held.insert(address.to_owned(), held);
        }
        Ok(())
    }

    /// Unsubscribes a client from a resource. Returns whether it was subscribed.
    pub fn unsubscribe(&self, client: &Client, address: &str) -> bool {
        let mut clients = self.subscribers.clients();
        let Some(own) = clients.get_mut(client) else { return false };
        let held = own.held.remove(address);
        own.mailbox.forget(address);
        held.is_some()
    }

    /// A client is gone: nothing of what it was subscribed to is kept.
    pub fn forget_subscriptions(&self, client: &Client) {
        let forgotten = self.subscribers.clients().remove(client);
        drop(forgotten);
    }

    /// Renews the subscriptions of a client whose servers or policy were replaced. For resources that may have changed
    /// meanwhile, or can no longer be subscribed to, the client is notified once, so that it reads them again.
    pub async fn renew_subscriptions(&self, view: &View, client: &Client) {
        let routes = &view.direct().routes;
        let policy = self.policy();
        let is_stale = |held: &HeldSubscription| {
            !Arc::ptr_eq(&held.policy, &policy) || !routes.has(&held.server, &held.subscription)
        };
        let (stale, mailbox): (Vec<(String, String)>, _) = {
            let clients = self.subscribers.clients();
            let Some(own) = clients.get(client) else { return };
            let stale = own.held.iter().filter(|(_, held)| is_stale(held));
            (stale.map(|(address, held)| (address.clone(), held.server.clone())).collect(), Arc::clone(&own.mailbox))
        };
        for (address, server) in stale {
            let is_direct = view.direct_servers().any(|direct| direct == server);
            if !is_direct || self.subscribe(view, client, &server, &address).await.is_err() {
                self.unsubscribe(client, &address);
            }
            mailbox.notify(&address);
        }
    }

    /// Whether subscriptions are declared to clients of `view`: a server offers them, or is not known yet not to.
    #[must_use]
    pub fn offers_subscriptions(&self, view: &View) -> bool {
        let routes = &view.direct().routes;
        view.direct_servers().any(|server| routes.offers_subscriptions(server) != Some(false))
    }
}

fn code<T>(done: &Result<T, DirectAnswer>) -> &'static str {
    match done {
        Ok(_) => "ok",
        Err(DirectAnswer::Relayed(relayed @ Relayed::Error { .. })) => relayed.code(),
        Err(answer) => answer.code(),
    }
}
