//! An identity provider on loopback that publishes metadata and keys, and counts who asks for them. It issues nothing: the tests sign
//! their tokens themselves, right ones and wrong ones. What is right is tested against a real authorization server as well.

mod signing_key;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{io, thread};

use serde_json::{Value, json};

pub use signing_key::{SigningKey, compact};

/// The provider, while it lives.
#[derive(Clone)]
pub struct IdentityProvider {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    keys: Value,
    metadata: Option<Value>,
    is_unreachable: bool,
    delay: Duration,
    fetches: usize,
    requests: Vec<String>,
}

impl IdentityProvider {
    /// One that publishes these keys.
    ///
    /// # Panics
    ///
    /// No port is free.
    #[must_use]
    pub fn start(keys: &[&SigningKey]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let provider = Self { address, state: Arc::default() };
        provider.publish(keys);
        let serving = provider.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = serving.clone();
                thread::spawn(move || serving.answer(&stream));
            }
        });
        provider
    }

    /// As its tokens name it.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Publishes these keys and no others.
    pub fn publish(&self, keys: &[&SigningKey]) {
        self.publish_set(json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()}));
    }

    /// Publishes this as its key set.
    pub fn publish_set(&self, keys: Value) {
        self.state().keys = keys;
    }

    /// Publishes this as its metadata.
    pub fn describe(&self, metadata: Value) {
        self.state().metadata = Some(metadata);
    }

    /// From now on connections end without an answer, or do not any more.
    pub fn disconnect(&self, is_unreachable: bool) {
        self.state().is_unreachable = is_unreachable;
    }

    /// From now on answers take this long.
    pub fn delay(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// How often the key set was asked for.
    #[must_use]
    pub fn fetches(&self) -> usize {
        self.state().fetches
    }

    /// The request lines and headers of everything that was asked for.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.state().requests.clone()
    }

    /// The claims of a valid token for this audience, for five minutes.
    ///
    /// # Panics
    ///
    /// The clock is before 1970.
    #[must_use]
    pub fn claims(&self, audience: &str) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
        json!({"iss": self.issuer(), "aud": audience, "sub": "ada", "iat": now, "exp": now + 300})
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, stream: &TcpStream) {
        while let Ok(Some(head)) = head(stream) {
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let (body, delay) = {
                let mut state = self.state();
                state.requests.push(head);
                state.fetches += usize::from(path == "/keys");
                if state.is_unreachable {
                    return;
                }
                (self.document(&path, &state), state.delay)
            };
            thread::sleep(delay);
            let (status, body) = body.map_or(("404 Not Found", "{}".to_owned()), |body| ("200 OK", body.to_string()));
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            if (&*stream).write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn document(&self, path: &str, state: &State) -> Option<Value> {
        match path {
            "/keys" => Some(state.keys.clone()),
            "/.well-known/oauth-authorization-server" => {
                let own = || json!({"issuer": self.issuer(), "jwks_uri": format!("{}/keys", self.issuer())});
                Some(state.metadata.clone().unwrap_or_else(own))
            }
            _ => None,
        }
    }
}

/// The head of a request. None: the connection has ended.
fn head(stream: &TcpStream) -> io::Result<Option<String>> {
    let (mut reader, mut head) = (BufReader::new(stream), String::new());
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(head))
}
