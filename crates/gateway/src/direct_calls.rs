//! Direct calls of clients: validated, authorized and recorded like a script's.

use std::sync::Arc;
use std::time::Duration;

use exuvia_access::Identity;
use exuvia_mcp_client::{InterimMessage, Query, RelayOptions, Relayed};
use exuvia_policy::Grants;
use exuvia_tool::{Arguments, BoxFuture, CallContext, CallError, CallId, HeldCall, Origin, ToolCall, ToolName};
use tokio::sync::mpsc;

use crate::call::{AWAITING, CallKind, CallRejected, RunParts, RunTools, call_limits};
use crate::end_guards::CallCountGuard;
use crate::end_guards::OriginEndGuard;
use crate::queue::{Busy, QueuePlace};
use crate::{Client, Gateway, QueueLimits, View};

/// News that waits for a client; what a server says beyond that is lost.
const INTERIM_MESSAGES: usize = 16;
/// The limit on calls and other requests of clients in flight to direct servers. A client with a session may abandon requests
/// and send more.
pub(crate) const REQUESTS: QueueLimits = QueueLimits { runs: 1_024, runs_per_client: 256 };

/// What came of a client's own call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectAnswer {
    /// What the server answered, as written.
    Relayed(Relayed),
    /// There is no answer.
    Failed(CallError),
    /// Somebody has to be asked first.
    Held(HeldCall),
}

/// A client's own call in flight. Dropping it cancels it.
#[non_exhaustive]
pub struct DirectCall {
    /// Progress and questions of the server while the call is in flight.
    pub interim: mpsc::Receiver<InterimMessage>,
    /// What comes of it.
    pub answer: BoxFuture<'static, DirectAnswer>,
    /// How long the client may take to answer what the server asks it.
    pub question_timeout: Duration,
}

impl Gateway {
    /// Makes a client's own call of a tool of `view`. `interim` of `options` is replaced.
    #[must_use]
    pub fn proxy_call(
        &self,
        view: &View,
        client: &Client,
        tool: ToolName,
        arguments: impl Into<Arguments>,
        options: RelayOptions,
    ) -> DirectCall {
        self.proxied(view, client, CallKind::Tool, tool, arguments.into(), options)
    }

    /// Makes a client's own request to a direct server of `view` that is no tool call. It is decided on, recorded and counted like
    /// one. `interim` of `options` is replaced.
    #[must_use]
    pub fn proxy_query(
        &self,
        view: &View,
        client: &Client,
        server: &str,
        query: &Query,
        options: RelayOptions,
    ) -> DirectCall {
        let (name, arguments) = (ToolName::new(server, query.method()), Arguments::from_tree(query.params()));
        self.proxied(view, client, CallKind::Read, name, arguments, options)
    }

    fn proxied(
        &self,
        view: &View,
        client: &Client,
        kind: CallKind,
        name: ToolName,
        arguments: Arguments,
        mut options: RelayOptions,
    ) -> DirectCall {
        let (sender, interim) = mpsc::channel(INTERIM_MESSAGES);
        let place = match self.requests.enter(client) {
            Ok(place) => place,
            Err(busy) => return DirectCall::none(interim, &busy),
        };
        options.interim = Some(sender);
        // Validation finds an unknown tool. A read is not validated.
        if kind == CallKind::Read && !view.direct_servers().any(|direct| direct == name.server) {
            let unknown = CallError::UnknownTool(format!("unknown server {}", name.server));
            return DirectCall::failed(interim, unknown);
        }
        let (tools, over) = self.direct_tools(view, client.identity(), Some(client), kind);
        let question_timeout = view.direct().routes.question_timeout(&name.server);
        let call = ToolCall { id: CallId(1), name, arguments, line: None };
        let answer = Box::pin(followed(tools, over, place, kind, call, options));
        DirectCall { interim, answer, question_timeout }
    }

