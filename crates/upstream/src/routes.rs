//! Routes to the servers of one moment.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use exuvia_mcp_client::{Listing, RelayOptions, Relayed};
use exuvia_policy::{Offered, Permit, Provider};
use exuvia_tool::{BoxFuture, CallContext, CallError, DispatchTicket, Origin, ToolOutcome};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::AbortOnDropHandle;

use crate::limits::CallLimits;
use crate::mailbox::Mailbox;
use crate::server::{EndedCallers, UpstreamServer};
use crate::server::{Subscribing, Subscription};

/// The servers of one configuration, as ways to call their tools. Clones share the servers.
///
/// Holding routes keeps their servers alive when a new configuration replaces or removes them: such a server ends when no
/// routes lead to it and no call of it is in flight, or when its drain time is over. So a run that took its routes at its start
/// uses the same servers until its end.
#[derive(Debug, Clone)]
pub struct Routes(Arc<Table>);

#[derive(Debug)]
struct Table {
    servers: HashMap<String, Arc<Route>>,
    ended: Arc<EndedCallers>,
}

/// A server in use. Dropping the last clone signals that it is unused.
#[derive(Debug)]
pub(crate) struct Route {
    server: Arc<UpstreamServer>,
    unused: CancellationToken,
    _tells: DropGuard,
    /// Starts the server and keeps its list up to date. Ends with this.
    _upkeep: AbortOnDropHandle<()>,
}

impl Route {
    pub(crate) fn new(server: Arc<UpstreamServer>, upkeep: AbortOnDropHandle<()>) -> Self {
        let unused = CancellationToken::new();
        Self { server, _tells: unused.clone().drop_guard(), unused, _upkeep: upkeep }
    }

    pub(crate) fn server(&self) -> &Arc<UpstreamServer> {
        &self.server
    }

    /// Cancelled when the server is unused.
    pub(crate) fn unused(&self) -> CancellationToken {
        self.unused.clone()
    }
}

impl Routes {
    pub(crate) fn new(servers: HashMap<String, Arc<Route>>, ended: Arc<EndedCallers>) -> Self {
        Self(Arc::new(Table { servers, ended }))
    }

    pub(crate) fn get(&self, server: &str) -> Option<&Arc<Route>> {
        self.0.servers.get(server)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &Arc<Route>)> {
        self.0.servers.iter()
    }

