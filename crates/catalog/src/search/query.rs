//! Queries as concepts: words, each with those that may stand for it.

use super::stems::stems;
use super::vocabulary::{Vocabulary, vocabulary};
use crate::text;

/// How many queries of one request are answered.
pub(crate) const MAX_QUERIES: usize = 6;

/// How much of a query counts.
const MAX_QUERY_CHARS: usize = 300;
const MAX_QUERY_WORDS: usize = 24;

/// How far another word of the vocabulary stands for the one that was written.
const OTHER_WORD: f64 = 0.8;

/// Words that say nothing of a tool.
const FILLERS: &str = "a an and are as at be but by can could did do does for from has have how i in into is it its me my now \
    of on or our please should so some somebody someone something that the their them then there these they this to up us was \
    we what when where which who why will with would you your";

/// Words of tools that change something, as stems.
const CHANGES: &str = "add append creat delet edit insert modifi move push remov replac set updat upload write";

/// How far the state that a change leaves stands for what has it: `closed issues` are found by what lists issues.
const STATE: f64 = 0.4;

/// Words of queries that ask for what is there, as stems: `fields of an index`, `which tables are there`.
const ASKS: &str = "find get how list look of read see search show view what when where which who";

/// Whether a query asks for what is there, and names no change.
pub(super) fn only_asks(words: &[String], concepts: &[Concept]) -> bool {
    let asks = words.iter().any(|word| ASKS.split(' ').any(|ask| ask == word));
    let concepts = concepts.iter().filter(|concept| !concept.is_state);
    asks && !changes(concepts.flat_map(Concept::all_words))
}

/// Whether a name or a query has a word that changes something.
pub(super) fn changes<'w>(words: impl IntoIterator<Item = &'w str>) -> bool {
    words.into_iter().any(|word| CHANGES.split(' ').any(|change| change == word))
}

/// One thing that a query asks for: words that stand for it, each with how well.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Concept {
    pub(super) words: Vec<(String, f64)>,
    /// Whether it is the state that a change leaves, and no change: `closed`.
    is_state: bool,
}

impl Concept {
    /// The words, without how well they stand for it.
    fn all_words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(|(word, _)| word.as_str())
    }
}

/// The words of a query, as far as it counts.
pub(super) fn words(query: &str) -> Vec<String> {
    stems(&written(query).join(" "))
}

fn written(query: &str) -> Vec<String> {
    let head: String = query.chars().take(MAX_QUERY_CHARS).collect();
    text::words(&head).into_iter().take(MAX_QUERY_WORDS).collect()
}

/// What a query asks for.
pub(super) fn concepts(query: &str) -> Vec<Concept> {
    let written = written(query);
    let words = stems(&written.join(" "));
    let vocabulary = vocabulary();
    let mut concepts = Vec::new();
    let mut used = vec![false; words.len()];
    for start in 0..words.len() {
        for (phrase, others) in vocabulary.phrases(&words[start]) {
            if words[start..].starts_with(phrase) {
                used[start..start + phrase.len()].fill(true);
                let words = others.iter().map(|word| (word.clone(), 1.0)).collect();
                concepts.push(Concept { words, is_state: false });
            }
        }
    }
    let is_filler = |word: &String| FILLERS.split_whitespace().any(|filler| filler == word);
    let only_fillers = written.iter().all(is_filler);
    for (place, word) in words.iter().enumerate() {
        let is_first = !words[..place].contains(word);
        let says_something = only_fillers || written.get(place).is_some_and(|word| !is_filler(word));
        let is_state = written.get(place).is_some_and(|word| word.ends_with("ed")) && is_of_change(word, vocabulary);
        if is_first && !used[place] && is_state && says_something {
            concepts.push(Concept { words: vec![(word.clone(), STATE)], is_state });
        } else if is_first && !used[place] && says_something {
            let others = vocabulary.others(word).iter().map(|other| (other.clone(), OTHER_WORD));
            let words = std::iter::once((word.clone(), 1.0)).chain(others).collect();
            concepts.push(Concept { words, is_state });
        }
    }
    concepts
}

/// Whether this is the stem of a change, or stands for one.
fn is_of_change(word: &str, vocabulary: &Vocabulary) -> bool {
    changes(std::iter::once(word).chain(vocabulary.others(word).iter().map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Vec<Vec<String>> {
        let words = |concept: Concept| concept.words.into_iter().map(|(word, _)| word).collect();
        concepts(query).into_iter().map(words).collect()
    }

    #[test]
    fn fillers_are_left_out_unless_there_is_nothing_else() {
        assert_eq!(asked("the columns"), asked("column"));
        assert_eq!(asked("what is it").len(), 3);
        assert!(asked(" !").is_empty());
    }

    #[test]
    fn an_everyday_word_stands_for_those_of_tools() {
        assert!(asked("appointments")[0].contains(&"event".to_owned()));
        assert_eq!(asked("to-do").len(), 1);
        assert!(asked("to-do")[0].contains(&"task".to_owned()));
    }

    #[test]
    fn a_query_asks_for_what_is_there_or_names_a_change() {
        let asks = |query: &str| only_asks(&words(query), &concepts(query));
        assert!(asks("fields of an index") && asks("which tables are there") && asks("search notion pages"));
        assert!(!asks("kill a pod") && !asks("set the title of a page") && !asks("make a list of names"));
    }

    #[test]
    fn a_long_query_is_cut() {
        assert!(asked(&"word1 word2 word3 x y z ".repeat(10_000)).len() <= MAX_QUERY_WORDS);
    }
}
