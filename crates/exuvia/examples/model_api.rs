//! Drives a suite of tasks with a real model, by an API key, and keeps what it did as transcripts for `exuvia tokens`.
//!
//! ```text
//! MODEL_API_KEY=... cargo run --release --example model_api -- --api anthropic --model MODEL --suite benches/suites/tokens --round 96
//! MODEL_API_KEY=... cargo run --release --example model_api -- --api openai --url http://localhost:8000/v1 --model MODEL \
//!     --suite my-suite --round mine --out my-suite/transcripts
//! exuvia tokens my-suite
//! ```
//!
//! The key goes to the API and nowhere else. The gateway is `exuvia tokens SUITE --serve ROUND`, or what `--gateway` names.

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Parser, ValueEnum};
use exuvia_suite::tokens::{Exchange, TokenSuite, Transcript};
use rmcp::ServiceExt as _;
use rmcp::model::CallToolRequestParams;
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// The last version of Anthropic's API whose clients send the key as `x-api-key`.
const LAST_VERSION_WITH_KEY_HEADER: &str = "2023-06-01";

/// A model that has not come to an end by then does not.
const TURNS: usize = 20;

/// How long a model may think.
const TIMEOUT: Duration = Duration::from_secs(300);

/// How often a request is sent again, and how long it may have to wait, in seconds.
const RETRIES: u32 = 6;
const MAX_RETRY_SECONDS: u64 = 60;

/// The most that it may write in a turn, in tokens.
const MAX_TOKENS: u32 = 8_192;

#[derive(Debug, Parser)]
struct Arguments {
    /// Which protocol the API speaks
    #[arg(long, value_enum)]
    api: Api,
    /// The API's base URL. Default: that of the vendor
    #[arg(long)]
    url: Option<String>,
    /// Version of Anthropic's API; up to 2023-06-01, the key is sent as x-api-key
    #[arg(long, default_value = "2026-10-21")]
    anthropic_version: String,
    /// The model's name
    #[arg(long)]
    model: String,
    /// Folder of the suite
    #[arg(long)]
    suite: PathBuf,
    /// Which of its rounds
    #[arg(long)]
    round: String,
    /// Only tasks whose names contain this
    #[arg(long, default_value = "")]
    filter: String,
    /// Where transcripts are written
    #[arg(long, default_value = "transcripts")]
    out: PathBuf,
    /// The program
    #[arg(long, default_value = "exuvia")]
    exuvia: PathBuf,
    /// Another gateway over stdio, as a command line: `exuvia stdio --config mine.toml --auto-execute *.*`
    #[arg(long, value_delimiter = ' ')]
    gateway: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Api {
    /// Chat completions
    Openai,
    /// Messages
    Anthropic,
}

/// What a model wrote in one turn.
struct Reply {
    /// What goes into the next request as it is.
    message: Value,
    text: String,
    calls: Vec<ModelCall>,
    input_tokens: u64,
    output_tokens: u64,
}

struct ModelCall {
    id: String,
    tool: String,
    arguments: Value,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let key = std::env::var("MODEL_API_KEY").context("MODEL_API_KEY")?;
    // Where another part of the program was first, its choice is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let suite = TokenSuite::read(&arguments.suite)?;
    let round = suite.rounds.iter().find(|round| round.name == arguments.round).context("no such round")?;
    let gateway = Gateway::start(&arguments).await?;
    let model = Model { client: reqwest::Client::builder().timeout(TIMEOUT).build()?, key, arguments: &arguments };
    std::fs::create_dir_all(&arguments.out)?;
    for task in round.tasks.iter().filter(|task| task.name.contains(&arguments.filter)) {
        let (turns, answer, input, output) = converse(&model, &gateway, &task.prompt).await?;
        println!("{}: {} requests, {input} input and {output} output tokens: {answer}", task.name, turns.len() + 1);
        let transcript = Transcript {
            name: format!("{}-{}", task.name, arguments.model.replace(['/', ':'], "-")),
            round: round.name.clone(),
            prompt: task.prompt.clone(),
            turns,
        };
        let file = arguments.out.join(format!("{}-{}.json", round.name, transcript.name));
        std::fs::write(&file, serde_json::to_string_pretty(&transcript)?)?;
    }
    gateway.stop().await
}

/// One task: its turns, the model's last words, and the tokens that the API counted.
async fn converse(
    model: &Model<'_>,
    gateway: &Gateway,
    prompt: &str,
) -> Result<(Vec<Vec<Exchange>>, String, u64, u64)> {
    let mut messages = vec![json!({"role": "user", "content": prompt})];
    let (mut turns, mut input, mut output) = (Vec::new(), 0, 0);
    while turns.len() < TURNS {
        let reply = model.ask(&messages, &gateway.tools).await?;
        input += reply.input_tokens;
        output += reply.output_tokens;
        if reply.calls.is_empty() {
            return Ok((turns, reply.text, input, output));
        }
        messages.push(reply.message);
        let mut results = Vec::new();
        let mut exchanges = Vec::new();
        for ModelCall { id, tool, arguments } in reply.calls {
            let (text, is_error) = gateway.call(&tool, &arguments).await;
            results.push((id, text, is_error));
            exchanges.push(Exchange { tool, arguments });
        }
        messages.extend(model.results(results));
        turns.push(exchanges);
    }
    bail!("no end after {TURNS} turns")
}

/// The model behind its API.
struct Model<'a> {
    client: reqwest::Client,
    key: String,
    arguments: &'a Arguments,
}

