//! Spans at a collector, and the trace that goes through: from the client's request to the servers behind the gateway.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use exuvia_tests::{Daemon, Ended, HttpClient, Program, WebServer, built, is_ulid, modern_meta, sample};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use nix::sys::signal::Signal;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const FAILED: &str = r#"{"jsonrpc":"2.0","id":$ID,"result":{"resultType":"complete","content":[],"isError":true}}"#;
const TRANSPORT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// What a collector was sent.
#[derive(Clone, Default)]
pub(super) struct Received(Arc<Mutex<Vec<(String, Bytes)>>>);

impl Received {
    fn requests(&self) -> Vec<(String, ExportTraceServiceRequest)> {
        let bodies = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        bodies.into_iter().map(|(path, body)| (path, ExportTraceServiceRequest::decode(body).expect("OTLP"))).collect()
    }

    /// All of it, as it came.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let bodies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bodies.iter().flat_map(|(_, body)| body.to_vec()).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let resources = self.requests().into_iter().flat_map(|(_, request)| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    fn holds(&self, text: &str) -> bool {
        let bodies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bodies.iter().any(|(_, body)| body.windows(text.len()).any(|part| part == text.as_bytes()))
    }
}

/// A collector on this machine that answers with this status.
pub(super) async fn collector(status: u16) -> (String, Received) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let received = Received::default();
    let kept = received.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let kept = kept.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let kept = kept.clone();
                async move {
                    let path = request.uri().path().to_owned();
                    let body = request.into_body().collect().await.expect("a body").to_bytes();
                    kept.0.lock().unwrap_or_else(PoisonError::into_inner).push((path, body));
                    let mut response = Response::new(Full::new(Bytes::new()));
                    *response.status_mut() = status.try_into().expect("a status");
                    Ok::<_, Infallible>(response)
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (url, received)
}

fn text<'s>(attributes: &'s [KeyValue], key: &str) -> &'s str {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.as_ref()).and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => text,
        other => panic!("{key}: {other:?} in {attributes:?}"),
    }
}

fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name} is not in {spans:?}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn context(span: &Span) -> String {
    format!("00-{}-{}-01", hex(&span.trace_id), hex(&span.span_id))
}

