//! The command line.

/// How the server starts, lists and ends.
#[derive(Debug, Default)]
pub struct Options {
    /// `--era legacy|modern|both`: which protocols it answers. Both by default.
    pub era: String,
    /// `--hang-at start|discover|list`: never answers that.
    pub hang_at: Option<String>,
    /// `--exit-at start|discover|list`: ends there, with the code 3.
    pub exit_at: Option<String>,
    /// `--crash-every N`: ends in every Nth call of the process.
    pub crash_every: Option<u64>,
    /// `--pages N`: the tool list has this many pages, the first with the usual tools. 0: it never ends.
    pub pages: Option<u64>,
    /// `--tools FILE`: the list has the tools of this file (an array, or `{"tools": [..]}`), as they are.
    pub tools: Option<String>,
    /// `--answers FILE`: calls of these tools get these results; the file maps names of tools to results.
    pub answers: Option<String>,
    /// `--record FILE`: appends each `tools/call` to this file, as it was received, a line each.
    pub record: Option<String>,
    /// `--malformed`: the tool list also holds tools that are none.
    pub malformed: bool,
    /// `--garbage`: writes a banner to stdout first, and invalid UTF-8.
    pub garbage: bool,
    /// `--stderr TEXT`: writes this to stderr at the start.
    pub stderr: Option<String>,
    /// `--child`: starts a child of its own that never ends by itself and ignores SIGTERM.
    pub child: bool,
    /// `--stay`: does not end when its input closes.
    pub stay: bool,
}

impl Options {
    /// Reads arguments.
    ///
    /// # Errors
    ///
    /// An argument is unknown or lacks its value.
    pub fn parse(args: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { era: "both".to_owned(), ..Self::default() };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(format!("{arg} needs a value"));
            let number = |text: String| text.parse().map_err(|_| format!("{text} is no number"));
            match arg.as_str() {
                "--era" => options.era = value()?,
                "--hang-at" => options.hang_at = Some(value()?),
                "--exit-at" => options.exit_at = Some(value()?),
                "--crash-every" => options.crash_every = Some(number(value()?)?),
                "--pages" => options.pages = Some(number(value()?)?),
                "--tools" => options.tools = Some(value()?),
                "--answers" => options.answers = Some(value()?),
                "--record" => options.record = Some(value()?),
                "--stderr" => options.stderr = Some(value()?),
                "--malformed" => options.malformed = true,
                "--garbage" => options.garbage = true,
                "--child" => options.child = true,
                "--stay" => options.stay = true,
                _ => return Err(format!("unknown argument {arg}")),
            }
        }
        Ok(options)
    }

    /// Whether the server stops answering, or ends, at this point.
    pub(crate) fn at(&self, point: &str) -> Option<Stop> {
        if self.hang_at.as_deref() == Some(point) {
            Some(Stop::Hang)
        } else {
            (self.exit_at.as_deref() == Some(point)).then_some(Stop::Exit)
        }
    }
}

/// How the server fails to go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Hang,
    Exit,
}
