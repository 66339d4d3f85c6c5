//! Texts folded to what lenient servers treat as equal.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization;

use crate::condition::{Exhausted, Steps};

/// What one byte costs that is not ASCII, where ASCII costs one step.
const UNICODE_STEPS: usize = 16;

/// Characters that do not show.
static INVISIBLE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\p{Cf}\p{Default_Ignorable_Code_Point}]").expect("an expression"));

/// A text without characters that do not show, and with compatibility characters replaced by what they stand for: U+FF0E by a
/// dot, U+2025 by two.
pub(crate) fn compatible<'a>(text: &'a str, steps: &mut Steps) -> Result<Cow<'a, str>, Exhausted> {
    if text.is_ascii() {
        steps.take(text.len(), 1)?;
        return Ok(Cow::Borrowed(text));
    }
    steps.take(text.len(), UNICODE_STEPS)?;
    Ok(Cow::Owned(INVISIBLE.replace_all(text, "").nfkc().collect()))
}

/// The name of an argument as lenient servers read it: in any case, with or without what is no letter and no digit. `userId`,
/// `USER-ID` and `user_id[]` are one.
pub(crate) fn argument(name: &str, steps: &mut Steps) -> Result<String, Exhausted> {
    // Through capitals, of which some letters have one in common: `ſ` is an `s`.
    let folded = compatible(name, steps)?.to_uppercase().to_lowercase();
    let kept: String = folded.chars().filter(|c| c.is_alphanumeric()).collect();
    Ok(if kept.is_empty() { folded } else { kept })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_argument_are_one() {
        let fold = |name: &str| argument(name, &mut Steps::of_a_call()).unwrap();
        for twin in [
            "user_id",
            "userId",
            "USERID",
            "user-id",
            " userid ",
            "user_id[]",
            "u\u{200b}serid",
            "\u{feff}userid",
            "u\u{17f}erid",
            "userid\u{fe0f}",
            "u\u{e0073}serid",
            "\u{ff55}serid",
        ] {
            assert_eq!(fold(twin), "userid", "{twin:?}");
        }
        for other in ["user", "user_id2", "userids", "", "us\u{e9}rid"] {
            assert_ne!(fold(other), "userid", "{other:?}");
        }
        assert_ne!(fold("$"), fold("_"));
    }

    #[test]
    fn long_texts_use_up_the_steps_of_a_call() {
        let mut steps = Steps::of_a_call();
        assert!(compatible(&"a".repeat(1_000_000), &mut steps).is_ok());
        assert!(compatible(&"\u{e9}".repeat(90_000), &mut steps).is_ok());
        assert_eq!(compatible(&"\u{e9}".repeat(90_000), &mut steps), Err(Exhausted));
        assert_eq!(compatible(&"a".repeat(1_000_000), &mut steps), Err(Exhausted));
    }
}
