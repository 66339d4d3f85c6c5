//! A gateway in this process, over sample servers that are real child processes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use exuvia_access::Access;
use exuvia_access::budget::Budgets;
use exuvia_catalog::files::Layouts;
use exuvia_config::{FunctionsConfig, ServerConfig, SessionsConfig, UpstreamLimits, WorkspacesConfig};
use exuvia_gateway::meta::{self, MetaAnswer};
use exuvia_gateway::{
    ApprovalConfig, Client, DirectAnswer, FunctionLibrary, Gateway, GatewayConfig, OnDisconnect, PinMode, PrePass,
    Profiles, QueueLimits, Sessions, StartedBy, ToolPins, Workspaces,
};
use exuvia_journal::{Archive, Journal};
use exuvia_mcp_client::RelayOptions;
use exuvia_pins::PinFolder;
use exuvia_policy::{Policy, PolicySource, ServerRules};
use exuvia_runtime::{Limits, Report, Script};
use exuvia_tool::{Json, ToolName};
use exuvia_upstream::{ServerState, Upstreams};
use serde_json::Value;
use tokio::time::timeout;

use crate::{PATIENCE, TestJournal, built, engine, nesting_engine};

/// What differs between gateways under test, beside servers and limits.
pub struct Settings {
    /// Whether scripts are read before they start.
    pub pre_pass: PrePass,
    /// How many may be in flight.
    pub queue: QueueLimits,
    /// Which servers clients meet, and how. None: every server, for scripts.
    pub profiles: Option<Profiles>,
    /// What becomes of scripts whose clients go away.
    pub on_disconnect: OnDisconnect,
    /// What servers may send.
    pub upstream: UpstreamLimits,
    /// Where runs and calls are recorded.
    pub journal: Arc<TestJournal>,
    /// How old a run may be that is repaired. None: what is recorded is not read again.
    pub repair_age: Option<Duration>,
    /// Where tools are pinned. None: they are not.
    pub pins: Option<PinFolder>,
    /// What comes of those that change.
    pub pin: PinMode,
    /// Who may use it.
    pub access: Arc<Access>,
    /// What they may use in a period.
    pub budgets: Arc<Budgets>,
    /// Where approvals are kept. None: nobody is asked.
    pub approvals: Option<ApprovalConfig>,
    /// Where workspaces are, and who has which. None: scripts have no files.
    pub workspaces: Option<(PathBuf, WorkspacesConfig)>,
    /// Where sessions of scripts are kept, and how. None: there are none.
    pub sessions: Option<(PathBuf, SessionsConfig)>,
    /// Saved functions, and what is configured of them. None: there are none.
    pub functions: Option<(Arc<FunctionLibrary>, Arc<FunctionsConfig>)>,
}

impl Settings {
    pub(crate) fn profiles_of(&self, servers: &[String]) -> Profiles {
        let functions = self.functions.iter().map(|_| exuvia_functions::SERVER.to_owned());
        self.profiles.clone().unwrap_or_else(|| Profiles::scripts(servers.iter().cloned().chain(functions)))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pre_pass: PrePass::On,
            queue: QueueLimits { runs: 10_000, runs_per_client: 10_000 },
            profiles: None,
            on_disconnect: OnDisconnect::Cancel,
            upstream: UpstreamLimits::default(),
            journal: Arc::default(),
            repair_age: None,
            pins: None,
            pin: PinMode::Off,
            access: Access::open(),
            budgets: Budgets::none(),
            approvals: None,
            workspaces: None,
            sessions: None,
            functions: None,
        }
    }
}

/// A gateway with the servers behind it.
pub struct SampleGateway {
    gateway: Arc<Gateway>,
    upstreams: Arc<Upstreams>,
    journal: Arc<TestJournal>,
}

impl SampleGateway {
    /// The bundled echo server, as `echo`.
    pub async fn echo(limits: Limits, arguments: &[&str]) -> Self {
        Self::with(vec![Self::echo_server(arguments)], limits, Settings::default()).await
    }

    /// How the bundled echo server is started.
    #[must_use]
    pub fn echo_server(arguments: &[&str]) -> ServerConfig {
        let program = built("exuvia").display().to_string();
        let arguments = ["sample", "echo"].iter().chain(arguments).map(|&argument| argument.to_owned());
        ServerConfig::stdio("echo", program, arguments, &|name| std::env::var(name).ok())
    }

    /// Any servers.
    ///
    /// # Panics
    ///
    /// One of them does not start.
    pub async fn of(servers: Vec<ServerConfig>, limits: Limits) -> Self {
        Self::with(servers, limits, Settings::default()).await
    }

