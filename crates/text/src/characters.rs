//! Printable characters.

use icu_properties::props::{
    BinaryProperty, DefaultIgnorableCodePoint, EmojiModifier, ExtendedPictographic, GeneralCategory,
    NoncharacterCodePoint, PrependedConcatenationMark,
};
use icu_properties::{CodePointMapData, CodePointSetData};

/// A letter without a dot: it is drawn as nothing, though Unicode does not call it white space.
const BRAILLE_BLANK: char = '\u{2800}';

const ZERO_WIDTH_JOINER: char = '\u{200d}';
const TEXT_STYLE: char = '\u{fe0e}';
const EMOJI_STYLE: char = '\u{fe0f}';

/// Whether a character shows as itself: it is no control or format character, no separator of lines, and nothing that is
/// drawn as nothing (variation selectors, tags, fillers, bidirectional controls), as Unicode's tables have it.
#[must_use]
pub fn is_plain(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    // Signs that enclose the digits behind them are format characters that are drawn.
    let is_drawn_format = || has::<PrependedConcatenationMark>(character);
    let category = CodePointMapData::<GeneralCategory>::new().get(character);
    let is_unseen = match category {
        GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => true,
        GeneralCategory::Format => !is_drawn_format(),
        _ => character == BRAILLE_BLANK,
    };
    !is_unseen && !has::<DefaultIgnorableCodePoint>(character) && !has::<NoncharacterCodePoint>(character)
}

/// Whether a name can be shown as it is: every character shows as itself, and the only white space is the plain space.
#[must_use]
pub fn is_plain_name(name: &str) -> bool {
    name.chars().all(|character| character == ' ' || (is_plain(character) && !character.is_whitespace()))
}

/// Whether `character` belongs to the picture before it: a joiner or a style selector of an emoji sequence.
pub(crate) fn continues_picture(before: Option<char>, character: char) -> bool {
    let is_picture = |before: char| has::<ExtendedPictographic>(before) || has::<EmojiModifier>(before);
    match (character, before) {
        (TEXT_STYLE | EMOJI_STYLE, Some(before)) => is_picture(before),
        (ZERO_WIDTH_JOINER, Some(before)) => before == EMOJI_STYLE || is_picture(before),
        _ => false,
    }
}

fn has<P: BinaryProperty>(character: char) -> bool {
    CodePointSetData::new::<P>().contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_not_plain() {
        let unseen = [
            '\0',
            '\u{7}',
            '\n',
            '\t',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            '\u{9d}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180b}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2061}',
            '\u{2066}',
            '\u{2069}',
            '\u{206f}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{fffe}',
            '\u{1bca0}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{e0fff}',
            '\u{10ffff}',
        ];
        for character in unseen {
            assert!(!is_plain(character), "{:04x}", u32::from(character));
        }
    }

    #[test]
    fn letters_signs_and_pictures_are_plain() {
        for character in "aZ0 ~\u{a0}äßéñ日本語한글العربيةעבריתहिन्दी\u{600}\u{6dd}€→❤🙂👨\u{3000}\u{e000}".chars()
        {
            assert!(is_plain(character), "{:04x}", u32::from(character));
        }
        assert!(is_plain_name("get user/größe.日本") && is_plain_name(""));
        for name in ["a\nb", "a\u{a0}b", "a\u{3000}b", "\u{202e}x", "x\u{fe0f}", "\u{3164}"] {
            assert!(!is_plain_name(name), "{name:?}");
        }
    }
}
