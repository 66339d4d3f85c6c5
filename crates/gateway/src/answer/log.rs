//! What is shown of a log: its end, where the script came to.

use exuvia_runtime::LogText;
use exuvia_text::{printable, tokens};

/// So many bytes are rarely more than a token.
const LEAST_TOKEN_BYTES: usize = 2;

/// The end of a log in about so many tokens, and bytes. A log that went over `log_bytes` has lost its own end already.
pub(super) fn end_of(logs: &LogText, most_tokens: usize, most_bytes: usize) -> String {
    let text = printable(&logs.text);
    let text = text.trim_end_matches('\n');
    let lost = match logs.dropped_bytes {
        0 => String::new(),
        bytes => format!("\n[log_bytes reached: {bytes} bytes more were printed; print less]"),
    };
    if text.len() <= most_bytes && tokens(text, most_tokens) <= most_tokens {
        return format!("{text}{lost}");
    }
    let begin = begin(text, most_tokens, most_bytes);
    format!("[the last {} of {} bytes; print less]\n{}{lost}", text.len() - begin, text.len(), &text[begin..])
}

/// Where the end of `text` begins that fits: at the beginning of a line, if one is near.
fn begin(text: &str, most_tokens: usize, most_bytes: usize) -> usize {
    let (mut begin, mut left) = (text.len(), most_tokens);
    let least = text.len().saturating_sub(most_bytes);
    for line in text.split_inclusive('\n').rev() {
        let (line_begins, used) = (begin - line.len(), tokens(line, left));
        if used > left || line_begins < least {
            // Of a line that is all there is, something is shown.
            let tail = text.len().saturating_sub(left * LEAST_TOKEN_BYTES).max(least);
            return if begin == text.len() { text.ceil_char_boundary(tail) } else { begin };
        }
        (begin, left) = (line_begins, left - used);
    }
    begin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(text: &str, dropped_bytes: u64) -> LogText {
        LogText { text: text.to_owned(), dropped_bytes }
    }

    #[test]
    fn the_end_of_a_long_log_is_kept() {
        let lines: String = (0..1_000).map(|n| format!("line {n}\n")).collect();
        let text = end_of(&log(&lines, 0), 30, usize::MAX);
        assert!(text.starts_with("[the last ") && text.contains(" of 8889 bytes; print less]\nline 99"), "{text}");
        assert!(text.ends_with("\nline 999"), "{text}");
        assert!(tokens(&text, usize::MAX) < 50, "{text}");
        let short = end_of(&log("one\ntwo\nthree\n", 0), 100, 6);
        assert_eq!(short, "[the last 5 of 13 bytes; print less]\nthree");
    }

    #[test]
    fn one_long_line_is_cut_between_characters() {
        let text = end_of(&log(&"ä".repeat(10_000), 0), 20, usize::MAX);
        assert!(text.ends_with("ää") && text.len() < 120, "{text}");
    }

    #[test]
    fn a_log_that_was_dropped_says_so_once() {
        assert_eq!(
            end_of(&log("abcdef\n", 94), 100, 100),
            "abcdef\n[log_bytes reached: 94 bytes more were printed; print less]"
        );
        assert_eq!(end_of(&log("", 0), 100, 100), "");
    }
}
