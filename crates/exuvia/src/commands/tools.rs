//! `exuvia tools`: stubs and docs as the model sees them.

use std::io::{Write as _, stdout};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use exuvia_gateway::meta::{self, MetaAnswer};
use exuvia_gateway::{Client, Gateway};
use exuvia_text::printable;
use serde_json::{Map, Value, json};

use tokio_util::sync::CancellationToken;

use crate::args::ToolsArgs;
use crate::session::{Session, configured};
use crate::terminal::Terminal;

pub(crate) async fn tools(args: ToolsArgs) -> Result<ExitCode> {
    let terminal = Terminal::new();
    let config = configured(&args.servers, &[], &terminal).await?;
    let profiles = config.for_operator();
    let session = Session::start(config, profiles, &terminal, CancellationToken::new()).await?;
    let text = shown(&session.gateway, args.name.as_deref()).await;
    session.upstreams.shutdown().await;
    terminal.done();
    let mut text = printable(&text?);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    stdout().write_all(text.as_bytes()).context("standard output")?;
    Ok(ExitCode::SUCCESS)
}

/// What the model would read: this goes through the very meta-tools.
async fn shown(gateway: &Gateway, name: Option<&str>) -> Result<String> {
    let (tool, arguments) = match name.map(|name| name.split_once('.').map_or((name, None), |(a, b)| (a, Some(b)))) {
        None => ("listToolFiles", json!({})),
        Some((server, None)) => ("readToolFile", json!({"fileName": format!("{server}.pyi")})),
        Some((server, Some(tool))) => ("getToolDocs", json!({"server": server, "tool": tool})),
    };
    let arguments: Map<String, Value> = arguments.as_object().cloned().unwrap_or_default();
    match meta::call(gateway, &gateway.default_view(), &Client::new("operator"), tool, &arguments).await? {
        MetaAnswer::Text(text) => Ok(text),
        MetaAnswer::Run(_) => bail!("{tool} runs nothing"),
    }
}
