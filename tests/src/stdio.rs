//! A client of `exuvia stdio` that writes every byte itself.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::{DataHome, built, here, sample};

/// How long an answer may take. The first of a process waits for its servers.
const PATIENCE: Duration = Duration::from_secs(30);

/// `exuvia stdio` as a child process, and its lines. Killed when it is dropped.
pub struct Client {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    modern: bool,
    requests: u64,
    _data: DataHome,
}

/// What every request of 2026-07-28 carries.
#[must_use]
pub fn modern_meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

impl Client {
    /// A process that nothing was said to, whose scripts may call every tool.
    ///
    /// # Panics
    ///
    /// It cannot be started.
    #[must_use]
    pub fn start(arguments: &[&str]) -> Self {
        Self::with_policy(&[&["--auto-execute", "*.*"], arguments].concat())
    }

    /// A process that nothing was said to, whose scripts may call what these arguments say.
    ///
    /// # Panics
    ///
    /// It cannot be started.
    #[must_use]
    pub fn with_policy(arguments: &[&str]) -> Self {
        Self::with_variables(arguments, &[])
    }

    /// The same with these variables.
    ///
    /// # Panics
    ///
    /// It cannot be started.
    #[must_use]
    pub fn with_variables(arguments: &[&str], variables: &[(&str, PathBuf)]) -> Self {
        let mut command = Command::new(built("exuvia"));
        command
            .arg("stdio")
            .args(arguments)
            .env("XDG_CONFIG_HOME", here())
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Self::of(command)
    }

    fn of(mut command: Command) -> Self {
        let data = DataHome::of(&mut command);
        let mut child = command.spawn().expect("exuvia starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let input = child.stdin.take();
        Self { child, input, lines, modern: false, requests: 0, _data: data }
    }

    /// A process that nothing was said to, whose scripts may call every tool, and the lines of its log.
    ///
    /// # Panics
    ///
    /// It cannot be started.
    #[must_use]
    pub fn with_log(arguments: &[&str]) -> (Self, Receiver<String>) {
        let mut command = Command::new(built("exuvia"));
        command.args(["stdio", "--auto-execute", "*.*"]).args(arguments).env("XDG_CONFIG_HOME", here());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut client = Self::of(command);
        let log = BufReader::new(client.child.stderr.take().expect("piped"));
        let (sender, lines) = channel();
        std::thread::spawn(move || log.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        (client, lines)
    }

    /// A client of the era up to 2025-11-25, after its handshake.
    #[must_use]
    pub fn legacy(arguments: &[&str]) -> Self {
        let mut client = Self::start(arguments);
        let hello = json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"},
        });
        let answer = client.request("initialize", hello);
        assert_eq!(answer["result"]["protocolVersion"], "2025-11-25", "{answer}");
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    /// A client of 2026-07-28, which needs no handshake.
    #[must_use]
    pub fn modern(arguments: &[&str]) -> Self {
        Self::start(arguments).speaking_modern()
    }

    /// One of each, over the bundled echo server.
    #[must_use]
    pub fn both_eras() -> [Self; 2] {
        let server = sample("echo", "echo");
        [Self::legacy(&["--server", &server]), Self::modern(&["--server", &server])]
    }

    /// The same process, spoken to as a client of 2026-07-28 does.
    #[must_use]
    pub fn speaking_modern(mut self) -> Self {
        self.modern = true;
        self
    }

    /// The id of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a message.
    pub fn send(&mut self, message: &Value) {
        self.send_line(&message.to_string());
    }

    /// Sends any line.
    ///
    /// # Panics
    ///
    /// The process does not read any more.
    pub fn send_line(&mut self, line: &str) {
        let input = self.input.as_mut().expect("open");
        writeln!(input, "{line}").and_then(|()| input.flush()).expect("exuvia reads");
    }

    /// Sends a request, without waiting for its answer. Its id.
    pub fn ask(&mut self, method: &str, mut params: Value) -> u64 {
        self.requests += 1;
        if self.modern {
            params["_meta"] = modern_meta();
        }
        self.send(&json!({"jsonrpc": "2.0", "id": self.requests, "method": method, "params": params}));
        self.requests
    }

    /// The next message that comes.
    ///
    /// # Panics
    ///
    /// None comes.
    pub fn message(&mut self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("a message");
        serde_json::from_str(&line).expect("a line is JSON")
    }

    /// The answer to the request with this id. What else comes before it is passed over.
    ///
    /// # Panics
    ///
    /// None comes.
    pub fn answer(&mut self, id: u64) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("an answer");
            let message: Value = serde_json::from_str(&line).expect("a line is JSON");
            if message["id"] == id {
                return message;
            }
        }
    }

    /// The next answer that comes: its id, and the text that the model reads.
    ///
    /// # Panics
    ///
    /// None comes.
    pub fn any_answer(&mut self) -> (u64, String) {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("an answer");
            let message: Value = serde_json::from_str(&line).expect("a line is JSON");
            if let (Some(id), Some(text)) = (message["id"].as_u64(), message["result"]["content"][0]["text"].as_str()) {
                return (id, text.to_owned());
            }
        }
    }

    /// Whether an answer to the request with this id comes within `within`.
    #[must_use]
    pub fn answers(&mut self, id: u64, within: Duration) -> bool {
        while let Ok(line) = self.lines.recv_timeout(within) {
            if serde_json::from_str::<Value>(&line).is_ok_and(|message| message["id"] == id) {
                return true;
            }
        }
        false
    }

    /// Sends a request and waits for its answer.
    pub fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params);
        self.answer(id)
    }

    /// Calls a tool. The whole answer.
    pub fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.request("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// Runs a script. What the model reads, and whether that is an error.
    pub fn execute(&mut self, code: &str) -> (String, bool) {
        let answer = self.call("executeToolCode", json!({"code": code}));
        let text = answer["result"]["content"][0]["text"].as_str();
        let text = text.unwrap_or_else(|| panic!("no text in {answer}")).to_owned();
        (text, answer["result"]["isError"] == true)
    }

    /// Closes its standard input and waits for its end.
    ///
    /// # Panics
    ///
    /// It does not end.
    pub fn close(&mut self) -> Option<i32> {
        self.input = None;
        for _ in 0..1_000 {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("exuvia stdio does not end");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