    /// Any servers and settings.
    ///
    /// # Panics
    ///
    /// One of them does not start.
    pub async fn with(servers: Vec<ServerConfig>, limits: Limits, settings: Settings) -> Self {
        let upstreams = Arc::new(Upstreams::start(servers, settings.upstream).await);
        for server in upstreams.servers().iter() {
            assert!(matches!(server.state, ServerState::Ready { .. }), "{}: {:?}", server.name, server.state);
        }
        let names: Vec<String> = upstreams.servers().iter().map(|server| server.name.clone()).collect();
        let (workspace_dir, workspaces) = settings.workspaces.clone().unzip();
        let workspaces = workspaces.unwrap_or_default();
        let (session_dir, sessions) = settings.sessions.clone().unzip();
        let gateway = Gateway::new(GatewayConfig {
            engine: if settings.functions.is_some() { nesting_engine() } else { engine() }.clone(),
            upstreams: Arc::clone(&upstreams),
            journal: Arc::clone(&settings.journal) as Arc<dyn Journal>,
            archive: settings.repair_age.map(|_| Arc::clone(&settings.journal) as Arc<dyn Archive>),
            pre_pass: settings.pre_pass,
            settings: exuvia_gateway::Settings {
                roles: Arc::default(),
                layouts: Layouts::default(),
                profiles: settings.profiles_of(&names),
                policy: Arc::new(unlisted(&upstreams)),
                queue: settings.queue,
                limits,
                answer_bytes: 64 << 10,
                preview_tokens: 2_000,
                on_disconnect: settings.on_disconnect,
                repair_age: settings.repair_age.unwrap_or_default(),
                pins: names.iter().map(|name| (name.clone(), settings.pin)).collect(),
                workspaces: Arc::new(workspaces),
                sessions,
                functions: settings.functions.as_ref().map(|(_, config)| Arc::clone(config)),
            },
            access: Arc::clone(&settings.access),
            budgets: Arc::clone(&settings.budgets),
            answer_shapes: None,
            pins: settings.pins.map(|folder| Arc::new(ToolPins::kept_in(Some(folder)))),
            approvals: settings.approvals,
            workspaces: Arc::new(Workspaces::kept_in(workspace_dir)),
            sessions: Arc::new(Sessions::kept_in(session_dir)),
            functions: settings.functions.map(|(library, _)| library),
        });
        let gateway = Arc::new(gateway.expect("threads for runs"));
        gateway.follow_approvals();
        Self { gateway, upstreams, journal: settings.journal }
    }

    /// The gateway itself.
    #[must_use]
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// What it records.
    #[must_use]
    pub fn journal(&self) -> &Arc<TestJournal> {
        &self.journal
    }

    /// Calls a meta-tool that answers with a text.
    ///
    /// # Panics
    ///
    /// It answers with an error, or starts a run.
    pub async fn ask(&self, meta_tool: &str, arguments: &Value) -> String {
        let arguments = arguments.as_object().expect("an object");
        let view = self.gateway.default_view();
        match meta::call(&self.gateway, &view, &Client::new("test"), meta_tool, arguments).await {
            Ok(MetaAnswer::Text(text)) => text,
            other => panic!("{meta_tool} {arguments:?}: {other:?}"),
        }
    }

    /// A client's own call of a tool, in a profile.
    ///
    /// # Panics
    ///
    /// There is no such profile, or no answer in time.
    pub async fn proxy_call(&self, profile: &str, server: &str, tool: &str, arguments: Json) -> DirectAnswer {
        let view = self.gateway.view(Some(profile)).expect("a profile");
        let (name, options) = (ToolName::new(server, tool), RelayOptions::default());
        let call = self.gateway.proxy_call(&view, &Client::new("test"), name, arguments, options);
        timeout(PATIENCE, call.answer).await.expect("an answer in time")
    }

    /// Runs a script to its end, with every visible tool granted.
    pub async fn run(&self, source: &str) -> Report {
        self.run_by(StartedBy::Operator, source).await
    }

    /// Runs a script to its end.
    pub async fn run_by(&self, by: StartedBy, source: &str) -> Report {
        let run = self.gateway.start(&self.gateway.default_view(), Script::new(source), by, &Client::new("test"));
        run.expect("room for a run").report().await
    }

    /// Ends the servers.
    pub async fn stop(self) {
        self.upstreams.shutdown().await;
    }

    /// Ends the gateway as if its process were killed: its runs are dropped where they are, and then the servers end.
    pub async fn stop_dead(self) {
        let Self { gateway, upstreams, .. } = self;
        drop(gateway);
        tokio::time::sleep(Duration::from_millis(100)).await;
        upstreams.shutdown().await;
    }
}

/// The fake server as a process with these arguments.
#[must_use]
pub fn fake(name: &str, arguments: &[&str]) -> ServerConfig {
    let program = exuvia_fake_upstream::program().display().to_string();
    ServerConfig::stdio(name, program, arguments.iter().map(|&argument| argument.to_owned()), &|_| None)
}

/// The same, called by clients themselves.
#[must_use]
pub fn direct_fake(name: &str, arguments: &[&str]) -> ServerConfig {
    ServerConfig { direct: true, ..fake(name, arguments) }
}

/// The rules of a server that list and deny these tools.
#[must_use]
pub fn rules(auto_execute: &[&str], deny: &[&str]) -> ServerRules {
    let list = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    ServerRules { auto_execute: list(auto_execute), deny: list(deny), ..ServerRules::default() }
}

/// What came of the calls of a run: `SERVER.TOOL OUTCOME`.
#[must_use]
pub fn outcomes(report: &Report) -> Vec<String> {
    report.calls.iter().map(|call| format!("{}.{} {}", call.server, call.tool, call.outcome)).collect()
}

/// Every tool can be seen, none is listed.
fn unlisted(upstreams: &Upstreams) -> Policy {
    let servers = upstreams.servers();
    let names = servers.iter().map(|server| server.name.as_str());
    Policy::compile(PolicySource::default(), names).expect("nothing is written, so nothing is wrong")
}
