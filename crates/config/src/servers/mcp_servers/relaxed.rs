//! JSON as editors let people write it: with comments, trailing commas and a byte order mark.

use std::borrow::Cow;

use exuvia_tool::{Json, JsonError};

/// The text as JSON. Every byte stays in its place: what is no JSON becomes blank.
///
/// # Errors
///
/// It is no JSON without that either.
pub(crate) fn json(text: &str) -> Result<Cow<'_, str>, JsonError> {
    let text = text.trim_start_matches('\u{feff}');
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() {
        return Json::parse(text).map(|_| Cow::Borrowed(text));
    }
    Json::parse(blanked(text)).map(|json| Cow::Owned(json.into_string()))
}

/// Comments and commas before a closing bracket as blanks; line breaks stay.
fn blanked(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    // The comma that may turn out to be one too many, and what came last before it.
    let (mut comma, mut last, mut at) = (None, b'[', 0);
    while at < bytes.len() {
        let end = match &bytes[at..] {
            [b'"', ..] => string_end(&bytes, at),
            [b'/', b'/', ..] => {
                bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |line| at + line)
            }
            [b'/', b'*', ..] => {
                let end = bytes[at + 2..].windows(2).position(|end| end == b"*/");
                // One that does not end is no comment, and is reported as what it is.
                let Some(end) = end else { break };
                at + 2 + end + 2
            }
            _ => at + 1,
        };
        match bytes[at] {
            b'/' if end > at + 1 => blank(&mut bytes[at..end]),
            byte if byte.is_ascii_whitespace() => {}
            byte => {
                if matches!(byte, b']' | b'}')
                    && let Some(comma) = comma
                {
                    bytes[comma] = b' ';
                }
                comma = (byte == b',' && !matches!(last, b'[' | b'{' | b',' | b':')).then_some(at);
                last = byte;
            }
        }
        at = end;
    }
    // Whole characters were made blank, or none of their bytes.
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn blank(bytes: &mut [u8]) {
    bytes.iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_trailing_commas_are_blank_and_everything_else_stays_in_its_place() {
        for (text, read) in [
            ("// a \u{e9}\n{\"a\": 1, // \"b\"\n}", "          \n{\"a\": 1          \n}"),
            ("{\"a\": /* , } */ [1, 2, ], }", "{\"a\":           [1, 2  ]  }"),
            ("{\"u\": \"http://x/*\", \"q\": \"\\\",]//\"}", "{\"u\": \"http://x/*\", \"q\": \"\\\",]//\"}"),
            ("[1, /* c */\n]", "[1          \n]"),
        ] {
            assert_eq!(
                json(text).unwrap().split_whitespace().collect::<Vec<_>>(),
                read.split_whitespace().collect::<Vec<_>>()
            );
            assert_eq!(json(text).unwrap().len(), text.len(), "{text}");
        }
        assert_eq!(json("\u{feff}{}").unwrap(), "{}");
    }

    #[test]
    fn invalid_json_is_an_error_with_its_line() {
        for text in ["{\"a\": 1 \"b\": 2}", "{,}", "[1,,]", "{\"a\": /* 1}", "/", "\"a", "\"a\\"] {
            let told = json(text).unwrap_err().to_string();
            assert!(told.contains("line 1 column"), "{text}: {told}");
        }
    }
}
