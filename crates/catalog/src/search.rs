//! Search for tools by keywords.

use std::collections::HashMap;

use exuvia_tool::{Namespace, Server, Tool};

use crate::text;

/// How many tools are found at most.
const MAX_HITS: usize = 30;

/// Words that say nothing of a tool.
const FILLERS: [&str; 14] = ["a", "an", "and", "by", "for", "from", "in", "my", "of", "on", "or", "the", "to", "with"];

/// How much of a query counts.
const MAX_QUERY_CHARS: usize = 300;
const MAX_QUERY_WORDS: usize = 24;

/// How much of a description is looked at, and of all descriptions together.
const MAX_DESCRIPTION_BYTES: usize = 8_000;
const MAX_DESCRIPTIONS_BYTES: usize = 8 << 20;

/// How many parameters of a tool are looked at.
const MAX_PARAMETERS: usize = 200;

/// The longest word that is remembered, in bytes.
const MAX_WORD_BYTES: usize = 64;

/// What a word is worth by the place where it stands.
const IN_NAME: f64 = 6.0;
const IN_SERVER: f64 = 3.0;
const IN_PARAMETER: f64 = 2.0;
const IN_DESCRIPTION: f64 = 1.0;

/// What was found.
pub(crate) struct Found<'n> {
    /// The best, the best first; equals in the order of the namespace.
    pub(crate) hits: Vec<Hit<'n>>,
    /// How many tools fit in all.
    pub(crate) total: usize,
}

/// A tool that fits.
pub(crate) struct Hit<'n> {
    pub(crate) server: &'n Server,
    pub(crate) tool: &'n Tool,
}

/// The words of a namespace, each with the tools that have it. Made once: a query looks at each different word once,
/// however many tools have it.
#[derive(Debug)]
pub(crate) struct Index {
    words: HashMap<String, Vec<Place>>,
    /// The server and the tool, by their places in the namespace.
    tools: Vec<(usize, usize)>,
}

/// Where a word stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// The tool, by its place in the index.
    tool: u32,
    worth: f64,
}

impl Index {
    /// The words of what is in `namespace`.
    pub(crate) fn of(namespace: &Namespace) -> Self {
        let mut index = Self { words: HashMap::new(), tools: Vec::new() };
        let tools: usize = namespace.servers().iter().map(|server| server.tools().len()).sum();
        let description_bytes = MAX_DESCRIPTION_BYTES.min(MAX_DESCRIPTIONS_BYTES / tools.max(1));
        for (place, server) in namespace.servers().iter().enumerate() {
            let of_server = text::words(&server.name);
            for (tool_place, tool) in server.tools().iter().enumerate() {
                index.tools.push((place, tool_place));
                index.add(tool, &of_server, description_bytes);
            }
        }
        index
    }

    fn add(&mut self, tool: &Tool, of_server: &[String], description_bytes: usize) {
        let head = |text: &str, bytes: usize| text::words(&text[..text.floor_char_boundary(bytes)]);
        let mut name = text::words(tool.name());
        name.extend(head(tool.descriptor.title.as_deref().unwrap_or(""), MAX_DESCRIPTION_BYTES));
        let parameters = tool.parameters.iter().take(MAX_PARAMETERS);
        let parameters = parameters.flat_map(|parameter| head(&parameter.name, MAX_DESCRIPTION_BYTES)).collect();
        let description = head(tool.descriptor.description.as_deref().unwrap_or(""), description_bytes);
        // The best place first: it is the one that counts.
        self.put(name, IN_NAME);
        self.put(of_server.to_vec(), IN_SERVER);
        self.put(parameters, IN_PARAMETER);
        self.put(description, IN_DESCRIPTION);
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

    /// The tools of `namespace` that fit `query`. The index is of this namespace.
    pub(crate) fn search<'n>(&self, namespace: &'n Namespace, query: &str) -> Found<'n> {
        let mut scores = vec![0.0_f64; self.tools.len()];
        for word in wanted(query) {
            let of_word = self.scores(&word);
            // A word that stands everywhere says little: what it is worth falls with the number of tools that have it.
            let rarity = (1.0 + self.tools.len() as f64 / (1 + of_word.len()) as f64).ln();
            for (tool, score) in of_word {
                scores[tool as usize] += rarity * score;
            }
        }
        let mut scored: Vec<(f64, usize)> = scores
            .into_iter()
            .enumerate()
            .map(|(tool, score)| (score, tool))
            .filter(|(score, _)| *score > 0.0)
            .collect();
        scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let total = scored.len();
        let hit = |(_, tool): (f64, usize)| {
            let (server, tool) = self.tools[tool];
            let server = namespace.servers().get(server)?;
            Some(Hit { server, tool: server.tools().get(tool)? })
        };
        Found { hits: scored.into_iter().take(MAX_HITS).filter_map(hit).collect(), total }
    }

    /// What `word` is worth for each tool that has it or one like it: the best place counts.
    fn scores(&self, word: &str) -> HashMap<u32, f64> {
        let mut scores = HashMap::new();
        for (other, places) in &self.words {
            let likeness = alike(word, other);
            if likeness > 0.0 {
                for place in places {
                    let score: &mut f64 = scores.entry(place.tool).or_default();
                    *score = score.max(place.worth * likeness);
                }
            }
        }
        scores
    }
}

fn wanted(query: &str) -> Vec<String> {
    let mut wanted = text::words(&query.chars().take(MAX_QUERY_CHARS).collect::<String>());
    wanted.sort();
    wanted.dedup();
    if wanted.iter().any(|word| !FILLERS.contains(&word.as_str())) {
        wanted.retain(|word| !FILLERS.contains(&word.as_str()));
    }
    wanted.truncate(MAX_QUERY_WORDS);
    wanted
}

/// How far one word stands for another: equal, in another number, or the beginning of it.
fn alike(word: &str, other: &str) -> f64 {
    fn stem(word: &str) -> &str {
        word.strip_suffix("es").or(word.strip_suffix('s')).unwrap_or(word)
    }
    if word == other {
        1.0
    } else if word.len() > 3 && stem(word) == stem(other) {
        0.9
    } else if word.len() >= 3 && other.starts_with(word) {
        0.5
    } else {
        0.0
    }
}
