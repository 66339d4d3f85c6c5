//! What a client gets: `exuvia stdio`, started as a client starts it.

use std::time::{Duration, Instant};

use anyhow::Result;
use rmcp::model::Tool;

use super::finding::Finding;
use crate::child_client::ChildClient;
use crate::tool_tokens::ToolTokens;

/// The tools that a model sees.
const META_TOOLS: [&str; 4] = ["listToolFiles", "readToolFile", "getToolDocs", "executeToolCode"];
/// Clients wait longer, and people do not.
const MOST: Duration = Duration::from_secs(20);

/// What a client sees.
struct Seen {
    tools: Vec<Tool>,
    after: Duration,
}

/// Starts it with these arguments, and asks for its tools.
pub(super) async fn client_view(arguments: &[String]) -> Finding {
    let fix = "run `exuvia stdio` with the same options in a terminal, with EXUVIA_LOG=debug, and see what it writes";
    match tokio::time::timeout(MOST, seen(arguments)).await {
        Err(_) => Finding::failed("client", format!("no answer within {} s", MOST.as_secs()), fix),
        Ok(Err(error)) => Finding::failed("client", format!("a client cannot connect: {error:#}"), fix),
        Ok(Ok(Seen { tools, after })) => {
            let missing: Vec<&str> =
                META_TOOLS.into_iter().filter(|tool| !tools.iter().any(|listed| listed.name == *tool)).collect();
            let finding = match missing[..] {
                [] => Finding::ok("client", "a client connects, and lists the four tools"),
                _ => Finding::failed("client", format!("a client does not see {}", missing.join(", ")), fix),
            };
            let count = tools.len();
            let tokens = tokio::task::spawn_blocking(move || ToolTokens::new()?.of_tools(&tools)).await;
            let tokens = tokens.ok().and_then(anyhow::Result::ok);
            Finding { ms: u64::try_from(after.as_millis()).ok(), tools: Some(count), tokens, ..finding }
        }
    }
}

async fn seen(arguments: &[String]) -> Result<Seen> {
    let begun = Instant::now();
    let client = ChildClient::start_silent(arguments).await?;
    let tools = client.tools().await?;
    let after = begun.elapsed();
    client.stop().await?;
    Ok(Seen { tools, after })
}
