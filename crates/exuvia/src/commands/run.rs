//! `exuvia run`: one script, its result on standard output, everything else on standard error.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use exuvia_gateway::answer::{AnswerRoom, render};
use exuvia_gateway::{Client, RunHandle, StartedBy};
use exuvia_runtime::{Limits, Outcome, Report, Script};
use exuvia_tool::{Json, RunEvent};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::{App, Recording, configured};
use crate::args::RunArgs;
use crate::exit;
use crate::script;
use crate::telemetry::Telemetry;
use crate::terminal::{self, Terminal};

pub(crate) async fn run(args: RunArgs) -> Result<ExitCode> {
    let terminal = Terminal::new();
    // One for the whole command: what listens anew each time misses the signals in between.
    let mut interrupts = signal(SignalKind::interrupt())?;
    let (mut script, data) = tokio::select! {
        read = read(&args) => read?,
        // Nothing has been started, and what reads the script may wait for ever.
        _ = interrupts.recv() => exit::at_once(exit::CANCELLED),
    };
    let mut config = configured(args.servers.clone().into(), &terminal).await?;
    override_limits(&mut config.limits, &args);
    if let Some(data) = data {
        script = script::with_data(&script, &data, config.limits.source_bytes)?;
    }
    let profiles = config.for_operator();
    let telemetry = Telemetry::start(config.collector.as_ref(), &config.journal.redaction)?;
    let app = tokio::select! {
        app = App::start_for(&script, config, profiles, &terminal, Recording::Configured) => app?,
        _ = interrupts.recv() => return Ok(exit::CANCELLED.into()),
    };
    app.show_progress("running the script", &terminal);
    let run = app.gateway.start(&app.gateway.default_view(), script, StartedBy::Operator, &Client::new("operator"))?;
    let report = follow(run, &mut interrupts, &terminal, args.json).await;
    app.end().await;
    telemetry.finish().await;
    terminal.clear_progress();
    if report.unrecorded > 0 {
        terminal.print(&format!("{} journal entries of this run were lost", report.unrecorded));
    }
    if args.json {
        print_json(&report)?
    } else {
        print(&report, &terminal)?
    }
    Ok(exit::status(&report.outcome).into())
}

/// The script and its data.
async fn read(args: &RunArgs) -> Result<(Script, Option<Json>)> {
    let script = script::read(&args.script).await?;
    let data = match &args.data {
        Some(data) if data == Path::new("-") && args.script.script.as_deref() == Some(data) => {
            bail!("standard input cannot be both the script and its data")
        }
        Some(data) => Some(script::data(data).await?),
        None => None,
    };
    Ok((script, data))
}

/// The operator who types a limit means it, above the configured one as well as below.
fn override_limits(limits: &mut Limits, args: &RunArgs) {
    limits.fuel = args.fuel.unwrap_or(limits.fuel);
    limits.memory_bytes = args.memory_bytes.unwrap_or(limits.memory_bytes);
    limits.wall_ms = args.wall_ms.unwrap_or(limits.wall_ms);
}

/// Shows what happens until the run is over. Ctrl-C cancels the run and its calls.
async fn follow(mut run: RunHandle, interrupts: &mut Signal, terminal: &Terminal, quiet: bool) -> Report {
    let cancellation = run.cancellation();
    let mut calls = 0;
    loop {
        tokio::select! {
            event = run.events.recv() => match event {
                Some(RunEvent::Log { text, .. }) if !quiet => terminal.write(&text),
                Some(RunEvent::CallStarted { name, .. }) => {
                    calls += 1;
                    terminal.show_progress(format!("running the script: {calls} calls, {name}"));
                }
                Some(_) => {}
                None => break,
            },
            _ = interrupts.recv(), if !cancellation.is_cancelled() => cancellation.cancel(),
        }
    }
    run.report().await
}

fn print_json(report: &Report) -> Result<()> {
    terminal::print_json(&serde_json::to_string(report)?)
}

fn print(report: &Report, terminal: &Terminal) -> Result<()> {
    if let Outcome::Returned(result) = &report.outcome {
        if terminal::is_shown() {
            // One that is too large for a tree is shown as it is.
            let pretty = result.to_value().ok().map(|tree| serde_json::to_string_pretty(&tree)).transpose()?;
            terminal::print_json(pretty.as_deref().unwrap_or(result.as_str()))?;
        } else {
            terminal::print_json(result.as_str())?;
        }
    } else if !exit::has_left(&report.outcome) {
        let mut without_log = report.clone();
        without_log.logs = Default::default();
        terminal.print(&render(&without_log, AnswerRoom::UNLIMITED).text);
    }
    if let Outcome::Returned(_) = &report.outcome {
        report.notes.iter().for_each(|note| terminal.print(&format!("note: {note}")));
    }
    if let Outcome::Fault(message) = &report.outcome {
        terminal.print(&format!("internal error: {message}"));
    }
    if report.logs.dropped_bytes > 0 {
        terminal.print(&format!("[log cut: {} bytes more]", report.logs.dropped_bytes));
    }
    terminal.print(&usage_line(report));
    Ok(())
}

fn usage_line(report: &Report) -> String {
    let usage = &report.usage;
    format!(
        "{}: {:.1} M fuel, {} MiB peak, {} ms, {} tool calls",
        if exit::has_left(&report.outcome) { "exited with status 0" } else { report.outcome.name() },
        usage.fuel as f64 / 1e6,
        usage.memory_bytes_peak >> 20,
        usage.wall_ms,
        usage.tool_calls,
    )
}
