//! How servers start, fail to start, and recover.

use std::time::{Duration, Instant};

use crate::fake::{LIMITS, Served, call, caller, config, limited, permit, start, start_with, states, value};
use exuvia_config::{Era, ServerConfig, UpstreamLimits};
use exuvia_tool::CallError;
use exuvia_upstream::Upstreams;
use serde_json::json;

#[tokio::test]
async fn servers_that_fail_are_reported_and_the_others_work() {
    let quick = |name, args: &[&str]| {
        let mut config = config(name, args);
        config.start_timeout = Duration::from_millis(700);
        config
    };
    let unknown = ServerConfig::stdio("unknown", "no-such-program-anywhere", [], &|_| None);
    let mut lost = config("lost", &[]);
    crate::fake::process(&mut lost).cwd = Some("/no/such/directory".into());
    let configs = vec![
        quick("hangs", &["--hang-at", "start"]),
        quick("hangs in list", &["--hang-at", "list"]),
        config("exits", &["--exit-at", "start", "--stderr", "no \u{1b}[31mlicense\u{1b}[0m\n"]),
        config("exits in list", &["--exit-at", "list"]),
        unknown,
        lost,
        config("fake", &[]),
        config("fake", &[]),
        ServerConfig::stdio("no server", "/bin/cat", [], &|_| None),
        ServerConfig::stdio("says things", "/bin/echo", ["hello".to_owned()], &|_| None),
    ];
    let begun = Instant::now();
    let upstreams = Upstreams::start(configs, UpstreamLimits::default()).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    for (message, part) in states(&upstreams).iter().zip([
        "700 ms",
        "700 ms",
        "exit status: 3; its stderr ends with:\n  no \\u{1b}[31mlicense\\u{1b}[0m",
        "closed while it listed",
        "`no-such-program-anywhere` was not found",
        "`/no/such/directory` is not a directory",
        "ready",
        "duplicate server name",
        "handshake",
        "handshake",
    ]) {
        assert!(message.contains(part), "{message:?} should say {part:?}");
    }
    assert_eq!(value(&upstreams, "echo", r#"{"value": 1}"#).await, json!({"value": 1}));
    let failed = |server: &str| upstreams.call(permit(server, "x", "{}"), caller(), LIMITS);
    let sentence = "server exits did not start; exits.x was not called";
    assert_eq!(failed("exits").await, Err(CallError::UpstreamUnavailable(sentence.into())));
    assert_eq!(failed("nobody").await.unwrap_err().code(), "unknown-tool");
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_server_that_ends_at_an_unknown_message_is_greeted_in_the_older_way() {
    let upstreams = start(&["--era", "legacy", "--exit-at", "discover"]).await;
    assert_eq!(crate::fake::era(&upstreams), Era::Legacy);
    let seen = value(&upstreams, "seen", "{}").await;
    assert_eq!(seen["seen"][0], json!("initialize"));
}

#[tokio::test]
async fn a_server_that_ignores_the_probe_is_greeted_in_the_older_way() {
    let upstreams = start(&["--era", "legacy", "--hang-at", "discover"]).await;
    assert_eq!(crate::fake::era(&upstreams), Era::Legacy);
}

#[tokio::test]
async fn a_crashed_server_comes_back() {
    for era in ["modern", "legacy"] {
        let upstreams = start(&["--era", era, "--crash-every", "3"]).await;
        let mut outcomes = Vec::new();
        for _ in 0..9 {
            let outcome = call(&upstreams, "echo", r#"{"value": 1}"#).await;
            outcomes.push(outcome.as_ref().map_or_else(CallError::code, |_| "ok"));
        }
        assert_eq!(outcomes, ["ok", "ok", "upstream-unavailable"].repeat(3));
        let failed = call(&upstreams, "exit", "{}").await.unwrap_err();
        let sentence = "server fake disconnected during fake.exit; whether the call took effect is unknown";
        assert_eq!(failed, CallError::UpstreamUnavailable(sentence.into()));
        assert_eq!(call(&upstreams, "half", "{}").await.unwrap_err().code(), "upstream-unavailable");
        // The era was remembered: the new process was not asked for it.
        let seen = value(&upstreams, "seen", "{}").await;
        let first = if era == "modern" { "server/discover" } else { "initialize" };
        assert_eq!(seen["seen"][0], json!(first));
    }
}

#[tokio::test]
async fn calls_in_flight_end_when_the_server_does() {
    let upstreams = start(&[]).await;
    let hanging: Vec<_> = (0..20).map(|_| tokio::spawn(limited(&upstreams, "hang", "{}", LIMITS))).collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    assert!(call(&upstreams, "exit", "{}").await.is_err());
    for call in hanging {
        assert_eq!(call.await.unwrap().unwrap_err().code(), "upstream-unavailable");
    }
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(value(&upstreams, "echo", r#"{"value": 1}"#).await, json!({"value": 1}));
}

#[tokio::test]
async fn a_server_that_never_comes_back_fails_calls_soon() {
    let dir = std::env::temp_dir().join(format!("exuvia-upstream-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let program = dir.join("server");
    std::fs::copy(exuvia_fake_upstream::program(), &program).unwrap();
    let mut config = config("fake", &[]);
    crate::fake::process(&mut config).command = program.to_str().unwrap().to_owned();
    let upstreams = Upstreams::start(vec![config], UpstreamLimits::default()).await;
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(call(&upstreams, "exit", "{}").await.unwrap_err().code(), "upstream-unavailable");
    let mut messages = Vec::new();
    for _ in 0..8 {
        let begun = Instant::now();
        let failed = call(&upstreams, "echo", "{}").await.unwrap_err();
        let CallError::UpstreamUnavailable(message) = &failed else { panic!("{failed:?}") };
        assert!(begun.elapsed() < Duration::from_millis(1500));
        messages.push(message.clone());
    }
    let ended = "server fake exited and could not be restarted; fake.echo was not called";
    assert_eq!(messages[..4], [ended; 4]);
    for message in &messages[4..] {
        assert!(
            message.starts_with("server fake has failed 5 times in a row; fake.echo was not called; try again in ")
        );
    }
}

#[tokio::test]
async fn after_a_shutdown_nothing_is_started() {
    let upstreams = start(&[]).await;
    upstreams.shutdown().await;
    let failed = call(&upstreams, "echo", "{}").await.unwrap_err();
    assert_eq!(failed, CallError::UpstreamUnavailable("server fake is shut down; fake.echo was not called".into()));
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_leniently() {
    let upstreams = start(&["--pages", "40", "--malformed"]).await;
    let server = &upstreams.servers()[0].clone();
    assert_eq!(server.tools.len(), 19 + 39);
    assert_eq!(server.warnings.len(), 3, "{:?}", server.warnings);
    assert!(server.warnings[0].contains("\"no_schema\" has no inputSchema"), "{:?}", server.warnings);
}

#[tokio::test]
async fn an_endless_list_is_cut() {
    let limits = UpstreamLimits { list_pages: 50, ..UpstreamLimits::default() };
    let upstreams = start_with(&["--pages", "0"], limits).await;
    let server = &upstreams.servers()[0].clone();
    assert_eq!((server.tools.len(), server.warnings.len()), (19 + 49, 1));
}

#[tokio::test]
async fn a_server_gets_its_own_environment_and_no_other() {
    let mut config = config("fake", &["--era", "both"]);
    crate::fake::process(&mut config).env.insert("CRM_TOKEN".into(), "s3cret".into());
    crate::fake::process(&mut config).cwd = Some("/tmp".into());
    assert!(!format!("{config:?}").contains("s3cret"));
    let upstreams = Upstreams::start(vec![config.clone()], UpstreamLimits::default()).await;
    let mut found = value(&upstreams, "environment", "{}").await;
    // By this one our servers are found if this process is killed.
    let mark = found["variables"].as_object_mut().and_then(|variables| variables.remove("EXUVIA_SERVED_TO"));
    assert!(mark.is_some_and(|mark| mark.is_string()));
    assert_eq!(found["variables"], json!(crate::fake::process(&mut config).env));
    assert!(found["variables"].get("CARGO_PKG_NAME").is_none());
    assert_eq!(found["arguments"], json!(["--era", "both"]));
    assert_eq!(found["cwd"], json!("/tmp"));
}

#[tokio::test]
async fn a_server_that_takes_an_id_of_0_for_none_is_up_at_once() {
    for (era, expected) in [("modern", Era::Modern), ("legacy", Era::Legacy)] {
        let begun = Instant::now();
        let upstreams = start(&["--true-ids", "--era", era]).await;
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!(crate::fake::era(&upstreams), expected);
        upstreams.shutdown().await;
        let served = Served::new(&["--true-ids", "--era", era]);
        let upstreams = served.start().await;
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        upstreams.shutdown().await;
    }
}

#[tokio::test]
async fn an_era_that_is_configured_is_not_found_out() {
    let mut configs = Vec::new();
    for (name, args, era) in [
        ("fake", ["--era", "legacy", "--hang-at", "discover"], Era::Legacy),
        ("modern", ["--era", "modern", "--hang-at", "initialize"], Era::Modern),
        ("wrong", ["--era", "legacy", "--hang-at", "initialize"], Era::Modern),
    ] {
        let mut config = config(name, &args);
        config.era = Some(era);
        configs.push(config);
    }
    let begun = Instant::now();
    let upstreams = Upstreams::start(configs, UpstreamLimits::default()).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let states = states(&upstreams);
    assert!(
        states[..2].iter().all(|state| state == "ready") && states[2].contains("rejected the handshake"),
        "{states:?}"
    );
    let seen = value(&upstreams, "seen", "{}").await;
    assert!(!seen.to_string().contains("server/discover"), "{seen}");
    upstreams.shutdown().await;
    // The older transport is of the legacy era.
    let served = Served::new(&["--era", "legacy", "--sse"]);
    let mut config = served.config("fake");
    config.era = Some(Era::Legacy);
    let upstreams = Upstreams::start(vec![config], UpstreamLimits::default()).await;
    assert_eq!(value(&upstreams, "echo", r#"{"value": 1}"#).await, json!({"value": 1}));
    upstreams.shutdown().await;
}
