//! Scripts that a client has wrapped up: in a Markdown fence, in indentation, or with its line breaks escaped.
//!
//! None of them is Python as it is, and what is meant is plain. A script is changed only if it is not understood as it stands
//! and is understood as repaired. Lines keep their numbers.

use std::iter;

use crate::{MAX_SOURCE_BYTES, tokens, tree};

const FENCE: &str = "```";

/// The script that is meant, if `source` is none and something is wrapped around one. Costs a look at the text where there is
/// not.
#[must_use]
pub fn repaired(source: &str) -> Option<String> {
    if source.len() > MAX_SOURCE_BYTES {
        return None;
    }
    let candidates = [unfenced(source), unindented(source), unescaped(source)];
    if candidates.iter().all(Option::is_none) || is_python(source) {
        return None;
    }
    candidates.into_iter().flatten().find_map(|candidate| {
        let candidate = unindented(&candidate).filter(|plain| is_python(plain)).unwrap_or(candidate);
        is_python(&candidate).then_some(candidate)
    })
}

fn is_python(source: &str) -> bool {
    let parsed = || tree::parse(tokens::read(source).ok()?).ok().map(drop);
    tree::on_deep_stack(source.len(), parsed).flatten().is_some()
}

/// What stands in the only fenced block, with empty lines in the place of what stands around it.
fn unfenced(source: &str) -> Option<String> {
    let lines: Vec<&str> = source.lines().collect();
    let mut fences =
        lines.iter().enumerate().filter(|(_, line)| line.trim_start().starts_with(FENCE)).map(|(at, _)| at);
    let begin = fences.next()?;
    let end = fences.next().unwrap_or(lines.len());
    if fences.next().is_some() {
        return None;
    }
    let inside = lines.iter().enumerate().map(|(at, line)| if at > begin && at < end { *line } else { "" });
    Some(inside.collect::<Vec<_>>().join("\n"))
}

/// The lines without the indentation that the first one has.
fn unindented(source: &str) -> Option<String> {
    let first = source.lines().find(|line| !line.trim().is_empty())?;
    let indent = &first[..first.len() - first.trim_start().len()];
    if indent.is_empty() {
        return None;
    }
    // Only the first line may be out of place.
    let is_whole = source.lines().filter(|line| !line.trim().is_empty()).all(|line| line.starts_with(indent));
    let lines = source.lines();
    let lines: Vec<&str> = if is_whole {
        lines.map(|line| line.strip_prefix(indent).unwrap_or("")).collect()
    } else {
        let at = source.lines().position(|line| line == first)?;
        lines.enumerate().map(|(number, line)| if number == at { line.trim_start() } else { line }).collect()
    };
    Some(lines.join("\n"))
}

/// The text with its escapes resolved once, if it is one line with escaped line breaks.
fn unescaped(source: &str) -> Option<String> {
    let line = source.trim();
    if line.contains('\n') || !line.contains("\\n") {
        return None;
    }
    let mut text = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (character, if character == '\\' { characters.next() } else { None }) {
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some('t')) => text.push('\t'),
            ('\\', Some('r')) => {}
            ('\\', Some(escaped @ ('"' | '\\' | '\''))) => text.push(escaped),
            (character, other) => text.extend(iter::once(character).chain(other)),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrapped_around_a_script_is_taken_off() {
        for (source, expected) in [
            ("```python\nx = 1\nx\n```", "\nx = 1\nx\n"),
            ("Here it is:\n\n```py\nx = 1\n```\nIt sets x.", "\n\n\nx = 1\n\n"),
            ("```\nx = 1", "\nx = 1"),
            ("    x = 1\n    if x:\n        x = 2\n\n    x", "x = 1\nif x:\n    x = 2\n\nx"),
            ("  x = 1\nx", "x = 1\nx"),
            ("```python\n    x = 1\n    x\n```", "\nx = 1\nx"),
            (r#"x = 1\nfor i in [1]:\n    print(\"a\\nb\")"#, "x = 1\nfor i in [1]:\n    print(\"a\\nb\")"),
        ] {
            assert_eq!(repaired(source).as_deref(), Some(expected), "{source}");
        }
    }

    #[test]
    fn a_script_is_left_as_it_is() {
        for source in [
            "x = 1",
            "text = '''\n```\nfenced\n```\n'''",
            r#"print("a\nb")"#,
            "",
            "x = (",
            "    x = (",
            "```\nx = 1\n```\nand\n```\ny = 2\n```",
            "print \"x\\n\"",
        ] {
            assert_eq!(repaired(source), None, "{source}");
        }
    }
}
