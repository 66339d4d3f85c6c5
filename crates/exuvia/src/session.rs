//! Started servers, engine and gateway: what every command but `demo` uses.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use exuvia_config::{Config, Paths, ServerConfig, Sources, UpstreamLimits};
use exuvia_gateway::{Gateway, GatewayConfig, PrePass, Profiles, Settings, now_ms};
use exuvia_journal::MemoryJournal;
use exuvia_runtime::Engine;
use exuvia_server::PendingGateway;
use exuvia_text::indented;
use exuvia_upstream::Upstreams;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::detached::Detached;
use crate::machine::{Memory, engine, smaller_limit};
use crate::start::{OPENING, Start};
use crate::terminal::Terminal;

/// What the record of runs and calls may take, in bytes.
const JOURNAL_BYTES: usize = 64 << 20;

/// What the command line and its files say. What is left out of it is told to the terminal.
pub(crate) async fn configured(sources: Sources, terminal: &Terminal) -> Result<Config> {
    let config = from_files(move || Ok(sources.load(&Paths::of_user())?)).await?;
    for notice in &config.notices {
        terminal.say(&indented(&notice.to_string(), "  "));
    }
    Ok(config)
}

/// Reads files at the start, where there is nothing to go on with if they cannot be read.
pub(crate) async fn from_files<T: Send + 'static>(read: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    Detached::default().run(read).await.context("the configuration cannot be read")?
}

/// Tells whoever serves clients that there is nothing to serve them with.
pub(crate) fn tell_no_servers(config: &Config, terminal: &Terminal) {
    if config.servers.is_empty() {
        terminal.say("no servers configured: add some with --config, --mcp-config, --server or --import");
    }
}

/// What a configuration comes to that may be replaced while scripts run.
#[derive(Clone, PartialEq)]
pub(crate) struct Setup {
    pub(crate) servers: Vec<ServerConfig>,
    pub(crate) server_limits: UpstreamLimits,
    pub(crate) settings: Settings,
}

impl Setup {
    /// With these profiles.
    pub(crate) fn of(config: &Config, profiles: Profiles) -> Self {
        let settings = Settings {
            layouts: config.layouts(),
            profiles,
            policy: Arc::new(config.policy.clone()),
            limits: config.limits.clone(),
            queue: config.runs.queue,
            answer_bytes: config.answer_bytes,
            on_disconnect: config.runs.on_disconnect,
        };
        let servers = config.servers.iter().map(|server| server.config.clone()).collect();
        Self { servers, server_limits: config.upstream_limits, settings }
    }
}

/// A gateway and the servers behind it.
pub(crate) struct Session {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) upstreams: Arc<Upstreams>,
    /// Of the servers, which may go on.
    start: Start,
}

impl Session {
    /// Starts all servers side by side, beside the engine, and waits for them for this long. A server that does not come up is
    /// told to the terminal; the others work. Nobody waits for them any more when `over` is cancelled.
    pub(crate) async fn start(
        config: Config,
        profiles: Profiles,
        terminal: &Terminal,
        over: CancellationToken,
        patience: Duration,
    ) -> Result<Self> {
        terminal.doing("starting");
        let engine = engine(&config, Memory::here());
        if let Some(notice) = smaller_limit(&config, &engine) {
            terminal.say(&notice);
        }
        let engine = tokio::task::spawn_blocking(move || Engine::new(&engine));
        let Setup { servers, server_limits, settings } = Setup::of(&config, profiles);
        let upstreams = Arc::new(Upstreams::begin(servers, server_limits, over.clone()).await);
        let mut start = Start::follow(&upstreams, Arc::clone(&settings.policy), terminal.clone());
        over.run_until_cancelled(start.within(patience)).await;
        let config = GatewayConfig {
            engine: engine.await.context("mapping the guest")??,
            upstreams: Arc::clone(&upstreams),
            journal: Arc::new(MemoryJournal::new(JOURNAL_BYTES, now_ms)),
            pre_pass: PrePass::On,
            settings,
        };
        // What clients see is made there, which may take long.
        let gateway =
            tokio::task::spawn_blocking(move || Gateway::new(config)).await.context("starting the gateway")??;
        Ok(Self { gateway: Arc::new(gateway), upstreams, start })
    }

    /// Says that this goes on from here, and no more who is still starting.
    pub(crate) fn doing(&self, what: &str, terminal: &Terminal) {
        self.start.hide();
        terminal.doing(what);
    }

    /// Tells what became of the servers, and ends them.
    pub(crate) async fn end(self) {
        self.start.tell(&self.upstreams.servers());
        drop(self.start);
        self.upstreams.shutdown().await;
    }
}

/// A session on its way, for faces that answer before it is there.
pub(crate) struct Starting {
    gateway: PendingGateway,
    session: oneshot::Receiver<Result<Session>>,
    over: CancellationToken,
}

impl Starting {
    /// Begins to start. `give_up` ends the face where that comes to nothing.
    pub(crate) fn start(config: Config, terminal: Terminal, give_up: impl FnOnce() + Send + 'static) -> Self {
        let (sender, session) = oneshot::channel();
        let (profiles, over) = (config.profiles(), CancellationToken::new());
        let until = over.clone();
        let gateway = PendingGateway::start(profiles.clone(), async move {
            let started = Session::start(config, profiles, &terminal, until, OPENING).await;
            if started.is_err() {
                terminal.done();
            }
            let gateway = started.as_ref().ok().map(|session| Arc::clone(&session.gateway));
            let _ = sender.send(started);
            match gateway {
                Some(gateway) => gateway,
                None => {
                    give_up();
                    std::future::pending().await
                }
            }
        });
        Self { gateway, session, over }
    }

    /// The gateway, once it is there.
    pub(crate) fn gateway(&self) -> PendingGateway {
        self.gateway.clone()
    }

    /// Ends the servers, those that are still starting too.
    ///
    /// # Errors
    ///
    /// The start came to nothing, for this reason.
    pub(crate) async fn finish(self) -> Result<()> {
        self.over.cancel();
        // No answer: the face was over before the start was.
        if let Ok(session) = self.session.await {
            let Session { upstreams, start, .. } = session?;
            drop(start);
            upstreams.shutdown().await;
        }
        Ok(())
    }
}
