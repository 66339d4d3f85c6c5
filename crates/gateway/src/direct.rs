//! Calls that clients make themselves: validated, authorised and recorded like a script's.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use exuvia_policy::Grants;
use exuvia_tool::{BoxFuture, CallError, CallId, HeldCall, Json, RunId, ToolCall, ToolName, raw};
use exuvia_upstream::{Caller, News, Query, RelayOptions, Relayed};
use futures_util::future::join_all;
use tokio::sync::mpsc;

use crate::call::{AWAITING, RunParts, RunTools, Unmade, call_limits};
use crate::ended::{CountedCall, RecordedCall};
use crate::prepared::Over;
use crate::queue::Busy;
use crate::{Client, Gateway, QueueLimits, View};

/// News that waits for a client; what a server says beyond that is lost.
const NEWS: usize = 16;
/// Calls and other requests of clients that may be on their way to direct servers. A client of a session may leave what it asked
/// for and ask for more.
pub(crate) const REQUESTS: QueueLimits = QueueLimits { runs: 1_024, runs_per_client: 256 };
/// The most pages that are asked of one list of one server.
const PAGES: usize = 100;
/// The memory that the items of one list of one server take as trees; what follows is left out.
const LIST_TREE_BYTES: usize = 32 << 20;

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

/// A client's own call on its way. Dropping it cancels it.
pub struct DirectCall {
    /// What the server says meanwhile.
    pub news: mpsc::Receiver<News>,
    /// What comes of it.
    pub answer: BoxFuture<'static, DirectAnswer>,
}

impl Gateway {
    /// Makes a client's own call of a tool of `view`. `news` of `options` is replaced.
    #[must_use]
    pub fn call(
        &self,
        view: &View,
        client: &Client,
        tool: ToolName,
        arguments: Json,
        mut options: RelayOptions,
    ) -> DirectCall {
        let (told, news) = mpsc::channel(NEWS);
        let place = match self.requests.enter(client) {
            Ok(place) => place,
            Err(busy) => return DirectCall::none(news, &busy),
        };
        options.news = Some(told);
        let (tools, over) = self.direct_run(view);
        let call = ToolCall { id: CallId(1), name: tool, arguments, deadline: None };
        let server = call.name.server.clone();
        let answer = async move {
            let _over = over;
            let mut counted = CountedCall::new(&tools.run().metrics, Some(server), None);
            let made = place.cancellation().run_until_cancelled(dispatched(&tools, call, options)).await;
            let answer = made.unwrap_or_else(|| DirectAnswer::Failed(ending()));
            counted.code = Some(answer.code());
            answer
        };
        DirectCall { news, answer: Box::pin(answer) }
    }

    /// Asks a direct server of `view` for something that is no call. `news` of `options` is replaced.
    #[must_use]
    pub fn query(
        &self,
        view: &View,
        client: &Client,
        server: &str,
        query: Query,
        mut options: RelayOptions,
    ) -> DirectCall {
        let (told, news) = mpsc::channel(NEWS);
        let place = match self.requests.enter(client) {
            Ok(place) => place,
            Err(busy) => return DirectCall::none(news, &busy),
        };
        options.news = Some(told);
        let is_direct = view.direct_servers().any(|direct| direct == server);
        let (server, (tools, over)) = (server.to_owned(), self.direct_run(view));
        let answer = async move {
            let _over = over;
            if !is_direct {
                return DirectAnswer::Failed(CallError::UnknownTool(format!("there is no server {server}")));
            }
            let asked = asked(tools.run(), &server, query, options);
            let asked = place.cancellation().run_until_cancelled(asked).await;
            asked.unwrap_or_else(|| DirectAnswer::Failed(ending()))
        };
        DirectCall { news, answer: Box::pin(answer) }
    }

    /// All pages of one of the lists of each direct server of `view`, as far as they answer. `member` is what holds the items.
    pub async fn list(&self, view: &View, member: &str, page: fn(Option<String>) -> Query) -> Vec<(String, Vec<Json>)> {
        join_all(view.direct_servers().map(|server| self.list_one(view, server, member, page))).await
    }

