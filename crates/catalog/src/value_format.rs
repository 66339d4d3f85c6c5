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
    lower.contains("e.g.") || place_of(lower, "example").is_some()
}

/// Where a text, in lower case, has a mark as a word of its own: `example.com`, `information` have none.
fn place_of(lower: &str, mark: &str) -> Option<usize> {
    let is_word = mark.ends_with(|end: char| end.is_ascii_alphabetic()) && mark != "yyyy";
    let begins = |before: &str| !before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '@' | '/' | '_'));
    let ends = |after: &str| {
        let after = after.strip_prefix("ted").or(after.strip_prefix('s')).unwrap_or(after);
        let mut next = after.chars();
        match next.next() {
            Some('.') => !next.next().is_some_and(char::is_alphanumeric),
            Some(c) => !c.is_alphanumeric() && !matches!(c, '_' | '@'),
            None => true,
        }
    };
    let is_mark =
        |place: usize| mark == "yyyy" || begins(&lower[..place]) && (!is_word || ends(&lower[place + mark.len()..]));
    lower.match_indices(mark).map(|(place, _)| place).find(|place| is_mark(*place))
}

/// Whether a sentence describes how a value is written.
pub(crate) fn is_format(sentence: &str) -> bool {
    let lower = sentence.to_lowercase();
    OF_FORMAT.iter().any(|mark| place_of(&lower, mark).is_some())
}

/// The part of a long sentence that describes how a value is written, of at most `max_chars` characters: what stands in
/// parentheses, or what begins with the mark.
pub(crate) fn part(sentence: &str, max_chars: usize) -> Option<String> {
    let in_parentheses = sentence.split('(').skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    if let Some(inner) = in_parentheses.into_iter().find(|inner| is_format(inner)) {
        return Some(text::cut(&as_example(inner.trim())?, max_chars));
    }
    // The same places as in the sentence itself: what is not ASCII is not changed.
    let lower = sentence.to_ascii_lowercase();
    let start = OF_FORMAT.iter().filter_map(|mark| place_of(&lower, mark)).min()?;
    Some(text::cut(&as_example(&sentence[start..])?, max_chars)).filter(|part| part.contains(' '))
}

/// Whether a statement only announces examples, which the next one is.
pub(crate) fn announces_example(statement: &str) -> bool {
    matches!(statement.to_ascii_lowercase().as_str(), "example" | "examples" | "for example" | "e.g")
}

/// Examples begin in one way. None if there is nothing behind the beginning.
fn as_example(text: &str) -> Option<String> {
    let opening = ["e.g.", "examples", "for example", "example"].into_iter().find(|opening| {
        text.get(..opening.len()).is_some_and(|head| head.eq_ignore_ascii_case(opening))
            && !text[opening.len()..].starts_with(|c: char| c.is_alphanumeric() && !opening.ends_with('.'))
    });
    let Some(opening) = opening else { return Some(text.to_owned()) };
    let rest = text[opening.len()..].trim_start_matches([',', ':', ' ']);
    (rest.chars().nth(1).is_some()).then(|| format!("{EXAMPLE}{rest}"))
}

/// What the description of a number adds to its name: `1-50`, its unit, and unless `has_default`, where the signature shows it,
/// its default.
pub(crate) fn of_number(description: &str, name: &str, has_default: bool) -> Vec<String> {
    let words: Vec<&str> =
        description.split([' ', '(', ')', ',', ';', '\n']).filter(|word| !word.is_empty()).take(100).collect();
    let mut parts = Vec::new();
    parts.extend(range(&words));
    parts.extend(unit(description, &text::words(name)));
    parts.extend(default(&words).filter(|_| !has_default));
    parts
}

/// `seconds` of `in seconds`, `(seconds)`, `how many seconds`, `30 seconds`: elsewhere the word means something else.
fn unit(description: &str, name: &[String]) -> Option<String> {
    let lower = description.to_lowercase();
    let mut before = "";
    for word in lower.split_inclusive([' ', '(', ')', ',', ';', '\n']).take(200) {
        let plain = word.trim_end_matches([' ', '(', ')', ',', ';', '\n', '.']);
        let is_unit = UNITS.iter().any(|unit| {
            plain.strip_prefix(unit).is_some_and(|end| matches!(end, "" | "s" | "es"))
                && !name.iter().any(|part| part.starts_with(unit))
        });
        let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let last = before.trim_end();
        let is_named = before.ends_with('(')
            || matches!(last, "in" | "many" | "of")
            || is_number(last)
            || plain.ends_with("-based")
            || matches!(plain, "epoch" | "unix");
        if is_unit && is_named {
            return Some(plain.to_owned());
        }
        before = word;
    }
    None
}

/// `default 30` of `default: 30`, `defaults to 30`, `default is 30`.
fn default(words: &[&str]) -> Option<String> {
    let plain = |word: &str| word.trim_end_matches([':', '=', '.']).to_lowercase();
    let place = words.iter().position(|word| matches!(plain(word).as_str(), "default" | "defaults"))?;
    let mut behind = words[place + 1..].iter().take(3).copied();
    let value = behind.find(|word| !matches!(plain(word).as_str(), "to" | "is" | "value" | "of" | "=" | ""))?;
    let value = value.trim_end_matches(['.', ':']);
    let digits = value.strip_prefix('-').unwrap_or(value);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit()) && digits.parse::<f64>().is_ok();
    is_number.then(|| format!("default {value}"))
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
        assert_eq!(part("Examples", 99), None);
        assert_eq!(part("Its key (Example: A-1)", 99).unwrap(), "e.g. A-1");
        for plain in ["More information on the customer that was there", "A link to https://example.com/page or so"] {
            assert!(!is_format(plain) && part(plain, 99).is_none(), "{plain}");
        }
        assert!(is_format("Formatted as a date") && is_format("For example, 7") && has_example("example: x"));
    }

    #[test]
    fn ranges_and_units_of_numbers_are_kept() {
        let of_number = |description, name| of_number(description, name, false);
        assert_eq!(of_number("Maximum number of results (1-50)", "limit"), ["1..50"]);
        assert_eq!(of_number("Between 1 and 100. Default 10", "limit"), ["1..100", "default 10"]);
        assert_eq!(of_number("How many (max 500)", "limit"), ["max 500"]);
        assert_eq!(of_number("How long to wait, in milliseconds.", "timeout"), ["milliseconds"]);
        assert!(of_number("How many seconds to wait", "wait_seconds").is_empty());
        assert_eq!(of_number("Number of results per page (default: 50)", "page_size"), ["default 50"]);
        assert_eq!(of_number("Rows (default: 30, max: 100)", "limit"), ["max 100", "default 30"]);
        assert_eq!(of_number("Wait (seconds), defaults to 2.5.", "wait"), ["seconds", "default 2.5"]);
        assert!(super::of_number("Rows (default: 30)", "limit", true).is_empty());
        for no_unit in ["The second page of them", "At this point of the list", "The default view"] {
            assert!(of_number(no_unit, "n").is_empty(), "{no_unit}");
        }
    }
}
