//! The log of this program, on standard error.

mod libraries;
mod panics;
mod printable;
mod screen;
#[cfg(test)]
mod test_log;

use std::env;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use exuvia_text::{indented, printable};
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt as _;

use libraries::{FixedMessages, may_be_said};
use printable::{PrintableFields, PrintableJson};

use crate::log_writer::LogWriter;
use crate::terminal;
use screen::Screen;

pub(crate) use screen::beside;

/// The log filter, in the syntax of tracing's `EnvFilter`.
const FILTER: &str = "EXUVIA_LOG";
/// The log format, if no flag sets it.
const FORMAT: &str = "EXUVIA_LOG_FORMAT";

/// Its failures are logged by `telemetry`, at a limited rate.
const TOLD_ELSEWHERE: &str = "opentelemetry-otlp=off";

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object in each line, for machines.
    Json,
}

static WRITTEN: OnceLock<LogFormat> = OnceLock::new();
static WRITER: OnceLock<LogWriter> = OnceLock::new();

/// How long the last lines may take at the end of the program.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Starts the log. `default` is the level if `EXUVIA_LOG` is not set.
///
/// # Errors
///
/// A variable has an invalid value.
pub(crate) fn begin(flag: Option<LogFormat>, default: LevelFilter) -> Result<()> {
    let format = flag.map_or_else(written_format, Ok)?;
    let filter = written_filter(default)?.and(filter_fn(may_be_said));
    let layer = tracing_subscriber::fmt::layer();
    let layer = match format {
        LogFormat::Text => layer
            .with_ansi(terminal::is_log_colored())
            .with_target(false)
            .fmt_fields(PrintableFields)
            .with_writer(|| writer().clone())
            .map_event_format(|inner| FixedMessages { inner, format })
            .boxed(),
        LogFormat::Json => layer
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_writer(|| PrintableJson(writer().clone()))
            .map_event_format(|inner| FixedMessages { inner, format })
            .boxed(),
    };
    Registry::default().with(layer.with_filter(filter)).try_init()?;
    let _ = WRITTEN.set(format);
    panics::log_panic();
    Ok(())
}

/// An entry of the log, of one line or, in the log for people, several.
pub(crate) fn entry(level: Level, text: &str) {
    match (level, !is_json() && text.contains('\n')) {
        (Level::WARN, false) => tracing::warn!("{text}"),
        (_, false) => tracing::info!("{text}"),
        (Level::WARN, true) if tracing::enabled!(Level::WARN) => lines(level, text),
        (_, true) if tracing::enabled!(Level::INFO) => lines(level, text),
        _ => {}
    }
}

/// Writes an entry whose further lines are indented: none of them looks like another entry.
fn lines(level: Level, text: &str) {
    let mut head = String::new();
    // Writing to a string does not fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut head));
    writer().line(format!("{head} {level:>5} {}\n", indented(&printable(text), "    ")).as_bytes());
}

/// Waits until the log is written, for as long as a reader that reads needs.
pub(crate) fn finish() {
    if let Some(writer) = WRITER.get() {
        writer.flush(LAST_LINES);
    }
}

fn writer() -> &'static LogWriter {
    WRITER.get_or_init(|| {
        LogWriter::new(Screen, |lines| {
            tracing::warn!(lines, "log lines dropped: standard error was not read");
        })
    })
}

/// Whether all of standard error is for machines.
pub(crate) fn is_json() -> bool {
    WRITTEN.get() == Some(&LogFormat::Json)
}

fn written_format() -> Result<LogFormat> {
    match env::var(FORMAT) {
        Ok(text) if !text.is_empty() => LogFormat::from_str(&text, false)
            .map_err(anyhow::Error::msg)
            .with_context(|| format!("{FORMAT}: must be text or json")),
        _ => Ok(LogFormat::Text),
    }
}

fn written_filter(default: LevelFilter) -> Result<EnvFilter> {
    match env::var(FILTER) {
        Ok(text) if !text.is_empty() => EnvFilter::try_new(&text).with_context(|| FILTER.to_owned()),
        _ => Ok(EnvFilter::new(format!("{default},{TOLD_ELSEWHERE}"))),
    }
}