impl Model<'_> {
    async fn ask(&self, messages: &[Value], tools: &[Value]) -> Result<Reply> {
        let model = &self.arguments.model;
        let url = self.arguments.url.as_deref();
        let request = match self.arguments.api {
            Api::Openai => {
                let tool = |tool: &Value| {
                    let function = json!({"name": tool["name"], "description": tool["description"], "parameters": tool["inputSchema"]});
                    json!({"type": "function", "function": function})
                };
                let tools: Vec<Value> = tools.iter().map(tool).collect();
                let url = format!("{}/chat/completions", url.unwrap_or("https://api.openai.com/v1"));
                self.client
                    .post(url)
                    .bearer_auth(&self.key)
                    .json(&json!({"model": model, "messages": messages, "tools": tools}))
            }
            Api::Anthropic => {
                let tool = |tool: &Value| json!({"name": tool["name"], "description": tool["description"], "input_schema": tool["inputSchema"]});
                let tools: Vec<Value> = tools.iter().map(tool).collect();
                let url = format!("{}/messages", url.unwrap_or("https://api.anthropic.com/v1"));
                let body = json!({"model": model, "max_tokens": MAX_TOKENS, "messages": messages, "tools": tools});
                let version = &self.arguments.anthropic_version;
                let request = self.client.post(url).header("anthropic-version", version).json(&body);
                // Earlier versions take it in a header of their own.
                match version.as_str() <= LAST_VERSION_WITH_KEY_HEADER {
                    true => request.header("x-api-key", &self.key),
                    false => request.bearer_auth(&self.key),
                }
            }
        };
        let body = answered(request).await?;
        match self.arguments.api {
            Api::Openai => from_openai(body),
            Api::Anthropic => from_anthropic(body),
        }
    }

    /// The messages that bring results of calls back.
    fn results(&self, results: Vec<(String, String, bool)>) -> Vec<Value> {
        match self.arguments.api {
            Api::Openai => {
                let message = |(id, text, _)| json!({"role": "tool", "tool_call_id": id, "content": text});
                results.into_iter().map(message).collect()
            }
            Api::Anthropic => {
                let block = |(id, text, is_error)| json!({"type": "tool_result", "tool_use_id": id, "content": text, "is_error": is_error});
                vec![json!({"role": "user", "content": results.into_iter().map(block).collect::<Vec<_>>()})]
            }
        }
    }
}

