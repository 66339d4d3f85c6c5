//! Users of identity providers over HTTP: tokens that let them in, and tokens that do not.
//!
//! What is right comes from a real authorization server; what is wrong is signed here.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use exuvia_tests::identity_provider::{IdentityProvider, SigningKey, compact};
use exuvia_tests::{
    Answer, CLIENT_SECRET, Daemon, Folder, HttpClient, PATIENCE, TokenIssuer, WebServer, built, exuvia,
};
use serde_json::{Value, json};

/// What tokens are for.
const AUDIENCE: &str = "https://exuvia.example/mcp";

/// A server that two roles see in part, and one provider.
fn configuration(issuer: &str, audience: &str, more: &str) -> String {
    let fake = built("exuvia-fake-upstream");
    format!(
        "[servers.ruby]\ncommand = {fake:?}\nauto_execute = ['*']\n\
         [roles.red]\nauto_execute = ['ruby.*']\n[roles.blue]\ntools = ['ruby.add']\nauto_execute = ['*.*']\n\
         [roles.monitor]\ntools = []\nmetrics = true\n\
         [identity_providers.okta]\nissuer = '{issuer}'\naudience = '{audience}'\nscopes = ['mcp']\n\
         roles = [{{ claim = 'sub', value = 'ada', role = 'red' }}, {{ claim = 'groups', value = 'blue', role = 'blue' }}]\n{more}"
    )
}

/// A daemon with a provider whose tokens are signed here.
struct World {
    provider: IdentityProvider,
    key: SigningKey,
    folder: Folder,
    daemon: Daemon,
}

impl World {
    async fn new() -> Self {
        let key = SigningKey::new("k1", "RS256");
        let provider = IdentityProvider::start(&[&key]);
        let folder = Folder::new(&configuration(&provider.issuer(), AUDIENCE, ""));
        let daemon = folder.serve(&[]).await;
        Self { provider, key, folder, daemon }
    }

    fn claims(&self, changed: &Value) -> Value {
        let mut claims = self.provider.claims(AUDIENCE);
        claims["scope"] = "mcp".into();
        claims.as_object_mut().expect("an object").extend(changed.as_object().cloned().unwrap_or_default());
        claims
    }

    fn token(&self, changed: &Value) -> String {
        self.key.token(&self.claims(changed))
    }

    async fn client(&self, token: &str) -> Client {
        Client::of(self.daemon.address(), token).await
    }

    /// The answer to a first request with this token.
    async fn asked(&self, token: &str) -> Answer {
        self.client(token).await.ask("tools/list", json!({})).await
    }
}

struct Client {
    http: HttpClient,
    bearer: String,
}

impl Client {
    async fn of(address: SocketAddr, token: &str) -> Self {
        Self { http: HttpClient::connect(address).await, bearer: format!("Bearer {token}") }
    }

    /// A request of the modern era.
    async fn ask(&mut self, method: &str, mut params: Value) -> Answer {
        params["_meta"] = exuvia_tests::modern_meta();
        let name = params["name"].as_str().unwrap_or_default().to_owned();
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut headers = vec![
            ("authorization", self.bearer.as_str()),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", method),
        ];
        if !name.is_empty() {
            headers.push(("mcp-name", name.as_str()));
        }
        self.http.post(&headers, &message).await
    }

