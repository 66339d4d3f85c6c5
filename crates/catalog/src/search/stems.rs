//! Words without their endings.

use rust_stemmers::{Algorithm, Stemmer};

use crate::text;

/// The words of a text as the search compares them: in lower case, without their endings.
pub(super) fn stems(text: &str) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::English);
    // Its rules are those of English.
    let stem = |word: String| if word.is_ascii() { stemmer.stem(&word).into_owned() } else { word };
    text::words(text).into_iter().map(stem).collect()
}
