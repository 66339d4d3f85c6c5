//! Search for tools by the words of a request.

mod query;
mod stems;
mod vocabulary;

use std::collections::{BTreeMap, HashMap, HashSet};

use exuvia_tool::{Namespace, Server, Tool};

use crate::common::Common;
use crate::summary;
use query::Concept;
use stems::stems;

/// How many tools are hits at most.
pub(crate) const MAX_HITS: usize = 6;

/// How many tools behind the hits are named.
pub(crate) const MAX_OTHERS: usize = 2;

/// A hit scores at least this share of the best one, and this share of the one before it. What is named behind the hits scores
/// at least the third.
const OF_BEST: f64 = 0.5;
const OF_PREVIOUS: f64 = 0.5;
const OF_BEST_TO_NAME: f64 = 0.3;

/// How much of a description is looked at, and of all descriptions together.
const MAX_DESCRIPTION_BYTES: usize = 8_000;
const MAX_DESCRIPTIONS_BYTES: usize = 8 << 20;

/// How many parameters of a tool are looked at.
const MAX_PARAMETERS: usize = 200;

/// The longest word that is remembered, in bytes.
const MAX_WORD_BYTES: usize = 64;

/// How much of a request counts, in bytes.
const MAX_QUERIES_BYTES: usize = 4_000;

/// What a word is worth by the place where it stands.
const IN_NAME: f64 = 6.0;
const IN_SERVER: f64 = 3.0;
const IN_SUMMARY: f64 = 3.0;
const IN_PARAMETER: f64 = 1.5;
const IN_DESCRIPTION: f64 = 0.8;

/// How far a tool fits a word that only stands somewhere in its description.
const IN_PASSING: f64 = 0.6;

/// How far the beginning of a word stands for the word.
const PREFIX: f64 = 0.5;
const MIN_PREFIX_CHARS: usize = 3;

/// What a name gains that the query names in full, by any words, and what one of several words gains that stands in the query.
const WHOLE_NAME: f64 = 0.3;
const VERBATIM_NAME: f64 = 0.5;

/// What a tool gains whose server another query of the same request names: `search notion; add a comment to a page`.
const SERVER_NAMED_BESIDE: f64 = 0.5;

/// What a tool that changes something keeps of its score where the query only asks for what is there.
const CHANGE_UNASKED: f64 = 0.6;

/// What was found.
pub(crate) struct Found<'n> {
    /// The best, the best first, down to where the scores fall.
    pub(crate) hits: Vec<Hit<'n>>,
    /// The next ones, a few.
    pub(crate) others: Vec<Hit<'n>>,
}

/// A tool that fits.
#[derive(Clone, Copy)]
pub(crate) struct Hit<'n> {
    pub(crate) server: &'n Server,
    pub(crate) tool: &'n Tool,
    /// Its score, as a share of the best one.
    pub(crate) share: f64,
}

/// The words of a namespace, each with the tools that have it. Made once: a query looks at each different word once,
/// however many tools have it.
#[derive(Debug)]
pub(crate) struct Index {
    words: BTreeMap<String, Vec<Place>>,
    tools: Vec<Indexed>,
    /// The words of each server's name, by its place in the namespace.
    servers: Vec<Vec<String>>,
}

#[derive(Debug)]
struct Indexed {
    /// The server and the tool, by their places in the namespace.
    place: (usize, usize),
    /// The words of its name, with spaces around each.
    name: String,
    /// How many different ones they are.
    name_words: usize,
    /// Whether one of them changes something.
    changes: bool,
}

/// Where a word stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The tool, by its place in the index.
    tool: u32,
    worth: f64,
}

/// How well a tool fits a query.
#[derive(Debug, Clone, Copy, Default)]
struct Score {
    sum: f64,
    /// What the concepts that it fits weigh.
    covered: f64,
    /// How many of them stand in its name.
    in_name: usize,
}

impl Index {
    /// The words of what is in `namespace`. What all tools of a server have in common says nothing of one of them.
    pub(crate) fn of(namespace: &Namespace) -> Self {
        let mut index = Self { words: BTreeMap::new(), tools: Vec::new(), servers: Vec::new() };
        let tools: usize = namespace.servers().iter().map(|server| server.tools().len()).sum();
        let description_bytes = MAX_DESCRIPTION_BYTES.min(MAX_DESCRIPTIONS_BYTES / tools.max(1));
        for (place, server) in namespace.servers().iter().enumerate() {
            let of_server = stems(&server.name);
            let common = Common::of(server);
            for (tool_place, tool) in server.tools().iter().enumerate() {
                index.tools.push(Indexed {
                    place: (place, tool_place),
                    name: String::new(),
                    name_words: 0,
                    changes: false,
                });
                index.add(tool, &of_server, &common, description_bytes);
            }
            index.servers.push(of_server);
        }
        index
    }

