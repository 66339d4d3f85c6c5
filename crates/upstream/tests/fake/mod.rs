//! The fake server under a configuration, and calls to it.
#![allow(dead_code, reason = "shared by several test binaries, each of which uses a part")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use exuvia_config::{Era, Http, ServerConfig, Transport, UpstreamLimits};
use exuvia_tool::{BoxFuture, CallContext, Origin, Principal, RunId, ToolOutcome};
use exuvia_upstream::{CallLimits, ServerState, Upstreams};
use serde_json::Value;

mod permit;

pub(crate) use permit::permit;

pub(crate) fn config(name: &str, args: &[&str]) -> ServerConfig {
    let program = exuvia_fake_upstream::program().to_str().unwrap().to_owned();
    let args = args.iter().map(|arg| (*arg).to_owned());
    let mut config = ServerConfig::stdio(name, program, args, &|name| std::env::var(name).ok());
    config.start_timeout = Duration::from_secs(20);
    config
}

/// The process of a server that is one.
pub(crate) fn process(config: &mut ServerConfig) -> &mut exuvia_config::Stdio {
    match &mut config.transport {
        Transport::Stdio(stdio) => stdio,
        Transport::Http(_) => panic!("{} is no process", config.name),
    }
}

/// A fake server over HTTP. Dropping it ends it.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
}

impl Served {
    pub(crate) fn new(args: &[&str]) -> Self {
        let mut command = Command::new(exuvia_fake_upstream::program());
        command.arg("--http").args(args).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim().to_owned() }
    }

    pub(crate) fn config(&self, name: &str) -> ServerConfig {
        let mut config = ServerConfig::new(name, Transport::Http(Http::new(self.url.parse().unwrap())));
        config.start_timeout = Duration::from_secs(20);
        config
    }

    pub(crate) async fn start(&self) -> Upstreams {
        let upstreams = Upstreams::start(vec![self.config("fake")], UpstreamLimits::default()).await;
        era(&upstreams);
        upstreams
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server over HTTP.
pub(crate) fn http(config: &mut ServerConfig) -> &mut Http {
    match &mut config.transport {
        Transport::Http(http) => http,
        Transport::Stdio(_) => panic!("{} is a process", config.name),
    }
}

/// `ready`, or why not, of each server.
pub(crate) fn states(upstreams: &Upstreams) -> Vec<String> {
    let told = |state: &ServerState| match state {
        ServerState::Ready { .. } => "ready".to_owned(),
        ServerState::Starting => "starting".to_owned(),
        ServerState::Failed { message, .. } => message.clone(),
    };
    upstreams.servers().iter().map(|server| told(&server.state)).collect()
}

pub(crate) fn caller() -> CallContext {
    CallContext::new(Principal::Operator, Origin::Run(RunId::new("a")))
}

/// One fake server, named `fake`.
pub(crate) async fn start(args: &[&str]) -> Upstreams {
    start_with(args, UpstreamLimits::default()).await
}

pub(crate) async fn start_with(args: &[&str], limits: UpstreamLimits) -> Upstreams {
    let upstreams = Upstreams::start(vec![config("fake", args)], limits).await;
    era(&upstreams);
    upstreams
}

pub(crate) fn era(upstreams: &Upstreams) -> Era {
    match &upstreams.servers()[0].state {
        ServerState::Ready { era } => *era,
        state => panic!("{state:?}"),
    }
}

pub(crate) const LIMITS: CallLimits = CallLimits { timeout: Duration::from_secs(10), result_bytes: 1 << 20 };

pub(crate) fn limited(
    upstreams: &Upstreams,
    tool: &str,
    arguments: &str,
    limits: CallLimits,
) -> BoxFuture<'static, ToolOutcome> {
    upstreams.call(permit("fake", tool, arguments), caller(), limits)
}

pub(crate) async fn call(upstreams: &Upstreams, tool: &str, arguments: &str) -> ToolOutcome {
    limited(upstreams, tool, arguments, LIMITS).await
}

pub(crate) async fn value(upstreams: &Upstreams, tool: &str, arguments: &str) -> Value {
    call(upstreams, tool, arguments).await.unwrap().to_value().unwrap()
}

/// Whether a process with this id runs (a zombie does not).
pub(crate) fn runs(pid: i64) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    status.rsplit(')').next().and_then(|rest| rest.split_whitespace().next()).is_some_and(|state| state != "Z")
}

/// Waits until none of the processes runs.
pub(crate) async fn gone(pids: &[i64], within: Duration) -> bool {
    let start = std::time::Instant::now();
    while pids.iter().any(|&pid| runs(pid)) {
        if start.elapsed() > within {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    true
}