/// Sends a script with both contexts. The text that comes back.
async fn run(address: SocketAddr, code: &str) -> String {
    let mut client = HttpClient::connect(address).await;
    let mut meta = modern_meta();
    meta["traceparent"] = json!(PARENT);
    let params = json!({"name": "executeToolCode", "arguments": {"code": code}, "_meta": meta});
    let message = json!({"jsonrpc": "2.0", "id": "mine", "method": "tools/call", "params": params});
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "executeToolCode"),
        ("traceparent", TRANSPORT),
    ];
    let answer = client.post(&headers, &message).await.message();
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_trace_goes_through_a_script_to_the_servers_it_calls() {
    let (url, received) = collector(200).await;
    let (folder, web) = (tempfile::tempdir().expect("a folder"), WebServer::start(&[]));
    let (file, record) = (folder.path().join("exuvia.toml"), folder.path().join("record"));
    let pipe = built("exuvia-fake-upstream").display().to_string();
    let config = format!(
        "auto_execute = ['*.*']\n[listen]\nmcp = '127.0.0.1:0'\n[telemetry]\notlp = '{url}/'\n\
        [servers.pipe]\ncommand = '{pipe}'\nargs = ['--record', '{}']\n[servers.web]\nurl = '{}'\n",
        record.display(),
        web.url()
    );
    fs::write(&file, config).expect("a file");
    let mut program = Program::start(&["serve", "--config", file.to_str().expect("UTF-8")], &[]);
    let told = program.wait_for_stderr("/readyz");
    let address = told.split_once("MCP at http://").and_then(|(_, rest)| rest.split_once("/mcp")).expect(&told).0;

    let code = "import asyncio\npipe.echo(value='s3cret')\nresult = (await asyncio.gather(web.request()))[0]";
    let answer = run(address.parse().expect("an address"), code).await;
    program.signal(Signal::SIGTERM);
    assert!(program.wait().success());

    let spans = received.spans();
    let (server, script) = (named(&spans, "tools/call executeToolCode"), named(&spans, "run"));
    let (piped, posted) = (named(&spans, "tools/call echo"), named(&spans, "tools/call request"));
    for span in [server, script, piped, posted] {
        assert_eq!(hex(&span.trace_id), TRACE, "{span:?}");
    }
    assert_eq!((hex(&server.parent_span_id).as_str(), server.kind), ("00f067aa0ba902b7", 2));
    assert_eq!(hex(&server.links[0].trace_id), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(script.parent_span_id, server.span_id);
    for call in [piped, posted] {
        assert_eq!((&call.parent_span_id, call.kind), (&script.span_id, 3));
    }
    for (span, key, value) in [
        (server, "mcp.method.name", "tools/call"),
        (server, "gen_ai.operation.name", "execute_tool"),
        (server, "gen_ai.tool.name", "executeToolCode"),
        (server, "jsonrpc.request.id", "mine"),
        (server, "mcp.protocol.version", "2026-07-28"),
        (server, "network.transport", "tcp"),
        (server, "client.address", "127.0.0.1"),
        (script, "exuvia.run.outcome", "returned"),
        (piped, "network.transport", "pipe"),
        (piped, "gen_ai.tool.name", "echo"),
        (posted, "gen_ai.operation.name", "execute_tool"),
        (posted, "exuvia.server.name", "web"),
        (posted, "server.address", "127.0.0.1"),
    ] {
        assert_eq!(text(&span.attributes, key), value, "{key}");
    }
    assert!(is_ulid(text(&script.attributes, "exuvia.run.id")), "{script:?}");
    // What the servers received.
    let line = fs::read_to_string(&record).expect("a record");
    let call: Value = serde_json::from_str(line.trim()).expect("one call");
    assert_eq!(call["params"]["_meta"]["traceparent"], json!(context(piped)), "{call}");
    assert!(answer.contains(&context(posted)), "{answer}");
    assert!(!received.holds("s3cret"));
    let (path, request) = received.requests().remove(0);
    let resource = request.resource_spans[0].resource.clone().expect("a resource");
    assert_eq!((path.as_str(), text(&resource.attributes, "service.name")), ("/v1/traces", "exuvia"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_of_a_client_of_direct_servers_has_a_span() {
    let (url, received) = collector(200).await;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("exuvia.toml");
    let pipe = built("exuvia-fake-upstream").display().to_string();
    let config = format!(
        "[telemetry]\notlp = '{url}/'\n[servers.pipe]\ncommand = '{pipe}'\nmode = 'direct'\nauto_execute = ['*']\n\
         [profiles.pipe]\nservers = ['pipe']\nprefix = false\n[journal]\nredact = {{ patterns = ['s3cret-[0-9]+'] }}\n"
    );
    fs::write(&file, config).expect("a file");
    let mut daemon = Daemon::start(&["--config", file.to_str().expect("UTF-8")]);
    daemon.ready().await;
    let mut client = HttpClient::connect(daemon.address()).await;
    for (method, params) in [
        ("prompts/list", json!({})),
        ("prompts/get", json!({"name": "nothing"})),
        ("resources/read", json!({"uri": format!("fake://s3cret-{}", "7".repeat(300))})),
        ("tools/call", json!({"name": "lines", "arguments": {"lines": [FAILED]}})),
    ] {
        client.ask("/mcp/pipe", method, params, json!({})).await;
    }
    daemon.signal(Signal::SIGTERM);
    assert!(daemon.ends_within(Duration::from_secs(20)).await.success());
    let spans = received.spans();
    // The client's request, and what the server was asked for below it.
    let of = |name: &str, parent: &Span| {
        let mut below = spans.iter().filter(|span| span.name == name && span.parent_span_id == parent.span_id);
        below.next().unwrap_or_else(|| panic!("{name} is not below {parent:?} in {spans:?}"))
    };
    let listed = spans.iter().find(|span| span.name == "prompts/list" && span.kind == 2).expect("a request");
    assert_eq!(text(&of("prompts/list", listed).attributes, "exuvia.server.name"), "pipe");
    let prompt = named(&spans, "prompts/get nothing");
    let ids = prompt.attributes.iter().filter(|attribute| attribute.key == "jsonrpc.request.id").count();
    assert_eq!(ids, 1, "{prompt:?}");
    assert_eq!(text(&prompt.attributes, "gen_ai.prompt.name"), "nothing");
    assert_eq!(text(&prompt.attributes, "error.type"), "-32601");
    let read = spans.iter().find(|span| span.name == "resources/read" && span.kind == 2).expect("a request");
    assert_eq!(text(&read.attributes, "mcp.resource.uri"), "fake://[redacted]", "also where it is truncated");
    assert!(!received.holds("s3cret"));
    let call = spans.iter().find(|span| span.name == "tools/call lines" && span.kind == 2).expect("a request");
    for call in [call, of("tools/call lines", call)] {
        assert_eq!(text(&call.attributes, "error.type"), "tool_error");
    }
}

/// `exuvia run` of a script that is denied nothing and fails one call, to its end.
async fn ran(variables: Vec<(&'static str, String)>, arguments: Vec<String>) -> Ended {
    let work = move || {
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let echo = sample("echo", "echo");
        let mut program = Program::start(&[&["run", "--server", &echo], &arguments[..], &["-"]].concat(), &variables);
        program.write("try:\n    echo.fail()\nexcept ToolError:\n    result = 'whole'");
        program.end()
    };
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_variables_of_opentelemetry_do_and_the_last_spans_are_sent_before_the_end() {
    let (url, received) = collector(200).await;
    let variables = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url.clone()), ("OTEL_SERVICE_NAME", "mine".into())];
    let ended = ran(variables, Vec::new()).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "\"whole\"\n"), "{ended:?}");
    let spans = received.spans();
    let (script, call) = (named(&spans, "run"), named(&spans, "tools/call fail"));
    assert_eq!((&call.parent_span_id, script.parent_span_id.len()), (&script.span_id, 0));
    assert_eq!(text(&call.attributes, "error.type"), "tool_error");
    assert_eq!(call.status.as_ref().map(|status| status.code), Some(2));
    let resource = received.requests()[0].1.resource_spans[0].resource.clone().expect("a resource");
    assert_eq!(text(&resource.attributes, "service.name"), "mine");
    // Turned off, there are none.
    let before = received.requests().len();
    ran(vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url), ("OTEL_SDK_DISABLED", "true".into())], Vec::new()).await;
    assert_eq!(received.requests().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_rejects_or_hangs_is_logged_and_blocks_nothing() {
    let (refusing, _) = collector(403).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let silent_url = format!("http://{}", silent.local_addr().expect("an address"));
    for url in [refusing, silent_url] {
        let begun = Instant::now();
        let ended = ran(vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url)], Vec::new()).await;
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(0), "\"whole\"\n"), "{ended:?}");
        let warnings = ended.stderr.matches("WARN").count();
        assert!(warnings == 1 && ended.stderr.contains("trace export"), "{ended:?}");
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_servers_get_no_trace_context() {
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("record").display().to_string();
    let server = format!("pipe={} --record {record}", built("exuvia-fake-upstream").display());
    let file = folder.path().join("script.py");
    fs::write(&file, "pipe.echo(value=1)").expect("a file");
    let ended = exuvia_tests::exuvia(&["run", "--server", &server, file.to_str().expect("UTF-8")], "");
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let call = fs::read_to_string(&record).expect("a record");
    assert!(call.contains("tools/call") && !call.contains("trace"), "{call}");
}
