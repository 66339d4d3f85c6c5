//! The memory of the process at its peak, for everything that comes in from outside: at most four times the bytes that the limit
//! of the channel allows, and 64 MiB, above what the process holds at rest. And what it still holds when all requests are over: at most
//! those 64 MiB.

mod payload;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use exuvia_benches::{Served, Table, bytes};
use exuvia_tests::{HttpClient, built, forget_peak, modern_meta, peak_bytes};
use serde_json::json;
use tempfile::TempDir;

use payload::{SHAPES, value};

const MIB: usize = 1 << 20;
/// What the process may take beside four times the limit, and may keep.
const SLACK: usize = 64 * MIB;
/// When it has to have given back what it does not keep.
const AFTERWARDS: Duration = Duration::from_secs(2);
/// A script has its own memory, which is a limit of its own.
const GUEST: usize = 256 * MIB;

/// One channel, one shape of what comes in.
struct Measured {
    channel: &'static str,
    shape: String,
    limit: usize,
    allowed: usize,
    peak: usize,
}

/// All channels, with what is hostile to each.
pub(crate) async fn memory_follows_the_limits() -> Result<String> {
    let mut measured = Vec::new();
    requests(&mut measured).await?;
    lists(&mut measured).await?;
    arguments(&mut measured).await?;
    answers(&mut measured).await?;
    configurations(&mut measured)?;
    journal(&mut measured).await?;
    let mut table = Table::new(["channel", "shape", "limit", "allowed", "peak", ""]);
    for Measured { channel, shape, limit, allowed, peak } in &measured {
        let verdict = if peak <= allowed { "" } else { "OVER" };
        let size = |of: usize| bytes(i64::try_from(of).unwrap_or(i64::MAX));
        table.row([
            (*channel).to_owned(),
            shape.clone(),
            size(*limit),
            size(*allowed),
            size(*peak),
            verdict.to_owned(),
        ]);
    }
    println!("{table}");
    let over = measured.iter().filter(|one| one.peak > one.allowed).count();
    ensure!(over == 0, "{over} of {} peaks are over their limits", measured.len());
    let worst = measured.iter().map(|one| one.peak * 100 / one.allowed).max().unwrap_or_default();
    Ok(format!("{} peaks, the highest at {worst} % of what is allowed", measured.len()))
}

/// A daemon over a server with scripted answers.
struct Peak {
    served: Served,
    _folder: TempDir,
}

impl Peak {
    /// `files`: the arguments of the server that name a file, with what it holds.
    async fn start(tables: &str, files: &[(&str, &str)]) -> Result<Self> {
        let folder = TempDir::new()?;
        let mut arguments = Vec::new();
        for (number, (argument, text)) in files.iter().enumerate() {
            let file = folder.path().join(format!("{number}.json"));
            fs::write(&file, text)?;
            arguments.extend([format!("--{argument}"), file.display().to_string()]);
        }
        let fake = exuvia_fake_upstream::program().display().to_string();
        let config = format!(
            "auto_execute = [\"*.*\"]\n{tables}\n[servers.fake]\ncommand = {fake:?}\nargs = {arguments:?}\n\
             [profiles.direct]\ndirect = [\"fake\"]\nprefix = false\n"
        );
        let served = Served::start(&config)?;
        served.ready().await;
        Ok(Self { served, _folder: folder })
    }

    async fn client(&self) -> HttpClient {
        HttpClient::connect(self.served.address()).await
    }

    /// What the process takes at its peak, above what it holds before.
    async fn during<T>(&self, work: impl Future<Output = Result<T>>) -> Result<usize> {
        let base = self.held()?;
        work.await?;
        Ok(self.peak()?.saturating_sub(base))
    }

    /// What the process holds now.
    fn held(&self) -> Result<usize> {
        forget_peak(self.served.id());
        self.peak()
    }

    fn peak(&self) -> Result<usize> {
        Ok(usize::try_from(peak_bytes(self.served.id()).context("a process")?)?)
    }
}