    /// Makes the call that is permitted: the only way to call a tool.
    ///
    /// Dropping the future cancels the call and tells the server. A server that has ended is started again first. No call
    /// is ever sent twice.
    ///
    /// ```compile_fail
    /// # use exuvia_tool::{CallContext, ToolCall};
    /// # use exuvia_upstream::{CallLimits, Routes};
    /// fn without_a_permit(routes: &Routes, call: ToolCall, context: CallContext, limits: CallLimits) {
    ///     routes.call(call, context, limits);
    /// }
    /// ```
    #[must_use]
    pub fn call(&self, permit: Permit, context: CallContext, limits: CallLimits) -> BoxFuture<'static, ToolOutcome> {
        self.call_in_order(permit, context, limits, DispatchTicket::default())
    }

    /// The same, for a call that has to leave after those that got their tickets before it.
    #[must_use]
    pub fn call_in_order(
        &self,
        permit: Permit,
        context: CallContext,
        limits: CallLimits,
        ticket: DispatchTicket,
    ) -> BoxFuture<'static, ToolOutcome> {
        let server = &permit.call().name.server;
        let Some(route) = self.get(server).cloned() else { return no_server(server.clone()) };
        Box::pin(async move { route.server.call(permit, &context, limits, ticket, None).await })
    }

    /// The same, for a call whose server may ask the client of its run: questions come as `relay` says. A server of the modern era is
    /// sent the call again with each answer.
    #[must_use]
    pub fn call_asking(
        &self,
        permit: Permit,
        context: CallContext,
        limits: CallLimits,
        ticket: DispatchTicket,
        relay: RelayOptions,
    ) -> BoxFuture<'static, ToolOutcome> {
        let server = &permit.call().name.server;
        let Some(route) = self.get(server).cloned() else { return no_server(server.clone()) };
        Box::pin(async move { route.server.call(permit, &context, limits, ticket, Some(&relay)).await })
    }

    /// Makes the permitted call for a client of a direct server: returns the result as the server wrote it, and forwards the
    /// server's progress and questions meanwhile. The server's own `call_timeout` applies.
    ///
    /// Dropping the future cancels the call and tells the server.
    #[must_use]
    pub fn relay(
        &self,
        permit: Permit,
        context: CallContext,
        limits: CallLimits,
        options: RelayOptions,
    ) -> BoxFuture<'static, Result<Relayed, CallError>> {
        let server = &permit.call().name.server;
        let Some(route) = self.get(server).cloned() else { return no_server(server.clone()) };
        Box::pin(async move { route.server.relay(permit, &context, limits, options).await })
    }

    /// Makes the request that is permitted and that is no call of a tool, and gives the answer as it was written. The permit
    /// names it by its method, with its parameters as arguments.
    #[must_use]
    pub fn read(
        &self,
        permit: Permit,
        context: CallContext,
        limits: CallLimits,
        options: RelayOptions,
    ) -> BoxFuture<'static, Result<Relayed, CallError>> {
        let server = &permit.call().name.server;
        let Some(route) = self.get(server).cloned() else { return no_server(server.clone()) };
        Box::pin(async move { route.server.read(permit, &context, limits, options).await })
    }

    /// Subscribes a client to the changes of a resource, as permitted: `resources/subscribe`, with its address as the argument
    /// `uri`. They come into the client's mailbox, for as long as the subscription is held.
    #[must_use]
    pub fn subscribe(
        &self,
        permit: Permit,
        context: CallContext,
        mailbox: &Arc<Mailbox>,
    ) -> BoxFuture<'static, Result<Subscribing, CallError>> {
        let server = &permit.call().name.server;
        let Some(route) = self.get(server).cloned() else { return no_server(server.clone()) };
        let mailbox = Arc::clone(mailbox);
        Box::pin(async move { route.server.subscribe(permit, &context, &mailbox).await })
    }

    /// Whether a server offers subscriptions to its resources. `None`: not known yet.
    #[must_use]
    pub fn offers_subscriptions(&self, server: &str) -> Option<bool> {
        self.get(server)?.server.offers_subscriptions()
    }

    /// Whether a call with this context would go to a server over what all of its role share: neither a login nor connections of
    /// one principal.
    #[must_use]
    pub fn is_shared_by_role(&self, server: &str, context: &CallContext) -> bool {
        !self.get(server).is_some_and(|route| route.server.is_of_one_principal(context))
    }

    /// Whether this subscription is one with the server that has this name here, over a lane that is in use.
    #[must_use]
    pub fn has(&self, server: &str, subscription: &Subscription) -> bool {
        self.get(server).is_some_and(|route| route.server.has(subscription))
    }

    /// Asks a server for the page of a list at this cursor, and gives the answer as it was written.
    #[must_use]
    pub fn list(
        &self,
        server: &str,
        listing: Listing,
        cursor: Option<String>,
        context: CallContext,
        limits: CallLimits,
    ) -> BoxFuture<'static, Result<Relayed, CallError>> {
        let Some(route) = self.get(server).cloned() else { return no_server(server.to_owned()) };
        Box::pin(async move { route.server.list(listing, cursor.as_deref(), &context, limits).await })
    }

    /// A run, or a client's own call, that called over these routes is over: connections that belonged to it alone end in the
    /// background, and calls of it fail from now on.
    ///
    /// Cheap, may be called on any thread and more than once. Of the last 4,096 it is remembered that they are over.
    pub fn ended(&self, origin: &Origin) {
        if self.0.ended.runs.insert(origin) {
            self.0.servers.values().for_each(|route| route.server.ended(origin));
        }
    }

    /// A run goes on that was parked, and had [ended](Self::ended) here: it may call again, over new connections where they are its own.
    pub fn goes_on(&self, origin: &Origin) {
        self.0.ended.runs.remove(origin);
    }

    /// How long a client may take to answer what this server asks it.
    #[must_use]
    pub fn question_timeout(&self, server: &str) -> Duration {
        self.get(server).map_or(Duration::ZERO, |route| route.server.question_timeout())
    }

    /// A client that called over these routes is gone: connections that belonged to it alone end in the background, when its
    /// last call there is over. Those that a call of it opens that comes late end when they were idle for 2 s: of the last 4,096 clients it is
    /// remembered that they are gone.
    pub fn client_gone(&self, client: &Arc<str>) {
        self.0.ended.clients.insert(client);
        self.0.servers.values().for_each(|route| route.server.client_gone(client));
    }

    /// A client is here that was [gone](Self::client_gone): one that shares its connection with others.
    pub fn client_returned(&self, client: &Arc<str>) {
        self.0.ended.clients.remove(client);
    }
}

impl Provider for Routes {
    fn list(&self) -> Vec<Offered> {
        let offered = |(name, route): (&String, &Arc<Route>)| {
            let status = route.server.cell().read();
            Offered { server: name.clone(), tools: status.absence().map_or(Ok(status.tools), Err) }
        };
        self.iter().map(offered).collect()
    }

    fn call(&self, permit: Permit, context: CallContext, ticket: DispatchTicket) -> BoxFuture<'static, ToolOutcome> {
        // Whoever gives no deadline has the server's own.
        let limits = CallLimits { timeout: Duration::MAX, result_bytes: context.result_bytes };
        self.call_in_order(permit, context, limits, ticket)
    }
}

fn no_server<T: Send + 'static>(server: String) -> BoxFuture<'static, Result<T, CallError>> {
    Box::pin(async move { Err(CallError::UnknownTool(format!("unknown server {server}"))) })
}
