//! The program: arguments, logging, exit statuses. What it does lives in the crates below it.

mod args;
mod check_report;
mod commands;
mod config;
mod demo;
mod ending;
mod exit;
mod log_writer;
mod logs;
mod machine;
mod reload;
mod report_json;
mod sample;
mod script;
mod session;
mod systemd;
mod telemetry;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;
use exuvia_runtime::EngineError;

use crate::args::{Cli, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = logs::begin(cli.log_format, cli.command.log_level()) {
        let status = complain(error);
        logs::finish();
        return status;
    }
    if let Err(error) = ending::end_on(cli.command.ended_by()) {
        return complain(error.into());
    }
    let status = match cli.command {
        Command::Demo => demo::demo().await,
        Command::Run(args) => commands::run::run(args).await,
        Command::Check(args) => commands::check::check(args).await,
        Command::Stdio(args) => commands::stdio::stdio(args).await,
        Command::Serve(args) => commands::serve::serve(args).await,
        Command::Tools(args) => commands::tools::tools(args).await,
        Command::Login(args) => commands::login::login(args).await,
        Command::Config(args) => commands::config::config(&args.command),
        Command::Sample(args) => sample::serve(args).await.map(|()| ExitCode::SUCCESS),
    };
    let status = status.unwrap_or_else(complain);
    ending::settle().await;
    logs::finish();
    status
}

/// Errors that get this far are of usage or configuration, but for an engine that does not start: a script's errors are
/// outcomes.
#[allow(clippy::print_stderr)]
fn complain(error: anyhow::Error) -> ExitCode {
    match logs::is_json() {
        true => tracing::error!("{error:#}"),
        false => {
            // In the order in which things were said.
            logs::finish();
            eprintln!("exuvia: {}", exuvia_text::indented(&format!("{error:#}"), "  "));
        }
    }
    if error.is::<EngineError>() { exit::FAULT.into() } else { exit::USAGE.into() }
}