/// Headers of a client up to 2025-11-25.
const PLAIN: &[(&str, &str)] =
    &[("content-type", "application/json"), ("accept", "application/json, text/event-stream")];

/// Bodies of 16 MB: without a session, in one, and calls of a server by clients; eight at once as well.
async fn requests(measured: &mut Vec<Measured>) -> Result<()> {
    let limit = 16 * MIB;
    let tools = json!([{"name": "t", "inputSchema": {"type": "object"}}]).to_string();
    let peak = Peak::start("", &[("tools", &tools), ("answers", r#"{"t":{"content":[]}}"#)]).await?;
    let session = peak.client().await.session("/mcp", json!({})).await;
    let at_first = peak.held()?;
    for shape in SHAPES {
        let hostile = value(shape, limit - 4096);
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"executeToolCode","arguments":{{"code":"1","x":{hostile}}}}}}}"#
        );
        let meta =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"_meta":{{"x":{hostile}}}}}}}"#);
        let in_session = [PLAIN, &[("mcp-session-id", &*session)]].concat();
        for (name, headers, body) in [
            ("request, no session", PLAIN, &call),
            ("request, a script", &in_session[..], &call),
            ("request, _meta", &in_session[..], &meta),
        ] {
            let send = async {
                let status = peak.client().await.send("POST", "/mcp", headers, body).await.status;
                ensure!(matches!(status, 200 | 400 | 413), "{name}, {shape}: {status}");
                Ok(())
            };
            let taken = peak.during(send).await?;
            measured.push(Measured {
                channel: name,
                shape: shape.into(),
                limit,
                allowed: 4 * limit + SLACK,
                peak: taken,
            });
        }
        let direct = async {
            // As text: here, too, a tree would take gigabytes.
            let meta = modern_meta();
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t","arguments":{{"x":{hostile}}},"_meta":{meta}}}}}"#
            );
            let modern = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "t")];
            let headers = [PLAIN, &modern].concat();
            let answer = peak.client().await.send("POST", "/mcp/direct", &headers, &body).await;
            ensure!(answer.status == 200, "a direct call, {shape}: {answer:?}");
            Ok(())
        };
        let taken = peak.during(direct).await?;
        let allowed = 4 * limit + SLACK;
        measured.push(Measured { channel: "request, direct call", shape: shape.into(), limit, allowed, peak: taken });
    }
    eight_requests(&peak, &session, measured).await?;
    tokio::time::sleep(AFTERWARDS).await;
    let kept = peak.held()?.saturating_sub(at_first);
    measured.push(Measured { channel: "requests, afterwards", shape: "all".into(), limit, allowed: SLACK, peak: kept });
    Ok(())
}

/// Eight bodies at once: their own limit is that of all bodies together.
async fn eight_requests(peak: &Peak, session: &str, measured: &mut Vec<Measured>) -> Result<()> {
    let limit = 64 * MIB;
    let hostile = value("numbers", 16 * MIB - 4096);
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"executeToolCode","arguments":{{"code":"1","x":{hostile}}}}}}}"#
    );
    let send = async {
        let sent = (0..8).map(|_| {
            let (body, address, session) = (body.clone(), peak.served.address(), session.to_owned());
            tokio::spawn(async move {
                let headers = [PLAIN, &[("mcp-session-id", &*session)]].concat();
                let mut client = HttpClient::connect(address).await;
                client.try_send("POST", "/mcp", &headers, &body).await.ok().map(|answer| answer.status)
            })
        });
        let mut answered = 0;
        for answer in sent.collect::<Vec<_>>() {
            // Who is refused for want of room may see the connection closed while it still writes.
            let status = answer.await?.unwrap_or(503);
            ensure!(matches!(status, 200 | 503), "one of eight: {status}");
            answered += usize::from(status == 200);
        }
        ensure!(answered > 0, "none of eight was answered");
        Ok(())
    };
    let taken = peak.during(send).await?;
    let allowed = 4 * limit + SLACK;
    measured.push(Measured { channel: "requests, 8 at once", shape: "numbers".into(), limit, allowed, peak: taken });
    Ok(())
}

