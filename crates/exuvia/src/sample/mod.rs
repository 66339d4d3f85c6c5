//! Sample MCP servers, for the demo, the benchmarks and first steps.
//!
//! Each is a real server over stdio, through rmcp, in both protocol eras. Their data is made by arithmetic: the same on every
//! machine, in every run.

mod arguments;
mod billing;
mod crm;
mod data;
mod echo;
mod record;
mod server;
mod suite;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use rmcp::ServiceExt;
use rmcp::service::{RoleServer, Service};
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::stdio_pipes;

use record::Record;
use server::{Sample, SampleServer};
use suite::SuiteServer;

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
    /// Write each call, with its answer, as a line of JSON to the end of this file
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// The server's name in that file
    #[arg(long, value_name = "NAME", default_value = "sample")]
    name: String,
    /// Of a suite: the Python source of the answers
    #[arg(long, value_name = "FILE", required_if_eq("server", "suite"))]
    answers: Option<PathBuf>,
    /// Of a suite: the recorded list of tools
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    /// 5,000 contacts and their orders
    Crm,
    /// What those contacts paid
    Billing,
    /// Gives back what it gets
    Echo,
    /// One server of a suite
    Suite,
}

/// Serves a sample on standard input and output until the input closes.
pub(crate) async fn serve(args: SampleArgs) -> Result<()> {
    let record = args.record.as_deref().map(|file| Record::open(&args.name, file)).transpose()?;
    let sample: Box<dyn Sample> = match args.server {
        Which::Crm => Box::new(crm::Crm),
        Which::Billing => Box::new(billing::Billing),
        Which::Echo => Box::new(echo::Echo),
        Which::Suite => {
            let answers = args.answers.context("--answers")?;
            return until_closed(SuiteServer::read(&args.name, &answers, args.catalog.as_deref(), record).await?).await;
        }
    };
    until_closed(SampleServer::new(sample, Duration::from_millis(args.delay_ms), record)).await
}

async fn until_closed(server: impl Service<RoleServer>) -> Result<()> {
    let (input, output) = stdio_pipes();
    let transport = AsyncRwTransport::new_server(input, output).with_max_line_length(LINE_BYTES);
    let running = server.serve(transport).await.context("the client did not open the session")?;
    running.waiting().await?;
    Ok(())
}
