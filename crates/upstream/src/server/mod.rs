//! One configured server: its lanes, and what is known of its tools.

mod backoff;
mod breaker;
mod credentials;
mod dialer;
mod elicitation_history;
mod ended_callers;
mod health;
mod lane;
mod lane_error;
mod lane_owner;
mod lane_state;
mod lanes;
mod missing_logins;
mod reads;
mod schedule;
mod subscribers;
mod subscription;
mod subscriptions;
mod upkeep;
mod upstream_subscriptions;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use exuvia_config::{RoleCredential, ServerConfig, Share, Transport, UpstreamLimits};
use exuvia_mcp_client::{Input, InputRequests, Listing, Reaper, RelayOptions, Relayed, call, offload, outcome};
use exuvia_policy::Permit;
use exuvia_tool::{
    Arguments, CallContext, CallError, CredentialId, Deadline, DispatchTicket, Origin, ToolCall, ToolName, ToolOutcome,
    locked, raw,
};
use exuvia_trace::Span;
use rmcp::model::ClientRequest;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::call_span;
use crate::limits::CallLimits;
use crate::mailbox::Mailbox;
use crate::status::{Failing, LaneCounts, StatusBoard, StatusCell};
use dialer::Dialer;
pub(crate) use ended_callers::EndedCallers;
use lanes::Lanes;
pub use subscription::{Subscribing, Subscription};

/// How long a client waits to be subscribed.
const SUBSCRIBED: Duration = Duration::from_secs(30);
/// How often a call of a script is sent whose server asks in its answer.
const ROUNDS: usize = 10;

/// A server, running or not.
#[derive(Debug)]
pub(crate) struct UpstreamServer {
    dialer: Arc<Dialer>,
    lanes: Lanes,
    /// The tools whose values come boxed.
    boxed: Mutex<Arc<HashSet<String>>>,
    board: Arc<StatusBoard>,
    /// What is known of it.
    cell: Arc<StatusCell>,
    shut_down: CancellationToken,
}

impl UpstreamServer {
    /// Must run on the runtime on which connections shall live.
    pub(crate) fn new(
        mut config: ServerConfig,
        limits: UpstreamLimits,
        reaper: Arc<Reaper>,
        ended: Arc<EndedCallers>,
        board: Arc<StatusBoard>,
        cell: Arc<StatusCell>,
    ) -> Self {
        let credentials = std::mem::take(&mut config.credentials);
        let dialer = Arc::new(Dialer::new(config, limits, reaper));
        let lanes = Lanes::new(dialer.clone(), ended, credentials);
        Self { dialer, lanes, boxed: Mutex::default(), board, cell, shut_down: CancellationToken::new() }
    }

    /// Whether nobody else speaks to it as this caller does: with a login of its own, or over connections of its own.
    pub(crate) fn is_of_one_principal(&self, context: &CallContext) -> bool {
        self.lanes.is_of_one_principal(context)
    }

    pub(crate) fn name(&self) -> &str {
        &self.dialer.config.name
    }

    pub(crate) fn question_timeout(&self) -> Duration {
        self.dialer.config.question_timeout
    }

    pub(crate) fn cell(&self) -> &Arc<StatusCell> {
        &self.cell
    }

    /// Why its calls fail at the moment, those over lanes of keys and other credentials aside.
    pub(crate) fn failing(&self) -> Option<Failing> {
        self.lanes.first().health().failing()
    }

    /// The last lines that its processes wrote to standard error.
    pub(crate) fn log(&self, lines: usize) -> Vec<String> {
        self.dialer.log.last(lines)
    }

    /// Closes the operator's connection and reads the list anew, over another one. Calls in flight on it break off.
    pub(crate) fn reconnect(&self) {
        self.lanes.first().disconnect();
        self.dialer.stale.notify_one();
    }

    /// The lanes beside that of the operator.
    pub(crate) fn lane_counts(&self) -> LaneCounts {
        self.lanes.counts()
    }