    fn add(&mut self, tool: &Tool, of_server: &[String], common: &Common, description_bytes: usize) {
        let head = |text: &str, bytes: usize| stems(&text[..text.floor_char_boundary(bytes)]);
        let name = stems(tool.name());
        if let Some(last) = self.tools.last_mut() {
            last.name_words = name.iter().collect::<HashSet<_>>().len();
            last.changes = query::changes(name.iter().map(String::as_str));
            last.name = spaced(&name);
        }
        let parameters = tool.parameters.iter().take(MAX_PARAMETERS);
        let parameters = parameters.filter(|parameter| !common.has_parameter(&parameter.name));
        let parameters = parameters.flat_map(|parameter| head(&parameter.name, MAX_DESCRIPTION_BYTES)).collect();
        let description = tool.descriptor.description.as_deref().unwrap_or("");
        let summary = summary::sentence(tool, common).map(|summary| stems(&summary)).unwrap_or_default();
        // The best place first: it is the one that counts.
        self.put(name, IN_NAME);
        self.put(head(tool.descriptor.title.as_deref().unwrap_or(""), MAX_DESCRIPTION_BYTES), IN_NAME);
        self.put(of_server.to_vec(), IN_SERVER);
        self.put(summary, IN_SUMMARY);
        self.put(parameters, IN_PARAMETER);
        self.put(head(description, description_bytes), IN_DESCRIPTION);
    }

    /// Notes words of the last tool.
    fn put(&mut self, words: Vec<String>, worth: f64) {
        let tool = u32::try_from(self.tools.len() - 1).unwrap_or(u32::MAX);
        for word in words.into_iter().filter(|word| word.len() <= MAX_WORD_BYTES) {
            let places = self.words.entry(word).or_default();
            if places.last().is_none_or(|place| place.tool != tool) {
                places.push(Place { tool, worth });
            }
        }
    }

    /// What fits each of `queries` in `namespace`, of which the index is. A server that one of them names is meant by the others, too.
    pub(crate) fn search_all<'n, 'q>(
        &self,
        namespace: &'n Namespace,
        queries: &[&'q str],
    ) -> Vec<(&'q str, Found<'n>)> {
        let words: Vec<Vec<String>> = queries.iter().map(|query| query::words(query)).collect();
        let is_named = |server: &Vec<String>| {
            let names = |words: &Vec<String>| !server.is_empty() && server.iter().all(|word| words.contains(word));
            queries.len() > 1 && words.iter().any(names)
        };
        let named: Vec<bool> = self.servers.iter().map(is_named).collect();
        queries.iter().map(|query| (*query, self.search(namespace, query, &named))).collect()
    }

    /// The tools of `namespace` that fit `query`; `named` servers are preferred.
    fn search<'n>(&self, namespace: &'n Namespace, query: &str, named_servers: &[bool]) -> Found<'n> {
        let mut scores = vec![Score::default(); self.tools.len()];
        let mut mass = 0.0;
        let words = query::words(query);
        let concepts = query::concepts(query);
        let only_asks = query::only_asks(&words, &concepts);
        let words = spaced(&words);
        for concept in &concepts {
            mass += self.score(concept, &mut scores);
        }
        let scored = scores.iter().zip(&self.tools).filter(|(score, _)| score.sum > 0.0);
        let mut scored: Vec<(f64, (usize, usize))> = scored
            .map(|(score, tool)| {
                let named = (score.in_name as f64 / tool.name_words.max(1) as f64).min(1.0);
                let is_verbatim = tool.name_words > 1 && words.contains(&tool.name);
                let named = WHOLE_NAME * named + if is_verbatim { VERBATIM_NAME } else { 0.0 };
                let beside = if named_servers[tool.place.0] { SERVER_NAMED_BESIDE } else { 0.0 };
                let unasked = if tool.changes && only_asks { CHANGE_UNASKED } else { 1.0 };
                // A tool that fits all of a query comes before one that fits a part of it better.
                (score.sum * (score.covered / mass) * (1.0 + named + beside) * unasked, tool.place)
            })
            .collect();
        // Stable: equals stay in the order of the namespace.
        scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let kept = kept(&scored);
        let best = scored.first().map_or(0.0, |(best, _)| *best);
        scored.truncate(scored.partition_point(|(score, _)| *score >= OF_BEST_TO_NAME * best));
        let mut hits: Vec<Hit<'n>> = scored
            .into_iter()
            .take(kept + MAX_OTHERS)
            .filter_map(|(score, (server, tool))| {
                let server = namespace.servers().get(server)?;
                Some(Hit { server, tool: server.tools().get(tool)?, share: score / best })
            })
            .collect();
        let others = hits.split_off(kept.min(hits.len()));
        Found { hits, others }
    }

    /// Adds what a concept is worth for each tool, and gives what it weighs.
    fn score(&self, concept: &Concept, scores: &mut [Score]) -> f64 {
        let (mut best, mut weight) = (HashMap::<u32, (f64, f64)>::new(), 0.0_f64);
        for (word, likeness) in &concept.words {
            let of_word = self.places(word);
            if of_word.is_empty() {
                continue;
            }
            // A word that stands everywhere says little: what it is worth falls with the number of tools that have it.
            let rarity = likeness * (1.0 + self.tools.len() as f64 / (1 + of_word.len()) as f64).ln();
            weight = weight.max(rarity);
            for (tool, worth) in of_word {
                let entry = best.entry(tool).or_default();
                entry.0 = entry.0.max(rarity * worth);
                entry.1 = entry.1.max(likeness * worth);
            }
        }
        for (tool, (worth, place)) in best {
            let score = &mut scores[tool as usize];
            score.sum += worth;
            score.covered += weight * if place <= IN_DESCRIPTION { IN_PASSING } else { 1.0 };
            score.in_name += usize::from(place >= IN_NAME / 2.0);
        }
        weight
    }

    /// The tools that have a word, or one that it begins, with what it is worth there.
    fn places(&self, word: &str) -> HashMap<u32, f64> {
        let mut worths: HashMap<u32, f64> = HashMap::new();
        let is_prefix = word.chars().nth(MIN_PREFIX_CHARS - 1).is_some();
        let same = self.words.range(word.to_owned()..).take_while(|(other, _)| other.starts_with(word));
        for (other, places) in same.filter(|(other, _)| is_prefix || *other == word) {
            let likeness = if other == word { 1.0 } else { PREFIX };
            for place in places {
                let worth = worths.entry(place.tool).or_default();
                *worth = worth.max(place.worth * likeness);
            }
        }
        worths
    }
}

