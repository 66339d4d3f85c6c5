//! `exuvia demo`: one script on real servers, and the tokens it saves.
//!
//! This program starts itself as a gateway, `exuvia stdio`, which starts itself twice more as sample servers; everything
//! between them is MCP over pipes. Then it does the same work without the sandbox and counts both.

mod baseline;

use std::io::{Write as _, stdout};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use exuvia_gateway::meta::{EXECUTE_TOOL_CODE, LIST_TOOL_FILES, READ_TOOL_FILE};
use rmcp::model::CallToolResult;
use serde_json::json;

use crate::child_client::{ChildClient, text};
use crate::terminal::Terminal;
use crate::tool_tokens::ToolTokens;
use baseline::{Baseline, run_baseline};

const SCRIPT: &str = include_str!("script.py");

/// Nothing of a demonstration is kept.
const CONFIG: &str = "[journal]\nstore = \"memory\"\n";

/// What the model would do: look, read, run.
struct CodeMode {
    definitions: usize,
    exchanges: usize,
    requests: usize,
    answer: CallToolResult,
    seconds: f64,
}

pub(crate) async fn demo() -> Result<ExitCode> {
    let terminal = Terminal::new();
    terminal.show_progress("starting a gateway with two sample servers");
    let tokens = ToolTokens::new()?;
    let program = shlex::try_quote(&std::env::current_exe()?.display().to_string())?.into_owned();
    let server = |name: &str| format!("{name}={program} sample {name}");
    let folder = tempfile::tempdir().context("a temporary folder")?;
    let config = folder.path().join("exuvia.toml");
    std::fs::write(&config, CONFIG).context("a temporary file")?;
    let (config, crm, billing) = (config.display().to_string(), server("crm"), server("billing"));
    let arguments = ["stdio", "--config", &config, "--auto-execute", "*.*", "--server", &crm, "--server", &billing];
    let gateway = ChildClient::start(&arguments.map(String::from)).await?;
    let code_mode = code_mode(&gateway, &tokens, &terminal).await?;
    gateway.stop().await?;

    terminal.show_progress("the same calls once more, through the model's context this time");
    let crm = ChildClient::start(&["sample", "crm"].map(String::from)).await?;
    let billing = ChildClient::start(&["sample", "billing"].map(String::from)).await?;
    let direct = run_baseline(&crm, &billing, &tokens).await?;
    crm.stop().await?;
    billing.stop().await?;

    terminal.clear_progress();
    stdout().write_all(demo_text(&code_mode, &direct).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

async fn code_mode(gateway: &ChildClient, tokens: &ToolTokens, terminal: &Terminal) -> Result<CodeMode> {
    let definitions = tokens.of_tools(&gateway.tools().await?)?;
    let reading = [
        (LIST_TOOL_FILES.name, json!({})),
        (READ_TOOL_FILE.name, json!({"fileName": "crm.pyi"})),
        (READ_TOOL_FILE.name, json!({"fileName": "billing.pyi"})),
    ];
    let mut exchanges = 0;
    for (tool, arguments) in &reading {
        exchanges += tokens.of_exchange(tool, arguments, &gateway.call(tool, arguments).await?);
    }
    terminal.show_progress("running the script");
    let arguments = json!({"code": SCRIPT});
    let started = Instant::now();
    let answer = gateway.call(EXECUTE_TOOL_CODE.name, &arguments).await?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(answer.is_error != Some(true), "the script failed:\n{}", text(&answer));
    exchanges += tokens.of_exchange(EXECUTE_TOOL_CODE.name, &arguments, &answer);
    Ok(CodeMode { definitions, exchanges, requests: reading.len() + 1, answer, seconds })
}

fn demo_text(code_mode: &CodeMode, direct: &Baseline) -> String {
    let answer = text(&code_mode.answer);
    let (result, log) = answer.split_once("\n--- log\n").unwrap_or((&answer, ""));
    let (ours, theirs) = (code_mode.definitions + code_mode.exchanges, direct.definitions + direct.exchanges);
    let times = theirs / ours.max(1);
    let mut told = format!("The script, sent through executeToolCode:\n\n{}\n", indented(SCRIPT));
    told.push_str(&format!(
        "Its result, as the model reads it:\n\n{}\nIts log:\n\n{}\nWhat it took:\n\n{}\n",
        indented(result),
        indented(log),
        indented(&usage(code_mode, direct))
    ));
    told.push_str(&format!(
        "What reached the model, in o200k tokens of the real messages:\n\n\
         {:24}{:>12}{:>14}{:>14}\n{:24}{:>12}{:>14}{:>14}\n{:24}{:>12}{:>14}{:>14}\n\n{times} times less.\n",
        "",
        "requests",
        "tool schemas",
        "exchanges",
        "  with Exuvia",
        code_mode.requests,
        code_mode.definitions,
        code_mode.exchanges,
        "  every tool directly",
        direct.calls,
        direct.definitions,
        direct.exchanges,
    ));
    told
}

fn usage(code_mode: &CodeMode, direct: &Baseline) -> String {
    let usage = code_mode.answer.meta.as_ref().and_then(|meta| meta.get("exuvia/usage")).cloned().unwrap_or_default();
    let number = |name: &str| usage[name].as_u64().unwrap_or_default();
    format!(
        "{} tool calls over two MCP servers (made directly afterwards: {})\n\
         {:.1} million units of fuel\n{} MiB of memory at the peak\n{:.2} s",
        number("tool_calls"),
        direct.calls,
        number("fuel") as f64 / 1e6,
        number("memory_bytes_peak") >> 20,
        code_mode.seconds,
    )
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
