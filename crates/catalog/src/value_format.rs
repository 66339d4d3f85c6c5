//! The parts of a description that describe how a value is written: formats, ranges, units, examples, possible values.

use crate::text;

/// What a text has that describes a format, in lower case.
const OF_FORMAT: [&str; 28] = [
    "e.g.",
    "example",
    "for instance",
    "such as",
    "rfc 3",
    "rfc3",
    "rfc 5",
    "iso 8",
    "iso-8",
    "iso8",
    "yyyy",
    "format",
    "one of",
    "options:",
    "supported:",
    "valid values",
    "possible values",
    "allowed values",
    "must be",
    "must match",
    "comma-separated",
    "comma separated",
    "separated by",
    "base64",
    "0-based",
    "1-based",
    "required for",
    "required when",
];

/// Units of numbers, in lower case.
const UNITS: [&str; 20] = [
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "byte",
    "kb",
    "mb",
    "pixel",
    "percent",
    "point",
    "inch",
    "cm",
    "epoch",
    "unix",
    "0-based",
    "1-based",
    "zero-based",
    "one-based",
    "cent",
];

/// How examples begin.
pub(crate) const EXAMPLE: &str = "e.g. ";

/// Whether a text, in lower case, has an example.
pub(crate) fn has_example(lower: &str) -> bool {
    lower.contains("e.g.") || lower.contains("example")
}

/// Whether a sentence describes how a value is written.
pub(crate) fn is_format(sentence: &str) -> bool {
    let lower = sentence.to_lowercase();
    OF_FORMAT.iter().any(|mark| lower.contains(mark))
}

/// The part of a long sentence that describes how a value is written, of at most `max_chars` characters: what stands in
/// parentheses, or what begins with the mark.
pub(crate) fn part(sentence: &str, max_chars: usize) -> Option<String> {
    let in_parentheses = sentence.split('(').skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    if let Some(inner) = in_parentheses.into_iter().find(|inner| is_format(inner)) {
        return Some(text::cut(&as_example(inner.trim()), max_chars));
    }
    // The same places as in the sentence itself: what is not ASCII is not changed.
    let lower = sentence.to_ascii_lowercase();
    let start = OF_FORMAT.iter().filter_map(|mark| lower.find(mark)).min()?;
    Some(text::cut(&as_example(&sentence[start..]), max_chars)).filter(|part| part.contains(' '))
}

/// Examples begin in one way.
fn as_example(text: &str) -> String {
    let openings =
        ["e.g.,", "e.g.:", "e.g.", "Examples:", "Example:", "for example,", "for example:", "for example", "Example"];
    match openings.iter().find_map(|opening| text.strip_prefix(opening)) {
        Some(rest) => format!("{EXAMPLE}{}", rest.trim_start()),
        None => text.to_owned(),
    }
}

/// What the description of a number adds to its name: `1-50`, its unit.
pub(crate) fn of_number(description: &str, name: &str) -> Vec<String> {
    let words: Vec<&str> =
        description.split([' ', '(', ')', ',', ';', '\n']).filter(|word| !word.is_empty()).take(100).collect();
    let mut parts = Vec::new();
    parts.extend(range(&words));
    let name = text::words(name);
    let unit = words.iter().map(|word| word.trim_end_matches('.').to_lowercase()).find(|word| {
        UNITS.iter().any(|unit| {
            let is_unit = word.strip_prefix(unit).is_some_and(|end| matches!(end, "" | "s" | "es"));
            is_unit && !name.iter().any(|part| part.starts_with(unit))
        })
    });
    parts.extend(unit);
    parts
}

/// `1-50`, `1 to 50`, `between 1 and 50`, `max 50`, as `1..50`.
fn range(words: &[&str]) -> Option<String> {
    let number = |word: &&str| -> Option<String> {
        let digits = word.trim_end_matches(['.', ':']);
        (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.to_owned())
    };
    let both = |word: &&str| {
        let (from, to) = word.split_once(['-', '–']).or_else(|| word.split_once(".."))?;
        Some(format!("{}..{}", number(&from)?, number(&to)?))
    };
    if let Some(range) = words.iter().find_map(both) {
        return Some(range);
    }
    let pairs = words.windows(3).filter(|three| matches!(three[1], "to" | "and" | "-" | "–"));
    let spread = pairs.filter_map(|three| Some(format!("{}..{}", number(&three[0])?, number(&three[2])?)));
    let most = || {
        let before = |word: &str| matches!(word.to_lowercase().trim_end_matches(':'), "max" | "maximum" | "most");
        words.windows(2).filter(|two| before(two[0])).find_map(|two| Some(format!("max {}", number(&two[1])?)))
    };
    spread.into_iter().next().or_else(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_examples_are_kept_of_long_sentences() {
        let long =
            "The time at which the thing begins that was asked for a while ago (RFC 3339, e.g. 2026-01-01T00:00:00Z)";
        assert_eq!(part(long, 60).unwrap(), "RFC 3339, e.g. 2026-01-01T00:00:00Z");
        assert_eq!(part("Which of them, comma-separated, in any order", 99).unwrap(), "comma-separated, in any order");
        assert_eq!(part("A long story (of no use)", 99), None);
        assert_eq!(part("Its key (e.g., 'A-1', for example)", 99).unwrap(), "e.g. 'A-1', for example");
        assert_eq!(part("Some examples", 99), None);
    }

    #[test]
    fn ranges_and_units_of_numbers_are_kept() {
        assert_eq!(of_number("Maximum number of results (1-50)", "limit"), ["1..50"]);
        assert_eq!(of_number("Between 1 and 100. Default 10", "limit"), ["1..100"]);
        assert_eq!(of_number("How many (max 500)", "limit"), ["max 500"]);
        assert_eq!(of_number("How long to wait, in milliseconds.", "timeout"), ["milliseconds"]);
        assert!(of_number("How many seconds to wait", "wait_seconds").is_empty());
        assert!(of_number("Number of results per page (default: 50)", "page_size").is_empty());
    }
}
