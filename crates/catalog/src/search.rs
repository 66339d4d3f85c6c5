//! Which tools fit a few words.

use exuvia_tool::{Namespace, Server, Tool};

use crate::text;

/// How many tools are found at most.
const MAX_HITS: usize = 30;

/// Words that say nothing of a tool.
const FILLERS: [&str; 14] = ["a", "an", "and", "by", "for", "from", "in", "my", "of", "on", "or", "the", "to", "with"];

/// How much of a query counts.
const MAX_QUERY_CHARS: usize = 300;

/// How much of a description is looked at.
const MAX_DESCRIPTION_BYTES: usize = 8_000;

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

/// The tools that fit `query`.
pub(crate) fn search<'n>(namespace: &'n Namespace, query: &str) -> Found<'n> {
    let mut wanted = text::words(&query.chars().take(MAX_QUERY_CHARS).collect::<String>());
    wanted.sort();
    wanted.dedup();
    if wanted.iter().any(|word| !FILLERS.contains(&word.as_str())) {
        wanted.retain(|word| !FILLERS.contains(&word.as_str()));
    }
    let entries: Vec<Entry<'n>> = namespace.servers().iter().flat_map(Entry::of_server).collect();
    // A word that stands everywhere says little: what it is worth falls with the number of tools that have it.
    let worth: Vec<f64> = wanted.iter().map(|word| rarity(word, &entries)).collect();
    let mut scored: Vec<(f64, &Entry<'n>)> = entries
        .iter()
        .map(|entry| (wanted.iter().zip(&worth).map(|(word, worth)| worth * entry.score(word)).sum(), entry))
        .filter(|(score, _)| *score > 0.0)
        .collect();
    scored.sort_by(|(a, _), (b, _): &(f64, _)| b.total_cmp(a));
    let total = scored.len();
    let best = scored.into_iter().take(MAX_HITS);
    Found { hits: best.map(|(_, entry)| Hit { server: entry.server, tool: entry.tool }).collect(), total }
}

fn rarity(word: &str, entries: &[Entry<'_>]) -> f64 {
    let with_it = entries.iter().filter(|entry| entry.score(word) > 0.0).count();
    (1.0 + entries.len() as f64 / (1 + with_it) as f64).ln()
}

/// A tool as words.
struct Entry<'n> {
    server: &'n Server,
    tool: &'n Tool,
    places: [(f64, Vec<String>); 4],
}

impl<'n> Entry<'n> {
    fn of_server(server: &'n Server) -> impl Iterator<Item = Self> {
        server.tools().iter().map(move |tool| Self::new(server, tool))
    }

    fn new(server: &'n Server, tool: &'n Tool) -> Self {
        let description = tool.descriptor.description.as_deref().unwrap_or("");
        let mut end = description.len().min(MAX_DESCRIPTION_BYTES);
        while !description.is_char_boundary(end) {
            end -= 1;
        }
        let parameters = tool.parameters.iter().flat_map(|parameter| text::words(&parameter.name)).collect();
        let mut name = text::words(tool.name());
        name.extend(text::words(tool.descriptor.title.as_deref().unwrap_or("")));
        let places = [
            (IN_NAME, name),
            (IN_SERVER, text::words(&server.name)),
            (IN_PARAMETER, parameters),
            (IN_DESCRIPTION, text::words(&description[..end])),
        ];
        Self { server, tool, places }
    }

    /// What `word` is worth here: the best place that has it.
    fn score(&self, word: &str) -> f64 {
        let mut best = 0.0_f64;
        for (worth, words) in &self.places {
            let likeness = words.iter().map(|other| alike(word, other)).fold(0.0, f64::max);
            best = best.max(worth * likeness);
        }
        best
    }
}

/// How far one word stands for another: equal, in another number, or the beginning of it.
fn alike(word: &str, other: &str) -> f64 {
    let stem = |word: &str| word.strip_suffix("es").or(word.strip_suffix('s')).unwrap_or(word).to_owned();
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
