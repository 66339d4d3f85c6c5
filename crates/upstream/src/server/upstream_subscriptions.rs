//! The subscriptions made with a server on one connection.
//!
//! In the legacy era there is a request for each address. In the modern era a single request that stays open names all of them: for
//! another set there is another request, and the one before it ends once that is acknowledged.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use exuvia_config::Era;
use exuvia_mcp_client::{Connection, Input, Relayed, RequestKind, ServerAnswer, Slot, outcome, request};
use exuvia_tool::{CallError, Deadline, DispatchTicket, Place, ToolName};
use rmcp::model::{ClientRequest, SubscriptionFilter, SubscriptionsListenRequest, SubscriptionsListenRequestParams};
use serde_json::json;
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

use super::lane::Lane;
use super::subscribers::Subscribers;

/// By which permits, records and errors know a subscription.
pub(crate) const SUBSCRIBE: &str = "resources/subscribe";
const UNSUBSCRIBE: &str = "resources/unsubscribe";
/// How long a request may take that no client waits for.
const UNASKED: Duration = Duration::from_secs(10);
/// The longest answer that anything is made of.
const ANSWER_BYTES: u64 = 1 << 20;

/// What one server was asked for.
#[derive(Debug, Default)]
pub(crate) struct UpstreamSubscriptions {
    on: Weak<Connection>,
    addresses: BTreeSet<Arc<str>>,
    /// The request of the modern era.
    listening: Option<AbortOnDropHandle<()>>,
}

impl UpstreamSubscriptions {
    pub(super) fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    fn is_on(&self, connection: &Arc<Connection>) -> bool {
        std::ptr::eq(self.on.as_ptr(), Arc::as_ptr(connection)) && connection.is_open() && self.is_heard()
    }

    /// In the modern era a server may end the request at any time.
    fn is_heard(&self) -> bool {
        self.listening.as_ref().is_none_or(|listening| !listening.is_finished())
    }

    /// Whether the server is subscribed to for this address on this connection.
    pub(super) fn holds_for(&self, connection: &Arc<Connection>, address: &str) -> bool {
        self.is_on(connection) && self.addresses.contains(address)
    }

    /// Whether notifications of what was asked for can still arrive.
    pub(super) fn is_live(&self, lane: &Lane) -> bool {
        !self.is_empty() && lane.live().is_some_and(|connection| self.is_on(&connection))
    }

    /// Asks for one address more. Gives what the server says against it.
    pub(super) async fn ask(
        &mut self,
        of: &Arc<Subscribers>,
        lane: &Arc<Lane>,
        connection: &Arc<Connection>,
        address: &Arc<str>,
        deadline: Deadline,
    ) -> Result<Option<Relayed>, CallError> {
        if !self.is_on(connection) {
            if !self.is_empty() {
                // Whoever looks after the others finds them missing.
                of.forgotten();
            }
            *self = Self { on: Arc::downgrade(connection), ..Self::default() };
        }
        let refused = match connection.era() {
            Era::Legacy => one(lane, SUBSCRIBE, address, deadline).await?,
            Era::Modern => {
                let mut addresses = self.addresses.clone();
                addresses.insert(Arc::clone(address));
                self.listen(of, lane, connection, &addresses, Some(address)).await?
            }
        };
        if refused.is_none() {
            self.addresses.insert(Arc::clone(address));
        }
        Ok(refused)
    }

    /// Asks for all of these on another connection. What the server says against one of them its clients find out when they read.
    pub(super) async fn ask_anew(
        &mut self,
        of: &Arc<Subscribers>,
        lane: &Arc<Lane>,
        connection: &Arc<Connection>,
        wanted: &BTreeSet<Arc<str>>,
    ) {
        *self = Self { on: Arc::downgrade(connection), ..Self::default() };
        if connection.era() == Era::Modern {
            let _ = self.listen(of, lane, connection, wanted, None).await;
        } else {
            for address in wanted {
                match one(lane, SUBSCRIBE, address, unasked()).await {
                    Ok(None) => {}
                    // It says the same each time: not asked again on this connection.
                    Ok(Some(_)) => {
                        tracing::debug!(server.name = %lane.dialer.config.name, "a subscription was refused")
                    }
                    Err(_) if !connection.is_open() => return,
                    Err(_) => {}
                }
            }
        }
        self.addresses.clone_from(wanted);
    }