    /// What one call of a client is made with. Without a client the gateway itself asks, for this identity.
    pub(crate) fn direct_tools(
        &self,
        view: &View,
        identity: &Arc<Identity>,
        client: Option<&Client>,
        kind: CallKind,
    ) -> (RunTools, OriginEndGuard) {
        let origin = Origin::Direct(self.ids.direct_call());
        let context = match client {
            Some(client) => client.context(origin.clone()),
            None => CallContext::new(identity.principal().clone(), origin.clone()),
        };
        let context = context.below(exuvia_trace::current());
        let run_view = Arc::clone(view.direct());
        // A call that is held is the answer.
        let (held, _) = mpsc::unbounded_channel();
        let parts = RunParts {
            grants: match kind {
                CallKind::Tool => Grants::listed(&run_view.settings.policy, &run_view.namespace),
                CallKind::Read => Grants::listed_reads(&run_view.settings.policy),
            },
            authority: Arc::clone(&self.authority),
            spender: Arc::new(self.budgets.spender(identity, client.and_then(|client| client.budget().cloned()))),
            record: self.recorder.of(&context),
            context,
            identity: Arc::clone(identity),
            metrics: Arc::clone(&self.metrics),
            limits: call_limits(&run_view.settings.limits),
            held,
            asker: None,
            page: None,
            holds: None,
            resumed: None,
            repair: None,
            nesting: None,
            run_view,
        };
        (RunTools::new(parts), OriginEndGuard::of(view.direct().routes.clone(), origin))
    }
}

/// Makes a call and counts it, whatever ends it.
async fn followed(
    tools: RunTools,
    over: OriginEndGuard,
    place: QueuePlace,
    kind: CallKind,
    call: ToolCall,
    options: RelayOptions,
) -> DirectAnswer {
    let _over = over;
    let mut counted = CallCountGuard::new(&tools.run().metrics, Some(call.name.server.clone()), None);
    let made = place.cancellation().run_until_cancelled(dispatched(&tools, kind, call, options)).await;
    let answer = made.unwrap_or_else(|| DirectAnswer::Failed(ending()));
    counted.code = Some(answer.code());
    answer
}

async fn dispatched(tools: &RunTools, kind: CallKind, call: ToolCall, options: RelayOptions) -> DirectAnswer {
    let run = tools.run();
    let (permit, mut recorded) = match tools.admit(call, kind).await {
        Ok(admitted) => admitted,
        Err(CallRejected::Refused { error, .. }) => return DirectAnswer::Failed(error),
        Err(CallRejected::Held(held)) => return DirectAnswer::Held(*held),
    };
    let (routes, is_repeatable) = (&run.run_view.routes, permit.is_repeatable());
    let relayed = match kind {
        CallKind::Tool => routes.relay(permit, run.call_context(), run.limits, options).await,
        CallKind::Read => routes.read(permit, run.call_context(), run.limits, options).await,
    };
    let answer = relayed.map_or_else(DirectAnswer::Failed, DirectAnswer::Relayed);
    let value_bytes = match &answer {
        DirectAnswer::Relayed(Relayed::Result(_, result)) => result.size_bytes() as u64,
        _ => 0,
    };
    let outcome = match &answer {
        DirectAnswer::Relayed(Relayed::Result(_, result)) => Some(Ok(result.clone())),
        DirectAnswer::Failed(error) => Some(Err(error.clone())),
        _ => None,
    };
    recorded.relayed(answer.code(), outcome, value_bytes);
    if !is_repeatable {
        recorded.end().await;
    }
    answer
}

fn ending() -> CallError {
    CallError::UpstreamUnavailable("the gateway is shutting down, or the session has ended".to_owned())
}

impl DirectCall {
    /// The limit on requests in flight is reached.
    fn none(interim: mpsc::Receiver<InterimMessage>, busy: &Busy) -> Self {
        Self::failed(interim, Self::busy(busy))
    }

    fn failed(interim: mpsc::Receiver<InterimMessage>, error: CallError) -> Self {
        let answer = Box::pin(std::future::ready(DirectAnswer::Failed(error)));
        Self { interim, answer, question_timeout: Duration::ZERO }
    }

    pub(crate) fn busy(busy: &Busy) -> CallError {
        let (limit, allowed) = match busy.own {
            true => ("direct requests of one client", REQUESTS.runs_per_client),
            false => ("direct requests", REQUESTS.runs),
        };
        let (limit, allowed) = (limit.to_owned(), allowed as u64);
        CallError::LimitReached { limit, allowed, used: allowed + 1 }
    }
}

impl DirectAnswer {
    /// `ok`, or the code of the failure, as recorded and counted.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Relayed(relayed) => relayed.code(),
            Self::Failed(error) => error.code(),
            Self::Held(_) => AWAITING,
        }
    }
}
