//! Many clients over HTTP: who is answered, and what is bounded.

use std::time::{Duration, Instant};

use exuvia_access::Access;
use exuvia_config::{Http, ServerConfig, Transport, UpstreamLimits};
use exuvia_gateway::{Profiles, QueueLimits};
use exuvia_runtime::Limits;
use exuvia_server::PendingGateway;
use exuvia_server::http::{BindError, HttpConfig, HttpServer, Shutdown, ShutdownSignal};
use exuvia_tests::{
    Answer, HttpClient, PATIENCE, SampleGateway, Served, Settings, events, initialize, measured, modern_meta,
};
use exuvia_upstream::{ServerState, Upstreams};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const VERSION: (&str, &str) = ("mcp-protocol-version", "2026-07-28");
const JSON: (&str, &str) = ("content-type", "application/json");

pub(crate) fn run(code: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "executeToolCode", "arguments": {"code": code}}})
}

/// As a client of 2026-07-28 sends it: without a session.
pub(crate) async fn run_modern(client: &mut HttpClient, code: &str) -> Answer {
    let mut message = run(code);
    message["params"]["_meta"] = modern_meta();
    client.post(&modern(), &message).await
}

pub(crate) fn modern() -> [(&'static str, &'static str); 3] {
    [VERSION, ("mcp-method", "tools/call"), ("mcp-name", "executeToolCode")]
}

/// A session of a client up to 2025-11-25.
pub(crate) async fn session(client: &mut HttpClient) -> String {
    client.session("/mcp", json!({})).await
}

/// Gateways with this queue.
fn queued(queue: QueueLimits) -> Settings {
    Settings { queue, ..Settings::default() }
}

