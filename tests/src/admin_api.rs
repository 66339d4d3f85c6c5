//! A client of a daemon's admin API, with its token.

use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Answer, Daemon, HttpClient};

/// How long a daemon may take to say where its admin API is.
const PATIENCE: Duration = Duration::from_secs(30);

/// The admin API of a daemon.
pub struct AdminApi {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its token.
    pub token: String,
}

impl AdminApi {
    /// That of this daemon.
    ///
    /// # Panics
    ///
    /// It has none.
    pub async fn of(daemon: &Daemon) -> Self {
        // What says where it listens says that the token is there.
        let at = Self::at(daemon).await;
        let token = fs::read_to_string(daemon.data().as_path().join("exuvia/admin.token"));
        Self { token: token.expect("a token"), ..at }
    }

    /// That of this daemon, without a token.
    ///
    /// # Panics
    ///
    /// It has none.
    pub async fn at(daemon: &Daemon) -> Self {
        let begun = Instant::now();
        let address = loop {
            let said = daemon.said();
            let line = said.iter().find_map(|line| line.split_once("admin API at http://"));
            if let Some((_, rest)) = line {
                break rest.split(';').next().and_then(|address| address.parse().ok()).expect("an address");
            }
            assert!(begun.elapsed() < PATIENCE, "no admin API:\n{}", said.join("\n"));
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        Self { address, token: String::new() }
    }

    /// Sends a request below `/api/v1` with the token.
    pub async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let authorization = format!("Bearer {}", self.token);
        self.send(method, path, &[("authorization", &authorization)], body).await
    }

    /// Sends a request below `/api/v1` with these headers.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let mut headers = headers.to_vec();
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        let mut client = HttpClient::connect(self.address).await;
        client.send(method, &format!("/api/v1{path}"), &headers, &body.map(Value::to_string).unwrap_or_default()).await
    }

    /// What a GET answers.
    ///
    /// # Panics
    ///
    /// It answers no JSON, or an error.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, None).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        serde_json::from_str(&answer.text).expect("JSON")
    }

    /// What a POST answers.
    ///
    /// # Panics
    ///
    /// It answers no JSON, or an error.
    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.ask("POST", path, Some(body)).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        serde_json::from_str(&answer.text).expect("JSON")
    }
}
