//! Asking a running daemon by its socket, as the command line does.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::http::STORE;
use crate::server::sockets;

/// The longest answer that is read, in bytes.
const ANSWER_BYTES: usize = 64 << 20;
/// The longest event, in bytes.
const EVENT_BYTES: usize = 1 << 20;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(330);

/// A connection to the admin API of a running daemon.
pub struct AdminClient {
    sender: http1::SendRequest<Full<Bytes>>,
    path: PathBuf,
    /// The store of keys and budgets that is meant. None: that of the daemon.
    store_id: Option<String>,
}

/// Events of a daemon, for as long as it lives.
pub struct AdminEvents {
    /// Without it the connection would end.
    _daemon: AdminClient,
    body: Incoming,
    received: Vec<u8>,
}

/// Why a daemon did not do what it was asked for.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// No daemon listens in the data directory.
    NoDaemon,
    /// It did not answer, or nothing that can be read.
    Lost(Box<dyn std::error::Error + Send + Sync>),
    /// It says no, for this reason.
    Refused {
        /// The stable name of the error.
        code: String,
        /// Why.
        message: String,
    },
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDaemon => f.write_str("no daemon of this user is running: start `exuvia serve`"),
            Self::Lost(error) => write!(f, "the daemon did not answer: {error}"),
            Self::Refused { message, .. } => f.write_str(message),
        }
    }
}

impl std::error::Error for ClientError {}

fn lost(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ClientError {
    ClientError::Lost(error.into())
}

impl AdminClient {
    /// Connects to the first daemon whose socket is in this folder.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be connected to.
    pub async fn connect(folder: &Path) -> Result<Self, ClientError> {
        for path in sockets(folder) {
            if let Some(daemon) = Self::at(path).await? {
                return Ok(daemon);
            }
        }
        Err(ClientError::NoDaemon)
    }

    /// Connects to all daemons whose sockets are in this folder. One that cannot be connected to stands in the way of no other.
    ///
    /// # Errors
    ///
    /// None can be connected to, although there is one.
    pub async fn connect_all(folder: &Path) -> Result<Vec<Self>, ClientError> {
        let (mut daemons, mut failure) = (Vec::new(), None);
        for path in sockets(folder) {
            match Self::at(path).await {
                Ok(found) => daemons.extend(found),
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) if daemons.is_empty() => Err(error),
            _ => Ok(daemons),
        }
    }

    /// Connects once more to the same daemon.
    ///
    /// # Errors
    ///
    /// It is gone, or cannot be connected to.
    pub async fn again(&self) -> Result<Self, ClientError> {
        let again = Self::at(self.path.clone()).await?.ok_or(ClientError::NoDaemon)?;
        Ok(Self { store_id: self.store_id.clone(), ..again })
    }

    /// From now on every request is refused as `other-store` where the daemon keeps keys and budgets in another store than this.
    #[must_use]
    pub fn for_store(self, store_id: String) -> Self {
        Self { store_id: Some(store_id), ..self }
    }

    /// None: nobody listens there.
    async fn at(path: PathBuf) -> Result<Option<Self>, ClientError> {
        match UnixStream::connect(&path).await {
            Ok(stream) => Self::over(stream, path).await.map(Some),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(error) => Err(lost(error)),
        }
    }

    async fn over(stream: UnixStream, path: PathBuf) -> Result<Self, ClientError> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        // It ends with the sender.
        tokio::spawn(connection);
        Ok(Self { sender, path, store_id: None })
    }

    /// What a GET below `/api/v1` answers.
    ///
    /// # Errors
    ///
    /// The daemon does not answer, or says no.
    pub async fn get(&mut self, path: &str) -> Result<Value, ClientError> {
        self.ask(Method::GET, path, None).await
    }

    /// What a POST below `/api/v1` answers.
    ///
    /// # Errors
    ///
    /// The daemon does not answer, or says no.
    pub async fn post(&mut self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// What a DELETE below `/api/v1` answers.
    ///
    /// # Errors
    ///
    /// The daemon does not answer, or says no.
    pub async fn delete(&mut self, path: &str) -> Result<Value, ClientError> {
        self.ask(Method::DELETE, path, None).await
    }

    /// Follows the events at a path below `/api/v1`. The connection is of use for nothing else from then on.
    ///
    /// # Errors
    ///
    /// The daemon does not answer, or says no.
    pub async fn follow(mut self, path: &str) -> Result<AdminEvents, ClientError> {
        let response = timeout(PATIENCE, self.send(Method::GET, path, None)).await.map_err(lost)??;
        if !response.status().is_success() {
            return Err(refused(response).await);
        }
        Ok(AdminEvents { _daemon: self, body: response.into_body(), received: Vec::new() })
    }

    /// Sends a request, over another connection where the daemon has closed this one: it does so when nothing was asked for some seconds, as
    /// while a person reads.
    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<Incoming>, ClientError> {
        let body = Bytes::from(body.map(Value::to_string).unwrap_or_default());
        if self.sender.ready().await.is_ok() {
            match self.sender.send_request(self.request(&method, path, &body)?).await {
                // Nothing of it was sent.
                Err(error) if error.is_canceled() => {}
                answered => return answered.map_err(lost),
            }
        }
        *self = self.again().await?;
        self.sender.send_request(self.request(&method, path, &body)?).await.map_err(lost)
    }

    fn request(&self, method: &Method, path: &str, body: &Bytes) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(store_id) = &self.store_id {
            request = request.header(STORE, store_id);
        }
        request.body(Full::new(body.clone())).map_err(lost)
    }

    async fn ask(&mut self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        let answered = async {
            let response = self.send(method, path, body).await?;
            match response.status().is_success() {
                true => json_of(response).await,
                false => Err(refused(response).await),
            }
        };
        timeout(PATIENCE, answered).await.map_err(lost)?
    }
}

