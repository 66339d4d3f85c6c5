//! `exuvia serve` as a process, for the suites that measure it from outside.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use exuvia_tests::{HttpClient, modern_meta};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::program;

/// A process that serves on a free port. Killed when it is dropped.
pub struct Daemon {
    child: Child,
    address: SocketAddr,
    _config: NamedTempFile,
}

impl Daemon {
    /// Starts one with this `exuvia.toml`.
    ///
    /// # Errors
    ///
    /// It does not say where it listens.
    pub fn start(config: &str) -> Result<Self> {
        let file = tempfile::Builder::new().suffix(".toml").tempfile()?;
        fs::write(file.path(), config)?;
        let mut command = Command::new(program()?);
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(file.path());
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stderr.take().context("piped")?).lines();
        let line = lines.next().context("a line")??;
        let address = line.split("http://").nth(1).and_then(|rest| rest.split("/mcp").next()).context("an address")?;
        let address = address.parse()?;
        // What else it says is nobody's business, but must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, address, _config: file })
    }

    /// The table of a bundled echo server of this name.
    ///
    /// # Errors
    ///
    /// The program is not built.
    pub fn echo(name: &str) -> Result<String> {
        Ok(format!("[servers.{name}]\ncommand = {:?}\nargs = [\"sample\", \"echo\"]\n", program()?))
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The memory that is this process's alone, in bytes.
    ///
    /// # Errors
    ///
    /// The system does not tell.
    pub fn memory(&self) -> Result<i64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let line = rollup.lines().find(|line| line.starts_with("Anonymous:")).context("a line")?;
        Ok(line.split_whitespace().nth(1).context("a number")?.parse::<i64>()? * 1024)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Calls a tool as a client of 2026-07-28. Gives the result.
///
/// # Errors
///
/// There is none.
pub async fn call_tool(client: &mut HttpClient, path: &str, tool: &str, arguments: Value) -> Result<Value> {
    let params = json!({"name": tool, "arguments": arguments, "_meta": modern_meta()});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", tool)];
    let answer = client.post_to(path, &headers, &message).await;
    ensure!(answer.status == 200, "{answer:?}");
    let mut message = answer.message();
    ensure!(message["result"].is_object(), "{message}");
    Ok(message["result"].take())
}

/// Runs a script. Gives the text of the answer.
///
/// # Errors
///
/// There is none.
pub async fn run_script(client: &mut HttpClient, code: &str) -> Result<String> {
    let result = call_tool(client, "/mcp", "executeToolCode", json!({"code": code})).await?;
    Ok(result["content"][0]["text"].as_str().with_context(|| result.to_string())?.to_owned())
}
