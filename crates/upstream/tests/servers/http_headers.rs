//! Credentials that are headers.

use std::path::PathBuf;

use crate::fake::{Served, call, http, value};
use exuvia_config::{HeaderCommand, ServerConfig, UpstreamLimits};
use exuvia_upstream::{Failing, ServerState, Upstreams};
use serde_json::json;

/// A server that asks for the token in a file, and a command that reads it.
struct Guarded {
    served: Served,
    token: PathBuf,
    runs: PathBuf,
}

impl Guarded {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("exuvia-headers-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        let (token, runs) = (dir.join("token"), dir.join("runs"));
        std::fs::write(&token, "first").unwrap();
        let served = Served::new(&["--token-file", token.to_str().unwrap()]);
        Self { served, token, runs }
    }

    fn config(&self, script: &str) -> ServerConfig {
        let script = format!("echo x >> {}; {script}", self.runs.display());
        let mut config = self.served.config("fake");
        let env = [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into();
        let args = vec!["-c".to_owned(), script];
        http(&mut config).header_command = Some(HeaderCommand { command: "/bin/sh".into(), args, env });
        config
    }

    fn runs(&self) -> usize {
        std::fs::read_to_string(&self.runs).unwrap_or_default().lines().count()
    }
}

async fn start(config: ServerConfig) -> (Upstreams, Option<String>) {
    let upstreams = Upstreams::start(vec![config], UpstreamLimits::default()).await;
    let message = match &upstreams.servers()[0].state {
        ServerState::Starting | ServerState::Ready { .. } => None,
        ServerState::Failed { message, .. } => Some(message.clone()),
    };
    (upstreams, message)
}

#[tokio::test]
async fn configured_headers_go_with_every_request() {
    let served = Served::new(&["--era", "legacy"]);
    let mut config = served.config("fake");
    http(&mut config).add_header("x-team".parse().unwrap(), "7".parse().unwrap());
    // What the protocol needs cannot be overruled.
    http(&mut config).add_header("content-type".parse().unwrap(), "text/plain".parse().unwrap());
    let (upstreams, _) = start(config).await;
    let seen = value(&upstreams, "request", "{}").await;
    let header = |name: &str| seen["headers"][name].as_str().unwrap_or_default().to_owned();
    assert_eq!((header("x-team").as_str(), header("content-type").as_str()), ("7", "application/json"), "{seen}");
    assert!(header("mcp-session-id").starts_with("session-"));
    assert!(header("user-agent").starts_with("exuvia/") && header("accept-encoding").is_empty(), "{seen}");
}

#[tokio::test]
async fn a_command_runs_once_and_once_more_when_its_headers_are_refused() {
    let guarded = Guarded::new("renewed");
    let script = format!("echo Authorization: Bearer $(cat {})", guarded.token.display());
    let (upstreams, failed) = start(guarded.config(&script)).await;
    assert_eq!(failed, None);
    assert_eq!(value(&upstreams, "echo", r#"{"value": 1}"#).await, json!({"value": 1}));
    assert_eq!(guarded.runs(), 1);
    std::fs::write(&guarded.token, "second").unwrap();
    assert_eq!(value(&upstreams, "echo", r#"{"value": 2}"#).await, json!({"value": 2}));
    assert_eq!(value(&upstreams, "echo", r#"{"value": 3}"#).await, json!({"value": 3}));
    assert_eq!(guarded.runs(), 2);
    let seen = value(&upstreams, "seen", "{}").await;
    let calls = seen["seen"].as_array().unwrap().iter().filter(|seen| *seen == "tools/call").count();
    assert_eq!(calls, 4, "no call is made twice: {seen}");
}

#[tokio::test]
async fn refused_headers_are_reported_to_the_script_and_to_the_operator() {
    let guarded = Guarded::new("refused");
    let (_, failed) = start(guarded.config("echo Authorization: Bearer wrong")).await;
    let failed = failed.unwrap();
    assert!(failed.contains("HTTP 401") && failed.contains("the same headers that it rejected"), "{failed}");
    let (_, failed) = start(guarded.config("echo no keyring >&2; exit 1")).await;
    assert!(failed.as_ref().unwrap().contains("`headers_command` ended with exit status: 1: no keyring"), "{failed:?}");
    let (_, failed) = start(guarded.served.config("fake")).await;
    assert!(failed.as_ref().unwrap().contains("`headers_command` or `oauth`"), "{failed:?}");

    let script = format!("echo Authorization: Bearer $(cat {} | head -c 5)", guarded.token.display());
    let (upstreams, failed) = start(guarded.config(&script)).await;
    assert_eq!(failed, None);
    std::fs::write(&guarded.token, "first-and-more").unwrap();
    let failed = call(&upstreams, "echo", "{}").await.unwrap_err();
    assert_eq!(
        failed.to_string(),
        "server fake requires authorization that the gateway does not have; fake.echo was not called"
    );
}

#[tokio::test]
async fn a_server_whose_every_call_is_refused_is_known_until_one_is_answered() {
    let guarded = Guarded::new("failing");
    let script = format!("echo Authorization: Bearer $(cat {} | head -c 5)", guarded.token.display());
    let (upstreams, failed) = start(guarded.config(&script)).await;
    assert_eq!((failed, upstreams.failing().len()), (None, 0));
    std::fs::write(&guarded.token, "first-and-more").unwrap();
    call(&upstreams, "echo", "{}").await.unwrap_err();
    assert_eq!(upstreams.failing()["fake"], Failing::Unauthorized { login: false });
    std::fs::write(&guarded.token, "first").unwrap();
    call(&upstreams, "echo", "{}").await.unwrap();
    assert_eq!(upstreams.failing().len(), 0);
}

#[tokio::test]
async fn a_server_that_asks_for_a_login_says_so() {
    let served = Served::new(&["--refuse", "tools/call=401"]);
    let (upstreams, failed) = start(served.config("fake")).await;
    assert_eq!(failed, None);
    call(&upstreams, "echo", "{}").await.unwrap_err();
    assert_eq!(upstreams.failing()["fake"], Failing::Unauthorized { login: true });
}
