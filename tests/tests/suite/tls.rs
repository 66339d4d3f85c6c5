//! HTTPS: towards clients, and towards servers of the operator's own.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use exuvia_access::Access;
use exuvia_gateway::Profiles;
use exuvia_server::PendingGateway;
use exuvia_server::http::{HttpConfig, HttpServer, Shutdown, ShutdownSignal, Tls, TlsFiles};
use exuvia_tests::{Certificates, Daemon, Program, built, exuvia};
use nix::sys::signal::Signal;
use reqwest::{Certificate, Client};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const LISTENING: &str = "[listen]\ntls = { certificate = 'cert.pem', key = 'key.pem' }\n";
const PATIENCE: Duration = Duration::from_secs(20);

/// A client that trusts one authority and nobody else.
fn client(certificates: &Certificates) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let authority = fs::read(certificates.path("ca.pem")).expect("a file");
    let authority = Certificate::from_pem(&authority).expect("a certificate");
    Client::builder().tls_certs_only([authority]).no_proxy().build().expect("a client")
}

async fn post(client: &Client, url: &str, session: &str, method: &str, params: Value) -> reqwest::Response {
    let request = client.post(url).json(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}));
    let request = request.header("accept", "application/json, text/event-stream").header("mcp-session-id", session);
    let mut request = request.build().expect("a request");
    if session.is_empty() {
        request.headers_mut().remove("mcp-session-id");
    }
    client.execute(request).await.expect("an answer")
}

fn hello() -> Value {
    json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}})
}

fn files(certificates: &Certificates) -> TlsFiles {
    TlsFiles { certificate: certificates.path("cert.pem"), key: certificates.path("key.pem") }
}