    /// Where its connections live.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.dialer.runtime
    }

    /// Whether it is the one of this configuration, to the last value but the [credentials](Self::set_credentials).
    pub(crate) fn is_of(&self, config: &ServerConfig, limits: UpstreamLimits) -> bool {
        let own = ServerConfig { credentials: config.credentials.clone(), ..self.dialer.config.clone() };
        own == *config && self.dialer.limits == limits
    }

    /// Puts other credentials of callers in force; lanes of those that were replaced drain.
    pub(crate) fn set_credentials(&self, credentials: BTreeMap<CredentialId, RoleCredential>, drain: Duration) {
        self.lanes.set_credentials(credentials, drain);
    }

    /// Makes the call that is permitted.
    pub(crate) async fn call(
        &self,
        permit: Permit,
        context: &CallContext,
        limits: CallLimits,
        ticket: DispatchTicket,
        relay: Option<&RelayOptions>,
    ) -> ToolOutcome {
        let span = call_span::begin(&self.dialer.config, permit.call().id, &permit.call().name, context);
        let outcome = span.scope().over(self.dispatch(permit, context, limits, ticket, relay)).await;
        call_span::end(span, &outcome);
        outcome
    }

    async fn dispatch(
        &self,
        permit: Permit,
        context: &CallContext,
        limits: CallLimits,
        ticket: DispatchTicket,
        relay: Option<&RelayOptions>,
    ) -> ToolOutcome {
        let own = self.deadline();
        let ToolCall { name, arguments, .. } = permit.into_call();
        let deadline =
            context.deadline.clone().unwrap_or_else(|| Deadline::after(Instant::now(), limits.timeout)).or_earlier(own);
        let asks = relay.map(|_| name.tool.as_str());
        let lane = self.lanes.lease(context, asks).map_err(|refused| refused.of_call(&name))?;
        let (asker, patience) = (relay.and_then(|relay| relay.interim.as_ref()), self.question_timeout());
        let (mut input, mut ticket, mut rounds, mut arguments) = (Input::default(), ticket, ROUNDS, Some(arguments));
        let contents = loop {
            // Kept where the call may be sent again, with an answer.
            let sent = if asker.is_some() { arguments.clone() } else { arguments.take() };
            let Some(sent) = sent else { return Err(deadline.missed()) };
            let (request, client) = (self.request(&name, sent, std::mem::take(&mut input))?, context.client.as_ref());
            let ticket = std::mem::take(&mut ticket);
            let contents = lane.call(&name, client, request, relay, deadline.clone(), ticket).await?;
            rounds -= 1;
            let asks = asker.filter(|_| rounds > 0);
            let asks = asks.and_then(|asker| Some((asker, InputRequests::of(&contents, patience)?)));
            let Some((asker, asks)) = asks else { break contents };
            match asks.answered(asker).await {
                Some(answers) => input = answers,
                None => break contents,
            }
        };
        let boxed = locked(&self.boxed).contains(&name.tool);
        let hint = lane.unlisted_hint(&contents, &name);
        let text_bytes = outcome::text_bytes(&contents);
        let message_bytes = self.dialer.limits.message_bytes;
        let read = move || outcome::outcome(contents, &name, boxed, limits.result_bytes, message_bytes);
        match (offload(text_bytes, read).await, hint) {
            (Err(CallError::ToolFailed { message, data }), Some(hint)) => {
                Err(CallError::ToolFailed { message: format!("{message}: {hint}"), data })
            }
            (outcome, _) => outcome,
        }
    }

    /// A call of a tool with these arguments, which become no tree.
    fn request(&self, name: &ToolName, arguments: Arguments, input: Input) -> Result<ClientRequest, CallError> {
        if !arguments.as_str().trim_start().starts_with('{') {
            return Err(CallError::InvalidArguments(format!("the arguments of {name} must be an object")));
        }
        // Over HTTP some arguments are repeated in headers.
        let has_outline = matches!(self.dialer.config.transport, Transport::Http(_));
        Ok(call(name.tool.clone(), arguments, has_outline, input))
    }

    /// Makes the call that is permitted and gives the answer as it was written.
    pub(crate) async fn relay(
        &self,
        permit: Permit,
        context: &CallContext,
        limits: CallLimits,
        options: RelayOptions,
    ) -> Result<Relayed, CallError> {
        let ToolCall { id, name, arguments, .. } = permit.into_call();
        let request = self.request(&name, arguments, options.input.clone())?;
        let span = call_span::begin(&self.dialer.config, id, &name, context);
        self.relayed(span, &name, request, context, limits, &options).await
    }

    /// Makes the request that is permitted and that is no call, and gives the answer as it was written.
    pub(crate) async fn read(
        &self,
        permit: Permit,
        context: &CallContext,
        limits: CallLimits,
        options: RelayOptions,
    ) -> Result<Relayed, CallError> {
        let ToolCall { name, arguments, .. } = permit.into_call();
        let unusable = || CallError::InvalidArguments(format!("{name}: invalid arguments"));
        let (method, request) = reads::permitted(&name, arguments, options.input.clone()).ok_or_else(unusable)?;
        let span = call_span::begin_query(&self.dialer.config, method, context);
        self.relayed(span, &name, request, context, limits, &options).await
    }

    /// Subscribes a client to the changes of a resource, as permitted.
    pub(crate) async fn subscribe(
        &self,
        permit: Permit,
        context: &CallContext,
        mailbox: &Arc<Mailbox>,
    ) -> Result<Subscribing, CallError> {
        let ToolCall { name, arguments, .. } = permit.into_call();
        let unusable = || CallError::InvalidArguments(format!("{name}: invalid arguments"));
        let address = raw::member(arguments.as_str(), "uri").and_then(|raw| serde_json::from_str(raw).ok());
        let address: String = address.ok_or_else(unusable)?;
        let deadline = Deadline::after(Instant::now(), SUBSCRIBED).or_earlier(self.own_deadline(context));
        let span = call_span::begin_query(&self.dialer.config, upstream_subscriptions::SUBSCRIBE, context);
        let subscribing = span.scope().over(self.subscribed(&name, context, address, mailbox, deadline)).await;
        span.end(match &subscribing {
            Ok(Subscribing::Done(_)) => None,
            Ok(Subscribing::Refused(_)) => Some("refused"),
            Err(error) => Some(call_span::error_type(error)),
        });
        subscribing
    }

    async fn subscribed(
        &self,
        name: &ToolName,
        context: &CallContext,
        address: String,
        mailbox: &Arc<Mailbox>,
        deadline: Deadline,
    ) -> Result<Subscribing, CallError> {
        let lane = match self.dialer.config.share {
            // It offers none: a process for a run is no place for them.
            Share::Run => self.lanes.lease_first(),
            Share::All | Share::Key => self.lanes.lease(context, None).map_err(|refused| refused.of_call(name))?,
        };
        let subscribed = self.lanes.subscriptions(&lane).subscribe(&lane, address, mailbox, deadline).await?;
        Ok(subscribed.map_or_else(Subscribing::Refused, |place| Subscribing::Done(Subscription::new(place, lane))))
    }

    /// Whether it offers subscriptions to its resources. None: not known yet.
    pub(crate) fn offers_subscriptions(&self) -> Option<bool> {
        self.lanes.subscribers().offered()
    }

    /// Whether changes still come for this subscription.
    pub(crate) fn has(&self, subscription: &Subscription) -> bool {
        self.lanes.has(subscription)
    }

    /// Asks for a page of a list.
    pub(crate) async fn list(
        &self,
        listing: Listing,
        cursor: Option<&str>,
        context: &CallContext,
        limits: CallLimits,
    ) -> Result<Relayed, CallError> {
        let name = ToolName::new(self.name(), listing.method());
        let unusable = || CallError::InvalidArguments(format!("{name}: invalid arguments"));
        let request = listing.request(cursor).ok_or_else(unusable)?;
        let span = call_span::begin_query(&self.dialer.config, listing.method(), context);
        let options = RelayOptions::default();
        self.relayed(span, &name, request, context, limits, &options).await
    }

    /// Sends a request and gives the answer as it was written.
    async fn relayed(
        &self,
        span: Span,
        name: &ToolName,
        request: ClientRequest,
        context: &CallContext,
        limits: CallLimits,
        options: &RelayOptions,
    ) -> Result<Relayed, CallError> {
        let relayed = async {
            let asks = options.can.any().then_some(name.tool.as_str());
            let lane = self.lanes.lease(context, asks).map_err(|refused| refused.of_call(name))?;
            let is_call = matches!(request, ClientRequest::CallToolRequest(_));
            // A person may have to be asked: the server's own limit counts, and not that for calls of scripts.
            let (client, ticket) = (context.client.as_ref(), DispatchTicket::default());
            let contents = lane.call(name, client, request, Some(options), self.own_deadline(context), ticket).await?;
            let text_bytes = outcome::text_bytes(&contents);
            let hint = lane.unlisted_hint(&contents, name).filter(|_| is_call);
            let (name, message_bytes) = (name.clone(), self.dialer.limits.message_bytes);
            let read = move || outcome::relayed(contents, &name, is_call, limits.result_bytes, message_bytes);
            match (offload(text_bytes, read).await, hint) {
                (Ok(Relayed::Error { code, message, data }), Some(hint)) => {
                    Ok(Relayed::Error { code, message: format!("{message}: {hint}"), data })
                }
                (relayed, _) => relayed,
            }
        };
        let relayed = span.scope().over(relayed).await;
        call_span::end_relayed(span, &relayed);
        relayed
    }

    /// When a call that begins now has taken longer than the server may.
    fn deadline(&self) -> Deadline {
        Deadline::after(Instant::now(), self.dialer.config.call_timeout)
    }

    /// The same, or the context's own deadline if that is earlier.
    fn own_deadline(&self, context: &CallContext) -> Deadline {
        let own = self.deadline();
        match &context.deadline {
            Some(deadline) => deadline.clone().or_earlier(own),
            None => own,
        }
    }

    /// A run, or a client's own call, is over. It must have been marked as ended.
    pub(crate) fn ended(&self, origin: &Origin) {
        self.lanes.ended(origin);
    }

    /// A client is gone. It must have been marked as ended.
    pub(crate) fn client_gone(&self, client: &str) {
        self.lanes.client_gone(client);
    }

    /// Ends the server. No call starts it again.
    pub(crate) async fn shut_down(&self) {
        self.shut_down.cancel();
        self.lanes.shut_down().await;
    }
}
