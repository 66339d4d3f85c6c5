//! The program: commands, reload, logging, exit statuses. What it does lives in the crates below it; how its configuration is
//! read, in `exuvia-config`.
//!
//! ```no_run
//! let arguments = ["exuvia", "config", "check", "exuvia.toml"];
//! let status = exuvia::run(arguments.map(Into::into));
//! # let _ = status;
//! ```

mod admin;
mod admin_args;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod allocator;
mod app;
mod approvals_args;
mod args;
mod check_report;
mod child_client;
mod commands;
mod demo;
mod doctor;
mod exit;
mod file_threads;
mod functions_args;
mod guest_args;
mod journal;
mod journal_args;
mod keys_args;
mod log_writer;
mod logs;
mod machine;
mod notifications;
mod paint;
mod present_files;
mod reload;
mod sample;
mod script;
mod session_args;
mod setup;
mod setup_args;
mod shutdown;
mod start_progress;
mod suite_args;
mod systemd;
mod telemetry;
mod terminal;
mod tool_tokens;
mod version;
mod workspace_args;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use exuvia_runtime::EngineError;
use tokio::runtime::Builder;

use args::{Cli, Command};
use journal_args::{RunsArgs, RunsCommand};

/// How long work on threads may take once everything else is over. What a file system or a stream holds up is left behind.
const LAST_WORK: Duration = Duration::from_secs(2);

/// Runs the program with these arguments, the first of which is its name, to the end of the command. Once in a process: it sets up
/// the log, listens for signals, and sets how glibc gives back memory.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    allocator::configure();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let status = match logs::begin(cli.log_format, cli.command.log_level()) {
        Ok(()) => on_runtime(cli.command),
        Err(error) => Err(error),
    };
    let status = status.unwrap_or_else(print_error);
    logs::finish();
    status
}

fn on_runtime(command: Command) -> Result<ExitCode> {
    let runtime = Builder::new_multi_thread().enable_all().build().context("starting threads")?;
    let status = runtime.block_on(async {
        shutdown::end_on(command.ended_by()).context("listening for signals")?;
        let status = Box::pin(dispatch(command)).await;
        shutdown::settle().await;
        status
    });
    runtime.shutdown_timeout(LAST_WORK);
    status
}

async fn dispatch(command: Command) -> Result<ExitCode> {
    match command {
        Command::Demo => demo::demo().await,
        Command::Run(args) => commands::run::run(args).await,
        Command::Check(args) => commands::check::check(args).await,
        Command::Stdio(args) => commands::stdio::stdio(args).await,
        Command::Serve(args) => commands::serve::serve(args).await,
        Command::Tools(args) => commands::tools::tools(args).await,
        Command::Login(args) => commands::login::login(args).await,
        Command::Keys(args) => commands::keys::keys(args).await,
        Command::Approvals(args) => commands::approvals::approvals(args).await,
        Command::Doctor(args) => doctor::doctor(args).await,
        Command::Setup(args) => setup::setup(args).await,
        Command::Completions { shell } => commands::shell_files::completions(shell),
        Command::Man { folder } => commands::shell_files::man(folder).await,
        Command::Config(args) => commands::config::config(args.command).await,
        Command::Servers(args) => commands::daemon::servers(args).await,
        Command::Console(args) => commands::daemon::console(args).await,
        Command::Runs(RunsArgs { journal, command: RunsCommand::Cancel { run } }) => {
            commands::daemon::cancel(journal, &run).await
        }
        Command::Runs(args) => commands::runs::runs(args).await,
        Command::Replay(args) => commands::replay::replay(args).await,
        Command::Functions(args) => commands::functions::functions(args).await,
        Command::Workspace(args) => commands::workspace::workspace(args).await,
        Command::Sessions(args) => commands::sessions::sessions(args).await,
        Command::Budgets(args) => commands::budgets::budgets(args.command).await,
        Command::Audit(args) => commands::audit::audit(args).await,
        Command::Bench(args) => commands::bench::bench(args).await,
        Command::Tokens(args) => commands::tokens::tokens(args).await,
        Command::Guest(args) => commands::guest::guest(args).await,
        Command::Sample(args) => sample::serve(args).await.map(|()| ExitCode::SUCCESS),
    }
}

/// Usage that is wrong, or help that was asked for.
fn misused(error: &clap::Error) -> ExitCode {
    // Whoever closed the stream reads nothing.
    let _ = error.print();
    if error.use_stderr() { exit::USAGE.into() } else { ExitCode::SUCCESS }
}

/// Errors that get this far are of usage or configuration, but for an engine that does not start: a script's errors are
/// outcomes.
#[expect(clippy::print_stderr, reason = "a command of a person says what is wrong on standard error")]
fn print_error(error: anyhow::Error) -> ExitCode {
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
