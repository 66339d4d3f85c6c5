//! Sample MCP servers, for the demo, the benchmarks and first steps.
//!
//! Each is a real server over stdio, through rmcp, in both protocol eras. Their data is made by arithmetic: the same on every
//! machine, in every run.

mod arguments;
mod billing;
mod crm;
mod data;
mod echo;
mod server;

use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use rmcp::ServiceExt;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::stdio_pipes;

use server::{Sample, SampleServer};

/// The longest line that a sample takes: the benchmarks send 50 MB.
const LINE_BYTES: usize = 256 << 20;

/// Which sample, and how slow.
#[derive(Debug, Args)]
pub(crate) struct SampleArgs {
    /// The server
    #[arg(value_enum)]
    server: Which,
    /// How long each call takes, in milliseconds; calls run side by side
    #[arg(long, value_name = "N", default_value_t = 0)]
    delay_ms: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// 5,000 contacts and their orders
    Crm,
    /// What those contacts paid
    Billing,
    /// Gives back what it gets
    Echo,
}

/// Serves a sample on standard input and output until the input closes.
pub(crate) async fn serve(args: SampleArgs) -> Result<()> {
    let sample: Box<dyn Sample> = match args.server {
        Which::Crm => Box::new(crm::Crm),
        Which::Billing => Box::new(billing::Billing),
        Which::Echo => Box::new(echo::Echo),
    };
    let (input, output) = stdio_pipes();
    let transport = AsyncRwTransport::new_server(input, output).with_max_line_length(LINE_BYTES);
    let server = SampleServer::new(sample, Duration::from_millis(args.delay_ms));
    let running = server.serve(transport).await.context("the client did not open the session")?;
    running.waiting().await?;
    Ok(())
}