/// Lists of tools: one that is all schema, many that have a part of it each, and one that is called.
async fn lists(measured: &mut Vec<Measured>) -> Result<()> {
    let limit = 16 * MIB;
    let tables = "[server_limits]\nlist_bytes = \"16 MiB\"";
    let start = |tools: String| async move { Peak::start(tables, &[("tools", &tools)]).await };
    let base = start(r#"[{"name":"t","inputSchema":{}}]"#.into()).await?.peak()?;
    for shape in SHAPES {
        let tool = |name: String, bytes: usize| {
            format!(r#"{{"name":"{name}","inputSchema":{{"type":"object","x-any":{}}}}}"#, value(shape, bytes))
        };
        let one = format!("[{},{}]", tool("t".into(), 4_000), tool("large".into(), limit - 65_536));
        let many: Vec<String> = (0..limit / 33_000).map(|number| tool(format!("t{number}"), 32_000)).collect();
        for (channel, tools, called) in
            [("list, one tool", one, "t"), ("list, many tools", format!("[{}]", many.join(",")), "t1")]
        {
            let peak = start(tools).await?;
            let text = peak.client().await.execute(&format!("fake.{called}()")).await;
            ensure!(!text.contains("AttributeError"), "{channel}, {shape}: {text}");
            let taken = peak.peak()?.saturating_sub(base);
            let allowed = 4 * limit + SLACK;
            measured.push(Measured { channel, shape: shape.into(), limit, allowed, peak: taken });
        }
    }
    Ok(())
}

/// 31 calls in flight of one script, as large as they may be.
async fn arguments(measured: &mut Vec<Measured>) -> Result<()> {
    let limit = 128 * MIB;
    // Enough to write 31 times 4 MB of JSON, a few bytes at a time.
    let tables = "[limits]\nfuel = 200_000_000_000\nwall_ms = 300_000\ncall_timeout_ms = 200_000";
    let peak = Peak::start(tables, &[]).await?;
    for (shape, argument) in [
        ("numbers", "[1] * 1_300_000"),
        ("empty", "[{}] * 250_000"),
        ("pairs", "[{'a': 1}] * 150_000"),
        ("members", "{f'm{n}': 1 for n in range(100_000)}"),
        ("text", "'y' * 4_000_000"),
    ] {
        let script = format!(
            "import asyncio\nvalue = {argument}\n\
             async def call():\n    try: await fake.echo(value=value)\n    except ToolError: pass\n\
             await asyncio.gather(*[call() for _ in range(31)])\n1"
        );
        let run = async {
            let text = peak.client().await.execute(&script).await;
            ensure!(text.starts_with('1') || text.contains("memory_bytes"), "{shape}: {text}");
            Ok(())
        };
        let (taken, allowed) = (peak.during(run).await?, 4 * limit + SLACK + GUEST);
        measured.push(Measured { channel: "arguments, 31 calls", shape: shape.into(), limit, allowed, peak: taken });
    }
    Ok(())
}

/// What tools and resources answer: to scripts, and to clients themselves.
async fn answers(measured: &mut Vec<Measured>) -> Result<()> {
    let (limit, tables) = (8 * MIB, "[limits]\ncall_result_bytes = \"8 MiB\"");
    let tools = json!([{"name": "t", "inputSchema": {"type": "object"}}]).to_string();
    for shape in SHAPES {
        let hostile = value(shape, limit - 200_000);
        let answer = match shape {
            "escapes" | "text" => format!(r#"{{"t":{{"content":[{{"type":"text","text":{hostile}}}]}}}}"#),
            _ => format!(r#"{{"t":{{"content":[],"structuredContent":{{"x":{hostile}}}}}}}"#),
        };
        let contents = match shape {
            "escapes" | "text" => format!(r#"[{{"uri":"a:b","text":{hostile}}}]"#),
            "numbers" => payload_of(r#"{"uri":"a:b","text":""}"#, limit - 200_000),
            _ => format!(r#"[{{"uri":"a:b","text":"","_meta":{{"x":{hostile}}}}}]"#),
        };
        let results = format!(
            r#"{{"resources/read":{{"contents":{contents}}},"resources/list":{{"resources":{}}}}}"#,
            payload_of(r#"{"uri":"a:b","name":"n"}"#, limit - 200_000)
        );
        let peak = Peak::start(tables, &[("tools", &tools), ("answers", &answer), ("results", &results)]).await?;
        let script = async {
            let text = peak.client().await.execute("try: fake.t()\nexcept MemoryError: pass\n1").await;
            ensure!(text.starts_with('1') || text.contains("Memory"), "{shape}: {text}");
            Ok(())
        };
        let taken = peak.during(script).await?;
        let allowed = 4 * limit + SLACK + GUEST;
        measured.push(Measured { channel: "result", shape: shape.into(), limit, allowed, peak: taken });
        let asked = [
            ("direct result", "tools/call", json!({"name": "t", "arguments": {}})),
            ("resource", "resources/read", json!({"uri": "a:b"})),
            ("resources", "resources/list", json!({})),
        ];
        for (channel, method, params) in asked {
            let ask = async {
                let answer = peak.client().await.ask("/mcp/direct", method, params, json!({})).await;
                ensure!(answer.status == 200, "{channel}, {shape}: {}", answer.status);
                Ok(())
            };
            let (taken, allowed) = (peak.during(ask).await?, 4 * limit + SLACK);
            measured.push(Measured { channel, shape: shape.into(), limit, allowed, peak: taken });
        }
    }
    Ok(())
}

/// A list of one element many times.
fn payload_of(element: &str, bytes: usize) -> String {
    format!("[{}]", vec![element; bytes / (element.len() + 1)].join(","))
}

/// Files as large as they may be.
fn configurations(measured: &mut Vec<Measured>) -> Result<()> {
    let limit = 16 * MIB;
    let folder = TempDir::new()?;
    let base = checked(&folder.path().join("empty.toml"), "")?;
    for shape in SHAPES {
        let hostile = value(shape, limit - 4096);
        let toml = match shape {
            "empty" | "pairs" | "members" => payload_of("1", limit - 4096),
            _ => hostile.clone(),
        };
        for (channel, name, text) in [
            ("configuration", "it.toml", format!("auto_execute = {toml}\n")),
            ("mcpServers", "it.json", format!(r#"{{"mcpServers":{{}},"x":{hostile}}}"#)),
        ] {
            let peak = checked(&folder.path().join(name), &text)?.saturating_sub(base);
            let allowed = 4 * limit + SLACK;
            measured.push(Measured { channel, shape: shape.into(), limit, allowed, peak });
        }
    }
    Ok(())
}

/// The peak of `exuvia config check`.
fn checked(file: &Path, text: &str) -> Result<usize> {
    fs::write(file, text)?;
    let flag = if file.extension().is_some_and(|end| end == "json") { "--mcp-config" } else { "--config" };
    let mut command = Command::new(built("exuvia"));
    command.args(["config", "check", flag]).arg(file).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        peak = peak.max(peak_bytes(child.id()).unwrap_or_default());
        thread::sleep(Duration::from_micros(500));
    }
    Ok(usize::try_from(peak)?)
}

/// Scripts as large as they may be, until the journal forgets the first.
async fn journal(measured: &mut Vec<Measured>) -> Result<()> {
    let limit = 64 * MIB;
    let peak = Peak::start("", &[]).await?;
    let script = format!("# {}\n1", "y".repeat(1_000_000));
    let run = async {
        let mut client = peak.client().await;
        for _ in 0..100 {
            ensure!(client.execute(&script).await.starts_with('1'), "a script");
        }
        Ok(())
    };
    let (taken, allowed) = (peak.during(run).await?, 4 * limit + SLACK);
    measured.push(Measured { channel: "journal", shape: "scripts of 1 MB".into(), limit, allowed, peak: taken });
    Ok(())
}
