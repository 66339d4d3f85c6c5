//! Where a replay departs from its record.

use std::fmt;

use exuvia_policy::{REDACTED, Redaction};
use exuvia_text::quoted;
use exuvia_tool::{CallId, Json, ToolName};

/// The most that a message has of arguments and other texts of a script, in characters.
const SHOWN: usize = 200;

/// The first event at which a replay is not what was recorded. `{}` says what differs and what to do; texts of scripts and servers
/// in it are quoted and bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Departure {
    /// Another call than the recorded one of this number, or one that the record does not have.
    Call {
        /// Its number.
        call: CallId,
        /// What is recorded: the tool and its arguments. None: there is no such call.
        recorded: Option<(ToolName, String)>,
        /// What the replay called.
        replayed: (ToolName, String),
        /// The line of the script, as the guest says.
        line: Option<u32>,
    },
    /// A recorded call that the replay did not make before it ended.
    CallNotMade {
        /// Its number.
        call: CallId,
        /// The tool.
        name: ToolName,
    },
    /// The replay blocks until a call has its answer, and the record has none.
    NoAnswer {
        /// Its number.
        call: CallId,
    },
    /// The replay took something else from the world than what is recorded at this place.
    Reading {
        /// Which reading, counted from 1.
        number: usize,
        /// What is recorded. None: the record ends before.
        recorded: Option<&'static str>,
        /// What the replay asked for. None: it ended before.
        replayed: Option<&'static str>,
    },
    /// An edited script asks its files for something that is not recorded.
    FileNotRecorded,
    /// The same events came to another end.
    End {
        /// What of the end differs: `result`, `log`, `fuel` and so on.
        what: &'static str,
        /// What is recorded, bounded.
        recorded: String,
        /// What the replay came to, bounded.
        replayed: String,
    },
}

impl Departure {
    /// The same in words that have nothing of arguments, results and logs: for a record or an error, which nothing redacts by JSON path.
    #[must_use]
    pub fn without_values(&self) -> String {
        match self {
            Self::Call { call, recorded, replayed: (replayed, _), .. } => match recorded {
                Some((name, _)) if name == replayed => {
                    format!("call {}: {name} with other arguments than recorded: {OTHER_PATH}", call.0)
                }
                Some((name, _)) => {
                    format!("call {}: recorded {name}, the replay called {replayed}: {OTHER_PATH}", call.0)
                }
                None => format!("call {}: the record has none, the replay called {replayed}: {OTHER_PATH}", call.0),
            },
            Self::End { what, .. } => format!("end: {what} is not as recorded: {OTHER_PATH}"),
            other => other.to_string(),
        }
    }

    /// The same with everything hidden that is to be redacted of arguments. What of an end differs is redacted before it is quoted.
    pub(crate) fn redacted(self, redaction: &Redaction) -> Self {
        match self {
            Self::Call { call, recorded, replayed: (name, arguments), line } => Self::Call {
                call,
                recorded: recorded.map(|(name, arguments)| (name, redacted(arguments, redaction))),
                replayed: (name, redacted(arguments, redaction)),
                line,
            },
            other => other,
        }
    }
}

/// Arguments with everything hidden that is to be redacted.
fn redacted(arguments: String, redaction: &Redaction) -> String {
    if redaction.is_empty() {
        return arguments;
    }
    Json::parse(arguments).map_or_else(|_| REDACTED.to_owned(), |arguments| redaction.json(&arguments).into_string())
}

/// What to do where the same script took another path.
const OTHER_PATH: &str = "the script, the guest or a recorded answer is not the same: replay the recorded script with the recorded \
                          guest, and verify the journal";

impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call { call, recorded, replayed, line } => {
                write!(f, "call {}: ", call.0)?;
                match recorded {
                    Some((name, arguments)) => write!(f, "recorded {name} {}", quoted(arguments, SHOWN))?,
                    None => f.write_str("the record has none")?,
                }
                write!(f, ", the replay called {} {}", replayed.0, quoted(&replayed.1, SHOWN))?;
                if let Some(line) = line {
                    write!(f, " at line {line}")?;
                }
                write!(f, ": {OTHER_PATH}")
            }
            Self::CallNotMade { call, name } => {
                write!(f, "call {}: recorded {name}, the replay ended without it: {OTHER_PATH}", call.0)
            }
            Self::NoAnswer { call } => {
                write!(f, "call {}: the replay waits for its answer and the record has none: {OTHER_PATH}", call.0)
            }
            Self::Reading { number, recorded, replayed } => {
                write!(f, "reading {number}: ")?;
                match (recorded, replayed) {
                    (Some(recorded), Some(replayed)) => {
                        write!(f, "recorded {recorded}, the replay asked for {replayed}")
                    }
                    (None, Some(replayed)) => write!(f, "the record ends, the replay asked for {replayed}"),
                    (recorded, None) => {
                        write!(f, "recorded {}, the replay ended without it", recorded.unwrap_or("nothing"))
                    }
                }?;
                write!(f, ": {OTHER_PATH}")
            }
            Self::FileNotRecorded => f.write_str(
                "the edited script asks its files for something that the recorded one did not ask for: run it instead of replaying it",
            ),
            Self::End { what, recorded, replayed } => {
                write!(f, "end: {what} was {recorded}, the replay has {replayed}: {OTHER_PATH}")
            }
        }
    }
}

/// The call at which an edited script would do something that is not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCall {
    /// Its number in the edited script's run.
    pub call: CallId,
    /// The tool.
    pub name: ToolName,
    /// Its arguments, as the script wrote them.
    pub arguments: String,
    /// The line of the script, as the guest says.
    pub line: Option<u32>,
}

impl NewCall {
    /// The same with everything hidden that is to be redacted.
    pub(crate) fn redacted(self, redaction: &Redaction) -> Self {
        Self { arguments: redacted(self.arguments, redaction), ..self }
    }
}

impl fmt::Display for NewCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {} would be new: {} {}", self.call.0, self.name, quoted(&self.arguments, SHOWN))?;
        self.line.map_or(Ok(()), |line| write!(f, " at line {line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(name: &str) -> (ToolName, String) {
        (ToolName::new("a", name), r#"{"token":"hunter2"}"#.to_owned())
    }

    #[test]
    fn without_values_it_says_which_call_and_nothing_of_its_arguments() {
        let departure = |recorded| Departure::Call { call: CallId(2), recorded, replayed: called("b"), line: Some(3) };
        let cases = [
            (departure(Some(called("b"))), "call 2: a.b with other arguments than recorded"),
            (departure(Some(called("d"))), "call 2: recorded a.d, the replay called a.b"),
            (departure(None), "call 2: the record has none, the replay called a.b"),
            (
                Departure::End { what: "result", recorded: "hunter2".to_owned(), replayed: "hunter2".to_owned() },
                "end: result is not as recorded",
            ),
        ];
        for (departure, expected) in cases {
            assert!(departure.to_string().contains("hunter2"), "{departure}");
            assert_eq!(departure.without_values(), format!("{expected}: {OTHER_PATH}"));
        }
    }
}
