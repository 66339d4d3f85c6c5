//! Over HTTP: a thread for each connection, and every byte in our hands.

mod answer;
mod raw;
mod request;
mod sse;
mod streamable;

use std::collections::HashSet;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::options::{Options, Stop};
use crate::out::Later;
use crate::record;
use crate::server::{HEADERS, Server, forever};
use answer::Answer;
use request::Request;

/// The server and its sessions.
pub(crate) struct Http {
    pub(crate) server: Arc<Server>,
    sessions: Mutex<HashSet<String>>,
    /// The streams of HTTP+SSE, by the session that stands in the address for messages.
    pub(crate) streams: Mutex<Vec<(u64, Later)>>,
    numbers: AtomicU64,
    /// Calls, the ones that met a forgotten session included.
    calls: AtomicU64,
}

/// Whether a connection is of further use.
#[derive(PartialEq, Eq)]
pub(crate) enum Connection {
    Kept,
    Closed,
}

/// Listens for ever. Gives the exit code.
pub(crate) fn run(options: Options) -> u8 {
    let Ok(listener) = TcpListener::bind("127.0.0.1:0") else { return 1 };
    let Ok(address) = listener.local_addr() else { return 1 };
    let mut stdout = std::io::stdout();
    let _ = writeln!(stdout, "http://{address}/mcp").and_then(|()| stdout.flush());
    let server = Server::start(options);
    match server.options.at("start") {
        Some(Stop::Exit) => return 3,
        // Connections open, since the system accepts them.
        Some(Stop::Hang) => forever(),
        None => {}
    }
    let http = Arc::new(Http {
        server,
        sessions: Mutex::default(),
        streams: Mutex::default(),
        numbers: AtomicU64::new(1),
        calls: AtomicU64::new(0),
    });
    for stream in listener.incoming().flatten() {
        let http = http.clone();
        std::thread::spawn(move || http.serve(stream));
    }
    0
}

impl Http {
    fn serve(&self, mut stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut unread = Vec::new();
        while let Some(request) = request::read(&mut stream, &mut unread) {
            if self.answer(&request, &mut stream) == Connection::Closed {
                return;
            }
        }
    }

    fn answer(&self, request: &Request, stream: &mut TcpStream) -> Connection {
        let options = &self.server.options;
        let headers = request.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        HEADERS.set(headers);
        if let (Some(to), "/mcp") = (&options.redirect, request.path()) {
            return Answer::new(options.redirect_status).header("Location", to).send(stream);
        }
        if let Some(file) = &options.token_file {
            let token = std::fs::read_to_string(file).unwrap_or_default();
            if request.header("authorization") != Some(&format!("Bearer {}", token.trim())) {
                let challenge = r#"Bearer error="invalid_token""#;
                return Answer::new(401).header("WWW-Authenticate", challenge).send(stream);
            }
        }
        let message: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        if let Some(file) = &self.server.options.record {
            record::append(file, &message, &String::from_utf8_lossy(&request.body));
        }
        let method = message.get("method").and_then(Value::as_str).unwrap_or(&request.method);
        if let Some((_, status)) = options.refuse.as_ref().filter(|(refused, _)| refused == method) {
            let answer = Answer::new(*status);
            return match &options.retry_after {
                Some(after) => answer.header("Retry-After", after).send(stream),
                None => answer.send(stream),
            };
        }
        if options.sse { self.sse(request, &message, stream) } else { self.streamable(request, &message, stream) }
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    fn new_session(&self) -> String {
        let session = format!("session-{}", self.number());
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(session.clone());
        session
    }

    fn knows(&self, session: &str) -> bool {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).contains(session)
    }

    fn forget(&self, session: Option<&str>) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|known| session.is_some_and(|session| session != known));
    }
}
