//! `exuvia serve` under many clients, and under more than it takes.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use exuvia_benches::{bytes, program};
use exuvia_tests::{HttpClient, modern_meta};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

const CLIENTS: usize = 200;
const SCRIPTS: usize = 50;
/// What the process may grow by while it serves four fifths of the scripts: the record of them in memory, which is bounded by
/// as much.
const GROWTH_BYTES: i64 = 64 << 20;

/// Every script calls each of three servers, and two of them twice.
const SCRIPT: &str = "import asyncio\n\
    first = one.echo(value=1)['value'] + two.echo(value=2)['value'] + three.echo(value=3)['value']\n\
    rest = await asyncio.gather(one.echo(value=4), two.echo(value=5))\n\
    result = first + sum(row['value'] for row in rest)";

/// A process that serves. Killed when it is dropped.
struct Served {
    child: Child,
    address: SocketAddr,
    _config: NamedTempFile,
}

impl Served {
    fn start(tables: &str) -> Result<Self> {
        let program = program()?;
        let server = |name: &str| format!("[servers.{name}]\ncommand = {program:?}\nargs = [\"sample\", \"echo\"]\n");
        let servers: String = ["one", "two", "three"].map(server).concat();
        let config = tempfile::Builder::new().suffix(".toml").tempfile()?;
        fs::write(config.path(), format!("auto_execute = [\"*.*\"]\n{tables}\n{servers}"))?;
        let mut command = Command::new(&program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--config"]).arg(config.path());
        let mut child = command.stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stderr.take().context("piped")?).lines();
        let line = lines.next().context("a line")??;
        let address = line.split("http://").nth(1).and_then(|rest| rest.split("/mcp").next()).context("an address")?;
        let address = address.parse()?;
        // What else it says is nobody's business, but must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, address, _config: config })
    }

    /// The memory that is this process's alone, in bytes.
    fn memory(&self) -> Result<i64> {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        let line = rollup.lines().find(|line| line.starts_with("Anonymous:")).context("a line")?;
        Ok(line.split_whitespace().nth(1).context("a number")?.parse::<i64>()? * 1024)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn message(code: &str) -> Value {
    let params = json!({"name": "executeToolCode", "arguments": {"code": code}, "_meta": modern_meta()});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
}

/// The text of the answer to one script.
async fn run(client: &mut HttpClient, code: &str) -> Result<String> {
    let headers =
        [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "executeToolCode")];
    let answer = client.post(&headers, &message(code)).await;
    ensure!(answer.status == 200, "{answer:?}");
    let message = answer.message();
    let text = message["result"]["content"][0]["text"].as_str();
    Ok(text.with_context(|| message.to_string())?.to_owned())
}

/// 200 clients at once, each with 50 scripts of 5 calls to 3 servers.
pub(crate) async fn many_clients_at_once() -> Result<String> {
    let served = Served::start("")?;
    round(served.address, SCRIPTS / 5).await?;
    let (before, begun) = (served.memory()?, Instant::now());
    round(served.address, SCRIPTS - SCRIPTS / 5).await?;
    let (seconds, growth) = (begun.elapsed().as_secs_f64(), served.memory()? - before);
    let scripts = CLIENTS * (SCRIPTS - SCRIPTS / 5);
    let measured = format!(
        "{} scripts without an error, {:.0} a second; {} before, {} more after",
        CLIENTS * SCRIPTS,
        scripts as f64 / seconds,
        bytes(before),
        bytes(growth)
    );
    ensure!(growth <= GROWTH_BYTES, "{measured}");
    Ok(measured)
}

async fn round(address: SocketAddr, scripts: usize) -> Result<()> {
    let client = |_| {
        tokio::spawn(async move {
            let mut client = HttpClient::connect(address).await;
            for _ in 0..scripts {
                let text = run(&mut client, SCRIPT).await?;
                ensure!(text == "15", "{text}");
            }
            Ok(())
        })
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    for client in clients {
        client.await??;
    }
    Ok(())
}

/// Five times as many scripts as there are places: each is run or told when to come back, and soon there is room again.
pub(crate) async fn more_than_it_takes() -> Result<String> {
    const PLACES: usize = 32;
    let served = Served::start("[runs]\nconcurrent = 4\nwaiting = 28")?;
    let address = served.address;
    let busy = texts("one.sleep(ms=300)\nresult = 'slept'", address, PLACES * 5).await?;
    let (ran, refused): (Vec<_>, Vec<_>) = busy.iter().partition(|text| *text == "\"slept\"");
    for text in &refused {
        ensure!(text.starts_with("too many scripts are running or waiting"), "{text}");
    }
    ensure!(ran.len() >= PLACES && !refused.is_empty(), "{} ran, {} were refused", ran.len(), refused.len());
    let begun = Instant::now();
    let mut client = HttpClient::connect(address).await;
    while run(&mut client, "result = 1").await? != "1" {
        if begun.elapsed() > Duration::from_secs(5) {
            bail!("there is no room again after 5 s");
        }
    }
    let recovered = begun.elapsed().as_millis();
    Ok(format!(
        "of {} at once {} ran, {} were told when to come back; room again after {recovered} ms",
        busy.len(),
        ran.len(),
        refused.len()
    ))
}

async fn texts(code: &'static str, address: SocketAddr, clients: usize) -> Result<Vec<String>> {
    let client = |_| tokio::spawn(async move { run(&mut HttpClient::connect(address).await, code).await });
    let clients: Vec<_> = (0..clients).map(client).collect();
    let mut texts = Vec::new();
    for client in clients {
        texts.push(client.await??);
    }
    Ok(texts)
}
