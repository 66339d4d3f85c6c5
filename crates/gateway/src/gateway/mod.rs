//! The gateway: what is the same for all runs of a process, and how one of them starts.

mod client_files;
mod reload;
mod run_handle;
mod start;
mod state;
mod sweep;
mod views;

use std::sync::Arc;
use std::{io, thread};

use exuvia_access::Access;
use exuvia_access::budget::Budgets;
use exuvia_journal::{Archive, Journal};
use exuvia_policy::Policy;
use exuvia_replay::GuestEngines;
use exuvia_runtime::Engine;
use exuvia_tool::DirectCallId;
use exuvia_upstream::Upstreams;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use run_handle::RunHandle;
pub(crate) use start::StartedRun;

use crate::admission::PrePass;
use crate::answer_shapes::AnswerShapes;
use crate::approvals::{ApprovalConfig, Approvals};
use crate::asked_clients::AskedClients;
use crate::authority::Authority;
use crate::configuration::Configuration;
use crate::direct_calls;
use crate::functions::{self, FunctionLibrary, FunctionRuns};
use crate::ids::Ids;
use crate::metrics::Metrics;
use crate::queue::Queue;
use crate::record::Recorder;
use crate::run_runtime::RunRuntime;
use crate::runs::Runs;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::subscriptions::ClientSubscriptions;
use crate::tool_pins::ToolPins;
use crate::view_store::{ViewSources, ViewStore};
use crate::workspaces::Workspaces;

/// Engines with other guests than the program's own, for runs that an earlier version of the program has begun: each takes some 100 MB of
/// memory while it is there.
const OTHER_GUESTS: usize = 2;

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
    /// Where scripts keep files.
    pub workspaces: Arc<Workspaces>,
    /// Where it is known what the scripts of sessions were.
    pub sessions: Arc<Sessions>,
    /// Saved functions, as they are at the start. None: there can be none, whatever the settings say.
    pub functions: Option<Arc<FunctionLibrary>>,
}

/// Starts runs and answers their calls.
pub struct Gateway {
    pub(crate) view_store: Arc<ViewStore>,
    pub(crate) authority: Arc<Authority>,
    pre_pass: PrePass,
    pub(crate) engine: Engine,
    pub(crate) guest_engines: GuestEngines,
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
    pub(crate) workspaces: Arc<Workspaces>,
    pub(crate) sessions: Arc<Sessions>,
    functions: Option<Arc<FunctionLibrary>>,
    /// What runs of functions are made with. None: there are none.
    function_runs: Option<Arc<FunctionRuns>>,
    /// How many runs are brought back at a time.
    pub(crate) resumes: Arc<Semaphore>,
    /// Cancels every run.
    pub(crate) stopped: CancellationToken,
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
        let metrics = Arc::new(Metrics::new(config.sessions.counts().clone()));
        let recorder = Recorder::new(config.journal, Arc::clone(&metrics));
        let sources = ViewSources {
            upstreams: Arc::clone(&config.upstreams),
            answer_shapes: config.answer_shapes,
            pins: config.pins,
            functions: config.functions.clone(),
        };
        let view_store = ViewStore::following(sources, config.settings, &threads);
        let live = Arc::<Runs>::default();
        let function_runs = match &config.functions {
            Some(library) => {
                let following = functions::follow(Arc::clone(library), Arc::downgrade(&view_store));
                // The threads of runs open no connections.
                match tokio::runtime::Handle::try_current() {
                    Ok(runtime) => drop(runtime.spawn(following)),
                    Err(_) => drop(threads.spawn(following)),
                }
                let (engine, recorder, live) = (config.engine.clone(), Arc::clone(&recorder), Arc::clone(&live));
                Some(Arc::new(FunctionRuns { engine, recorder, ids: Ids::new()?, live }))
            }
            None => None,
        };
        let approvals = match config.approvals {
            Some(approvals) => Some(Approvals::new(approvals, Ids::new()?, Arc::clone(&metrics))),
            None => None,
        };
        let resting = Arc::downgrade(&config.sessions);
        config.engine.set_relief(move || resting.upgrade().is_some_and(|sessions| sessions.relieve()));
        let resumes = Arc::new(Semaphore::new(config.engine.concurrent_runs().max(1) as usize));
        Ok(Self {
            view_store,
            authority,
            pre_pass: config.pre_pass,
            guest_engines: GuestEngines::new(config.engine.clone(), OTHER_GUESTS),
            engine: config.engine,
            upstreams: config.upstreams,
            recorder,
            archive: config.archive,
            analyses: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from))),
            threads,
            ids: Ids::new()?,
            queue,
            live,
            requests,
            subscribers: ClientSubscriptions::default(),
            metrics,
            configuration: Configuration::default(),
            access: config.access,
            budgets: config.budgets,
            readers: Arc::new(Semaphore::new(thread::available_parallelism().map_or(1, usize::from))),
            approvals,
            asked_clients: AskedClients::default(),
            workspaces: config.workspaces,
            sessions: config.sessions,
            functions: config.functions,
            function_runs,
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

    /// What runs scripts of other guests again: of this one and of others that journals have kept.
    #[must_use]
    pub fn guest_engines(&self) -> &GuestEngines {
        &self.guest_engines
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

    /// The sessions of scripts.
    #[must_use]
    pub fn sessions(&self) -> &Arc<Sessions> {
        &self.sessions
    }

    /// What they may use in a period.
    #[must_use]
    pub fn budgets(&self) -> &Arc<Budgets> {
        &self.budgets
    }

    /// The policy of the moment.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.authority.policy()
    }
}
