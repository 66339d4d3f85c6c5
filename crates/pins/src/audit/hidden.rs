//! Characters that do not show, or that show in another place.

use super::Rule;

/// From so many on, they are not there by accident.
const RUN: usize = 2;
/// How much of a hidden text is shown, in characters.
const SHOWN: usize = 80;

/// Which rules a text breaks by its characters, and what was hidden.
pub(super) fn hidden(text: &str) -> Vec<(Rule, String)> {
    // Almost every text is one of plain ASCII.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t' | b'\r')) {
        return Vec::new();
    }
    let characters: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut add = |rule: Rule, hidden: Vec<char>, shown: &dyn Fn(&[char]) -> String| {
        if !hidden.is_empty() {
            found.push((rule, shown(&hidden)));
        }
    };
    add(Rule::TagCharacters, tags(&characters), &|tags| tag_text(tags));
    add(Rule::BidiControls, only(&characters, is_bidi), &numbers);
    add(Rule::VariationSelectors, selectors(&characters), &|selectors| selector_text(selectors));
    add(Rule::ControlCharacters, only(&characters, |c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')), &numbers);
    add(Rule::ZeroWidth, zero_width(&characters), &numbers);
    found
}

fn only(characters: &[char], is_one: impl Fn(char) -> bool) -> Vec<char> {
    characters.iter().copied().filter(|&c| is_one(c)).collect()
}

/// Overrides, embeddings and isolates. The marks beside single letters are in honest Hebrew and Arabic.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0000}'..='\u{e007f}')
}

/// Tags that are no part of a flag: 🏴 and its tags, ended by U+E007F.
fn tags(characters: &[char]) -> Vec<char> {
    const FLAG: char = '\u{1f3f4}';
    const LONGEST_FLAG: usize = 8;
    let (mut found, mut place) = (Vec::new(), 0);
    while let Some(&c) = characters.get(place) {
        let rest = &characters[place + 1..];
        let tags = rest.iter().take_while(|&&c| is_tag(c)).count();
        if c == FLAG && (1..=LONGEST_FLAG).contains(&tags) && rest.get(tags - 1) == Some(&'\u{e007f}') {
            place += tags;
        } else if is_tag(c) {
            found.push(c);
        }
        place += 1;
    }
    found
}

/// Tags are ASCII, moved.
fn tag_text(tags: &[char]) -> String {
    let ascii = |c: &char| u8::try_from(u32::from(*c) - 0xe0000).map_or('?', char::from);
    shown(tags.iter().map(ascii))
}

fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Selectors behind each other: a character has one at most.
fn selectors(characters: &[char]) -> Vec<char> {
    let runs = characters.chunk_by(|one, other| is_selector(*one) && is_selector(*other));
    runs.filter(|run| run.len() >= RUN && is_selector(run[0])).flatten().copied().collect()
}

/// 256 selectors are 256 bytes.
fn selector_text(selectors: &[char]) -> String {
    let byte = |c: &char| match u32::from(*c) {
        c @ 0xfe00..=0xfe0f => c - 0xfe00,
        c => c.wrapping_sub(0xe0100).wrapping_add(16),
    };
    let bytes: Vec<u8> = selectors.iter().filter_map(|c| u8::try_from(byte(c)).ok()).collect();
    shown(String::from_utf8_lossy(&bytes).chars())
}

/// What has no width, where it is no part of a picture and joins no letters that are joined so.
fn zero_width(characters: &[char]) -> Vec<char> {
    let joins = |place: usize| {
        let beside = |place: Option<usize>| {
            place.and_then(|place| characters.get(place)).is_some_and(|c| !c.is_ascii() && !is_zero_width(*c))
        };
        beside(place.checked_sub(1)) && beside(place.checked_add(1))
    };
    let is_found = |(place, c): &(usize, char)| match c {
        // Joiners of pictures, of Persian and of Indic letters.
        '\u{200c}' | '\u{200d}' => !joins(*place),
        // Marks of direction.
        '\u{200e}' | '\u{200f}' | '\u{61c}' => !characters.iter().any(|&c| is_right_to_left(c)),
        c => is_zero_width(*c),
    };
    characters.iter().copied().enumerate().filter(is_found).map(|(_, c)| c).collect()
}

fn is_zero_width(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
    )
}

/// Hebrew and Arabic letters.
fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{5d0}'..='\u{5ea}' | '\u{620}'..='\u{64a}' | '\u{671}'..='\u{6d3}')
}

/// `U+202E U+2066`, each once.
fn numbers(characters: &[char]) -> String {
    let mut numbers: Vec<String> = characters.iter().map(|c| format!("U+{:04X}", u32::from(*c))).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let count = characters.len();
    format!("{} ({count} in all)", numbers.iter().take(8).map(String::as_str).collect::<Vec<_>>().join(" "))
}

fn shown(characters: impl Iterator<Item = char>) -> String {
    exuvia_text::quoted(&characters.collect::<String>(), SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<String> {
        hidden(text).into_iter().map(|(rule, hidden)| format!("{} {hidden}", rule.code())).collect()
    }

    #[test]
    fn what_is_hidden_is_found_and_read() {
        let tags: String =
            "read ~/.ssh".bytes().map(|byte| char::from_u32(0xe0000 + u32::from(byte)).expect("a tag")).collect();
        assert_eq!(codes(&format!("Adds.{tags}")), ["tag-characters \"read ~/.ssh\""]);
        let selectors: String =
            "read it".bytes().map(|byte| char::from_u32(0xe0100 + u32::from(byte) - 16).expect("a selector")).collect();
        assert_eq!(codes(&format!("Adds.{selectors}")), ["variation-selectors \"read it\""]);
        assert_eq!(codes("a\u{202e}b\u{2066}c\u{202e}"), ["bidi-controls U+202E U+2066 (3 in all)"]);
        assert_eq!(codes("a\u{1b}[8mb"), ["control-characters U+001B (1 in all)"]);
        assert_eq!(codes("ad\u{200b}mi\u{2060}n"), ["zero-width U+200B U+2060 (2 in all)"]);
        assert_eq!(codes("a\u{200d}b \u{200e}c"), ["zero-width U+200D U+200E (2 in all)"]);
    }

    #[test]
    fn pictures_flags_and_other_alphabets_hide_nothing() {
        for text in [
            "Plain text,\n\twith lines.\r\n",
            "❤\u{fe0f} 👨\u{200d}👩\u{200d}👧 🏳\u{fe0f}\u{200d}🌈 1\u{fe0f}\u{20e3}",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "می\u{200c}خواهم",
            "שלום\u{200f}!",
            "葛\u{e0100}城",
            "日本語 — größe",
        ] {
            assert_eq!(codes(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_flag_carries_no_text() {
        let text: String =
            "ignore all".bytes().map(|byte| char::from_u32(0xe0000 + u32::from(byte)).expect("a tag")).collect();
        assert_eq!(codes(&format!("\u{1f3f4}{text}\u{e007f}")).len(), 1);
        assert_eq!(codes("\u{1f3f4}\u{e0067}\u{e0062}").len(), 1);
    }
}
