//! Started servers, engine and gateway: what every command but `demo` uses.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result};
use exuvia_access::Access;
use exuvia_access::budget::Budgets;
use exuvia_config::{AccessConfig, Config, Paths, ServerConfig, Sources, UpstreamLimits};
use exuvia_gateway::{
    AnswerShapes, ApprovalLinks, FunctionLibrary, Gateway, GatewayConfig, PrePass, Profiles, Sessions, Settings,
    ToolPins, View, Workspaces, now_ms,
};
use exuvia_journal::{AccessStore, ApprovalStore, FunctionStore};
use exuvia_pins::PinFolder;
use exuvia_runtime::{Engine, Script};
use exuvia_server::PendingGateway;
use exuvia_shapes::ShapeFile;
use exuvia_text::indented;
use exuvia_upstream::Upstreams;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::file_threads::FileThreads;
use crate::journal::{self, OwnJournal, ProcessJournal};
use crate::machine::{Memory, engine, smaller_limit};
use crate::notifications;
use crate::start_progress::{GLANCE, OPENING, StartProgress};
use crate::terminal::Terminal;

/// How long it may take to store what was learned of answers, at the end.
const STORING: Duration = Duration::from_millis(300);

/// What the command line and its files say. What is left out of it is reported to the terminal.
pub(crate) async fn configured(sources: Sources, terminal: &Terminal) -> Result<Config> {
    let config = from_files(move || Ok(sources.load(&Paths::of_user())?)).await?;
    for notice in &config.notices {
        terminal.print(&indented(&notice.to_string(), "  "));
    }
    Ok(config)
}

/// Reads files at the start, where there is nothing to go on with if they cannot be read.
pub(crate) async fn from_files<T: Send + 'static>(read: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    FileThreads::default().run(read).await.context("the configuration cannot be read")?
}

/// What those who have this role see, or without one: what the operator sees.
///
/// # Errors
///
/// There is no such role.
pub(crate) fn view_of(gateway: &Gateway, role: Option<&str>) -> Result<Arc<View>> {
    gateway.view_as(None, role).with_context(|| {
        let role = role.unwrap_or_default();
        let roles = gateway.access().roles().keys().cloned().collect::<Vec<_>>().join(", ");
        let roles = if roles.is_empty() { "none".to_owned() } else { roles };
        format!("unknown role {role:?}; configured roles: {roles}")
    })
}

/// Warns that no server is configured.
pub(crate) fn report_no_servers(config: &Config, terminal: &Terminal) {
    if config.servers.is_empty() {
        terminal.print("no servers configured: add some with --config, --mcp-config, --server or --import");
    }
}

/// The part of a configuration that a reload may replace while scripts run.
#[derive(Clone, PartialEq)]
pub(crate) struct ReloadableConfig {
    pub(crate) servers: Vec<ServerConfig>,
    pub(crate) server_limits: UpstreamLimits,
    pub(crate) settings: Settings,
    pub(crate) access: AccessConfig,
}

impl ReloadableConfig {
    /// With these profiles.
    pub(crate) fn of(config: &Config, profiles: Profiles) -> Self {
        let settings = Settings {
            roles: Arc::new(config.access.roles.clone()),
            layouts: config.layouts(),
            profiles,
            policy: Arc::new(config.policy.clone()),
            limits: config.limits.clone(),
            queue: config.runs.queue,
            answer_bytes: config.answer_bytes,
            preview_tokens: config.preview_tokens,
            on_disconnect: config.runs.on_disconnect,
            repair_age: config.runs.repair_age(),
            pins: config.pins.clone(),
            workspaces: Arc::new(config.workspaces.clone()),
            sessions: config.sessions.clone(),
            functions: config.functions.clone().map(Arc::new),
        };
        let servers = config.servers.iter().map(|server| server.config.clone()).collect();
        Self { servers, server_limits: config.upstream_limits, settings, access: config.access.clone() }
    }
}

/// What is learned of answers and what ships, as far as the configuration lets it, and what was imported, if the user has a home.
fn answer_shapes(config: &Config) -> Option<Arc<AnswerShapes>> {
    let file = ShapeFile::new(Paths::of_user().shape_file?);
    let made = if config.learn_shapes { AnswerShapes::kept_in } else { AnswerShapes::documented_in };
    let answer_shapes = made(file);
    Some(Arc::new(if config.shipped_shapes { answer_shapes.with_shipped() } else { answer_shapes }))
}

/// What was first seen of tools. A reload may ask for it, so that it is there whatever the configuration says.
fn tool_pins() -> Arc<ToolPins> {
    Arc::new(ToolPins::kept_in(Paths::of_user().pin_dir.map(PinFolder::new)))
}

/// Stores what was learned of answers. A file system that does not respond is left behind.
async fn store(answer_shapes: Option<Arc<AnswerShapes>>) {
    if let Some(answer_shapes) = answer_shapes {
        let threads = FileThreads::default();
        let stored = async {
            answer_shapes.settled().await;
            threads.run(move || answer_shapes.store()).await
        };
        let _ = tokio::time::timeout(STORING, stored).await;
    }
}

