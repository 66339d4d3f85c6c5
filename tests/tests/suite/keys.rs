//! Keys and roles over HTTP: who is let in, and what each sees and calls.

use std::net::SocketAddr;
use std::time::Duration;

use exuvia_access::secret_hash;
use exuvia_tests::{Answer, Daemon, Folder, HttpClient, built};
use serde_json::{Value, json};

/// How long a changed configuration may take to be in force.
const PATIENCE: Duration = Duration::from_secs(20);

/// `[keys.NAME]` with a secret that is the name itself.
pub(crate) fn key(name: &str, role: &str) -> String {
    let hash: String = secret_hash(name).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("[keys.{name}]\nrole = '{role}'\nhash = 'sha256:{hash}'\n")
}

/// Two servers, of which each key sees one.
fn configuration(keys: &str) -> String {
    let fake = built("exuvia-fake-upstream");
    let server = |name: &str| format!("[servers.{name}]\ncommand = {fake:?}\nauto_execute = ['*']\n");
    let roles = "[roles.red]\ntools = ['ruby.*']\n[roles.blue]\ntools = ['azure.*']\ndeny = ['azure.hang']\n\
                 [roles.blind]\ntools = []\n[roles.monitor]\ntools = []\nmetrics = true\n";
    format!("{}{}{roles}{keys}", server("ruby"), server("azure"))
}

fn all_keys() -> String {
    [key("ada", "red"), key("bob", "blue"), key("cid", "blind"), key("mon", "monitor")].concat()
}

/// A client with a key.
pub(crate) struct Client {
    http: HttpClient,
    bearer: String,
}

impl Client {
    pub(crate) async fn of(address: SocketAddr, secret: &str) -> Self {
        Self { http: HttpClient::connect(address).await, bearer: format!("Bearer {secret}") }
    }

    /// A request of the modern era.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Answer {
        let mut params = params;
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let name = params["name"].as_str().unwrap_or_default().to_owned();
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

    /// The text that a meta-tool answers.
    async fn call(&mut self, tool: &str, arguments: Value) -> String {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.message()["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) async fn run(&mut self, code: &str) -> String {
        self.call("executeToolCode", json!({"code": code})).await
    }
}

async fn served(folder: &Folder) -> Daemon {
    folder.write("exuvia.toml", &configuration(&all_keys()));
    let daemon = Daemon::start(&["--config", &folder.text("exuvia.toml")]);
    daemon.ready().await;
    daemon
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_without_a_key() {
    let folder = Folder::new("");
    let daemon = served(&folder).await;
    for bearer in ["", "Bearer wrong", "Basic ada", "Bearer "] {
        let mut http = HttpClient::connect(daemon.address()).await;
        let headers = [("authorization", bearer)];
        let headers = if bearer.is_empty() { &[][..] } else { &headers[..] };
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
        let answer = http.post(headers, &message).await;
        assert_eq!(answer.status, 401, "{bearer}: {answer:?}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{answer:?}");
        let metrics = http.send("GET", "/metrics", headers, "").await;
        assert_eq!(metrics.status, 401, "{metrics:?}");
    }
    let mut http = HttpClient::connect(daemon.address()).await;
    let ready = http.send("GET", "/readyz", &[], "").await;
    assert_eq!((ready.status, ready.text.contains("ruby")), (200, false), "{ready:?}");
    let refused = http.send("GET", "/metrics", &[("authorization", "Bearer ada")], "").await;
    assert_eq!(refused.status, 403, "{refused:?}");
    let metrics = http.send("GET", "/metrics", &[("authorization", "Bearer mon")], "").await;
    assert_eq!(metrics.status, 200, "{metrics:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_sees_and_calls_what_its_role_shows() {
    let folder = Folder::new("");
    let daemon = served(&folder).await;
    let mut ada = Client::of(daemon.address(), "ada").await;
    let mut bob = Client::of(daemon.address(), "bob").await;
    let listed = ada.call("listToolFiles", json!({})).await;
    assert!(listed.contains("ruby") && !listed.contains("azure"), "{listed}");
    let tools = bob.ask("tools/list", json!({})).await.text;
    assert!(tools.contains("azure") && !tools.contains("ruby"), "{tools}");
    assert_eq!(ada.run("ruby.echo(value=3)['value']").await, "3");
    let hidden = ada.run("azure.echo(value=3)").await;
    let unknown = ada.run("grue.echo(value=3)").await;
    assert_eq!(hidden.replace("azure", "grue"), unknown, "what is hidden does not exist");
    let denied = bob.run("azure.hang()").await;
    assert!(denied.contains("may not be called"), "{denied}");
    let seen = ada.run("dir()").await;
    assert!(!seen.contains("azure"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_sees_nothing_is_told_so() {
    let folder = Folder::new("");
    let daemon = served(&folder).await;
    let mut cid = Client::of(daemon.address(), "cid").await;
    let found = cid.ask("server/discover", json!({})).await.text;
    assert!(found.contains("This key sees no tools: its role"), "{found}");
    daemon.says("a key sees no tools", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_unknown_to_another_key() {
    let folder = Folder::new("");
    let daemon = served(&folder).await;
    let mut http = HttpClient::connect(daemon.address()).await;
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}});
    let opened = http.post(&[("authorization", "Bearer ada")], &hello).await;
    let session = opened.header("mcp-session-id").to_owned();
    assert!(opened.status == 200 && !session.is_empty(), "{opened:?}");
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
    for (secret, status) in [("bob", 404), ("ada", 200)] {
        let bearer = format!("Bearer {secret}");
        let headers = [("authorization", bearer.as_str()), ("mcp-session-id", session.as_str())];
        assert_eq!(http.post(&headers, &list).await.status, status, "{secret}");
        if secret == "bob" {
            assert_eq!(http.send("DELETE", "/mcp", &headers, "").await.status, 404);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_taken_away_stops_a_running_script_at_its_next_call() {
    let folder = Folder::new("");
    let daemon = served(&folder).await;
    let mut ada = Client::of(daemon.address(), "ada").await;
    let code = "import time\nfor n in range(200):\n    ruby.echo(value=n)\n    time.sleep(0.05)\n'all'";
    let running = tokio::spawn(async move { ada.run(code).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let left: String = [key("bob", "blue"), key("mon", "monitor")].concat();
    folder.write("exuvia.toml", &configuration(&left));
    let answer = tokio::time::timeout(PATIENCE, running).await.expect("in time").expect("no panic");
    assert!(answer.contains("the key was revoked"), "{answer}");
    let mut bob = Client::of(daemon.address(), "bob").await;
    assert_eq!(bob.run("azure.echo(value=3)['value']").await, "3");
    let mut ada = Client::of(daemon.address(), "ada").await;
    assert_eq!(ada.ask("tools/list", json!({})).await.status, 401);
}
