//! The gateway: what is the same for all runs of a process, and how one of them starts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io, thread};

use exuvia_access::Access;
use exuvia_access::budget::Budgets;
use exuvia_config::{OnDisconnect, ServerConfig, UpstreamLimits};
use exuvia_journal::{Archive, Journal};
use exuvia_policy::Policy;
use exuvia_runtime::{Engine, Report, Script};
use exuvia_tool::{DirectCallId, Namespace, Origin, RunEvent, RunId};
use exuvia_upstream::{Change, Failing, ServerStatus, Upstreams};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::admission::{AdmissionCheck, Checked, PrePass, StartedBy};
use crate::answer::AnswerRoom;
use crate::answer_shapes::AnswerShapes;
use crate::approvals::{ApprovalConfig, Approvals};
use crate::asked_clients::AskedClients;
use crate::authority::Authority;
use crate::client_questions::{ClientAsker, ClientQuestion};
use crate::configuration::Configuration;
use crate::direct_calls;
use crate::ids::Ids;
use crate::metrics::Metrics;
use crate::pending_namespace::PendingNamespace;
use crate::pending_run::PendingRun;
use crate::queue::{Busy, Client, Queue, QueuePlace};
use crate::record::Recorder;
use crate::repair::Repair;
use crate::run_runtime::RunRuntime;
use crate::run_span;
use crate::runs::Runs;
use crate::settings::Settings;
use crate::subscriptions::ClientSubscriptions;
use crate::tool_pins::ToolPins;
use crate::view::View;
use crate::view_store::{ViewSources, ViewStore};

/// What a gateway works with.
pub struct GatewayConfig {
    /// Runs the scripts.
    pub engine: Engine,
    /// The servers behind the gateway.
    pub upstreams: Arc<Upstreams>,
    /// Where runs and calls are recorded.
    pub journal: Arc<dyn Journal>,
    /// Where they are read again, for the clients that made them. None: they are not.
    pub archive: Option<Arc<dyn Archive>>,
    /// Whether scripts are read before they start.
    pub pre_pass: PrePass,
    /// What may change while it runs.
    pub settings: Settings,
    /// Who may use it.
    pub access: Arc<Access>,
    /// What they may use in a period.
    pub budgets: Arc<Budgets>,
    /// What is learned of the answers of tools, shown in stubs. None: nothing is.
    pub answer_shapes: Option<Arc<AnswerShapes>>,
    /// What was first seen of tools. None: nothing is held against it.
    pub pins: Option<Arc<ToolPins>>,
    /// Where approvals are kept. None: nobody is asked, and what needs an approval ends its run.
    pub approvals: Option<ApprovalConfig>,
}

/// Starts runs and answers their calls.
pub struct Gateway {
    pub(crate) view_store: Arc<ViewStore>,
    pub(crate) authority: Arc<Authority>,
    pre_pass: PrePass,
    pub(crate) engine: Engine,
    upstreams: Arc<Upstreams>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) archive: Option<Arc<dyn Archive>>,
    /// Scripts that are read before they start, at a time: as many as there are processors.
    analyses: Arc<Semaphore>,
    pub(crate) threads: RunRuntime,
    pub(crate) ids: Ids,
    pub(crate) queue: Arc<Queue>,
    live: Arc<Runs>,
    /// What clients ask of direct servers.
    pub(crate) requests: Arc<Queue>,
    pub(crate) subscribers: ClientSubscriptions,
    pub(crate) metrics: Arc<Metrics>,
    configuration: Configuration,
    access: Arc<Access>,
    pub(crate) budgets: Arc<Budgets>,
    /// How many answers about tools are rendered at a time.
    pub(crate) readers: Arc<Semaphore>,
    /// Who is asked where the policy asks.
    pub(crate) approvals: Option<Arc<Approvals>>,
    /// Which clients reach a person.
    pub(crate) asked_clients: AskedClients,
    /// How many runs are brought back at a time.
    pub(crate) resumes: Arc<Semaphore>,
    /// Cancels every run.
    pub(crate) stopped: CancellationToken,
}

