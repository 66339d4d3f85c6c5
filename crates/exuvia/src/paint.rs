//! Colors of a terminal.

use std::fmt;

use anstyle::{AnsiColor, Style};

/// What a color says.
#[derive(Clone, Copy)]
pub(crate) enum Tone {
    Heading,
    Good,
    Bad,
    Aside,
}

/// Colors texts, where the output is a terminal that shows colors.
#[derive(Clone, Copy)]
pub(crate) struct Paint {
    pub(crate) is_on: bool,
}

impl Paint {
    pub(crate) fn text(self, tone: Tone, text: impl fmt::Display) -> String {
        if !self.is_on {
            return text.to_string();
        }
        let style = match tone {
            Tone::Heading => Style::new().bold(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Bad => AnsiColor::Red.on_default(),
            Tone::Aside => Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }
}
