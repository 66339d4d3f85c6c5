//! A gateway in this process, over sample servers that are real child processes.

use std::sync::Arc;

use exuvia_catalog::files::Layouts;
use exuvia_gateway::meta::{self, MetaAnswer};
use exuvia_gateway::{Gateway, GatewayConfig, PrePass, StartedBy};
use exuvia_journal::MemoryJournal;
use exuvia_policy::{Policy, PolicySource};
use exuvia_runtime::{Limits, Report, Script};
use exuvia_upstream::{ServerConfig, ServerState, UpstreamLimits, Upstreams};
use serde_json::Value;

use crate::{built, engine};

/// A gateway with the servers behind it.
pub struct SampleGateway {
    gateway: Gateway,
    upstreams: Arc<Upstreams>,
}

impl SampleGateway {
    /// The bundled echo server, as `echo`.
    pub async fn echo(limits: Limits, arguments: &[&str]) -> Self {
        let program = built("exuvia").display().to_string();
        let arguments = ["sample", "echo"].iter().chain(arguments).map(|&argument| argument.to_owned());
        let server = ServerConfig::stdio("echo", program, arguments, &|name| std::env::var(name).ok());
        Self::of(vec![server], limits).await
    }

    /// Any servers.
    ///
    /// # Panics
    ///
    /// One of them does not come up.
    pub async fn of(servers: Vec<ServerConfig>, limits: Limits) -> Self {
        Self::with(servers, limits, PrePass::On).await
    }

    /// Any servers, for scripts that are read before they start or are not.
    ///
    /// # Panics
    ///
    /// One of them does not come up.
    pub async fn with(servers: Vec<ServerConfig>, limits: Limits, pre_pass: PrePass) -> Self {
        let upstreams = Arc::new(Upstreams::start(servers, UpstreamLimits::default()).await);
        for server in upstreams.servers().iter() {
            assert!(matches!(server.state, ServerState::Ready { .. }), "{}: {:?}", server.name, server.state);
        }
        let gateway = Gateway::new(GatewayConfig {
            engine: engine().clone(),
            upstreams: Arc::clone(&upstreams),
            journal: Arc::new(MemoryJournal::new(16 << 20)),
            layouts: Layouts::default(),
            policy: unlisted(&upstreams),
            pre_pass,
            limits,
            answer_bytes: 64 << 10,
        });
        Self { gateway: gateway.expect("threads for runs"), upstreams }
    }

    /// The gateway itself.
    #[must_use]
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Calls a meta-tool that answers with a text.
    ///
    /// # Panics
    ///
    /// It answers with an error, or starts a run.
    #[must_use]
    pub fn ask(&self, meta_tool: &str, arguments: &Value) -> String {
        let arguments = arguments.as_object().expect("an object");
        match meta::call(&self.gateway, meta_tool, arguments) {
            Ok(MetaAnswer::Text(text)) => text,
            other => panic!("{meta_tool} {arguments:?}: {other:?}"),
        }
    }

    /// Runs a script to its end, with every visible tool granted.
    pub async fn run(&self, source: &str) -> Report {
        self.run_by(StartedBy::Operator, source).await
    }

    /// Runs a script to its end.
    pub async fn run_by(&self, by: StartedBy, source: &str) -> Report {
        self.gateway.start(Script::new(source), by).report().await
    }

    /// Ends the servers.
    pub async fn stop(self) {
        self.upstreams.shutdown().await;
    }
}

/// Every tool can be seen, none is listed.
fn unlisted(upstreams: &Upstreams) -> Policy {
    let servers = upstreams.servers();
    let names = servers.iter().map(|server| server.name.as_str());
    Policy::compile(PolicySource::default(), names).expect("nothing is written, so nothing is wrong")
}