/// Sends a request, also again where the API says that it is asked too often or is busy.
async fn answered(request: reqwest::RequestBuilder) -> Result<Value> {
    for attempt in 0.. {
        let response = request.try_clone().context("a body")?.send().await?;
        let status = response.status();
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let text = response.text().await?;
        if (status.as_u16() == 429 || status.is_server_error()) && attempt < RETRIES {
            tokio::time::sleep(Duration::from_secs(retry_after.unwrap_or(1 << attempt).min(MAX_RETRY_SECONDS))).await;
            continue;
        }
        ensure!(status.is_success(), "{status}: {text}");
        return serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"));
    }
    bail!("no answer")
}

fn from_openai(mut body: Value) -> Result<Reply> {
    let choice = body["choices"][0].take();
    ensure!(choice["message"].is_object(), "no message: {choice} {body}");
    ensure!(choice["finish_reason"] != "length", "the model's answer was cut off");
    let message = &choice["message"];
    let mut calls = Vec::new();
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let arguments = call["function"]["arguments"].as_str().unwrap_or("{}");
        calls.push(ModelCall {
            id: text(&call["id"]),
            tool: text(&call["function"]["name"]),
            arguments: serde_json::from_str(arguments).unwrap_or_else(|_| json!({"invalid": arguments})),
        });
    }
    let usage = &body["usage"];
    // What an answer has beside these is no part of a request.
    let mut again = json!({"role": "assistant", "content": message["content"]});
    if !calls.is_empty() {
        again["tool_calls"] = message["tool_calls"].clone();
    }
    Ok(Reply {
        text: text(&message["content"]),
        message: again,
        calls,
        input_tokens: usage["prompt_tokens"].as_u64().unwrap_or(0),
        output_tokens: usage["completion_tokens"].as_u64().unwrap_or(0),
    })
}

fn from_anthropic(body: Value) -> Result<Reply> {
    let blocks = body["content"].as_array().with_context(|| format!("no content: {body}"))?;
    let cut_off = ["max_tokens", "model_context_window_exceeded"];
    ensure!(!cut_off.iter().any(|reason| body["stop_reason"] == *reason), "the model's answer was cut off");
    let of = |kind: &'static str| blocks.iter().filter(move |block| block["type"] == kind);
    let call = |block: &Value| ModelCall {
        id: text(&block["id"]),
        tool: text(&block["name"]),
        arguments: block["input"].clone(),
    };
    let usage = &body["usage"];
    let input = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
    Ok(Reply {
        text: of("text").map(|block| text(&block["text"])).collect(),
        calls: of("tool_use").map(call).collect(),
        message: json!({"role": "assistant", "content": blocks}),
        input_tokens: input.iter().filter_map(|key| usage[key].as_u64()).sum(),
        output_tokens: usage["output_tokens"].as_u64().unwrap_or(0),
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The gateway, over stdio.
struct Gateway {
    service: RunningService<RoleClient, ()>,
    child: Child,
    tools: Vec<Value>,
}

impl Gateway {
    async fn start(arguments: &Arguments) -> Result<Self> {
        let mut command = match arguments.gateway.split_first() {
            Some((program, rest)) => {
                let mut command = Command::new(program);
                command.args(rest);
                command
            }
            None => {
                let mut command = Command::new(&arguments.exuvia);
                command.arg("tokens").arg(&arguments.suite).arg("--serve").arg(&arguments.round);
                command
            }
        };
        // The key is nothing for it.
        command.env_remove("MODEL_API_KEY");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let (output, input) = (child.stdout.take().context("a pipe")?, child.stdin.take().context("a pipe")?);
        let service = ().serve(AsyncRwTransport::new_client(output, input)).await?;
        let tools = service.list_all_tools().await?.iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
        Ok(Self { service, child, tools })
    }

    /// The text of the answer, and whether it is an error.
    async fn call(&self, tool: &str, arguments: &Value) -> (String, bool) {
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        match self.service.call_tool(CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments)).await {
            Ok(result) => {
                let text = result.content.iter().filter_map(|block| block.as_text()).map(|block| block.text.as_str());
                (text.collect(), result.is_error == Some(true))
            }
            Err(error) => (error.to_string(), true),
        }
    }

    async fn stop(mut self) -> Result<()> {
        self.service.cancel().await?;
        self.child.wait().await?;
        Ok(())
    }
}