/// The budgets of a configuration. Nothing is run on behalf of anybody: none.
fn budgets(config: &Config, recording: Recording, principals: &Principals) -> Arc<Budgets> {
    match recording {
        Recording::MemoryOnly => Budgets::none(),
        Recording::Configured | Recording::Asking => {
            let (store, access) = (Arc::clone(&principals.store), Arc::clone(&principals.access));
            Budgets::new(store, &config.access.budgets, access, Arc::new(now_ms))
        }
    }
}

/// Who acts, and where their keys and counters are kept.
#[derive(Clone)]
pub(crate) struct Principals {
    access: Arc<Access>,
    store: Arc<dyn AccessStore>,
    /// The functions that are kept there.
    functions: Arc<dyn FunctionStore>,
}

impl Principals {
    /// As this configuration says.
    pub(crate) fn of(config: &Config) -> Self {
        let access = Access::new(config.access.clone(), now_ms);
        let store = Arc::new(journal::SharedStore::new(config.journal.clone()));
        Self { access, store: Arc::clone(&store) as _, functions: store }
    }
}

/// Whether runs are recorded beyond the process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recording {
    /// As the configuration says, and people are asked where the policy asks.
    Asking,
    /// As the configuration says.
    Configured,
    /// Nothing is run on behalf of anybody.
    MemoryOnly,
}

/// A gateway and the servers behind it.
pub(crate) struct App {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) upstreams: Arc<Upstreams>,
    pub(crate) answer_shapes: Option<Arc<AnswerShapes>>,
    budgets: Arc<Budgets>,
    journal: ProcessJournal,
    /// None: nobody is asked.
    approvals: Option<Arc<dyn ApprovalStore>>,
    /// Of the servers, which may go on.
    start: StartProgress,
}

impl App {
    /// Starts all servers, the engine and the journal concurrently, and waits this long for the servers. A server that does not start is
    /// reported to the terminal; the others work. Cancelling `over` ends the wait.
    pub(crate) async fn start(
        config: Config,
        profiles: Profiles,
        terminal: &Terminal,
        over: CancellationToken,
        patience: Duration,
        recording: Recording,
        principals: Principals,
    ) -> Result<Self> {
        terminal.show_progress("starting");
        let engine = engine(&config, Memory::here());
        if let Some(notice) = smaller_limit(&config, &engine) {
            terminal.print(&notice);
        }
        let answer_shapes = answer_shapes(&config);
        let engine = tokio::task::spawn_blocking(move || Engine::new(&engine));
        let journal = config.journal.clone();
        let journal = tokio::task::spawn_blocking(move || match recording {
            Recording::Configured | Recording::Asking => journal::open(&journal),
            Recording::MemoryOnly => Ok(ProcessJournal::in_memory()),
        });
        let budgets = budgets(&config, recording, &principals);
        let ReloadableConfig { servers, server_limits, settings, .. } = ReloadableConfig::of(&config, profiles);
        let upstreams = Arc::new(Upstreams::begin(servers, server_limits, over.clone()).await);
        let mut start = StartProgress::follow(&upstreams, Arc::clone(&settings.policy), terminal.clone());
        // One that cannot be opened is reported before servers are waited for.
        let journal = journal.await.context("opening the journal")??;
        over.run_until_cancelled(start.within(patience)).await;
        let engine = engine.await.context("mapping the guest")??;
        let asking = match recording {
            Recording::Asking => {
                Some(journal.approvals(&config.approvals.limits).await.context("opening the approvals")?)
            }
            Recording::Configured | Recording::MemoryOnly => None,
        };
        let approvals = asking.as_ref().map(|asking| Arc::clone(&asking.store));
        let functions = FunctionLibrary::new(principals.functions);
        if let Some(config) = &settings.functions {
            functions.refresh(config).await;
        }
        let (notified, has_sessions) = (config.approvals.clone(), config.sessions.is_some());
        let config = GatewayConfig {
            engine,
            upstreams: Arc::clone(&upstreams),
            archive: Some(journal.archive()),
            journal: journal.entries(),
            pre_pass: PrePass::On,
            settings,
            access: principals.access,
            budgets: Arc::clone(&budgets),
            answer_shapes: answer_shapes.clone(),
            pins: Some(tool_pins()),
            approvals: asking,
            workspaces: Arc::new(Workspaces::kept_in(Paths::of_user().workspace_dir)),
            sessions: Arc::new(Sessions::kept_in(Paths::of_user().session_dir)),
            functions: Some(functions),
        };
        // What clients see is made there, which may take long.
        let gateway =
            tokio::task::spawn_blocking(move || Gateway::new(config)).await.context("starting the gateway")??;
        let gateway = Arc::new(gateway);
        if recording == Recording::Asking {
            notifications::begin(&notified, &gateway)?;
            gateway.sweep_workspaces();
            if has_sessions {
                gateway.sweep_sessions();
            }
        }
        Ok(Self { gateway, upstreams, answer_shapes, budgets, journal, approvals, start })
    }

