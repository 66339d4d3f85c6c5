//! What is asked of a running daemon, by its socket: `exuvia servers`, `exuvia console`, `exuvia runs cancel`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use exuvia_admin::{AdminClient, ClientError};
use exuvia_text::{line, one_line};
use serde_json::{Value, json};

use super::daemons::part;
use super::runs::{printed, printed_json, table};
use crate::admin;
use crate::admin_args::{ConsoleArgs, ServersArgs, ServersCommand};
use crate::file_threads::FileThreads;
use crate::journal_args::JournalArgs;
use crate::terminal::Terminal;

/// How much of a reason is shown in a table, in characters.
const WHY_CHARS: usize = 100;

/// The daemon whose journal this is.
async fn connected(args: JournalArgs) -> Result<AdminClient> {
    Ok(AdminClient::connect(&folder(args).await?).await?)
}

/// The folder of the sockets.
async fn folder(args: JournalArgs) -> Result<PathBuf> {
    let folder = FileThreads::default().run(move || args.load().map(|journal| admin::folder(&journal))).await??;
    folder.context("no home directory: set HOME or XDG_DATA_HOME, or `path` in [journal]")
}

pub(crate) async fn cancel(args: JournalArgs, run: &str) -> Result<ExitCode> {
    let mut unknown = ClientError::NoDaemon;
    for mut daemon in AdminClient::connect_all(&folder(args).await?).await? {
        match daemon.post(&format!("/runs/{}/cancel", part(run)), &json!({})).await {
            Ok(_) => {
                Terminal::new().print(&format!("cancelled: {run}"));
                return Ok(ExitCode::SUCCESS);
            }
            Err(ClientError::Refused { code, message }) if code == "not-found" => {
                unknown = ClientError::Refused { code, message };
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(unknown.into())
}

pub(crate) async fn servers(args: ServersArgs) -> Result<ExitCode> {
    let mut daemon = connected(args.journal).await?;
    match args.command {
        ServersCommand::List { json } => {
            let servers = daemon.get("/servers").await?;
            if json { printed_json(&servers) } else { printed(&listed(&servers)) }
        }
        ServersCommand::Reconnect { name } => {
            daemon.post(&format!("/servers/{}/reconnect", part(&name)), &json!({})).await?;
            Terminal::new().print(&format!("connecting anew: {name}"));
            Ok(ExitCode::SUCCESS)
        }
        ServersCommand::Log { name, lines } => {
            let log = daemon.get(&format!("/servers/{}/log?lines={lines}", part(&name))).await?;
            let lines = log["lines"].as_array().into_iter().flatten().filter_map(Value::as_str);
            printed(&lines.map(|text| format!("{}\n", line(text))).collect::<String>())
        }
    }
}

fn listed(servers: &Value) -> String {
    let text = |server: &Value, key: &str| match &server[key] {
        Value::String(text) => one_line(text, WHY_CHARS),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let keys = ["name", "state", "breaker", "era", "tools", "calls", "errors", "p50_ms", "p95_ms", "why"];
    let headings = ["SERVER", "STATE", "BREAKER", "ERA", ">TOOLS", ">CALLS", ">ERRORS", ">P50 MS", ">P95 MS", "WHY"];
    let items = servers["items"].as_array().into_iter().flatten();
    table(headings, items.map(|server| keys.map(|key| text(server, key))))
}

pub(crate) async fn console(args: ConsoleArgs) -> Result<ExitCode> {
    let made = connected(args.journal).await?.post("/session/code", &json!({})).await?;
    let Some(url) = made["url"].as_str() else { bail!("the daemon has no address for browsers") };
    if args.print {
        return printed(&format!("{url}\n"));
    }
    let terminal = Terminal::new();
    let opening = url.to_owned();
    match tokio::task::spawn_blocking(move || open::that_detached(opening)).await {
        Ok(Ok(())) => terminal.print("the console opens in the browser"),
        _ => terminal.print(&format!("no browser can be opened; open {url} within a minute")),
    }
    Ok(ExitCode::SUCCESS)
}
