//! Everyday words, and those that tools have for the same.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::stems::stems;

/// A line is `words or phrases, parted by commas: words that may stand for each`.
const TEXT: &str = include_str!("vocabulary.txt");

/// The words of a phrase, and those that may stand for it.
type Phrase = (Vec<String>, Vec<String>);

/// The vocabulary, by stems.
#[derive(Debug, Default)]
pub(super) struct Vocabulary {
    words: HashMap<String, Vec<String>>,
    /// By the first word of the phrase.
    phrases: HashMap<String, Vec<Phrase>>,
}

impl Vocabulary {
    /// The words that may stand for this one.
    pub(super) fn others(&self, word: &str) -> &[String] {
        self.words.get(word).map_or(&[], Vec::as_slice)
    }

    /// The phrases that begin with this word, and the words that stand for them.
    pub(super) fn phrases(&self, word: &str) -> &[Phrase] {
        self.phrases.get(word).map_or(&[], Vec::as_slice)
    }

    fn read(text: &str) -> Self {
        let mut vocabulary = Self::default();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        for (everyday, others) in lines.filter_map(|line| line.split_once(':')) {
            let others = stems(others);
            for words in everyday.split(',').map(stems) {
                match words.as_slice() {
                    [] => {}
                    [word] => {
                        let known = vocabulary.words.entry(word.clone()).or_default();
                        known.extend(others.iter().filter(|other| *other != word).cloned());
                    }
                    [first, ..] => {
                        let phrases = vocabulary.phrases.entry(first.clone()).or_default();
                        phrases.push((words, others.clone()));
                    }
                }
            }
        }
        vocabulary
    }
}

/// The vocabulary.
pub(super) fn vocabulary() -> &'static Vocabulary {
    static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| Vocabulary::read(TEXT));
    &VOCABULARY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        let lines = TEXT.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        for line in lines {
            let (everyday, others) = line.split_once(':').expect(line);
            assert!(!stems(everyday).is_empty() && !stems(others).is_empty() && !others.contains(','), "{line}");
        }
    }
}