    async fn run(&mut self, code: &str) -> String {
        let answer = self.ask("tools/call", json!({"name": "executeToolCode", "arguments": {"code": code}})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.message()["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned()
    }
}

/// The challenge of an answer, without its description.
fn challenge(answer: &Answer) -> String {
    let parameters =
        answer.header("www-authenticate").split(", ").filter(|part| !part.starts_with("error_description="));
    parameters.collect::<Vec<_>>().join(", ")
}

/// Waits until something holds.
async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "not {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_led_to_the_authorization_server_and_let_in_with_its_token() {
    let issuer = TokenIssuer::start("k1").await;
    let folder = Folder::new(&configuration(issuer.issuer(), AUDIENCE, ""));
    let daemon = folder.serve(&[]).await;
    // Its clients ask for tokens for the address at which they reach it.
    let url = format!("http://{}/mcp", daemon.address());
    folder.write("exuvia.toml", &configuration(issuer.issuer(), &url, ""));
    let token = issuer.token("ada", &url, "mcp").await;
    until("the new audience", || async {
        Client::of(daemon.address(), &token).await.ask("tools/list", json!({})).await.status == 200
    })
    .await;

    // Exuvia as a client knows the address and its own secret, and nothing else.
    let client = Folder::new(&format!(
        "[servers.gate]\nurl = '{url}'\nauto_execute = ['*']\n\
         oauth = {{ grant = 'client-credentials', client_id = 'ada', client_secret = '{CLIENT_SECRET}' }}\n"
    ));
    let script = "gate.executeToolCode(code='ruby.echo(value=42)')";
    let ran =
        tokio::task::spawn_blocking(move || exuvia(&["run", "--config", &client.text("exuvia.toml"), "-"], script));
    let ran = ran.await.expect("no panic");
    assert!(ran.status == Some(0) && ran.stdout.contains("42"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_real_authorization_server_counts_for_its_audience_with_its_scopes_under_its_keys() {
    let issuer = TokenIssuer::start("k1").await;
    let folder = Folder::new(&configuration(issuer.issuer(), AUDIENCE, ""));
    let daemon = folder.serve(&[]).await;
    let status = |token: String| {
        let address = daemon.address();
        async move {
            let answer = Client::of(address, &token).await.ask("tools/list", json!({})).await;
            (answer.status, challenge(&answer))
        }
    };
    let (valid, ended) = (issuer.token("ada", AUDIENCE, "mcp").await, || "error=\"invalid_token\"");
    assert_eq!(status(valid.clone()).await.0, 200);
    assert_eq!(Client::of(daemon.address(), &valid).await.run("ruby.echo(value=3)['value']").await, "3");

    let (code, told) = status(issuer.token("ada", "https://other.example/mcp", "mcp").await).await;
    assert!(code == 401 && told.contains(ended()), "{code} {told}");
    let (code, told) = status(issuer.token("ada", AUDIENCE, "other").await).await;
    assert!(code == 403 && told.contains("error=\"insufficient_scope\", scope=\"mcp\""), "{code} {told}");
    // A user without a role: another token of theirs would not help, so none is asked for.
    assert_eq!(status(issuer.token("bob", AUDIENCE, "mcp").await).await, (403, String::new()));
    let other = TokenIssuer::start("k1").await;
    assert_eq!(status(other.token("ada", AUDIENCE, "mcp").await).await.0, 401, "of another issuer");

    // Keys are fetched again when a token names a new one, at most once in 10 s.
    issuer.rotate("k2").await;
    let rotated = issuer.token("ada", AUDIENCE, "mcp").await;
    let rotated = &rotated;
    until("the rotated key", || async move { status(rotated.clone()).await.0 == 200 }).await;
    assert_eq!(status(valid).await.0, 401, "its key is not published any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_token_is_told_where_to_get_one() {
    let world = World::new().await;
    let mut http = HttpClient::connect(world.daemon.address()).await;
    let origin = format!("http://{}", world.daemon.address());
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    for (path, method) in
        [("/mcp", "POST"), ("/mcp", "GET"), ("/mcp", "DELETE"), ("/mcp/any", "POST"), ("/metrics", "GET")]
    {
        let body = if method == "POST" { list.to_string() } else { String::new() };
        let answer = http.send(method, path, &[("content-type", "application/json")], &body).await;
        let endpoint = if path == "/metrics" { "/mcp" } else { path };
        let metadata = format!("{origin}/.well-known/oauth-protected-resource{endpoint}");
        let expected = format!("Bearer scope=\"mcp\", resource_metadata=\"{metadata}\"");
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, &*expected), "{method} {path}");
        let document = http.send("GET", metadata.strip_prefix(&origin).expect("a path"), &[], "").await;
        let expected = json!({
            "resource": format!("{origin}{endpoint}"), "authorization_servers": [world.provider.issuer()],
            "bearer_methods_supported": ["header"], "scopes_supported": ["mcp"],
        });
        assert_eq!((document.status, document.message()), (200, expected), "{path}");
        assert_eq!(document.header("content-type"), "application/json");
    }
    for path in ["/.well-known/oauth-protected-resource/", "/.well-known/oauth-protected-resource/metrics"] {
        assert_eq!(http.send("GET", path, &[], "").await.status, 404, "{path}");
    }
    assert_eq!(http.send("POST", "/.well-known/oauth-protected-resource", &[], "").await.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_identity_provider_there_is_no_metadata_and_the_challenge_is_plain() {
    let key = "[roles.red]\n[keys.ci]\nrole = 'red'\nhash = 'sha256:0000000000000000000000000000000000000000000000000000000000000000'\n";
    let folder = Folder::new(&format!("[servers.ruby]\ncommand = {:?}\n{key}", built("exuvia-fake-upstream")));
    let daemon = folder.serve(&[]).await;
    let mut http = HttpClient::connect(daemon.address()).await;
    for path in ["", "/mcp"] {
        let path = format!("/.well-known/oauth-protected-resource{path}");
        assert_eq!(http.send("GET", &path, &[], "").await.status, 404, "{path}");
    }
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let answer = http.post(&[], &list).await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, "Bearer"));
    // What has the form of a token is a wrong key.
    let answer = http.post(&[("authorization", "Bearer eyJ.eyJ.c2ln")], &list).await;
    assert_eq!((answer.status, challenge(&answer).as_str()), (401, "Bearer error=\"invalid_token\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_clients_are_told_the_public_url() {
    let provider = IdentityProvider::start(&[]);
    let listen = "[listen]\npublic_url = 'https://exuvia.example'\n";
    let folder = Folder::new(&configuration(&provider.issuer(), AUDIENCE, listen));
    let daemon = folder.serve(&[]).await;
    let mut http = HttpClient::connect(daemon.address()).await;
    for host in ["exuvia.example", &daemon.address().to_string()] {
        let headers = [("host", host), ("x-forwarded-proto", "http")];
        let answer = http.send("GET", "/mcp", &headers, "").await;
        let expected = "https://exuvia.example/.well-known/oauth-protected-resource/mcp";
        assert!(challenge(&answer).ends_with(&format!("resource_metadata=\"{expected}\"")), "{answer:?}");
        let document = http.send("GET", "/.well-known/oauth-protected-resource/mcp", &headers, "").await.message();
        assert_eq!(document["resource"], AUDIENCE);
    }
    let answer = http.send("GET", "/mcp", &[("host", "evil.example")], "").await;
    assert_eq!((answer.status, answer.header("www-authenticate")), (421, ""), "no other host is repeated");
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_tokens_are_rejected_with_a_challenge() {
    let world = World::new().await;
    assert_eq!(world.asked(&world.token(&json!({}))).await.status, 200);
    let claims = world.claims(&json!({})).to_string();
    let unsigned =
        |algorithm: &str| compact(&json!({"alg": algorithm, "kid": "k1"}).to_string(), &claims, |_| Vec::new());
    let jwk = world.key.jwk();
    let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, jwk["n"].as_str().expect("a modulus").as_bytes());
    let confused = compact(&json!({"alg": "HS256", "kid": "k1"}).to_string(), &claims, |message| {
        ring::hmac::sign(&secret, message).as_ref().to_vec()
    });
    for (name, token) in [
        ("expired", world.token(&json!({"exp": 1}))),
        ("not yet valid", world.token(&json!({"nbf": 99_999_999_999_u64}))),
        ("wrong audience", world.token(&json!({"aud": "https://other.example"}))),
        ("wrong issuer", world.token(&json!({"iss": "https://other.example"}))),
        ("none", unsigned("none")),
        ("no signature", unsigned("RS256")),
        ("confused", confused),
        ("another key", SigningKey::new("k1", "ES256").token(&world.claims(&json!({})))),
        ("sender-constrained", world.token(&json!({"cnf": {"jkt": "x"}}))),
        ("huge", world.token(&json!({"padding": "x".repeat(20_000)}))),
        ("no token", "a.b.c".to_owned()),
    ] {
        let answer = world.asked(&token).await;
        let told = challenge(&answer);
        assert_eq!(answer.status, 401, "{name}: {answer:?}");
        assert!(
            told.starts_with("Bearer error=\"invalid_token\"") && told.contains("resource_metadata="),
            "{name}: {told}"
        );
        assert!(!answer.text.contains(&token), "{name}");
    }
    assert_eq!(world.provider.fetches(), 1, "made-up tokens cause no traffic");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_cannot_be_reached_is_said_to_be_unavailable_and_others_are_let_in() {
    let (away, here) = (IdentityProvider::start(&[]), IdentityProvider::start(&[]));
    let key = SigningKey::new("k1", "EdDSA");
    here.publish(&[&key]);
    away.disconnect(true);
    let second = format!(
        "[identity_providers.second]\nissuer = '{}'\naudience = '{AUDIENCE}'\ndefault_role = 'monitor'\n",
        here.issuer()
    );
    let folder = Folder::new(&configuration(&away.issuer(), AUDIENCE, &second));
    let daemon = folder.serve(&[]).await;
    let token = |provider: &IdentityProvider| {
        let mut claims = provider.claims(AUDIENCE);
        claims["scope"] = "mcp".into();
        key.token(&claims)
    };
    let answer = Client::of(daemon.address(), &token(&away)).await.ask("tools/list", json!({})).await;
    assert_eq!(
        (answer.status, answer.header("retry-after"), answer.header("www-authenticate")),
        (503, "1", ""),
        "{answer:?}"
    );
    let other = token(&here);
    assert_eq!(Client::of(daemon.address(), &other).await.ask("tools/list", json!({})).await.status, 200);
    let bearer = format!("Bearer {other}");
    let mut http = HttpClient::connect(daemon.address()).await;
    let ready = http.send("GET", "/readyz", &[("authorization", &bearer)], "").await;
    assert!(
        ready.status == 200 && ready.text.contains("identity provider okta: no token can be verified"),
        "{ready:?}"
    );
    assert!(!ready.text.contains("second"), "{ready:?}");
    daemon.says("key set unavailable", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_stops_a_running_script_at_its_next_call_and_no_other() {
    let world = World::new().await;
    let code = "import time\nfor n in range(100):\n    ruby.echo(value=n)\n    time.sleep(0.05)\n'all'";
    let now = world.claims(&json!({}))["iat"].as_i64().expect("a time");
    // Clocks may differ by half a minute: it has two seconds.
    let mut short = world.client(&world.token(&json!({"exp": now - 28}))).await;
    let mut long = world.client(&world.token(&json!({"sub": "ada", "exp": now + 60}))).await;
    let (stopped, done) = tokio::join!(short.run(code), long.run(code));
    assert!(stopped.contains("expired"), "{stopped}");
    assert_eq!(done, "\"all\"");
    assert_eq!(short.ask("tools/list", json!({})).await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_role_holds_at_the_next_call_of_a_running_script() {
    let world = World::new().await;
    let mut ada = world.client(&world.token(&json!({}))).await;
    let code = "import time\nfor n in range(200):\n    ruby.echo(value=n)\n    time.sleep(0.05)\n'all'";
    let running = tokio::spawn(async move { (ada.run(code).await, ada) });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let configuration = configuration(&world.provider.issuer(), AUDIENCE, "").replace("value = 'ada'", "value = 'eve'");
    world.folder.write("exuvia.toml", &configuration);
    let (answer, mut ada) = tokio::time::timeout(PATIENCE, running).await.expect("in time").expect("no panic");
    assert!(answer.contains("role"), "{answer}");
    assert_eq!(ada.ask("tools/list", json!({})).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_see_what_their_roles_show_and_have_nothing_of_each_other() {
    let world = World::new().await;
    let mut ada = world.client(&world.token(&json!({}))).await;
    let mut bob = world.client(&world.token(&json!({"sub": "bob", "groups": ["x", "blue"]}))).await;
    assert_eq!(ada.run("ruby.echo(value=3)['value']").await, "3");
    let hidden = bob.run("ruby.echo(value=3)").await;
    assert!(hidden.contains("ruby has no tool 'echo'"), "{hidden}");
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}});
    let opened = ada.http.post(&[("authorization", ada.bearer.as_str())], &hello).await;
    let session = opened.header("mcp-session-id").to_owned();
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
    // A newer token of the same user goes on with the session; another user's does not.
    let newer = format!("Bearer {}", world.token(&json!({"jti": "2"})));
    for (bearer, status) in [(&bob.bearer, 404), (&newer, 200), (&ada.bearer, 200)] {
        let headers = [("authorization", bearer.as_str()), ("mcp-session-id", session.as_str())];
        assert_eq!(bob.http.post(&headers, &list).await.status, status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_travels_to_a_server_or_into_a_log() {
    let web = WebServer::start(&[]);
    let tap = Tap::before(web.address());
    let key = SigningKey::new("k1", "ES256");
    let provider = IdentityProvider::start(&[&key]);
    let far = format!("[servers.far]\nurl = 'http://{}/mcp'\nmode = 'direct'\nauto_execute = ['*']\n", tap.address);
    let configuration = configuration(&provider.issuer(), AUDIENCE, &far).replace("['ruby.*']", "['*.*']");
    let folder = Folder::new(&configuration);
    let mut command = Command::new(built("exuvia"));
    command.env("EXUVIA_LOG", "trace");
    let daemon = Daemon::start_by(command, &["--config", &folder.text("exuvia.toml")]);
    daemon.ready().await;
    let mut claims = provider.claims(AUDIENCE);
    claims["scope"] = "mcp".into();
    let token = key.token(&claims);
    let mut ada = Client::of(daemon.address(), &token).await;
    let called = ada.ask("tools/call", json!({"name": "far__echo", "arguments": {"value": 7}})).await;
    assert!(called.status == 200 && called.text.contains('7'), "{called:?}");
    let wrong = token.replace('.', "._");
    assert_eq!(Client::of(daemon.address(), &wrong).await.ask("tools/list", json!({})).await.status, 401);

    let sent = tap.seen();
    assert!(sent.contains("tools/call"), "{sent}");
    for part in token.split('.') {
        assert!(!sent.contains(part), "{sent}");
        assert!(!daemon.said().iter().any(|line| line.contains(part)), "{:?}", daemon.said());
        assert!(!provider.requests().iter().any(|request| request.contains(part)), "{:?}", provider.requests());
    }
    assert!(!sent.to_ascii_lowercase().contains("authorization"), "{sent}");
}

/// Listens before a server and remembers what clients send to it.
struct Tap {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen: Arc<Mutex<Vec<u8>>> = Arc::default();
        let all = Arc::clone(&seen);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (seen, to) = (Arc::clone(&all), TcpStream::connect(server).expect("the server"));
                let (from, back) = (client.try_clone().expect("a socket"), to.try_clone().expect("a socket"));
                thread::spawn(move || copy(from, to, Some(&seen)));
                thread::spawn(move || copy(back, client, None));
            }
        });
        Self { address, seen }
    }

    fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, seen: Option<&Mutex<Vec<u8>>>) {
    let mut buffer = [0; 8192];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if let Some(seen) = seen {
            seen.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..length]);
        }
        if to.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}