impl AdminEvents {
    /// The next event: its name and its data. None: the daemon has ended, or what it sends is no event.
    pub async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.received.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.received.drain(..end + 2).collect();
                let event = String::from_utf8(event).ok()?;
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                // What has no data keeps the connection open.
                let Some(data) = field("data: ") else { continue };
                return Some((field("event: ")?.to_owned(), serde_json::from_str(data).ok()?));
            }
            if self.received.len() > EVENT_BYTES {
                return None;
            }
            let frame = self.body.frame().await?.ok()?;
            self.received.extend_from_slice(frame.data_ref()?);
        }
    }
}

async fn json_of(response: Response<Incoming>) -> Result<Value, ClientError> {
    let bytes = Limited::new(response.into_body(), ANSWER_BYTES).collect().await.map_err(lost)?.to_bytes();
    serde_json::from_slice(&bytes).map_err(lost)
}

/// Why a daemon says no.
async fn refused(response: Response<Incoming>) -> ClientError {
    match json_of(response).await {
        Ok(value) => {
            let text = |key: &str| value["error"][key].as_str().unwrap_or_default().to_owned();
            ClientError::Refused { code: text("code"), message: text("message") }
        }
        Err(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixListener;

    use super::*;

    #[tokio::test]
    async fn a_daemon_that_has_closed_an_idle_connection_is_asked_over_another_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = sockets(folder.path()).next().expect("a socket");
        let listener = UnixListener::bind(path).expect("bound");
        let (closed, mut is_closed) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ntrue").await.expect("written");
                drop(stream);
                let _ = closed.send(());
            }
        });
        let mut daemon = AdminClient::connect(folder.path()).await.expect("a daemon");
        for _ in 0..3 {
            assert_eq!(daemon.get("/approvals").await.expect("an answer"), true);
            is_closed.recv().await.expect("closed");
        }
    }

    /// The task of a connection may not be ready for a request when the answer to the one before is read.
    #[tokio::test]
    async fn many_requests_one_after_the_other_are_answered_over_one_connection() {
        const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ntrue";
        let folder = tempfile::tempdir().expect("a folder");
        let path = sockets(folder.path()).next().expect("a socket");
        let listener = UnixListener::bind(path).expect("bound");
        tokio::spawn(async move {
            // The first connection alone.
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut head = [0; 4096];
            while stream.read(&mut head).await.is_ok_and(|read| read > 0) {
                stream.write_all(ANSWER).await.expect("written");
            }
        });
        let mut daemon = AdminClient::connect(folder.path()).await.expect("a daemon");
        for _ in 0..200 {
            assert_eq!(daemon.get("/approvals").await.expect("an answer"), true);
        }
    }
}