    /// Starts for one script, as far as the script needs it.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub(crate) async fn start_for(
        script: &Script,
        config: Config,
        profiles: Profiles,
        terminal: &Terminal,
        recording: Recording,
    ) -> Result<Self> {
        let principals = Principals::of(&config);
        let app =
            Self::start(config, profiles, terminal, CancellationToken::new(), GLANCE, recording, principals).await?;
        app.gateway.ready_for(script).await;
        Ok(app)
    }

    /// Shows this as the progress from now on, instead of the servers that are still starting.
    pub(crate) fn show_progress(&self, what: &str, terminal: &Terminal) {
        self.start.hide();
        terminal.show_progress(what);
    }

    /// Reports the state of the servers, and shuts everything down.
    pub(crate) async fn end(self) {
        self.start.report(&self.upstreams.servers());
        self.shutdown().await;
    }

    /// The journal is the last: calls that are cut off are recorded.
    async fn shutdown(self) {
        let Self { gateway, upstreams, answer_shapes, budgets, journal, start, .. } = self;
        drop(start);
        let (workspaces, sessions) = (Arc::clone(gateway.workspaces()), Arc::clone(gateway.sessions()));
        let of_clients = move || {
            workspaces.end_sessions();
            sessions.end_clients();
        };
        // What cannot be removed now is removed by a later process.
        let _ = tokio::task::spawn_blocking(of_clients).await;
        store(answer_shapes).await;
        upstreams.shutdown().await;
        if tokio::time::timeout(STORING, budgets.close()).await.is_err() {
            tracing::warn!("unused amounts of budgets were not given back; they count as used until their periods end");
        }
        journal.close().await;
    }
}

/// An application that is starting, for endpoints that answer before it has started.
pub(crate) struct AppStartup {
    gateway: PendingGateway,
    app: oneshot::Receiver<Result<App>>,
    over: CancellationToken,
    journal: Arc<OnceLock<OwnJournal>>,
    store: Arc<dyn AccessStore>,
    functions: Arc<dyn FunctionStore>,
    _issued_keys: AbortOnDropHandle<()>,
}

impl AppStartup {
    /// Begins to start. `links`: where approvals are answered. `is_unattended`: no command finds the process, and what its servers ask is said on
    /// the terminal. `give_up` ends the endpoint if the start fails.
    pub(crate) fn start(
        config: Config,
        terminal: Terminal,
        links: Option<Arc<dyn ApprovalLinks>>,
        is_unattended: bool,
        give_up: impl FnOnce() + Send + 'static,
    ) -> Self {
        let (sender, app) = oneshot::channel();
        let (profiles, over) = (config.profiles(), CancellationToken::new());
        let (until, principals) = (over.clone(), Principals::of(&config));
        let Principals { access, store, functions } = principals.clone();
        let _issued_keys = journal::follow_issued_keys(Arc::clone(&access), Arc::clone(&store));
        let journal = Arc::<OnceLock<OwnJournal>>::default();
        let opened = Arc::clone(&journal);
        let gateway = PendingGateway::start(profiles.clone(), access, async move {
            let recording = Recording::Asking;
            let started = App::start(config, profiles, &terminal, until, OPENING, recording, principals).await;
            if started.is_err() {
                terminal.clear_progress();
            }
            if let Ok(app) = &started {
                // Opened once.
                let _ = opened.set(app.journal.own(app.approvals.clone()));
                if let Some(links) = links {
                    app.gateway.set_approval_links(links);
                }
                if is_unattended {
                    notifications::say_questions(&app.gateway, &terminal);
                }
                app.gateway.follow_approvals();
            }
            let gateway = started.as_ref().ok().map(|app| Arc::clone(&app.gateway));
            let _ = sender.send(started);
            match gateway {
                Some(gateway) => gateway,
                None => {
                    give_up();
                    std::future::pending().await
                }
            }
        });
        Self { gateway, app, over, journal, store, functions, _issued_keys }
    }

    /// The journal of the process, once it is open.
    pub(crate) fn journal(&self) -> Arc<OnceLock<OwnJournal>> {
        Arc::clone(&self.journal)
    }

    /// Where keys and counters are kept.
    pub(crate) fn access_store(&self) -> Arc<dyn AccessStore> {
        Arc::clone(&self.store)
    }

    /// Where functions are kept.
    pub(crate) fn functions(&self) -> Arc<dyn FunctionStore> {
        Arc::clone(&self.functions)
    }

    /// The gateway, once it has started.
    pub(crate) fn gateway(&self) -> PendingGateway {
        self.gateway.clone()
    }

    /// Ends the servers, those that are still starting too.
    ///
    /// # Errors
    ///
    /// The start failed, for this reason.
    pub(crate) async fn finish(self) -> Result<()> {
        self.over.cancel();
        // No answer: the face was over before the start was.
        if let Ok(app) = self.app.await {
            app?.shutdown().await;
        }
        Ok(())
    }
}
