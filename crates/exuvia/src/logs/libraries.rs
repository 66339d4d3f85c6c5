//! Log entries of libraries, without their data: error texts of servers, headers, arguments, results.
//!
//! What a library writes into its entries is for it to decide, and changes with each version. So none of it is shown: an entry
//! says which library warns of what kind of thing, and where in it. What an operator has to know is logged by this program itself.

use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::LogFormat;

/// How the names of this program's own crates begin.
const OURS: &str = "exuvia";
/// Events of libraries whose occasion this program logs itself (`telemetry`: trace export at shutdown failed).
const LOGGED_BY_US: [&str; 2] = ["BatchSpanProcessor.Shutdown.Timeout", "BatchSpanProcessor.Shutdown.Error"];

/// Its warnings are of what a client has done wrong, each time, or of a server, whose failures this program logs itself.
const PROTOCOL: &str = "rmcp";

/// Whether this is of a library.
fn is_foreign(metadata: &Metadata<'_>) -> bool {
    !metadata.target().starts_with(OURS)
}

/// Whether something is written at all, where the filter lets it: of libraries their warnings and errors, and no span, whose
/// fields would stand in entries of ours.
pub(super) fn may_be_said(metadata: &Metadata<'_>) -> bool {
    let is_warning = metadata.is_event() && *metadata.level() <= Level::WARN;
    let is_of_protocol = metadata.target().starts_with(PROTOCOL) && *metadata.level() == Level::WARN;
    !is_foreign(metadata) || (is_warning && !is_of_protocol && !LOGGED_BY_US.contains(&metadata.name()))
}

/// Writes entries of ours as `inner` does, and those of libraries in words of ours.
#[derive(Debug)]
pub(super) struct FixedMessages<E> {
    pub(super) inner: E,
    pub(super) format: LogFormat,
}

impl<S, N, E> FormatEvent<S, N> for FixedMessages<E>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    E: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> std::fmt::Result {
        match is_foreign(event.metadata()) {
            true => write_entry(event.metadata(), self.format, writer),
            false => self.inner.format_event(context, writer, event),
        }
    }
}

/// All of it is fixed when the library is compiled.
fn write_entry(metadata: &Metadata<'_>, format: LogFormat, mut writer: Writer<'_>) -> std::fmt::Result {
    let mut time = String::new();
    SystemTime.format_time(&mut Writer::new(&mut time))?;
    // ERROR is for what an operator acts on, and this program logs that itself.
    let level = *metadata.level().max(&Level::WARN);
    let (library, line) = (metadata.target(), metadata.line().unwrap_or_default());
    // Without a name of its own it is called after its file, whose path is that of the machine that built this.
    let event = if metadata.name().starts_with("event ") { "" } else { metadata.name() };
    match format {
        LogFormat::Text => {
            let event = if event.is_empty() { String::new() } else { format!(" event={event:?}") };
            writeln!(writer, "{time} {level:>5} library warning library={library:?} line={line}{event}")
        }
        LogFormat::Json => {
            let entry = serde_json::json!({
                "timestamp": time, "level": level.as_str(), "message": "library warning",
                "library": library, "line": line, "event": event,
            });
            writeln!(writer, "{entry}")
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::filter::filter_fn;
    use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
    use tracing_subscriber::registry::Registry;

    use super::super::test_log::TestLog;
    use super::*;

    fn say() {
        const SECRET: &str = "s3cret";
        let span = tracing::error_span!(target: "rmcp::service", "serving", peer = SECRET);
        span.in_scope(|| {
            tracing::error!(target: "rmcp::service", error = SECRET, "refused for {SECRET}");
            tracing::warn!(target: "rmcp::service", error = SECRET, "response error");
            tracing::warn!(name: "h2.GoneAway", target: "h2", debug_data = ?SECRET);
            tracing::error!(name: "BatchSpanProcessor.Shutdown.Timeout", target: "opentelemetry_sdk", "too late");
            tracing::info!(target: "hyper_util", "{SECRET}");
            tracing::trace!(target: "reqwest", "{SECRET}");
            tracing::info!(target: "exuvia_mcp_client::http", "ours");
        });
    }

    fn said(format: LogFormat) -> String {
        let kept = TestLog::default();
        let writer = kept.clone();
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone());
        let layer = match format {
            LogFormat::Text => layer.map_event_format(|inner| FixedMessages { inner, format }).boxed(),
            LogFormat::Json => {
                layer.json().flatten_event(true).map_event_format(|inner| FixedMessages { inner, format }).boxed()
            }
        };
        let subscriber = Registry::default().with(layer.with_filter(filter_fn(may_be_said)));
        tracing::subscriber::with_default(subscriber, say);
        kept.text()
    }

    #[test]
    fn a_library_says_where_something_happened_and_nothing_that_it_carries() {
        let text = said(LogFormat::Text);
        assert!(text.lines().count() == 3 && !text.contains("s3cret"), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains(" WARN library warning library=\"rmcp::service\" line="), "{text}");
        assert!(lines[1].contains("WARN") && lines[1].ends_with("event=\"h2.GoneAway\""), "{text}");
        assert!(lines[2].contains("ours") && !text.contains(".rs"), "{text}");
        let json = said(LogFormat::Json);
        assert!(!json.contains("s3cret"), "{json}");
        let entries: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&entries[0]["level"], &entries[1]["event"]), (&"WARN".into(), &"h2.GoneAway".into()));
        assert_eq!(entries[2]["message"], "ours");
    }
}
