//! Starts the servers of an `mcpServers` file, prints what came of it, and holds them until a line comes in.
//!
//! `cargo run --release -p exuvia-upstream --example hold -- mcp.json`

use std::io::Write;

use exuvia_config::UpstreamLimits;
use exuvia_config::{Environment, parse_mcp_servers};
use exuvia_upstream::{ServerState, Upstreams};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args().nth(1).ok_or("give an mcpServers file")?;
    let environment = Environment { variable: &|name| std::env::var(name).ok(), token_dir: None };
    let found = parse_mcp_servers(&std::fs::read_to_string(&file)?, &file, environment);
    if !found.errors.is_empty() {
        return Err(found.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n").into());
    }
    let upstreams = Upstreams::start(found.servers, UpstreamLimits::default()).await;
    let mut out = std::io::stdout();
    for server in upstreams.servers().iter() {
        match &server.state {
            ServerState::Ready { era } => writeln!(out, "{}: {era:?}, {} tools", server.name, server.tools.len())?,
            ServerState::Starting => writeln!(out, "{}: starting", server.name)?,
            ServerState::Failed { message, .. } => writeln!(out, "{}: {message}", server.name)?,
        }
        for warning in &server.warnings {
            writeln!(out, "{}: {warning}", server.name)?;
        }
    }
    writeln!(out, "ready")?;
    out.flush()?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await??;
    upstreams.shutdown().await;
    Ok(())
}
