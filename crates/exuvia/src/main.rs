//! The command line of Exuvia.

mod sample;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "exuvia", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A bundled sample server
    #[command(hide = true)]
    Sample(sample::SampleArgs),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Sample(args) => sample::serve(args).await,
    }
}
