//! Log entries that hold nothing but what they seem to: one line each, whatever names and messages of others stand in them.

use std::error::Error;
use std::fmt::{Debug, Write as _};
use std::io::{self, Write};

use exuvia_text::{json, line};
use tracing::field::{Field, Visit};
use tracing_subscriber::field::{RecordFields, VisitOutput as _};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};

/// Writes the fields of spans and events as tracing does, each value in one line and without what commands a terminal or
/// hides.
#[derive(Debug, Clone, Copy)]
pub(super) struct PrintableFields;

impl<'writer> FormatFields<'writer> for PrintableFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> std::fmt::Result {
        let mut visitor = Printable(DefaultVisitor::new(writer, true));
        fields.record(&mut visitor);
        visitor.0.finish()
    }
}

struct Printable<'a>(DefaultVisitor<'a>);

impl Visit for Printable<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = line(&format!("{value:?}"));
        self.0.record_debug(field, &format_args!("{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.record_debug(field, &format_args!("{value}")),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(error) = source {
            // Writing to a string does not fail.
            let _ = write!(text, ": {error}");
            source = error.source();
        }
        self.record_debug(field, &format_args!("{text}"));
    }
}

/// Writes JSON on, with the characters that do not show as themselves written as `\u202e`.
#[derive(Debug)]
pub(super) struct PrintableJson<W>(pub(super) W);

impl<W: Write> Write for PrintableJson<W> {
    /// Each entry is written whole.
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        self.0.write_all(json(&String::from_utf8_lossy(entry)).as_bytes())?;
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::registry::Registry;

    use super::super::test_log::TestLog;
    use super::*;

    const NASTY: &str = "a\n2026 WARN forged\u{1b}]0;x\u{7}\u{9b}2J\u{202e}\u{2028}\u{61c}\u{e0041}\u{fe0f}";

    fn say() {
        let error = io::Error::other(NASTY);
        let span = tracing::info_span!("run", run.id = %NASTY, kind = NASTY);
        span.in_scope(|| {
            tracing::warn!(tool.name = %NASTY, rule = NASTY, kind = ?NASTY, error = &error as &(dyn Error + 'static), %NASTY, "{NASTY}");
        });
        tracing::error!(%error);
    }

    fn is_plain(text: &str) -> bool {
        text.lines().all(|line| line.chars().all(exuvia_text::is_plain))
    }

    #[test]
    fn an_entry_of_the_text_log_is_one_line_whatever_it_holds() {
        let kept = TestLog::default();
        let writer = kept.clone();
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).without_time();
        let layer = layer.fmt_fields(PrintableFields).with_writer(move || writer.clone());
        tracing::subscriber::with_default(Registry::default().with(layer), say);
        let text = kept.text();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(is_plain(&text) && text.contains("tool.name=a\\n2026") && text.contains("run{run.id=a\\n"), "{text}");
    }

    #[test]
    fn an_entry_of_the_json_log_is_json_and_shows_what_it_holds() {
        let kept = TestLog::default();
        let writer = kept.clone();
        let layer = tracing_subscriber::fmt::layer().json().flatten_event(true);
        let layer = layer.with_writer(move || PrintableJson(writer.clone()));
        tracing::subscriber::with_default(Registry::default().with(layer), say);
        let text = kept.text();
        assert!(text.lines().count() == 2 && is_plain(&text), "{text}");
        let entry: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(entry["tool.name"], NASTY);
        assert_eq!(entry["message"], NASTY);
    }
}