/// A run that is about to begin, or to be brought back.
pub(crate) struct StartedRun {
    pub(crate) run: RunId,
    pub(crate) script: Script,
    pub(crate) by: StartedBy,
    /// The earlier run whose answers it takes.
    pub(crate) repair: Option<Repair>,
    pub(crate) place: QueuePlace,
}

/// What comes from a run while it is followed.
pub(crate) struct RunFeeds {
    pub(crate) events: mpsc::UnboundedReceiver<RunEvent>,
    pub(crate) questions: mpsc::UnboundedReceiver<ClientQuestion>,
}

/// A run in flight. Dropping it cancels the run.
#[non_exhaustive]
pub struct RunHandle {
    /// What happens in the run, in order. Ends when the run does.
    pub events: mpsc::UnboundedReceiver<RunEvent>,
    /// What the run asks its client. Dropped, nobody is asked.
    pub questions: mpsc::UnboundedReceiver<ClientQuestion>,
    run: RunId,
    answer_room: AnswerRoom,
    on_disconnect: OnDisconnect,
    report: JoinHandle<Report>,
    cancellation: CancellationToken,
    _cancel_when_dropped: DropGuard,
}

impl fmt::Debug for RunHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunHandle({})", self.run)
    }
}

impl Gateway {
    /// A gateway over servers that have been started. What they list and the policy shows is what scripts see: as it is
    /// when a script starts.
    ///
    /// # Errors
    ///
    /// The threads for runs cannot be started, or the system has no randomness.
    ///
    /// Makes what clients see, which takes processor time where servers list much.
    pub fn new(config: GatewayConfig) -> io::Result<Self> {
        let threads = RunRuntime::new()?;
        let stopped = CancellationToken::new();
        let queue = Queue::new(config.settings.queue, config.engine.concurrent_runs(), stopped.clone());
        let requests = Queue::new(direct_calls::REQUESTS, 1, stopped.clone());
        let servers = config.upstreams.servers().iter().map(|server| server.name.clone()).collect();
        let authority = Arc::new(Authority::new(config.settings.policies(), servers, Arc::clone(&config.access)));
        let metrics = Arc::new(Metrics::new());
        let recorder = Recorder::new(config.journal, Arc::clone(&metrics));
        let sources = ViewSources {
            upstreams: Arc::clone(&config.upstreams),
            answer_shapes: config.answer_shapes,
            pins: config.pins,
        };
        let view_store = ViewStore::following(sources, config.settings, &threads);
        let approvals = match config.approvals {
            Some(approvals) => Some(Approvals::new(approvals, Ids::new()?, Arc::clone(&metrics))),
            None => None,
        };
        let resumes = Arc::new(Semaphore::new(config.engine.concurrent_runs().max(1) as usize));
        Ok(Self {
            view_store,
            authority,
            pre_pass: config.pre_pass,
            engine: config.engine,
            upstreams: config.upstreams,
            recorder,
            archive: config.archive,
            analyses: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from))),
            threads,
            ids: Ids::new()?,
            queue,
            live: Arc::default(),
            requests,
            subscribers: ClientSubscriptions::default(),
            metrics,
            configuration: Configuration::default(),
            access: config.access,
            budgets: config.budgets,
            readers: Arc::new(Semaphore::new(thread::available_parallelism().map_or(1, usize::from))),
            approvals,
            asked_clients: AskedClients::default(),
            resumes,
            stopped,
        })
    }

    /// Who may use it.
    #[must_use]
    pub fn access(&self) -> &Arc<Access> {
        &self.access
    }

    /// The name of another call that is recorded as a client's own is.
    #[must_use]
    pub fn new_direct_call_id(&self) -> DirectCallId {
        self.ids.direct_call()
    }

    /// What runs the scripts.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What was recorded, where it can be read.
    #[must_use]
    pub fn archive(&self) -> Option<&Arc<dyn Archive>> {
        self.archive.as_ref()
    }

    /// Which clients reach a person when they are asked.
    #[must_use]
    pub fn asked_clients(&self) -> &AskedClients {
        &self.asked_clients
    }

    /// What they may use in a period.
    #[must_use]
    pub fn budgets(&self) -> &Arc<Budgets> {
        &self.budgets
    }

    /// What clients see now that name no profile.
    #[must_use]
    pub fn default_view(&self) -> Arc<View> {
        self.view_store.default_view()
    }

    /// What the clients of this profile see now, if there is such a profile. Without a name: those that name none.
    #[must_use]
    pub fn view(&self, profile: Option<&str>) -> Option<Arc<View>> {
        self.view_store.view(profile)
    }

    /// What those who have this role see now of a profile, if there are both; without a role, what the operator sees. The first use after a
    /// change of servers takes processor time where they list much.
    #[must_use]
    pub fn view_as(&self, profile: Option<&str>, role: Option<&str>) -> Option<Arc<View>> {
        match role {
            None => self.view_store.view(profile),
            Some(role) => self.view_store.role_view(profile, role),
        }
    }

    /// The same, made on a thread of its own where it is not there yet. Of many who ask at a time after a change, as many are served at a time
    /// as there are processors.
    pub async fn view_ready(self: &Arc<Self>, profile: Option<&str>, role: Option<&str>) -> Option<Arc<View>> {
        if role.is_none_or(|role| self.view_store.has_role_view(profile, role)) {
            return self.view_as(profile, role);
        }
        let _turn = self.readers.acquire().await.ok()?;
        let (this, profile, role) = (Arc::clone(self), profile.map(str::to_owned), role.map(str::to_owned));
        let made = tokio::task::spawn_blocking(move || this.view_as(profile.as_deref(), role.as_deref()));
        made.await.ok().flatten()
    }

    /// Notifies of every change of what clients see, even one that results in the same view.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.view_store.changes()
    }

    /// The servers and tools that a script sees that starts now, for clients that name no profile.
    #[must_use]
    pub fn namespace(&self) -> Arc<Namespace> {
        self.default_view().namespace()
    }

    /// The servers behind it, as they are.
    #[must_use]
    pub fn servers(&self) -> Arc<[ServerStatus]> {
        self.upstreams.servers()
    }

    /// The servers whose every call fails at the moment, and why, by name.
    #[must_use]
    pub fn failing(&self) -> BTreeMap<String, Failing> {
        self.upstreams.failing()
    }

    /// The last lines that the processes of a server wrote to standard error: at most so many. None: there is no such server.
    #[must_use]
    pub fn server_log(&self, server: &str, lines: usize) -> Option<Vec<String>> {
        self.upstreams.log(server, lines)
    }

    /// Connects to a server anew. Calls in flight on its shared connection break off. Whether there is such a server.
    pub fn reconnect(&self, server: &str) -> bool {
        self.upstreams.reconnect(server)
    }

    /// The policy of the moment.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.authority.policy()
    }

    /// Replaces the policy. It applies from the next call, to running scripts as well, and never grants a running script more.
    ///
    /// What clients see is made anew before this returns, which takes processor time where servers list much.
    pub fn set_policy(&self, policy: Policy) {
        let policy = Arc::new(policy);
        self.authority.replace(Arc::clone(&policy));
        self.view_store.set_policy(policy);
    }

    /// Puts other servers and settings in the place of those in force.
    ///
    /// When this returns, the new policy holds for the calls of running scripts; for servers that the new configuration does
    /// not have, what the last policy said that knew them, and the new `deny`. The future does the rest: it starts servers
    /// that are new or configured otherwise beside the old ones, and when each of them is ready or has failed, scripts that
    /// start from then on have the new servers, names and limits, all at once. Running scripts, and those that wait for their
    /// turn, keep theirs; the servers that they alone still use end with the last of them.
    ///
    /// Dropped before it is over, the future leaves everything as it was but the policy. None: the servers are shut down. Must be
    /// called on the runtime on which the servers were started; one at a time, or the later one waits for the earlier.
    pub fn reconfigure(
        &self,
        servers: Vec<ServerConfig>,
        limits: UpstreamLimits,
        settings: Settings,
    ) -> impl Future<Output = Option<Change>> + Send + '_ {
        let names: BTreeSet<String> = servers.iter().map(|server| server.name.clone()).collect();
        let mut used: BTreeSet<String> = self.upstreams.retiring().into_iter().collect();
        used.extend(self.servers().iter().map(|server| server.name.clone()));
        self.authority.reconfigure(settings.policies(), names, |server| used.contains(server));
        async move {
            let drain = self.longest_run();
            let prepared_servers = self.upstreams.prepare(servers, limits, drain).await?;
            self.queue.set_limits(settings.queue);
            let (change, changed) = self.view_store.change(|current| {
                *current = settings;
                prepared_servers.take_over()
            });
            // Completes even if the caller has dropped its future: the servers are already replaced.
            let view_store = Arc::clone(&self.view_store);
            let shown = tokio::task::spawn_blocking(move || view_store.show(changed));
            if shown.await.is_err() {
                tracing::error!("catalog rebuild failed; the previous catalog stays in use");
            }
            Some(change)
        }
    }

    /// How long a script may be in flight: its own time and the time of all that may be queued before it.
    fn longest_run(&self) -> Duration {
        let view = self.default_view();
        let Settings { limits, queue, .. } = &*view.scripts().settings;
        let together = self.engine.runs_at_limit(limits.memory_bytes);
        let rounds = queue.runs.div_ceil(together.max(1) as usize).saturating_add(1);
        Duration::from_millis(limits.wall_ms).saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }

    /// What would become of a client's script that is started now with what `view` shows, and why.
    #[must_use]
    pub fn check(&self, view: &View, script: &Script) -> Checked {
        let run_view = view.scripts();
        let admission = AdmissionCheck {
            by: StartedBy::Client,
            pre_pass: PrePass::On,
            namespace: &run_view.namespace,
            policy: &run_view.settings.policy,
            limits: &run_view.settings.limits,
        };
        admission.check(script)
    }

    /// How many scripts are in flight: executing, or waiting for their turn.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.queue.runs()
    }

    /// The runs in flight.
    #[must_use]
    pub fn live_runs(&self) -> &Runs {
        &self.live
    }

    /// What was counted so far, and the state of the queue and the servers, as OpenMetrics text.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.metrics.memory_held(self.engine.held_memory_bytes());
        self.metrics.direct_requests(self.requests.runs());
        self.metrics.configuration(&self.configuration);
        self.metrics.budgets(&self.budgets.used());
        self.metrics.runs_in_flight(self.runs(), self.live.executing());
        let (lanes, withheld) = (self.upstreams.lanes(), self.view_store.withheld());
        self.metrics.text(&self.servers(), &self.failing(), &lanes, &self.upstreams.retiring(), &withheld)
    }

    /// Whether what is in force is what its files say.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Whether the journal keeps what is appended to it. While it does not, no script runs and no call is made.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        !self.recorder.is_failing()
    }

    /// Cancels every run, those that are started later too. Each still gives its report.
    pub fn cancel_runs(&self) {
        self.stopped.cancel();
    }

    /// Cancels every run of a client that is gone, and its own calls. Each run still gives its report.
    pub fn cancel_client(&self, client: &Client) {
        self.queue.cancel(client);
        self.requests.cancel(client);
        self.forget_subscriptions(client);
        self.client_left(client);
    }

    /// A client is gone, and may come back under another name for what it left: connections to servers that were its own end when
    /// nothing is in flight there.
    pub fn client_left(&self, client: &Client) {
        self.upstreams.routes().client_gone(client.name());
    }

    /// A client disconnected without cancelling: cancels its own calls, and its scripts unless they come to their end without it
    /// ([`OnDisconnect`]). Each still gives its report.
    pub fn client_gone(&self, client: &Client) {
        self.queue.gone(client);
        self.requests.gone(client);
    }

    /// Whether a client has a script or a request of its own in flight.
    #[must_use]
    pub fn is_busy_for(&self, client: &Client) -> bool {
        self.queue.has(client) || self.requests.has(client)
    }

    /// Starts a script that sees what `view` shows, if it may start. It executes when its turn comes.
    ///
    /// # Errors
    ///
    /// The queue is full.
    pub fn start(&self, view: &View, script: Script, by: StartedBy, client: &Client) -> Result<RunHandle, Busy> {
        self.start_with(view, script, by, client, None)
    }

    /// The same, for a script that takes the answers of an earlier run.
    pub(crate) fn start_with(
        &self,
        view: &View,
        script: Script,
        by: StartedBy,
        client: &Client,
        repair: Option<Repair>,
    ) -> Result<RunHandle, Busy> {
        let on_disconnect = view.scripts().settings.on_disconnect;
        let place = self.queue.enter_for(client, on_disconnect).inspect_err(|_| self.metrics.rejected())?;
        let run = self.ids.run();
        let (cancellation, answer_room) = (place.cancellation(), view.answer_room());
        let started = StartedRun { run: run.clone(), script, by, repair, place };
        let (prepared, span, RunFeeds { events, questions }) = self.prepared(view, client, started);
        let report = self.threads.spawn(run_span::over(span, prepared.execute()));
        let guard = cancellation.clone().drop_guard();
        Ok(RunHandle {
            events,
            questions,
            run,
            answer_room,
            on_disconnect,
            report,
            cancellation,
            _cancel_when_dropped: guard,
        })
    }

    /// A run with everything that it needs.
    pub(crate) fn prepared(
        &self,
        view: &View,
        client: &Client,
        started: StartedRun,
    ) -> (PendingRun, exuvia_trace::Span, RunFeeds) {
        let StartedRun { run, script, by, repair, place } = started;
        let context = client.context(Origin::Run(run.clone()));
        let span = run_span::begin(&run, client.principal(), exuvia_trace::current().as_ref());
        // Its calls are below it.
        let context = context.below(span.place());
        // Not bounded by its own length: a run's `log_bytes` and `tool_calls` bound what it can send.
        let (sender, events) = mpsc::unbounded_channel();
        let (asker, questions) = ClientAsker::of(client.can());
        let cancellation = place.cancellation();
        let run_view = Arc::clone(view.scripts());
        let registered = self.live.enter(run, &context, view.name(), cancellation.clone());
        let prepared = PendingRun {
            record: self.recorder.of(&context),
            context,
            identity: Arc::clone(client.identity()),
            profile: view.name(),
            claims: Arc::clone(client.claims()),
            repair: repair.map(Arc::new),
            is_kept: by == StartedBy::Client && self.archive.is_some() && !view.scripts().settings.repair_age.is_zero(),
            script,
            by,
            pre_pass: self.pre_pass,
            run_view,
            pending_namespace: PendingNamespace::of(&self.view_store, (view.name(), view.role()), by),
            authority: Arc::clone(&self.authority),
            spender: self.budgets.spender(client.identity(), client.budget().cloned()),
            engine: self.engine.clone(),
            analyses: Arc::clone(&self.analyses),
            events: sender,
            asker,
            cancellation,
            metrics: Arc::clone(&self.metrics),
            registered,
            approvals: self.approvals.clone(),
            view_store: Arc::clone(&self.view_store),
            can_park: self.archive.is_some() && self.recorder.keeps_readings(),
            stopping: self.stopped.clone(),
            _place: place,
        };
        (prepared, span, RunFeeds { events, questions })
    }
}

impl RunHandle {
    /// The run's name in the journal.
    #[must_use]
    pub fn id(&self) -> &RunId {
        &self.run
    }

    /// How much a model is shown of its report.
    #[must_use]
    pub fn answer_room(&self) -> AnswerRoom {
        self.answer_room
    }

    /// Whether it is cancelled when its client disconnects. The holder of this handle decides: dropping it cancels the run.
    #[must_use]
    pub fn on_disconnect(&self) -> OnDisconnect {
        self.on_disconnect
    }

    /// Ends the run and its calls when it is cancelled.
    #[must_use]
    pub fn cancellation(&self) -> CancellationToken {
        self.cancellation.clone()
    }

    /// Waits for the end of the run.
    pub async fn report(self) -> Report {
        match self.report.await {
            Ok(report) => report,
            Err(error) => Report::fault(format!("the run's task ended without a report: {error}")),
        }
    }
}
