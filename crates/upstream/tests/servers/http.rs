//! Servers over HTTP that behave.

use std::time::{Duration, Instant};

use crate::fake::{LIMITS, Served, call, limited, states, value};
use exuvia_config::{Era, UpstreamLimits};
use exuvia_tool::CallError;
use exuvia_upstream::{CallLimits, Upstreams};
use serde_json::json;

/// Every way in which a server may speak over HTTP.
const WAYS: &[&[&str]] = &[
    &["--era", "modern"],
    &["--era", "modern", "--json"],
    &["--era", "legacy"],
    &["--era", "legacy", "--json"],
    &["--era", "legacy", "--no-session"],
    &["--era", "legacy", "--sse"],
];

#[tokio::test]
async fn both_eras_and_all_transports_are_spoken() {
    for way in WAYS {
        let served = Served::new(way);
        let upstreams = served.start().await;
        let expected = if way[1] == "modern" { Era::Modern } else { Era::Legacy };
        assert_eq!(crate::fake::era(&upstreams), expected, "{way:?}");
        assert_eq!(upstreams.servers()[0].tools.len(), 19, "{way:?}");
        let arguments = r#"{"value":[12345678901234567890123,0.1000000000000000000001,"é\n"]}"#;
        assert_eq!(call(&upstreams, "echo", arguments).await.unwrap().as_str(), arguments, "{way:?}");
        upstreams.shutdown().await;
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_is_given_up_at_the_server() {
    for way in WAYS {
        let served = Served::new(way);
        let upstreams = served.start().await;
        let limits = CallLimits { timeout: Duration::from_millis(100), ..LIMITS };
        assert_eq!(limited(&upstreams, "hang", "{}", limits).await, Err(CallError::TimedOut(100)), "{way:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
        let seen = value(&upstreams, "seen", "{}").await;
        let seen: Vec<&str> = seen["seen"].as_array().unwrap().iter().map(|x| x.as_str().unwrap()).collect();
        let told = |what: &str| seen.iter().filter(|seen| seen.starts_with(what)).count();
        let (told, closed) = (told("cancelled "), told("gone "));
        match (way[1], way.contains(&"--sse")) {
            ("modern", _) => assert_eq!((told, closed), (0, 1), "{way:?}: {seen:?}"),
            (_, true) => assert_eq!((told, closed), (1, 0), "{way:?}: {seen:?}"),
            (_, false) => assert_eq!((told, closed), (1, 1), "{way:?}: {seen:?}"),
        }
        upstreams.shutdown().await;
    }
}

#[tokio::test]
async fn fifty_megabytes_pass_under_a_raised_limit() {
    for way in WAYS {
        let served = Served::new(way);
        let upstreams = served.start().await;
        let limits = CallLimits { timeout: Duration::from_secs(30), result_bytes: 64 << 20 };
        let value = limited(&upstreams, "long", r#"{"bytes": 50000000}"#, limits).await.unwrap();
        assert_eq!(value.size_bytes(), 50_000_002, "{way:?}");
        upstreams.shutdown().await;
    }
}

#[tokio::test]
async fn calls_run_side_by_side() {
    for way in WAYS {
        let served = Served::new(way);
        let upstreams = served.start().await;
        let hanging = limited(&upstreams, "hang", "{}", CallLimits { timeout: Duration::from_secs(2), ..LIMITS });
        let hanging = tokio::spawn(hanging);
        let calls: Vec<_> = (0..200)
            .map(|n| tokio::spawn(limited(&upstreams, "echo", &json!({"value": n}).to_string(), LIMITS)))
            .collect();
        for (n, call) in calls.into_iter().enumerate() {
            assert_eq!(call.await.unwrap().unwrap().to_value().unwrap(), json!({"value": n}), "{way:?}");
        }
        assert_eq!(hanging.await.unwrap(), Err(CallError::TimedOut(2000)));
    }
}

#[tokio::test]
async fn a_session_that_is_forgotten_is_renewed_without_a_lost_or_doubled_call() {
    let served = Served::new(&["--era", "legacy", "--forget-every", "3"]);
    let upstreams = served.start().await;
    for n in 0..8 {
        assert_eq!(value(&upstreams, "echo", &json!({"value": n}).to_string()).await, json!({"value": n}));
    }
    let seen = value(&upstreams, "seen", "{}").await;
    let count = |method: &str| seen["seen"].as_array().unwrap().iter().filter(|seen| *seen == method).count();
    assert_eq!(count("tools/call"), 9, "{seen}");
    assert!(count("initialize") > 3, "{seen}");
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_session_that_is_lost_is_renewed_however_the_server_says_so() {
    let error = |code: i32, message: &str, id: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"{message}"}}}}"#)
    };
    let python = error(-32600, "Bad Request: No valid session ID provided", r#""server-error""#);
    let plain = "Invalid session ID".to_owned();
    let other = error(-32000, "Bad Request", "null");
    let internal = error(-32603, "Internal server error", "null");
    let own = error(-32000, "session not found", "$ID");
    // How it says so, and whether the call that meets it is made again: only where it cannot have been taken.
    let mut ways = vec![(400, &plain, true), (400, &other, true), (422, &other, true), (410, &plain, true)];
    ways.extend([400, 422, 500, 503].map(|status| (status, &python, true)));
    ways.extend([(500, &internal, false), (503, &internal, false), (400, &own, false), (500, &plain, false)]);
    for (status, body, again) in ways {
        let served =
            Served::new(&["--era", "legacy", "--forget-every", "3", "--lost-session", &format!("{status}={body}")]);
        let upstreams = served.start().await;
        let mut met = 0;
        for n in 0..8 {
            match call(&upstreams, "echo", &json!({"value": n}).to_string()).await {
                Ok(value) => assert_eq!(value.to_value().unwrap(), json!({"value": n}), "{status} {body}"),
                Err(error) if !again => {
                    met += 1;
                    assert!(error.code() == "tool-failed" || !body.starts_with('{'), "{status} {body}: {error:?}");
                }
                Err(error) => panic!("{status} {body}: {error:?}"),
            }
        }
        assert_eq!(met > 0, !again, "{status} {body}");
        assert!(met < 4, "{status} {body}: {met} calls met it");
        upstreams.shutdown().await;
    }
}

#[tokio::test]
async fn a_server_that_knows_none_of_the_sessions_it_gives_opens_its_breaker() {
    let error = r#"500={"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"no session"}}"#;
    let served = Served::new(&["--era", "legacy", "--forget-every", "1", "--lost-session", error]);
    let upstreams = served.start().await;
    for _ in 0..5 {
        let said = call(&upstreams, "echo", "{}").await.unwrap_err().to_string();
        assert!(said.contains("rejects the session that it has just issued; fake.echo was not called"), "{said}");
    }
    let said = call(&upstreams, "echo", "{}").await.unwrap_err().to_string();
    assert!(said.contains("has failed 5 times in a row"), "{said}");
    upstreams.shutdown().await;
}

#[tokio::test]
async fn the_cookie_of_a_load_balancer_goes_back_to_it() {
    for way in [&["--json"][..], &[]] {
        let served = Served::new(&[&["--era", "legacy", "--cookie", "lb=machine-7"], way].concat());
        let upstreams = served.start().await;
        assert_eq!(value(&upstreams, "echo", r#"{"value": 1}"#).await, json!({"value": 1}));
        let seen = value(&upstreams, "request", "{}").await;
        assert_eq!(seen["headers"]["cookie"], json!("lb=machine-7"));
        upstreams.shutdown().await;
    }
    // Another connection has none of it.
    let served = Served::new(&["--era", "legacy"]);
    let upstreams = served.start().await;
    assert_eq!(value(&upstreams, "request", "{}").await["headers"]["cookie"], json!(null));
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_session_is_ended_with_its_connection() {
    let served = Served::new(&["--era", "legacy"]);
    served.start().await.shutdown().await;
    let upstreams = served.start().await;
    let seen = value(&upstreams, "seen", "{}").await;
    assert!(seen["seen"].as_array().unwrap().contains(&json!("session ended")), "{seen}");
}

#[tokio::test]
async fn a_server_that_asks_for_input_fails_its_call_and_no_other() {
    // A JSON body has no place for a question.
    for way in WAYS.iter().filter(|way| !way.contains(&"--json")) {
        let served = Served::new(way);
        let upstreams = served.start().await;
        let failed = call(&upstreams, "ask", r#"{"method": "elicitation/create"}"#).await.unwrap_err();
        assert_eq!(failed.code(), "tool-failed", "{way:?} {failed}");
        assert!(failed.to_string().contains("for input") && failed.to_string().contains("-32601"), "{failed}");
        let other = r#"{"lines": ["{\"jsonrpc\":\"2.0\",\"id\":$ID,\"error\":{\"code\":1,\"message\":\"no\"}}"]}"#;
        assert_eq!(call(&upstreams, "lines", other).await.unwrap_err().to_string(), "no", "{way:?}");
    }
}

#[tokio::test]
async fn servers_that_cannot_be_reached_say_why() {
    let gone = Served::new(&[]).config("gone");
    let refused = Served::new(&["--refuse", "tools/list=503", "--retry-after", "7"]);
    let moved = Served::new(&["--redirect", "http://127.0.0.1:9/mcp?token=secret"]);
    let page = Served::new(&["--redirect", "/page", "--redirect-status", "302"]);
    let mut tls = Served::new(&[]).config("tls");
    let plain = Served::new(&[]);
    crate::fake::http(&mut tls).url = plain.url.replace("http:", "https:").parse().unwrap();
    let configs =
        vec![gone, refused.config("refused"), moved.config("moved"), page.config("page"), tls, plain.config("fake")];
    let upstreams = Upstreams::start(configs, UpstreamLimits::default()).await;
    for (message, part) in states(&upstreams).iter().zip([
        "refused",
        "HTTP 503 Service Unavailable (retry after 7 s)",
        "it redirects to http://127.0.0.1:9/mcp (HTTP 307",
        "(HTTP 302",
        "error",
        "ready",
    ]) {
        assert!(message.contains(part) && !message.contains("secret"), "{message:?} should say {part:?}");
    }
    assert_eq!(value(&upstreams, "echo", r#"{"value": 1}"#).await, json!({"value": 1}));
    upstreams.shutdown().await;
}

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed() {
    let served = Served::new(&["--redirect", "/elsewhere"]);
    let upstreams = served.start().await;
    assert_eq!(value(&upstreams, "echo", r#"{"value": 1}"#).await, json!({"value": 1}));
}

#[tokio::test]
async fn changes_of_the_list_are_asked_for_and_do_not_stand_in_the_way() {
    for way in WAYS {
        let served = Served::new(&[way, &["--changes"][..]].concat());
        let upstreams = served.start().await;
        // A listening request must not be taken for one that waits for an answer.
        let error = r#"{"lines": ["{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1,\"message\":\"no\"}}"]}"#;
        assert_eq!(call(&upstreams, "lines", error).await.unwrap_err().to_string(), "no", "{way:?}");
        assert_eq!(value(&upstreams, "change", "{}").await, json!({"value": "changed"}));
        let listens = || async {
            let seen = value(&upstreams, "seen", "{}").await;
            seen["seen"].as_array().unwrap().contains(&json!("subscriptions/listen"))
        };
        if way[1] == "modern" {
            // It is sent beside the first calls, by a task that may be late.
            let patience = Instant::now() + Duration::from_secs(20);
            while !listens().await {
                assert!(Instant::now() < patience, "{way:?}: no request for changes");
            }
        } else {
            assert!(!listens().await, "{way:?}");
        }
        upstreams.shutdown().await;
    }
}
