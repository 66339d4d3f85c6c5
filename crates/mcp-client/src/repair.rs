//! Repair of almost-JSON, as some servers write it.
//!
//! A text that was cut in the middle of an emoji ends in half of a surrogate pair, and a mean of nothing is `NaN`: neither is a
//! reason to lose what stands beside it. Good messages pay for none of this.

/// What spreadsheets and several languages put before a text.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// What several languages write for numbers that JSON does not have.
const NO_NUMBERS: &[&str] =
    &["NaN", "-NaN", "nan", "-nan", "Infinity", "-Infinity", "+Infinity", "inf", "-inf", "+inf", "Inf", "-Inf", "+Inf"];

/// A message without a byte order mark before it.
pub(crate) fn without_mark(mut text: Vec<u8>) -> Vec<u8> {
    while text.starts_with(MARK) {
        text.drain(..MARK.len());
    }
    text
}

/// Puts U+FFFD in the place of each half of a surrogate pair that a JSON text escapes alone.
pub(crate) fn halves(json: &mut String) {
    let may_be_half = |at: usize| matches!(json.as_bytes().get(at + 2), Some(b'd' | b'D'));
    if !json.match_indices("\\u").any(|(at, _)| may_be_half(at)) {
        return;
    }
    let mut bytes = std::mem::take(json).into_bytes();
    let mut at = 0;
    while let Some(next) = bytes[at..].iter().position(|&byte| byte == b'\\') {
        at += next;
        at += match escaped(&bytes[at..]) {
            Some(0xd800..=0xdbff) if matches!(escaped(&bytes[at + 6..]), Some(0xdc00..=0xdfff)) => 12,
            Some(0xd800..=0xdfff) => {
                bytes[at + 2..at + 6].copy_from_slice(b"fffd");
                6
            }
            _ => 2,
        };
        at = at.min(bytes.len());
    }
    // Digits were put in the place of digits.
    *json = String::from_utf8(bytes).unwrap_or_default();
}

/// The number of the character that `\uXXXX` escapes, if the text begins so.
fn escaped(text: &[u8]) -> Option<u32> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |code, &digit| Some(code * 16 + char::from(digit).to_digit(16)?))
}

/// A text with `null` in the place of each number that is none, and how many there were. None: there was none.
pub(crate) fn numbers(text: &str) -> Option<(String, usize)> {
    let (mut repaired, mut taken, mut at, mut found) = (String::new(), 0, 0, 0);
    let bytes = text.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = after_string(bytes, at),
            b'N' | b'n' | b'I' | b'i' | b'-' | b'+' => match no_number(&bytes[at..]) {
                Some(length) => {
                    repaired.push_str(&text[taken..at]);
                    repaired.push_str("null");
                    at += length;
                    taken = at;
                    found += 1;
                }
                None => at += 1,
            },
            _ => at += 1,
        }
    }
    repaired.push_str(&text[taken..]);
    (found > 0).then_some((repaired, found))
}

/// Where the string that begins here has ended.
fn after_string(bytes: &[u8], begun: usize) -> usize {
    let mut at = begun + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

fn no_number(text: &[u8]) -> Option<usize> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric();
    let found =
        NO_NUMBERS.iter().find(|word| text.starts_with(word.as_bytes()) && !text.get(word.len()).is_some_and(is_word));
    found.map(|word| word.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> String {
        let mut text = text.to_owned();
        halves(&mut text);
        text
    }

    #[test]
    fn half_of_a_pair_becomes_the_character_for_what_is_unknown() {
        assert_eq!(whole(r#""cut \ud83d""#), r#""cut \ufffd""#);
        assert_eq!(whole(r#"{"\uDE00":"\ud83d\ud83d\ude00\uD83D"}"#), r#"{"\ufffd":"\ufffd\ud83d\ude00\ufffd"}"#);
        for good in [r#""\ud83d\ude00""#, r#""\\ud83d""#, r#""\u00e9 \\\\ud83d""#, r#""\ud8"#, "\\ud83", "é\\ud"] {
            assert_eq!(whole(good), good);
        }
        assert_eq!(whole("\\ud83d"), "\\ufffd");
    }

    #[test]
    fn numbers_that_are_none_become_null() {
        let repaired = |text: &str| numbers(text).unwrap_or_else(|| (text.to_owned(), 0));
        assert_eq!(repaired(r#"[NaN,-Infinity, {"a":Infinity}]"#), (r#"[null,null, {"a":null}]"#.to_owned(), 3));
        assert_eq!(repaired("[-nan,+inf,-Inf]"), ("[null,null,null]".to_owned(), 3));
        for good in [r#"{"NaN":"NaN, \"Infinity"}"#, "[null,-1,1e+5]", "Info: nano", "\"NaN", "\"\\"] {
            assert_eq!(repaired(good), (good.to_owned(), 0));
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_message() {
        assert_eq!(without_mark(b"\xef\xbb\xbf{}".to_vec()), b"{}");
        assert_eq!(without_mark(b"\xef\xbb".to_vec()), b"\xef\xbb");
    }
}
