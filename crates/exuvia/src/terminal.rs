//! The operator's terminal: messages, logs, and progress of long operations, beside the results.

use std::ffi::OsStr;
use std::io::{BufRead as _, IsTerminal as _, Write as _, stderr, stdin, stdout};
use std::time::Duration;

use anyhow::{Context as _, Result};
use exuvia_text::{json, line, printable};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing::Level;

use crate::file_threads::FileThreads;
use crate::logs;

/// Nothing is shown of what is over before this.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether standard output is a terminal.
pub(crate) fn is_shown() -> bool {
    stdout().is_terminal()
}

/// Whether colors are shown on standard output: on a terminal, unless `NO_COLOR` is set.
pub(crate) fn is_colored() -> bool {
    is_colored_here(is_shown())
}

/// The same for standard error.
pub(crate) fn is_log_colored() -> bool {
    is_colored_here(stderr().is_terminal())
}

fn is_colored_here(is_terminal: bool) -> bool {
    let [no_color, term] = ["NO_COLOR", "TERM"].map(std::env::var_os);
    shows_colors(is_terminal, no_color.as_deref(), term.as_deref())
}

/// <https://no-color.org>, and terminals that show none.
fn shows_colors(is_terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|term| term != "dumb")
}

/// Asks a person on the terminal. None: there is no terminal to ask on.
pub(crate) async fn confirmed(question: &str) -> Result<Option<bool>> {
    if !stdin().is_terminal() {
        return Ok(None);
    }
    let question = format!("{} [y/N] ", printable(question));
    let ask = move || {
        stderr().write_all(question.as_bytes())?;
        let mut line = String::new();
        stdin().lock().read_line(&mut line)?;
        Ok::<_, std::io::Error>(matches!(line.trim(), "y" | "Y" | "yes"))
    };
    FileThreads::default().run(ask).await?.context("the terminal").map(Some)
}

/// Writes JSON and a line break to standard output: to the byte for whatever reads it, and for a person with the characters
/// that would not show as themselves written as `\u202e`, which is the same JSON.
pub(crate) fn print_json(text: &str) -> Result<()> {
    let text = if is_shown() { json(text) } else { text.into() };
    let mut stdout = stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(b"\n")).context("standard output")
}

/// Standard error, shared by messages and a progress line that never mix.
#[derive(Clone)]
pub(crate) struct Terminal {
    progress: ProgressBar,
    /// Messages are log entries and never block: a service continues even if its standard error is not read.
    is_service: bool,
}

impl Terminal {
    pub(crate) fn new() -> Self {
        let progress = ProgressBar::new_spinner();
        progress.set_draw_target(ProgressDrawTarget::hidden());
        progress.set_style(
            ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        if stderr().is_terminal() {
            logs::beside(&progress);
            let later = progress.clone();
            tokio::spawn(async move {
                tokio::time::sleep(PATIENCE).await;
                if !later.is_finished() {
                    later.set_draw_target(ProgressDrawTarget::stderr());
                    later.enable_steady_tick(Duration::from_millis(100));
                }
            });
        }
        Self { progress, is_service: false }
    }

    /// For what runs until it is stopped: everything that it says is part of its log.
    pub(crate) fn of_service() -> Self {
        Self { is_service: true, ..Self::new() }
    }

    /// Says what is going on, once it has been going on for a second.
    pub(crate) fn show_progress(&self, what: impl Into<String>) {
        self.progress.set_message(line(&what.into()));
    }

    /// Writes text, without what commands a terminal or hides.
    pub(crate) fn write(&self, text: &str) {
        let text = printable(text);
        // In the order in which things were said.
        logs::finish();
        // If standard error is closed, there is nowhere to report that.
        self.progress.suspend(|| drop(stderr().write_all(text.as_bytes())));
    }

    /// Says what is not as it should be. In a log it is a warning.
    pub(crate) fn print(&self, text: &str) {
        self.emit(Level::WARN, text);
    }

    /// Says what is as it should be. In a log it is no warning.
    pub(crate) fn print_info(&self, text: &str) {
        self.emit(Level::INFO, text);
    }

    fn emit(&self, level: Level, text: &str) {
        match self.is_service {
            true => logs::entry(level, text),
            false => self.write(&format!("{text}\n")),
        }
    }

    /// The start is over. From here on what a service says is its log.
    pub(crate) fn started(&self) {
        if self.is_service {
            self.clear_progress();
        }
    }

    /// Takes the progress line away.
    pub(crate) fn clear_progress(&self) {
        self.progress.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_shown_on_a_terminal_that_has_them_unless_they_are_not_wanted() {
        for (is_terminal, no_color, term, expected) in [
            (true, None, Some("xterm-256color"), true),
            (true, None, None, true),
            (true, Some(""), Some("xterm"), true),
            (true, Some("1"), Some("xterm"), false),
            (true, Some("0"), None, false),
            (true, None, Some("dumb"), false),
            (true, Some(""), Some("dumb"), false),
            (false, None, Some("xterm"), false),
            (false, Some("1"), Some("dumb"), false),
        ] {
            let shown = shows_colors(is_terminal, no_color.map(OsStr::new), term.map(OsStr::new));
            assert_eq!(shown, expected, "{is_terminal} {no_color:?} {term:?}");
        }
    }
}
