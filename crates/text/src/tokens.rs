//! About how many tokens a model pays for a text.

/// Characters of a run of ASCII letters that are about one token. Words of prose and names of fields are.
const LETTERS: usize = 8;
/// Digits of a number that are one token.
const DIGITS: usize = 3;
/// Characters of a run of ASCII punctuation that are about one token.
const SIGNS: usize = 3;
/// Letters of other alphabets that are about one token.
const OTHER_LETTERS: usize = 3;

/// What a run of characters consists of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    None,
    Lower,
    Upper,
    Digits,
    Spaces,
    Signs,
    Other,
}

/// About how many tokens of `o200k` a text has, counted until there are more than `enough`. Of prose, JSON and tables within a
/// quarter, of text without words (hexadecimal, base64) within a half.
#[must_use]
pub fn tokens(text: &str, enough: usize) -> usize {
    let (mut tokens, mut run, mut length) = (0, Run::None, 0);
    for character in text.chars() {
        let (next, at_most) = class(character);
        // A capital letter and the small ones behind it are one word.
        let goes_on = next == run || (run == Run::Upper && next == Run::Lower && length == 1);
        length = if goes_on { length + 1 } else { 1 };
        run = next;
        let begins_token = match character {
            '\n' => length == 1,
            // One space belongs to the word behind it.
            _ if next == Run::Spaces => length == 2,
            _ => (length - 1) % at_most == 0,
        };
        tokens += usize::from(begins_token);
        if tokens > enough {
            break;
        }
    }
    tokens
}

/// The kind of a character, and how many of it are one token.
fn class(character: char) -> (Run, usize) {
    match character {
        'a'..='z' => (Run::Lower, LETTERS),
        'A'..='Z' => (Run::Upper, 3),
        '0'..='9' => (Run::Digits, DIGITS),
        ' ' | '\t' | '\r' | '\n' => (Run::Spaces, usize::MAX),
        _ if character.is_ascii() => (Run::Signs, SIGNS),
        // Chinese, Japanese and Korean, and pictures.
        '\u{2e80}'.. => (Run::Other, 1),
        _ => (Run::Other, OTHER_LETTERS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &str) -> (usize, usize) {
        (tokens(text, usize::MAX), tiktoken_rs::o200k_base().expect("embedded").encode_ordinary(text).len())
    }

    #[test]
    fn the_estimate_is_near_the_count_for_what_models_read() {
        let rows: String = (0..200)
            .map(|n| {
                format!("{{\"id\":{},\"name\":\"Customer {n}\",\"email\":\"user{n}@example.com\",\"city\":\"Lisbon\",\"created_at\":\"2026-11-{:02}T08:30:00Z\",\"active\":{}}},", 1000 + n, n % 28 + 1, n % 2 == 0)
            })
            .collect();
        let table: String =
            (0..200).map(|n| format!("{n},Customer {n},user{n}@example.com,null,{}.50\n", n * 7)).collect();
        let prose =
            "Weekly report: revenue grew by 12.4 % compared with last week, mostly because of the new customers \
            in Portugal.\nNothing else changed. Please review the open invoices before Friday.\n"
                .repeat(20);
        let german = "Die Lieferung verzögert sich um mehrere Tage, weil größere Mengen nachbestellt werden mussten. "
            .repeat(20);
        let code = "def main():\n    rows = crm.list_contacts(limit=100)\n    return [row[\"id\"] for row in rows]\n"
            .repeat(20);
        for text in [rows, table, prose, german, code] {
            let (estimated, counted) = counted(&text);
            let ratio = estimated as f64 / counted as f64;
            assert!((0.75..1.25).contains(&ratio), "{estimated} for {counted}: {}", &text[..80]);
        }
    }

    #[test]
    fn text_without_words_is_not_taken_for_cheap() {
        let mut state = 7_u64;
        let mut next = |most: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from((state >> 33) % most).expect("small")
        };
        let mut random = |alphabet: &[u8], length: usize| -> String {
            (0..length).map(|_| char::from(alphabet[next(alphabet.len() as u64)])).collect()
        };
        let base64 = random(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 4_000);
        let hexadecimal = random(b"0123456789abcdef", 4_000);
        for text in [base64, hexadecimal, "日本語の文章です。".repeat(100)] {
            let (estimated, counted) = counted(&text);
            let ratio = estimated as f64 / counted as f64;
            assert!(
                (0.65..1.6).contains(&ratio),
                "{estimated} for {counted}: {}",
                text.chars().take(40).collect::<String>()
            );
        }
    }

    #[test]
    fn counting_stops_where_it_is_enough() {
        assert_eq!(tokens(&"word ".repeat(1_000_000), 10), 11);
        assert_eq!(tokens("", 10), 0);
    }
}
