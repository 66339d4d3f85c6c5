//! What a client gets: `exuvia stdio`, started as a client starts it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::finding::Finding;
use crate::child_client::ChildClient;
use crate::tool_tokens::ToolTokens;

/// The tools that a model sees.
const META_TOOLS: [&str; 4] = ["listToolFiles", "readToolFile", "getToolDocs", "executeToolCode"];
/// Clients wait longer, and people do not.
const MOST: Duration = Duration::from_secs(20);

/// Starts it with these arguments, and asks for its tools.
pub(super) async fn client_view(arguments: &[String]) -> Finding {
    let begun = Instant::now();
    let seen = tokio::time::timeout(MOST, seen(arguments)).await;
    let ms = u64::try_from(begun.elapsed().as_millis()).ok();
    let fix = "run `exuvia stdio` with the same options in a terminal, with EXUVIA_LOG=debug, and see what it writes";
    let finding = match seen {
        Err(_) => Finding::failed("client", format!("no answer within {} s", MOST.as_secs()), fix),
        Ok(Err(error)) => Finding::failed("client", format!("a client cannot connect: {error:#}"), fix),
        Ok(Ok((tools, tokens))) => {
            let missing: Vec<&str> =
                META_TOOLS.into_iter().filter(|tool| !tools.iter().any(|listed| listed == tool)).collect();
            let finding = match missing[..] {
                [] => Finding::ok("client", "a client connects, and lists the four tools"),
                _ => Finding::failed("client", format!("a client does not see {}", missing.join(", ")), fix),
            };
            Finding { tools: Some(tools.len()), tokens: Some(tokens), ..finding }
        }
    };
    Finding { ms, ..finding }
}

async fn seen(arguments: &[String]) -> Result<(Vec<String>, usize)> {
    let client = ChildClient::start(arguments).await?;
    let tools = client.tools().await?;
    client.stop().await?;
    let names = tools.iter().map(|tool| tool.name.to_string()).collect();
    let tokens = tokio::task::spawn_blocking(move || ToolTokens::new()?.of_tools(&tools)).await.context("counting")??;
    Ok((names, tokens))
}