    /// Unsubscribes from the addresses that have no subscribers any more.
    pub(super) async fn give_up(&mut self, of: &Arc<Subscribers>, lane: &Arc<Lane>, wanted: &BTreeSet<Arc<str>>) {
        let Some(connection) = self.on.upgrade() else { return };
        let unwanted: Vec<Arc<str>> = self.addresses.difference(wanted).cloned().collect();
        if unwanted.is_empty() {
            return;
        }
        let kept: BTreeSet<Arc<str>> = self.addresses.intersection(wanted).cloned().collect();
        match connection.era() {
            Era::Modern if kept.is_empty() => self.listening = None,
            Era::Modern => {
                let _ = self.listen(of, lane, &connection, &kept, None).await;
            }
            Era::Legacy => {
                for address in unwanted {
                    let _ = one(lane, UNSUBSCRIBE, &address, unasked()).await;
                }
            }
        }
        self.addresses = kept;
    }

    /// Sends the request of the modern era for these. `first` has to be among what the server acknowledges.
    async fn listen(
        &mut self,
        of: &Arc<Subscribers>,
        lane: &Arc<Lane>,
        connection: &Arc<Connection>,
        addresses: &BTreeSet<Arc<str>>,
        first: Option<&Arc<str>>,
    ) -> Result<Option<Relayed>, CallError> {
        let filter = SubscriptionFilter::builder().resource_subscriptions(addresses.iter().map(ToString::to_string));
        let params = SubscriptionsListenRequestParams::new(filter.build());
        let request = ClientRequest::SubscriptionsListenRequest(SubscriptionsListenRequest::new(params));
        let mut acknowledged = of.acknowledged.subscribe();
        acknowledged.mark_unchanged();
        let (ends, ended) = oneshot::channel();
        let talking = Arc::clone(connection);
        let listening = AbortOnDropHandle::new(lane.dialer.runtime.spawn(async move {
            let contents = talking.send(request, Slot::new(RequestKind::Listen), None, Place::default()).await;
            let _ = ends.send(contents.ok().and_then(|contents| contents.answer));
        }));
        let answer = tokio::select! {
            biased;
            ended = ended => Err(ended.ok().flatten()),
            changed = acknowledged.changed() => Ok(changed.is_ok()),
            () = tokio::time::sleep(UNASKED) => Ok(false),
        };
        let told = match answer {
            Ok(true) if first.is_none_or(|first| acknowledged.borrow().contains(&**first)) => {
                self.listening = Some(listening);
                return Ok(None);
            }
            Ok(true) => "declines to announce changes of this resource",
            Err(Some(answer @ ServerAnswer::Error { .. })) => return Ok(outcome::refusal(answer)),
            Ok(false) | Err(_) => "does not acknowledge the subscription",
        };
        Ok(Some(Relayed::Error { code: -32_603, message: format!("the server {told}"), data: None }))
    }
}

fn unasked() -> Deadline {
    Deadline::after(Instant::now(), UNASKED)
}

/// Sends a request of the legacy era. Gives the server's error.
async fn one(
    lane: &Arc<Lane>,
    method: &'static str,
    address: &str,
    deadline: Deadline,
) -> Result<Option<Relayed>, CallError> {
    let name = ToolName::new(&lane.dialer.config.name, method);
    let unusable = || CallError::InvalidArguments(format!("{name}: invalid arguments"));
    let request = request(method, json!({ "uri": address }), Input::default()).ok_or_else(unusable)?;
    let contents = lane.call(&name, None, request, None, deadline, DispatchTicket::default()).await?;
    let message_bytes = lane.dialer.limits.message_bytes;
    let relayed = outcome::relayed(contents, &name, false, ANSWER_BYTES, message_bytes)?;
    Ok(Some(relayed).filter(|relayed| matches!(relayed, Relayed::Error { .. })))
}
