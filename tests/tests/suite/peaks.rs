//! The memory of the process at its peak: what comes in as text must not become trees of a hundred times its length. The gate
//! `peaks` measures all channels against their limits; here is one case of each kind.

use std::fs;

use exuvia_tests::{Daemon, HttpClient, forget_peak, modern_meta, peak_bytes};
use serde_json::json;
use tempfile::TempDir;

const MIB: u64 = 1 << 20;
const PLAIN: &[(&str, &str)] =
    &[("content-type", "application/json"), ("accept", "application/json, text/event-stream")];

const NO_SESSION: &[(&str, &str)] = &[];
const OF_NOBODY: &[(&str, &str)] = &[("mcp-session-id", "of-nobody")];

/// A list of about so many bytes, which as a tree takes some 90 times that.
fn ones(bytes: usize) -> String {
    format!("[{}1]", "1,".repeat(bytes / 2))
}

/// A daemon over a server that has these tools and answers, for scripts at `/mcp` and directly at `/mcp/direct`.
struct Watched {
    daemon: Daemon,
    _folder: TempDir,
}

impl Watched {
    async fn start(tools: &str, answers: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let file = |name: &str, text: &str| {
            let file = folder.path().join(name);
            fs::write(&file, text).expect("a file");
            file.display().to_string()
        };
        let arguments =
            ["--tools".into(), file("tools.json", tools), "--answers".into(), file("answers.json", answers)];
        let program = exuvia_fake_upstream::program().display().to_string();
        let config = file(
            "exuvia.toml",
            &format!(
                "auto_execute = [\"*.*\"]\n[servers.fake]\ncommand = {program:?}\nargs = {arguments:?}\n\
                 [profiles.direct]\ndirect = [\"fake\"]\nprefix = false\n"
            ),
        );
        let daemon = Daemon::start(&["--config", &config]);
        daemon.ready().await;
        Self { daemon, _folder: folder }
    }

    async fn client(&self) -> HttpClient {
        HttpClient::connect(self.daemon.address()).await
    }

    fn peak(&self) -> u64 {
        peak_bytes(self.daemon.id()).expect("a process")
    }

    /// What the process takes at its peak above what it holds now.
    async fn takes<T>(&self, work: impl Future<Output = T>) -> (u64, T) {
        forget_peak(self.daemon.id());
        let base = self.peak();
        let done = work.await;
        (self.peak().saturating_sub(base), done)
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> (u64, u16, String) {
        let sent = async { self.client().await.send("POST", path, &[PLAIN, headers].concat(), body).await };
        let (taken, answer) = self.takes(sent).await;
        (taken, answer.status, answer.text)
    }
}

const TOOLS: &str = r#"[{"name":"t","inputSchema":{"type":"object"}}]"#;
const MODERN: &[(&str, &str)] =
    &[("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "t")];

fn call(tool: &str, arguments: &str) -> String {
    let meta = modern_meta();
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments},"_meta":{meta}}}}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_takes_a_few_times_its_length() {
    let watched = Watched::start(TOOLS, r#"{"t":{"content":[]}}"#).await;
    let session = watched.client().await.session("/mcp", json!({})).await;
    let in_session: &[(&str, &str)] = &[("mcp-session-id", &session)];
    let hostile = ones(4_000_000);
    let script = call("executeToolCode", &format!(r#"{{"code":"1","x":{hostile}}}"#));
    let meta = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"_meta":{{"x":{hostile}}}}}}}"#);
    // In a session, without what the newer protocol sends with each request.
    let older = script.replace(&format!(r#","_meta":{}"#, modern_meta()), "");
    for (headers, body, expected) in [
        (NO_SESSION, &script, 400),
        (NO_SESSION, &meta, 400),
        (OF_NOBODY, &script, 404),
        (in_session, &older, 200),
        (in_session, &meta, 413),
    ] {
        let (taken, status, text) = watched.post("/mcp", headers, body).await;
        assert_eq!(status, expected, "{text}");
        assert!(taken < 80 * MIB, "{taken} bytes for {} that were answered with {status}", body.len());
    }
    // A client's own call with such arguments is made.
    let (taken, status, text) = watched.post("/mcp/direct", MODERN, &call("t", &format!(r#"{{"x":{hostile}}}"#))).await;
    assert!(status == 200 && text.contains(r#""content":[]"#), "{text}");
    assert!(taken < 80 * MIB, "{taken} bytes for a client's own call");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_tools_takes_a_few_times_its_length() {
    let base = Watched::start(TOOLS, "{}").await.peak();
    let tools = format!(
        r#"[{{"name":"t","inputSchema":{{"type":"object"}}}},{{"name":"large","inputSchema":{{"x":{}}}}}]"#,
        ones(4_000_000)
    );
    let watched = Watched::start(&tools, r#"{"t":{"content":[]}}"#).await;
    let taken = watched.peak().saturating_sub(base);
    assert!(taken < 80 * MIB, "{taken} bytes for a list of {}", tools.len());
    let found = watched.daemon.run("fake.t()\nhasattr(fake, 'large')").await;
    assert_eq!(found, "false", "the tool that is too large is left out, and the others are there");
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_of_scripts_take_a_few_times_their_length() {
    let watched = Watched::start(TOOLS, r#"{"t":{"content":[]}}"#).await;
    let script = "import asyncio\nvalue = [1] * 330_000\n\
                  await asyncio.gather(*[fake.t(x=value) for _ in range(16)])\n'made'";
    let (taken, text) = watched.takes(watched.daemon.run(script)).await;
    assert_eq!(text, "\"made\"");
    assert!(taken < 300 * MIB, "{taken} bytes for 16 calls of 1 MB each");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_answer_takes_a_few_times_its_length() {
    let answer = format!(r#"{{"t":{{"content":[],"structuredContent":{{"x":{},"y":1.50}}}}}}"#, ones(4_000_000));
    let watched = Watched::start(TOOLS, &answer).await;
    let (taken, status, text) = watched.post("/mcp/direct", MODERN, &call("t", "{}")).await;
    assert!(status == 200 && text.contains(r#","y":1.50}"#), "{}", &text[text.len().saturating_sub(200)..]);
    assert!(taken < 80 * MIB, "{taken} bytes for an answer of {}", answer.len());
}
