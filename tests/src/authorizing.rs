//! A server over HTTP and its authorization server on one port, which replaces refresh tokens and takes each of them once.
//!
//! What is right is tested against a real authorization server in `exuvia-upstream`. This one answers as slowly as a test wants.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Both servers, while it lives.
#[derive(Clone)]
pub struct Authorizing {
    address: SocketAddr,
    /// What it calls itself and its authorization server.
    origins: [String; 2],
    state: Arc<Mutex<State>>,
}

/// What is known of tokens.
#[derive(Default)]
struct State {
    /// How long access tokens live.
    life: Duration,
    /// How long it takes to answer who sends a refresh token.
    delay: Duration,
    ends: HashMap<String, Instant>,
    valid: HashSet<String>,
    sent: usize,
    issued: usize,
    spent_again: usize,
    called_with: Vec<String>,
}

impl Authorizing {
    /// Whose access tokens live this long.
    ///
    /// # Panics
    ///
    /// No port is free.
    pub async fn start(life: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let origins = [format!("http://{address}"), format!("http://{address}")];
        let authorizing = Self { address, origins, state: Arc::new(Mutex::new(State { life, ..State::default() })) };
        authorizing.listen(listener);
        authorizing
    }

    /// The same under other names, by which somebody brings clients here.
    ///
    /// # Panics
    ///
    /// No port is free.
    pub async fn named(life: Duration, server: &str, authorization_server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let origins = [server, authorization_server].map(str::to_owned);
        let authorizing = Self { address, origins, state: Arc::new(Mutex::new(State { life, ..State::default() })) };
        authorizing.listen(listener);
        authorizing
    }

    fn listen(&self, listener: TcpListener) {
        let serving = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the MCP server is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/mcp", self.origins[0])
    }

    /// From now on it takes this long to answer who sends a refresh token.
    pub fn takes(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// The access tokens that came with calls of tools, in their order.
    #[must_use]
    pub fn called_with(&self) -> Vec<String> {
        self.state().called_with.clone()
    }

    /// How many refresh tokens came.
    #[must_use]
    pub fn sent(&self) -> usize {
        self.state().sent
    }

    /// How many came that had come before.
    #[must_use]
    pub fn spent_again(&self) -> usize {
        self.state().spent_again
    }

    /// No token that it has given is good any more.
    pub fn revoke(&self) {
        let mut state = self.state();
        state.ends.clear();
        state.valid.clear();
    }

    /// Waits until so many refresh tokens have come.
    ///
    /// # Panics
    ///
    /// They do not.
    pub async fn has_got(&self, count: usize) {
        let begun = Instant::now();
        while self.sent() < count {
            assert!(begun.elapsed() < Duration::from_secs(60), "{} of {count}", self.sent());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// A token file as a login leaves it behind, whose access token has expired.
    #[must_use]
    pub fn expired_login(&self) -> String {
        let refresh = self.state().refresh_token();
        let token = json!({"access": "expired", "refresh": refresh, "received_at": 1, "expires_at": 2});
        let issuer = &self.origins[1];
        json!({
            "version": 1, "server": self.url(), "grant": "authorization_code", "issuer": issuer,
            "client": {"id": "c", "secret": null, "redirect_uri": null}, "token": token, "granted": [], "demanded": [],
        })
        .to_string()
    }

    async fn serve(self, mut stream: TcpStream) {
        let Some((head, body)) = request(&mut stream).await else { return };
        let place = head.split(" HTTP/").next().unwrap_or_default().to_owned();
        let [own, origin] = &self.origins;
        let (status, answer) = match &*place {
            "GET /.well-known/oauth-protected-resource" => {
                ("200 OK", json!({"resource": self.url(), "authorization_servers": [origin]}))
            }
            "GET /.well-known/oauth-authorization-server" => ("200 OK", metadata(origin)),
            "POST /token" => self.renew(&body).await,
            "POST /mcp" => self.answer(&head, &body),
            _ => ("404 Not Found", json!({})),
        };
        let challenge = format!("Bearer resource_metadata=\"{own}/.well-known/oauth-protected-resource\"");
        let body = if answer.is_null() { String::new() } else { answer.to_string() };
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nWWW-Authenticate: {challenge}\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }

    async fn renew(&self, form: &str) -> (&'static str, Value) {
        if ["authorization_code", "client_credentials"]
            .iter()
            .any(|grant| form.contains(&format!("grant_type={grant}")))
        {
            return self.issue();
        }
        let refresh = form.split('&').find_map(|pair| pair.strip_prefix("refresh_token=")).unwrap_or_default();
        let (is_new, delay) = {
            let mut state = self.state();
            let is_new = state.valid.remove(refresh);
            state.sent += 1;
            state.spent_again += usize::from(!is_new);
            (is_new, state.delay)
        };
        tokio::time::sleep(delay).await;
        if !is_new {
            return ("400 Bad Request", json!({"error": "invalid_grant"}));
        }
        self.issue()
    }

    /// New tokens.
    fn issue(&self) -> (&'static str, Value) {
        let mut state = self.state();
        let refresh = state.refresh_token();
        let access = format!("access-token-{}-of-authorizing", state.issued);
        let end = Instant::now() + state.life;
        state.ends.insert(access.clone(), end);
        let life = state.life.as_secs();
        (
            "200 OK",
            json!({"access_token": access, "token_type": "Bearer", "expires_in": life, "refresh_token": refresh}),
        )
    }

    fn answer(&self, head: &str, body: &str) -> (&'static str, Value) {
        let bearer = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization").then(|| value.trim_start_matches("Bearer ").to_owned())
        });
        let is_valid = |token: &String| self.state().ends.get(token).is_some_and(|end| *end > Instant::now());
        let Some(bearer) = bearer.filter(|token| is_valid(token)) else { return ("401 Unauthorized", json!({})) };
        let message: Value = serde_json::from_str(body).unwrap_or_default();
        let id = &message["id"];
        let result = match message["method"].as_str().unwrap_or_default() {
            _ if id.is_null() => return ("202 Accepted", Value::Null),
            "initialize" => json!({
                "protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                "serverInfo": {"name": "s", "version": "1"},
            }),
            "tools/list" => json!({"tools": [{"name": "t", "inputSchema": {"type": "object"}}]}),
            "tools/call" => {
                self.state().called_with.push(bearer);
                json!({"content": [{"type": "text", "text": "ok"}]})
            }
            _ => return ("200 OK", json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "no"}})),
        };
        ("200 OK", json!({"jsonrpc": "2.0", "id": id, "result": result}))
    }
}

impl State {
    fn refresh_token(&mut self) -> String {
        self.issued += 1;
        let token = format!("refresh-token-{}-of-authorizing", self.issued);
        self.valid.insert(token.clone());
        token
    }
}

fn metadata(origin: &str) -> Value {
    json!({
        "issuer": origin,
        "authorization_endpoint": format!("{origin}/authorize"),
        "token_endpoint": format!("{origin}/token"),
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
    })
}

/// The head and the body of a request.
async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut read = Vec::new();
    loop {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            return Some((head.to_owned(), body.to_owned()));
        }
    }
}
