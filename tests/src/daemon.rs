//! `exuvia serve` as a process, and scripts sent to it.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::{DataHome, HttpClient, built, here};

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running `exuvia serve` on a port of its own. Killed when it is dropped.
pub struct Daemon {
    child: Child,
    address: SocketAddr,
    began: Vec<String>,
    said: Arc<Mutex<Vec<String>>>,
    data: DataHome,
}

impl Daemon {
    /// Starts it with these arguments, away from the configuration of whoever runs the tests.
    ///
    /// # Panics
    ///
    /// It cannot be started, or does not say where it listens.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_by(Command::new(built("exuvia")), arguments)
    }

    /// Starts it by a command that becomes `exuvia` with the arguments that follow.
    ///
    /// # Panics
    ///
    /// It cannot be started, or does not say where it listens.
    #[must_use]
    pub fn start_by(mut command: Command, arguments: &[&str]) -> Self {
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments).env("XDG_CONFIG_HOME", here());
        let data = DataHome::of(&mut command);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("exuvia starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let mut began = Vec::new();
        let greeting = lines.by_ref().inspect(|line| began.push(line.clone())).find(|line| line.contains("MCP at "));
        let greeting = greeting.expect("a greeting");
        let address = greeting.split("://").nth(1).and_then(|rest| rest.split("/mcp").next()).expect("an address");
        let address = address.parse().expect("an address");
        let said = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&said);
        std::thread::spawn(move || {
            lines.for_each(|line| heard.lock().unwrap_or_else(PoisonError::into_inner).push(line));
        });
        Self { child, address, began, said, data }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it keeps its data, unless the command that started it says otherwise.
    #[must_use]
    pub fn data(&self) -> &DataHome {
        &self.data
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it said up to the line with its address.
    #[must_use]
    pub fn began(&self) -> &[String] {
        &self.began
    }

    /// What it has said after the line with its address.
    #[must_use]
    pub fn said(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has said this in `times` lines.
    ///
    /// # Panics
    ///
    /// It does not.
    pub async fn says(&self, mark: &str, times: usize) {
        let begun = Instant::now();
        while self.said().iter().filter(|line| line.contains(mark)).count() < times {
            assert!(begun.elapsed() < PATIENCE, "not {times} times {mark:?}:\n{}", self.said().join("\n"));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until scripts can run.
    ///
    /// # Panics
    ///
    /// They never can.
    pub async fn ready(&self) {
        let begun = Instant::now();
        let mut client = HttpClient::connect(self.address).await;
        while client.send("GET", "/readyz", &[], "").await.status != 200 {
            assert!(begun.elapsed() < PATIENCE, "not ready:\n{}", self.said().join("\n"));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Its metrics.
    pub async fn metrics(&self) -> String {
        HttpClient::connect(self.address).await.send("GET", "/metrics", &[], "").await.text
    }

    /// Waits until so many scripts are in flight.
    ///
    /// # Panics
    ///
    /// They never are.
    pub async fn busy_with(&self, runs: usize) {
        let begun = Instant::now();
        while measured(&self.metrics().await, "exuvia_runs_in_flight") != Some(runs) {
            assert!(begun.elapsed() < PATIENCE, "not {runs} scripts at a time");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether it has taken so many scripts, those that are over among them.
    pub async fn took(&self, scripts: usize) -> bool {
        let metrics = self.metrics().await;
        let count = |name: &str| measured(&metrics, name).unwrap_or_default();
        count("exuvia_runs_total") + count("exuvia_runs_in_flight") >= scripts
    }

    /// Runs a script on a connection of its own. The text of the answer.
    ///
    /// # Panics
    ///
    /// There is no answer.
    pub fn run(&self, code: &str) -> impl Future<Output = String> + Send + 'static {
        let (address, code) = (self.address, code.to_owned());
        async move { HttpClient::connect(address).await.execute(&code).await }
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// It is gone.
    pub fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.id()).expect("an id");
        kill(Pid::from_raw(id), signal).expect("it runs");
    }

    /// Stops it, as a service manager does.
    ///
    /// # Panics
    ///
    /// It does not end in time.
    pub async fn stop(mut self) {
        self.signal(Signal::SIGTERM);
        self.ends_within(PATIENCE).await;
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// It does not end in this time.
    pub async fn ends_within(&mut self, time: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(begun.elapsed() < time, "it does not end:\n{}", self.said().join("\n"));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl HttpClient {
    /// Runs a script as a client of 2026-07-28 does, without a session. The text of the answer.
    ///
    /// # Panics
    ///
    /// There is none.
    pub async fn execute(&mut self, code: &str) -> String {
        let params = json!({"name": "executeToolCode", "arguments": {"code": code}});
        let answer = self.ask("/mcp", "tools/call", params, json!({})).await;
        let text = |message: Value| message["result"]["content"][0]["text"].as_str().map(str::to_owned);
        assert_eq!(answer.status, 200, "{answer:?}");
        text(answer.message()).unwrap_or_else(|| panic!("{answer:?}"))
    }
}

/// The value of a metric, over all of its labels. None: it has no such series.
#[must_use]
pub fn measured(metrics: &str, name: &str) -> Option<usize> {
    let value = |line: &str| {
        let rest = line.strip_prefix(name).filter(|rest| rest.starts_with([' ', '{']))?;
        rest.rsplit(' ').next()?.parse::<usize>().ok()
    };
    metrics.lines().filter_map(value).reduce(|sum, value| sum + value)
}
