//! Text in which every character can be told from every other.

use std::fmt::Write as _;

use exuvia_text::is_plain;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::{canonical_combining_class, compose};

/// What begins the number of a character that would not be seen as it is. It is written as a number itself.
pub const MARK_BEGIN: char = '⟦';
/// What ends the number.
pub const MARK_END: char = '⟧';

/// The text with what cannot be seen, or is seen as something else, named by its number: `⟦U+202E⟧` in place of a character that does not show as itself
/// (controls, bidirectional and zero-width signs, white space but the plain space, private use), and behind one that shows, and looks like another one
/// (`а⟦U+0430⟧`).
///
/// Nothing is left out, and no two texts have one form: [`unseen`] gives the text back.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut visible = String::with_capacity(text.len() + 16);
    let mut word = String::new();
    for character in text.chars() {
        if character.is_alphanumeric() || canonical_combining_class(character) != 0 {
            word.push(character);
        } else {
            push_word(&mut visible, &word);
            word.clear();
            push_other(&mut visible, character);
        }
    }
    push_word(&mut visible, &word);
    visible
}

/// The text that [`visible`] made this of. None: it made no such.
#[must_use]
pub fn unseen(visible: &str) -> Option<String> {
    let mut text = String::with_capacity(visible.len());
    let mut rest = visible;
    while let Some((before, mark)) = rest.split_once(MARK_BEGIN) {
        text.push_str(before);
        let (number, after) = mark.split_once(MARK_END)?;
        let number = u32::from_str_radix(number.strip_prefix("U+")?, 16).ok()?;
        let named = char::from_u32(number)?;
        // One that shows stands before its number.
        if !before.ends_with(named) || !shows(named) {
            text.push(named);
        }
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

/// Letters and digits that stand together: they show what a look-alike among them stands for.
fn push_word(visible: &mut String, word: &str) {
    if word.is_ascii() {
        return visible.push_str(word);
    }
    let poses = poses_as_ascii(word);
    let mut before = None;
    for character in word.chars() {
        if !shows(character) {
            push_number(visible, character);
        } else {
            visible.push(character);
            let is_other = (poses && has_ascii_double(character)) || is_composable(before, character);
            if is_other || is_compatible(character) {
                push_number(visible, character);
            }
        }
        before = Some(character);
    }
}

fn push_other(visible: &mut String, character: char) {
    if !shows(character) {
        return push_number(visible, character);
    }
    visible.push(character);
    if !character.is_ascii() && (has_ascii_double(character) || is_compatible(character)) {
        push_number(visible, character);
    }
}

/// Whether it is drawn, as itself.
fn shows(character: char) -> bool {
    let is_private = matches!(character, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    let is_space = character.is_whitespace() && character != ' ';
    is_plain(character) && !is_private && !is_space && character != MARK_BEGIN && character != MARK_END
}

fn push_number(visible: &mut String, character: char) {
    // Writing to a string does not fail.
    let _ = write!(visible, "{MARK_BEGIN}U+{:04X}{MARK_END}", u32::from(character));
}

/// Whether a word reads as letters and digits of ASCII: it has some, or all of its letters look like some.
fn poses_as_ascii(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_alphabetic())
        || word.chars().all(|character| character.is_ascii() || has_ascii_double(character))
}

/// Whether it looks like something of ASCII, by Unicode's table of confusable characters (UTS 39).
fn has_ascii_double(character: char) -> bool {
    let mut bytes = [0; 4];
    let mut skeleton = unicode_security::skeleton(character.encode_utf8(&mut bytes)).peekable();
    !character.is_ascii() && skeleton.peek().is_some() && skeleton.all(|part| part.is_ascii())
}

/// Whether it is another form of what Unicode has as one: a letter of full width, a ligature, the sign of a unit.
fn is_compatible(character: char) -> bool {
    !character.is_ascii() && !character.nfkc().eq([character])
}

/// Whether it is drawn together with the one before it, as a character that there is as well.
fn is_composable(before: Option<char>, character: char) -> bool {
    before.is_some_and(|before| compose(before, character).is_some())
}