pub(crate) fn text(answer: &Answer) -> String {
    answer.message()["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

/// Waits until no script is in flight.
pub(crate) async fn idle(served: &Served) {
    let idle = async {
        while served.gateway.gateway().runs() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, idle).await.expect("the run ends in time");
}

pub(crate) async fn busy(served: &Served) {
    let busy = async {
        while served.gateway.gateway().runs() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, busy).await.expect("the run begins in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_anything_is_answered() {
    let served = Served::plain().await;
    let hello = initialize(json!({})).to_string();
    for accept in [&[][..], &[("accept", "*/*")], &[("accept", "application/json, */*;q=0.1")]] {
        let answer = served.client().await.send("POST", "/mcp", &[&[JSON], accept].concat(), &hello).await;
        assert_eq!(answer.status, 200, "{accept:?}: {answer:?}");
        assert_eq!(answer.message()["result"]["protocolVersion"], "2025-11-25");
    }
    let answer = served.client().await.send("POST", "/mcp", &[JSON, ("accept", "text/html")], &hello).await;
    assert_eq!(answer.status, 406, "{answer:?}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_both_eras_run_scripts() {
    let served = Served::plain().await;
    let mut client = served.client().await;
    assert_eq!(text(&run_modern(&mut client, "result = echo.echo(value=1)").await), r#"{"value":1}"#);
    let session = session(&mut client).await;
    let answer = client.post(&[("mcp-session-id", &session)], &run("result = echo.echo(value=2)")).await;
    assert_eq!(text(&answer), r#"{"value":2}"#);
    assert_eq!(client.send("DELETE", "/mcp", &[("mcp-session-id", &session)], "").await.status / 100, 2);
    assert_eq!(client.post(&[("mcp-session-id", &session)], &run("result = 1")).await.status, 404);
    // Our own client, by probing.
    let transport = Transport::Http(Http::new(format!("http://{}/mcp", served.address).parse().expect("a URL")));
    let upstreams = Upstreams::start(vec![ServerConfig::new("exuvia", transport)], UpstreamLimits::default()).await;
    let servers = upstreams.servers();
    assert!(matches!(servers[0].state, ServerState::Ready { .. }), "{:?}", servers[0].state);
    assert_eq!(servers[0].tools.len(), 4);
    upstreams.shutdown().await;
    assert_eq!(served.end().await, Shutdown::Clean);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_for_another_host_or_from_a_foreign_origin_are_rejected() {
    let config = HttpConfig { origins: vec!["https://inspector.example:443".into()], ..HttpConfig::default() };
    let served = Served::over_echo(config, Limits::default(), Settings::default()).await;
    let mut client = served.client().await;
    let port = served.address.port();
    let own = format!("localhost:{port}");
    for (host, origin, status) in [
        (own.as_str(), None, 200),
        (own.as_str(), Some("https://inspector.example"), 200),
        (own.as_str(), Some("https://evil.example"), 403),
        (own.as_str(), Some("null"), 403),
        (own.as_str(), Some(&*format!("http://{own}")), 200),
        (own.as_str(), Some("http://localhost:1"), 403),
        (&*format!("evil.example:{port}"), None, 421),
        ("localhost:1", None, 421),
    ] {
        let mut headers = vec![("host", host)];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let answer = client.post(&headers, &initialize(json!({}))).await;
        assert_eq!(answer.status, status, "{host} {origin:?}: {answer:?}");
    }
    assert_eq!(client.send("GET", "/nowhere", &[], "").await.status, 404);
    assert_eq!(client.send("PUT", "/mcp", &[], "").await.status, 405);
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_loopback_can_be_listened_on_and_a_taken_port_is_reported() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let error =
            HttpServer::bind(address.parse().expect("an address"), HttpConfig::default()).await.expect_err("refused");
        assert!(matches!(error, BindError::NotLoopback(_)) && error.to_string().contains("127.0.0.1"), "{error}");
    }
    let served = Served::plain().await;
    let error = HttpServer::bind(served.address, HttpConfig::default()).await.expect_err("taken");
    assert!(error.to_string().starts_with(&format!("{}: ", served.address)), "{error}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_what_is_not_ready() {
    let server =
        HttpServer::bind("127.0.0.1:0".parse().expect("an address"), HttpConfig::default()).await.expect("a port");
    let (address, stop) = (server.address(), ShutdownSignal::default());
    let (sender, gateway) = tokio::sync::oneshot::channel();
    let pending =
        PendingGateway::start(Profiles::default(), Access::open(), async { gateway.await.expect("a gateway") });
    let serving = tokio::spawn(server.serve(pending, stop.clone()));
    let mut client = HttpClient::connect(address).await;
    let starting = client.send("GET", "/readyz", &[], "").await;
    let body = |status: &str| format!("{{\"status\":\"{status}\",\"unavailable_servers\":[],\"problems\":[]}}\n");
    assert_eq!((starting.status, starting.text), (503, body("starting")));
    assert_eq!(client.send("GET", "/healthz", &[], "").await.status, 200);
    let sample = SampleGateway::echo(Limits::default(), &[]).await;
    assert!(sender.send(sample.gateway().clone()).is_ok());
    let ready = loop {
        let answer = client.send("GET", "/readyz", &[], "").await;
        if answer.status == 200 {
            break answer.text;
        }
    };
    assert_eq!(ready, body("ready"));
    stop.ask();
    serving.await.expect("no panic");
    sample.stop().await;
}

/// Sends these bytes and reads to the end of the connection. The answer, and how long it took.
async fn raw(address: std::net::SocketAddr, pieces: &[&str]) -> (String, Duration) {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).await.expect("somebody listens");
    for piece in pieces {
        if stream.write_all(piece.as_bytes()).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end in time");
    (String::from_utf8_lossy(&answer).into_owned(), begun.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_and_oversized_requests_end_and_slow_nobody_else() {
    let short = Duration::from_millis(700);
    let config = HttpConfig { header_timeout: short, body_timeout: short, body_bytes: 10_000, ..HttpConfig::default() };
    let served = Served::over_echo(config, Limits::default(), Settings::default()).await;
    let host = served.address.to_string();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n"
    );
    let slow_head =
        ["POST /mcp HTTP/1.1\r\n"].iter().copied().chain(std::iter::repeat_n("X: y\r\n", 60)).collect::<Vec<_>>();
    let begins_body = format!("{head}Content-Length: 9000\r\n\r\n");
    let slow_body = std::iter::once(begins_body.as_str()).chain(std::iter::repeat_n(" ", 60)).collect::<Vec<_>>();
    let mut others = served.client().await;
    let (slow_head, slow_body, quiet, quick) = tokio::join!(
        raw(served.address, &slow_head),
        raw(served.address, &slow_body),
        raw(served.address, &[]),
        async {
            for _ in 0..20 {
                assert_eq!(text(&run_modern(&mut others, "result = 1").await), "1");
            }
        },
    );
    let () = quick;
    assert!(slow_head.1 < Duration::from_secs(5) && !slow_head.0.contains("200 OK"), "{slow_head:?}");
    assert!(slow_body.1 < Duration::from_secs(10) && slow_body.0.starts_with("HTTP/1.1 408"), "{slow_body:?}");
    assert!(quiet.1 < Duration::from_secs(5), "{quiet:?}");
    let mut client = served.client().await;
    let large = format!("{{\"x\": \"{}\"}}", "x".repeat(20_000));
    assert_eq!(client.send("POST", "/mcp", &[("content-type", "application/json")], &large).await.status, 413);
    let (answer, _) =
        raw(served.address, &[&format!("GET /healthz HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(300_000))]).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    served.end().await;
}

async fn connections(address: std::net::SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..count {
        streams.push(TcpStream::connect(address).await.expect("somebody listens"));
    }
    streams
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_and_sessions_are_bounded_and_come_back() {
    let config = HttpConfig { connections: 3, sessions: 2, ..HttpConfig::default() };
    let served = Served::over_echo(config, Limits::default(), Settings::default()).await;
    let mut first = served.client().await;
    let one = session(&mut first).await;
    let _two = session(&mut first).await;
    let full = first.post(&[], &initialize(json!({}))).await;
    assert_eq!((full.status, full.header("retry-after")), (503, "1"), "{full:?}");
    // Clients that need no session are not concerned.
    assert_eq!(text(&run_modern(&mut first, "result = 1").await), "1");
    assert_eq!(first.send("DELETE", "/mcp", &[("mcp-session-id", &one)], "").await.status / 100, 2);
    session(&mut first).await;
    let idle = [served.client().await, served.client().await];
    let host = served.address;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let (answer, _) = raw(host, &[&get("/mcp")]).await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.ends_with("retry\n"), "{answer}");
    // Who watches over it is answered all the same, and told how often that happened.
    for path in ["/healthz", "/readyz"] {
        let (answer, _) = raw(host, &[&get(path)]).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }
    let (metrics, _) = raw(host, &[&get("/metrics")]).await;
    for (bound, times) in [("connections", 1), ("sessions", 1)] {
        let line = format!("exuvia_http_requests_rejected_total{{bound=\"{bound}\"}} {times}\n");
        assert!(metrics.contains(&line), "{metrics}");
    }
    // Nor can they be kept out by connections that say nothing: these are few, and soon over.
    let silent: Vec<TcpStream> = connections(host, 30).await;
    let (answer, _) = raw(host, &[&get("/healthz")]).await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let (answer, _) = raw(host, &[&get("/healthz")]).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    drop(silent);
    drop(idle);
    let again = async {
        while !raw(
            served.address,
            &[&format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", served.address)],
        )
        .await
        .0
        .contains("200 OK")
        {}
    };
    timeout(PATIENCE, again).await.expect("room again");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_loses_its_connection_and_holds_up_nobody() {
    let config = HttpConfig { unread_timeout: Duration::from_millis(500), ..HttpConfig::default() };
    let served = Served::over_echo(config, Limits::default(), Settings::default()).await;
    let mut message = run("result = 'x' * 60_000");
    message["params"]["_meta"] = modern_meta();
    let message = message.to_string();
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n\
         mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: executeToolCode\r\nContent-Length: {}\r\n\r\n{message}",
        served.address,
        message.len()
    );
    let mut stream = TcpStream::connect(served.address).await.expect("somebody listens");
    // Pipelined, until the answers fill all buffers and this side is no longer read either.
    let stuck = async {
        loop {
            if stream.write_all(request.as_bytes()).await.is_err() {
                return;
            }
        }
    };
    let mut others = served.client().await;
    let (stuck, ()) = tokio::join!(timeout(PATIENCE * 3, stuck), async {
        for _ in 0..20 {
            assert_eq!(text(&run_modern(&mut others, "result = 1").await), "1");
        }
    });
    stuck.expect("the connection is closed");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_answers_at_once_with_when_to_come_back() {
    let queue = QueueLimits { runs: 3, runs_per_client: 2 };
    let served = Served::over_echo(HttpConfig::default(), Limits::default(), queued(queue)).await;
    let gateway = served.gateway.gateway().clone();
    let mut clients = Vec::new();
    let (mut first, mut second) = (served.client().await, served.client().await);
    let (one, two) = (session(&mut first).await, session(&mut second).await);
    for (id, session) in [(11, &one), (12, &one), (13, &two)] {
        let mut client = served.client().await;
        let session = session.clone();
        let runs = gateway.runs();
        // One session, so one number for each request.
        let mut message = run("echo.sleep(ms=1500)\nresult = 'slept'");
        message["id"] = json!(id);
        clients.push(tokio::spawn(async move { text(&client.post(&[("mcp-session-id", &session)], &message).await) }));
        while gateway.runs() == runs {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let begun = Instant::now();
    let all = text(&second.post(&[("mcp-session-id", &two)], &run("result = 1")).await);
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(all, "too many scripts are running or waiting, this one was not run: send it again in 1 s");
    for client in clients {
        assert_eq!(client.await.expect("no panic"), "\"slept\"");
    }
    assert_eq!(text(&second.post(&[("mcp-session-id", &two)], &run("result = 1")).await), "1");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_sent_while_a_script_runs_if_the_client_asks_for_it() {
    let served = Served::plain().await;
    let mut client = served.client().await;
    let mut message = run("for n in range(3):\n    print('step', n)\n    echo.sleep(ms=600)");
    message["params"]["_meta"] = modern_meta();
    message["params"]["_meta"]["progressToken"] = json!("mine");
    let told = events(&client.post(&modern(), &message).await.text);
    let told: Vec<_> = told
        .iter()
        .filter(|message| message["method"] == "notifications/progress")
        .map(|message| &message["params"])
        .collect();
    assert!((2..=4).contains(&told.len()), "{told:?}");
    assert!(told.windows(2).all(|pair| pair[0]["progress"].as_f64() < pair[1]["progress"].as_f64()), "{told:?}");
    let last = told.last().expect("one");
    assert_eq!(last["progressToken"], "mine");
    assert!(last["message"].as_str().is_some_and(|text| text.contains("calls; step ")), "{last}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_happened_and_take_no_label_from_a_script() {
    let queue = QueueLimits { runs: 1, runs_per_client: 1 };
    let served = Served::over_echo(HttpConfig::default(), Limits::default(), queued(queue)).await;
    let mut client = served.client().await;
    let code = "echo.echo(value=1)\ntry:\n    echo.fail()\nexcept ToolError:\n    pass\n\
        try:\n    getattr(echo, 'made' + 'up')()\nexcept Exception:\n    pass\n\
        try:\n    mcp['made_up']\nexcept Exception:\n    pass\necho.sleep(ms=300)";
    let running = tokio::spawn(async move { (run_modern(&mut client, code).await, client) });
    busy(&served).await;
    let mut second = served.client().await;
    assert!(text(&run_modern(&mut second, "result = 1").await).contains("this one was not run"));
    let during = second.send("GET", "/metrics", &[], "").await;
    assert!(during.header("content-type").starts_with("application/openmetrics-text"), "{during:?}");
    let counted = |name: &str| measured(&during.text, name);
    assert_eq!((counted("exuvia_runs_in_flight"), counted("exuvia_runs_rejected_total")), (Some(1), Some(1)));
    let (answer, mut client) = running.await.expect("no panic");
    let answer = text(&answer);
    let (told, log) = answer.split_once("\n--- log\n").expect("calls that were refused");
    assert_eq!(told, "{\"slept_ms\":300}\nnote: echo.fail failed: \"failed as asked\"");
    assert!(log.contains("echo has no tool 'madeup'") && log.lines().count() == 2, "{log}");
    idle(&served).await;
    run_modern(&mut client, "1 / 0").await;
    let after = client.send("GET", "/metrics", &[], "").await.text;
    for line in [
        "exuvia_runs_total{outcome=\"returned\"} 1",
        "exuvia_runs_total{outcome=\"raised\"} 1",
        "exuvia_runs_in_flight{state=\"executing\"} 0",
        "exuvia_calls_total{server=\"echo\",outcome=\"ok\"} 2",
        "exuvia_calls_total{server=\"echo\",outcome=\"tool-failed\"} 1",
        "exuvia_call_seconds_count{server=\"echo\"} 3",
        "exuvia_server_ready{server=\"echo\"} 1",
        "exuvia_server_tools{server=\"echo\"} 4",
        "# EOF",
    ] {
        assert!(after.lines().any(|found| found == line), "{line} is missing:\n{after}");
    }
    assert!(!after.contains("made"), "{after}");
    served.end().await;
}
