//! Hints that need what only the host knows, for exceptions of which the sandbox has less to say.

mod answers;
mod names;

use exuvia_catalog::LearnedAnswers;
use exuvia_runtime::{Outcome, Report, ScriptError};
use exuvia_tool::Namespace;

/// What a run saw.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) namespace: &'a Namespace,
    /// The shapes of answers, if they are learned.
    pub(crate) learned: Option<&'a dyn LearnedAnswers>,
    /// Whether its session begins with it.
    pub(crate) begins_session: bool,
}

/// Adds to an exception the hint that is known here, in the place of that of the sandbox.
pub(crate) fn with_hint(mut report: Report, seen: Seen<'_>) -> Report {
    if let Outcome::Raised(error) = &mut report.outcome
        && let Some(hint) = hint(error, seen)
    {
        error.hint = Some(hint);
    }
    report
}

fn hint(error: &ScriptError, seen: Seen<'_>) -> Option<String> {
    match error.kind.as_str() {
        "NameError" | "ModuleNotFoundError" => names::hint(error, seen.namespace)
            .or_else(|| of_new_session(error.hint.as_deref()?).filter(|_| seen.begins_session)),
        "AttributeError" | "KeyError" | "TypeError" => {
            answers::hint(error, seen).or_else(|| of_character(error.hint.as_deref()?))
        }
        "SyntaxError" if error.hint.is_none() => of_one_line(marked_line(&error.traceback)),
        _ => None,
    }
}

/// Where a loop goes over a text, what the sandbox calls a text is one character.
fn of_character(hint: &str) -> Option<String> {
    let text = hint.split_once(" is the text '")?.1.strip_suffix('\'')?;
    let parse = if matches!(text, "{" | "[") { ", so json.loads it first" } else { "" };
    (text.chars().count() == 1).then(|| format!("{hint}: a loop over a text gives its characters{parse}"))
}

/// What the sandbox says of a name that no script has set, where the client may think of scripts of a session that was forgotten.
fn of_new_session(hint: &str) -> Option<String> {
    let name = hint.strip_suffix(" is not set in this script, and nothing is kept from earlier ones")?;
    Some(format!("{name} is not set in this script, with which the session begins: nothing is kept from before"))
}

/// `x = 1; for y in z: ...`, which clients write that send a script in one line.
fn of_one_line(line: &str) -> Option<String> {
    let begins = |statement: &&str| line.contains(&format!("; {statement} "));
    let statement = ["for", "if", "while", "with", "def", "async", "class", "try:"].into_iter().find(begins)?;
    Some(format!("begin a new line before `{}`: it cannot stand behind `;`", statement.trim_end_matches(':')))
}

/// The line at fault, as the script has it.
fn marked_line(traceback: &str) -> &str {
    let line = traceback.lines().rfind(|line| line.starts_with('>')).unwrap_or_default();
    line.split_once(" | ").map_or("", |(_, line)| line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_over_a_text_is_told_by_its_characters() {
        for (hint, expected) in [
            ("x is the text 'a'", Some("x is the text 'a': a loop over a text gives its characters")),
            (
                "x is the text '{'",
                Some("x is the text '{': a loop over a text gives its characters, so json.loads it first"),
            ),
            ("x is the text 'ab'", None),
            ("x is None", None),
        ] {
            assert_eq!(of_character(hint).as_deref(), expected, "{hint}");
        }
    }

    #[test]
    fn a_block_behind_a_semicolon_is_told_to_begin_a_line() {
        let expected = Some("begin a new line before `for`: it cannot stand behind `;`".to_owned());
        assert_eq!(of_one_line("x = 1; for y in x: print(y)"), expected);
        assert_eq!(of_one_line("x = 1; y = (2"), None);
        assert_eq!(marked_line("  1 | a\n> 2 | b | c\n      ^"), "b | c");
    }
}