/// ` a b `
fn spaced(words: &[String]) -> String {
    words.iter().fold(" ".to_owned(), |text, word| text + word + " ")
}

/// How many of these are hits.
fn kept(scored: &[(f64, (usize, usize))]) -> usize {
    let Some((best, _)) = scored.first() else { return 0 };
    let pairs = scored.windows(2).take(MAX_HITS - 1);
    1 + pairs.take_while(|pair| pair[1].0 >= OF_BEST * best && pair[1].0 >= OF_PREVIOUS * pair[0].0).count()
}

/// The queries of a text, those that are answered and the others: they stand on lines of their own, or semicolons part them.
pub(crate) fn queries(text: &str) -> (Vec<&str>, Vec<&str>) {
    fn parted(text: &str) -> impl Iterator<Item = &str> {
        text.split([';', '\n']).map(str::trim).filter(|query| !query.is_empty())
    }
    let (head, rest) = text.split_at(text.floor_char_boundary(MAX_QUERIES_BYTES));
    let mut queries: Vec<&str> = parted(head).collect();
    let mut others = queries.split_off(queries.len().min(query::MAX_QUERIES));
    others.extend(parted(rest));
    (queries, others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_end_where_the_score_falls() {
        let scored = |scores: &[f64]| -> Vec<_> { scores.iter().map(|&score| (score, (0, 0))).collect() };
        assert_eq!(kept(&scored(&[])), 0);
        assert_eq!(kept(&scored(&[9.0])), 1);
        assert_eq!(kept(&scored(&[9.0, 8.0, 3.9, 3.8])), 2);
        assert_eq!(kept(&scored(&[9.0, 6.0, 4.6, 3.0])), 3);
        assert_eq!(kept(&scored(&[1.0; 20])), MAX_HITS);
    }

    #[test]
    fn several_queries_are_told_apart() {
        assert_eq!(queries(" a b; c\nd ;; "), (vec!["a b", "c", "d"], vec![]));
        assert_eq!(queries(" ;;\n"), (vec![], vec![]));
        let (asked, others) = queries("1;2;3;4;5;6;7;8");
        assert_eq!((asked.len(), others), (query::MAX_QUERIES, vec!["7", "8"]));
        let long = "x;".repeat(3_000);
        let (asked, others) = queries(&long);
        assert_eq!(asked.len() + others.len(), 3_000);
    }
}