/// `exuvia.toml` in the folder of the certificates.
fn configuration(certificates: &Certificates, text: &str) -> String {
    let file = certificates.path("exuvia.toml");
    fs::write(&file, text).expect("a file");
    file.to_str().expect("UTF-8").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_and_a_gateway_that_trust_its_authority_are_served_over_https() {
    let certificates = Certificates::new();
    let echo = built("exuvia").display().to_string();
    let listen = "[listen]\nmcp = '127.0.0.1:0'\ntls = { certificate = 'cert.pem', key = 'key.pem' }\n";
    let file = configuration(
        &certificates,
        &format!("{listen}[servers.echo]\ncommand = '{echo}'\nargs = ['sample', 'echo']\n"),
    );
    let mut program = Program::start(&["serve", "--config", &file], &[]);
    let told = program.wait_for_stderr("/readyz");
    let (_, rest) = told.split_once("MCP at https://").expect(&told);
    let (address, _) = rest.split_once("/mcp").expect(&told);
    let port = address.rsplit_once(':').expect(&told).1.to_owned();

    let (client, url) = (client(&certificates), format!("https://localhost:{port}/mcp"));
    let opened = post(&client, &url, "", "initialize", hello()).await;
    assert_eq!((opened.status().as_u16(), opened.version()), (200, http::Version::HTTP_11));
    let session = opened.headers()["mcp-session-id"].to_str().expect("ASCII").to_owned();
    let listed = post(&client, &url, &session, "tools/list", json!({})).await.text().await.expect("a body");
    assert!(listed.contains("executeToolCode"), "{listed}");

    // A gateway before it.
    let own = |ca: &str| {
        let entry = format!("[servers.up]\nurl = 'https://127.0.0.1:{port}/mcp'\n{ca}\n");
        let file = configuration(&certificates, &entry);
        exuvia(&["tools", "--config", &file, "up"], "")
    };
    let trusting = own("ca = 'ca.pem'");
    assert!(trusting.stdout.contains("executeToolCode"), "{trusting:?}");
    let other = own("");
    assert!(other.stderr.contains("up did not start") && other.stderr.contains("certificate"), "{other:?}");
    let nonsense = own("ca = 'key.pem'");
    assert_eq!(nonsense.status, Some(2), "{nonsense:?}");
    assert!(
        nonsense.stderr.contains("servers.up.ca") && nonsense.stderr.contains("no PEM certificate"),
        "{nonsense:?}"
    );

    program.signal(Signal::SIGTERM);
    assert!(program.wait().success());
}

#[test]
fn an_unusable_certificate_or_key_is_reported_by_check_and_by_serve() {
    let certificates = Certificates::new();
    let text = "[listen]\nmcp = '127.0.0.1:0'\ntls = { certificate = 'cert.pem', key = 'ca.pem' }\n";
    let file = configuration(&certificates, text);
    for command in [&["config", "check", &file][..], &["serve", "--config", &file]] {
        let ended = exuvia(command, "");
        assert_eq!(ended.status, Some(2), "{ended:?}");
        assert!(
            ended.stderr.contains("listen.tls: /") && ended.stderr.contains("ca.pem: contains no PEM private key"),
            "{ended:?}"
        );
    }
    fs::set_permissions(certificates.path("key.pem"), fs::Permissions::from_mode(0o644)).expect("own file");
    let file = configuration(&certificates, &text.replace("ca.pem", "key.pem"));
    let mut program = Program::start(&["serve", "--config", &file], &[]);
    let told = program.wait_for_stderr("MCP at https://");
    assert!(told.contains("key.pem: this private key is world-readable"), "{told}");
}

/// A server in this process whose gateway never starts.
struct Served {
    address: SocketAddr,
    stop: ShutdownSignal,
    drained: JoinHandle<Shutdown>,
}

impl Served {
    async fn new(config: HttpConfig, tls: Tls) -> Self {
        let server = HttpServer::bind("127.0.0.1:0".parse().expect("an address"), config).await.expect("a port");
        let server = server.with_tls(tls);
        let (address, stop) = (server.address(), ShutdownSignal::default());
        let serving = server
            .serve(PendingGateway::start(Profiles::default(), Access::open(), std::future::pending()), stop.clone());
        Self { address, stop, drained: tokio::spawn(serving) }
    }

    fn url(&self) -> String {
        format!("https://{}/mcp", self.address)
    }

    async fn end(self) {
        self.stop.ask();
        timeout(PATIENCE, self.drained).await.expect("an end in time").expect("no panic");
    }
}

/// Sends this and reads until the other side closes.
async fn raw(address: SocketAddr, sent: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("somebody listens");
    let mut answer = Vec::new();
    stream.write_all(sent).await.expect("a connection");
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end in time");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_gets_an_explanation_and_stalled_handshakes_block_nobody() {
    let certificates = Certificates::new();
    let tls = Tls::load(&files(&certificates)).expect("they belong together");
    // Room for one more than there are: the first may still be closing.
    let config = HttpConfig { connections: 5, header_timeout: Duration::from_millis(800), ..HttpConfig::default() };
    let served = Served::new(config, tls).await;
    let plain = raw(served.address, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(plain.starts_with("HTTP/1.1 400 ") && plain.ends_with("ask https://\n"), "{plain}");
    let begun = Instant::now();
    // One that says nothing, one that begins a record and stops, one that sends what is no handshake.
    let stalled = [&b""[..], b"\x16\x03\x01\x02\x00\x01", b"\x00\x01\x02"].map(|sent| raw(served.address, sent));
    let [silent, half, nonsense] = stalled;
    let (client, url) = (client(&certificates), served.url());
    let quick = async {
        for _ in 0..20 {
            assert_eq!(post(&client, &url, "", "initialize", hello()).await.status().as_u16(), 200);
        }
    };
    let (_, _, _, ()) = tokio::join!(silent, half, nonsense, quick);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_counts_as_a_connection() {
    let certificates = Certificates::new();
    let tls = Tls::load(&files(&certificates)).expect("they belong together");
    let served = Served::new(HttpConfig { connections: 1, ..HttpConfig::default() }, tls).await;
    let handshaking = TcpStream::connect(served.address).await.expect("somebody listens");
    // It is closed, although it says nothing: there are a few more for who asks for health, and they are soon over.
    assert_eq!(raw(served.address, b"").await, "");
    drop(handshaking);
    let (client, url) = (client(&certificates), served.url());
    let again = async { while client.get(url.replace("/mcp", "/healthz")).send().await.is_err() {} };
    timeout(PATIENCE, again).await.expect("room again");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_shown_without_a_restart_and_a_broken_one_is_not() {
    let (served, renewed) = (Certificates::new(), Certificates::new());
    let file = configuration(&served, LISTENING);
    let (old, new) = (client(&served), client(&renewed));
    let daemon = Daemon::start(&["--config", &file]);
    let url = format!("https://{}/healthz", daemon.address());
    assert!(old.get(&url).send().await.is_ok() && new.get(&url).send().await.is_err());
    let renew = |file: &str| {
        fs::copy(renewed.path(file), served.path(file)).expect("copied");
    };
    renew("key.pem");
    daemon.says("reload failed, certificate unchanged: listen.tls: ", 1).await;
    daemon.says("cert.pem", 1).await;
    assert!(client(&served).get(&url).send().await.is_ok());
    // The rest of a configuration does not wait for it.
    configuration(&served, &format!("deny = ['*.*']\n{LISTENING}"));
    daemon.says("the new configuration is active", 1).await;
    renew("cert.pem");
    daemon.says("new connections use the new certificate", 1).await;
    assert!(new.get(&url).send().await.is_ok());
    assert!(old.get(&url).send().await.is_ok(), "its connection stays");
    fs::copy(renewed.path("ca.pem"), served.path("ca.pem")).expect("copied");
    assert!(client(&served).get(&url).send().await.is_ok());
    daemon.signal(Signal::SIGHUP);
    daemon.says("reload: no changes", 1).await;
}

/// What a gateway says of its problems as soon as there are so many. It is ready all the same.
async fn problems(client: &Client, daemon: &Daemon, count: usize, patience: Duration) -> Vec<String> {
    let url = format!("https://{}/readyz", daemon.address());
    let wait = async {
        loop {
            let answer = client.get(&url).send().await.expect("an answer");
            let status = answer.status();
            let told: Value = answer.json().await.expect("JSON");
            let problems: Vec<String> = serde_json::from_value(told["problems"].clone()).expect("texts");
            if status == 200 && problems.len() == count {
                return problems;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(patience, wait).await.unwrap_or_else(|_| panic!("not {count} problems: {:?}", daemon.said()))
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_tells_of_a_certificate_that_cannot_be_used_until_there_is_one_that_can() {
    let (served, renewed) = (Certificates::new(), Certificates::new());
    let daemon = Daemon::start(&["--config", &configuration(&served, LISTENING)]);
    // Each by a connection of its own, and so by the certificate that is shown then.
    let old = || client(&served);
    problems(&old(), &daemon, 0, PATIENCE).await;
    let own = fs::read(served.path("key.pem")).expect("a key");
    let breaks = || fs::copy(renewed.path("key.pem"), served.path("key.pem")).expect("copied");
    let is_told = async || {
        let told = problems(&old(), &daemon, 1, PATIENCE).await;
        let why = told[0].strip_prefix("certificate older than its files for ").expect(&told[0]);
        assert_eq!(why.trim_start_matches(char::is_numeric), " s: listen.tls cannot be used; see the log");
    };
    breaks();
    is_told().await;
    // What is shown is in its files again.
    fs::write(served.path("key.pem"), &own).expect("a file");
    problems(&old(), &daemon, 0, PATIENCE).await;
    breaks();
    is_told().await;
    // Another one is, and is told at once: before the files are looked at once more.
    fs::copy(renewed.path("cert.pem"), served.path("cert.pem")).expect("copied");
    daemon.says("new connections use the new certificate", 1).await;
    problems(&client(&renewed), &daemon, 0, Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_changes_makes_another_server() {
    let (first, second) = (Certificates::new(), Certificates::new());
    let file = configuration(&first, "[servers.up]\nurl = 'https://127.0.0.1:1/mcp'\nca = 'ca.pem'\n");
    let daemon = Daemon::start(&["--config", &file]);
    daemon.says("up did not start", 1).await;
    fs::copy(second.path("ca.pem"), first.path("ca.pem")).expect("copied");
    daemon.says("replaced: up", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_replaced_is_shown_to_the_next_client() {
    let (old, new) = (Certificates::new(), Certificates::new());
    let tls = Tls::load(&files(&old)).expect("they belong together");
    let served = Served::new(HttpConfig::default(), tls.clone()).await;
    let (first, second) = (client(&old), client(&new));
    let healthy = async |client: &Client| client.get(served.url().replace("/mcp", "/healthz")).send().await.is_ok();
    assert!(healthy(&first).await && !healthy(&second).await);
    tls.replace(&Tls::load(&files(&new)).expect("they belong together"));
    // The first has a connection, which stays; a new one of it would not be trusted.
    assert!(healthy(&second).await && healthy(&first).await && !healthy(&client(&old)).await);
    served.end().await;
}
