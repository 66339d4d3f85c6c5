//! Asking a running daemon by its socket, as the command line does.

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::server::sockets;

/// The longest answer that is read, in bytes.
const ANSWER_BYTES: usize = 64 << 20;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(330);

/// A connection to the admin API of a running daemon.
pub struct AdminClient {
    sender: http1::SendRequest<Full<Bytes>>,
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
            match UnixStream::connect(&path).await {
                Ok(stream) => return Self::over(stream).await,
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {}
                Err(error) => return Err(lost(error)),
            }
        }
        Err(ClientError::NoDaemon)
    }

    async fn over(stream: UnixStream) -> Result<Self, ClientError> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(lost)?;
        // It ends with the sender.
        tokio::spawn(connection);
        Ok(Self { sender })
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

    async fn ask(&mut self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body.map(Value::to_string).unwrap_or_default().into()))
            .map_err(lost)?;
        let answered = async {
            let response = self.sender.send_request(request).await.map_err(lost)?;
            let status = response.status();
            let bytes = Limited::new(response.into_body(), ANSWER_BYTES).collect().await.map_err(lost)?.to_bytes();
            let value: Value = serde_json::from_slice(&bytes).map_err(lost)?;
            if status.is_success() {
                return Ok(value);
            }
            let text = |key: &str| value["error"][key].as_str().unwrap_or_default().to_owned();
            Err(ClientError::Refused { code: text("code"), message: text("message") })
        };
        timeout(PATIENCE, answered).await.map_err(lost)?
    }
}
