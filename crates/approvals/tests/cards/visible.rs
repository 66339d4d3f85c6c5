//! Text in which every character can be told from every other.

use proptest::prelude::*;

use exuvia_approvals::{unseen, visible};
use exuvia_text::is_plain;

#[test]
fn what_is_not_seen_is_named() {
    for (text, expected) in [
        ("plain text, 1.5 \"x\" \\n", "plain text, 1.5 \"x\" \\n"),
        ("a\nb\tc\r", "a⟦U+000A⟧b⟦U+0009⟧c⟦U+000D⟧"),
        ("a\u{1b}[2J", "a⟦U+001B⟧[2J"),
        ("\u{202e}\u{2066}\u{200b}\u{feff}\u{ad}", "⟦U+202E⟧⟦U+2066⟧⟦U+200B⟧⟦U+FEFF⟧⟦U+00AD⟧"),
        ("a\u{a0}b\u{3000}c\u{3164}", "a⟦U+00A0⟧b⟦U+3000⟧c⟦U+3164⟧"),
        ("\u{e000}\u{e0041}", "⟦U+E000⟧⟦U+E0041⟧"),
        // Not even its own marks can be forged.
        ("⟦U+202E⟧", "⟦U+27E6⟧U+202E⟦U+27E7⟧"),
    ] {
        assert_eq!(visible(text), expected);
    }
}

#[test]
fn look_alikes_are_told_from_what_they_look_like_and_languages_stay_readable() {
    // Cyrillic letters in a Latin word, and a word that is Cyrillic and reads as Latin.
    assert_eq!(visible("p\u{430}ypal"), "pа⟦U+0430⟧ypal");
    assert_eq!(visible("\u{430}\u{440}\u{440}"), "а⟦U+0430⟧р⟦U+0440⟧р⟦U+0440⟧");
    assert_eq!(visible("ａdmin"), "ａ⟦U+FF41⟧dmin");
    assert_eq!(visible("a\u{ff0e}b"), "a．⟦U+FF0E⟧b");
    assert_eq!(visible("e\u{301}"), "e\u{301}⟦U+0301⟧");
    assert_eq!(visible("a\u{2215}b"), "a∕⟦U+2215⟧b");
    for text in ["Привет мир", "größe é ß", "日本語", "한글", "مرحبا", "🙂"] {
        assert_eq!(visible(text), text);
    }
}

proptest! {
    #[test]
    fn every_text_is_read_back_as_it_was(text in "(\\PC|[\u{0}-\u{20}⟦⟧U+0-9A-Fа-яa-z\u{300}-\u{310}\u{200b}-\u{2069}\u{ff00}-\u{ff5e}])*") {
        prop_assert_eq!(unseen(&visible(&text)), Some(text));
    }

    #[test]
    fn all_that_is_written_shows(text in any::<String>()) {
        prop_assert!(visible(&text).chars().all(|character| is_plain(character) && (character == ' ' || !character.is_whitespace())));
    }
}