    async fn list_one(
        &self,
        view: &View,
        server: &str,
        member: &str,
        page: fn(Option<String>) -> Query,
    ) -> (String, Vec<Json>) {
        let (mut items, mut cursor, mut bytes, mut tree_bytes) = (Vec::new(), None, 0, 0);
        // All pages are asked for by one run: it may have a server of its own.
        let (tools, _over) = self.direct_run(view);
        let run = tools.run();
        for _ in 0..PAGES {
            let asked = asked(run, server, page(cursor.take()), RelayOptions::default());
            let result = match self.stopped.run_until_cancelled(asked).await {
                Some(DirectAnswer::Relayed(Relayed::Result(_, result))) => result,
                Some(DirectAnswer::Failed(error)) => {
                    tracing::warn!(
                        server.name = server,
                        member,
                        error = error.code(),
                        "a list of the server cannot be read"
                    );
                    break;
                }
                // It has no such list.
                _ => break,
            };
            bytes += result.size_bytes() as u64;
            let page = raw::elements(raw::member(result.as_str(), member).unwrap_or("[]"));
            for item in page.filter_map(|item| Json::parse(item).ok()) {
                tree_bytes += item.extent().tree_bytes;
                if tree_bytes > LIST_TREE_BYTES {
                    tracing::warn!(
                        server.name = server,
                        member,
                        "a list of the server is too long; the rest is left out"
                    );
                    return (server.to_owned(), items);
                }
                items.push(item);
            }
            let next = raw::member(result.as_str(), "nextCursor");
            cursor = next.and_then(|cursor| serde_json::from_str::<String>(cursor).ok());
            if cursor.is_none() || bytes > run.limits.result_bytes {
                break;
            }
        }
        (server.to_owned(), items)
    }

    /// What one call of a client is made with: a run of its own.
    fn direct_run(&self, view: &View) -> (RunTools, Over) {
        let run = RunId(format!("call-{}", self.runs.fetch_add(1, Ordering::Relaxed) + 1));
        let snapshot = Arc::clone(view.direct());
        // A call that is held is the answer.
        let (held, _) = mpsc::unbounded_channel();
        let parts = RunParts {
            caller: Caller { key: None, run: run.clone() },
            grants: Grants::listed(&snapshot.settings.policy, &snapshot.namespace),
            authority: Arc::clone(&self.authority),
            record: self.recorder.of_run(run.clone()),
            metrics: Arc::clone(&self.metrics),
            limits: call_limits(&snapshot.settings.limits),
            held,
            snapshot,
        };
        (RunTools::new(parts), Over::of(view.direct().routes.clone(), run))
    }
}

async fn dispatched(tools: &RunTools, call: ToolCall, options: RelayOptions) -> DirectAnswer {
    let run = tools.run();
    let permit = match tools.admit(call).await {
        Ok(permit) => permit,
        Err(Unmade::Refused(error)) => return DirectAnswer::Failed(error),
        Err(Unmade::Held(held)) => return DirectAnswer::Held(*held),
    };
    let mut recorded = RecordedCall::new(&run.record, permit.call().id, None);
    let relayed = run.snapshot.routes.relay(permit, &run.caller, run.limits, options).await;
    let answer = relayed.map_or_else(DirectAnswer::Failed, DirectAnswer::Relayed);
    let value_bytes = match &answer {
        DirectAnswer::Relayed(Relayed::Result(_, result)) => result.size_bytes() as u64,
        _ => 0,
    };
    recorded.came = Some((answer.code(), value_bytes));
    answer
}

async fn asked(run: &RunParts, server: &str, query: Query, options: RelayOptions) -> DirectAnswer {
    let asked = run.snapshot.routes.query(server, query, &run.caller, run.limits, options).await;
    asked.map_or_else(DirectAnswer::Failed, DirectAnswer::Relayed)
}

fn ending() -> CallError {
    CallError::UpstreamUnavailable("the gateway is shutting down, or the session has ended".to_owned())
}

impl DirectCall {
    /// There is no room for it.
    fn none(news: mpsc::Receiver<News>, busy: &Busy) -> Self {
        let (limit, allowed) = match busy.own {
            true => ("direct requests of one client", REQUESTS.runs_per_client),
            false => ("direct requests", REQUESTS.runs),
        };
        let (limit, allowed) = (limit.to_owned(), allowed as u64);
        let answer = DirectAnswer::Failed(CallError::LimitReached { limit, allowed, used: allowed + 1 });
        Self { news, answer: Box::pin(std::future::ready(answer)) }
    }
}

impl DirectAnswer {
    /// `ok`, or what it came to instead, as the record and the counts have it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Relayed(relayed) => relayed.code(),
            Self::Failed(error) => error.code(),
            Self::Held(_) => AWAITING,
        }
    }
}
