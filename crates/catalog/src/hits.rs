//! Search hits as a model reads them: signatures to call at once, with the types that they need.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use exuvia_tool::{Namespace, Tool};

use crate::common::Common;
use crate::layout::Layouts;
use crate::learned::Answers;
use crate::search::{self, Found, Hit, Index, MAX_HITS};
use crate::sheet::{CLASSES_ARE_DICTS, Detail, Sheet};

/// How many bytes the hits of a request take: about 1,500 tokens.
const MAX_BYTES: usize = 5_500;

/// How many hits each of several queries has.
const HITS_OF_SEVERAL: usize = 3;

/// How many hits of a query are explained, with what they answer; the second if it scores at least this share of the first. The
/// others have signatures alone.
const EXPLAINED: usize = 2;
const OF_BEST_TO_EXPLAIN: f64 = 0.8;

/// How many queries are named that were not searched, and how much of each, in characters.
const MAX_UNANSWERED: usize = 6;
const UNANSWERED_CHARS: usize = 60;

/// How many bytes the explanations of one hit's parameters take.
const GLOSS_BYTES: usize = 700;

/// What all tools of each server have in common, by the server's Python name.
pub(crate) type Commons<'c> = dyn Fn(&str) -> Arc<Common> + 'c;

/// What is known of servers and tools beside their own lists.
pub(crate) struct Known<'k> {
    pub(crate) commons: &'k Commons<'k>,
    pub(crate) answers: Answers<'k>,
    pub(crate) layouts: &'k Layouts,
}

/// The tools that fit the queries in `text`, in at most `max_bytes` bytes.
pub(crate) fn answer(namespace: &Namespace, index: &Index, known: &Known<'_>, text: &str, max_bytes: usize) -> String {
    let (queries, unanswered) = search::queries(text);
    let unanswered = not_searched(&unanswered);
    let most = if queries.len() > 1 { HITS_OF_SEVERAL } else { MAX_HITS };
    let found: Vec<(&str, Found<'_>)> = index.search_all(namespace, &queries);
    let is_several = found.len() > 1;
    // A tool is shown once, at the first query that it fits.
    let mut seen = HashSet::new();
    let mut tools = Vec::new();
    let mut sections: Vec<(String, Vec<Hit<'_>>, String)> = Vec::new();
    for (query, mut found) in found {
        let late = found.hits.split_off(most.min(found.hits.len()));
        let others: Vec<Hit<'_>> = late.into_iter().chain(found.others).collect();
        let heading = if is_several { format!("# {}\n", exuvia_text::one_line(query, 80)) } else { String::new() };
        let end = end(&found.hits, &others);
        let again = shown_above(&found.hits, &seen);
        let ranked = found.hits.into_iter().enumerate();
        let ranked: Vec<_> = ranked.filter(|(_, hit)| seen.insert(std::ptr::from_ref::<Tool>(hit.tool))).collect();
        tools.extend(ranked.iter().map(|(rank, hit)| (hit.tool, detail(*rank, hit))));
        sections.push((heading, ranked.into_iter().map(|(_, hit)| hit).collect(), again + &end));
    }
    let mut sheet = Sheet::new(tools, &[]);
    let room = MAX_BYTES.min(max_bytes).saturating_sub(unanswered.len());
    let mut page = Page { text: String::new(), room, place: 0 };
    if sheet.has_classes() {
        page.fits(&format!("# {CLASSES_ARE_DICTS}\n"));
    }
    let mut cut = BTreeMap::<String, usize>::new();
    let mut noted = HashSet::new();
    for (heading, hits, end) in sections {
        page.fits(&heading);
        for (rank, hit) in hits.into_iter().enumerate() {
            // The data of a server matters where it is what was looked for.
            if rank == 0 && noted.insert(&hit.server.name) {
                // Tools of several servers may stand here.
                page.fits(&known.layouts.notes(hit.server).replacen(
                    "# ",
                    &format!("# {}: ", hit.server.python_name),
                    1,
                ));
            }
            if !page.fits(&entry(&mut sheet, page.place, hit, known)) {
                *cut.entry(format!("{}.{}", hit.server.python_name, hit.tool.python_name)).or_default() += 1;
            }
            page.place += 1;
        }
        page.fits(&end);
    }
    let cut: Vec<String> = cut.into_keys().collect();
    if !cut.is_empty() {
        page.fits(&format!("# too long to show here, readToolFile has them: {}\n", cut.join(", ")));
    }
    page.text + &unanswered
}

/// Which queries of a request were too many.
fn not_searched(queries: &[&str]) -> String {
    let named: Vec<String> =
        queries.iter().take(MAX_UNANSWERED).map(|query| exuvia_text::one_line(query, UNANSWERED_CHARS)).collect();
    match queries.len() - named.len() {
        0 if named.is_empty() => String::new(),
        0 => format!("# not searched, ask again: {}\n", named.join("; ")),
        more => format!("# not searched, ask again: {}; and {more} more\n", named.join("; ")),
    }
}

/// What a query says whose hits all stand above, at other queries.
fn shown_above(hits: &[Hit<'_>], seen: &HashSet<*const Tool>) -> String {
    if hits.is_empty() || !hits.iter().all(|hit| seen.contains(&std::ptr::from_ref::<Tool>(hit.tool))) {
        return String::new();
    }
    let names: Vec<String> =
        hits.iter().map(|hit| format!("{}.{}", hit.server.python_name, hit.tool.python_name)).collect();
    format!("# shown above: {}\n", names.join(", "))
}

fn detail(rank: usize, hit: &Hit<'_>) -> Detail {
    match rank {
        0 => Detail::Full,
        1..EXPLAINED if hit.share >= OF_BEST_TO_EXPLAIN => Detail::Short,
        _ => Detail::Brief,
    }
}

struct Page {
    text: String,
    room: usize,
    /// The tool of the sheet that comes next.
    place: usize,
}

impl Page {
    /// Adds a text, if there is room.
    fn fits(&mut self, text: &str) -> bool {
        let fits = text.len() <= self.room;
        if fits {
            self.room -= text.len();
            self.text.push_str(text);
        }
        fits
    }
}

fn entry(sheet: &mut Sheet<'_>, place: usize, hit: Hit<'_>, known: &Known<'_>) -> String {
    let server = &hit.server.python_name;
    let definitions = sheet.definitions(place);
    let signature = sheet.signature(place);
    let answers = known.answers.line(&hit.server.name, hit.tool);
    let remarks = sheet.remarks(place, &(known.commons)(server), answers, GLOSS_BYTES);
    let remarks: String = remarks.iter().map(|line| format!("    {line}\n")).collect();
    format!("{definitions}{server}.{signature}\n{remarks}")
}

/// What comes after the hits of one query: the names of the next ones.
fn end(hits: &[Hit<'_>], others: &[Hit<'_>]) -> String {
    if hits.is_empty() {
        return "no tool matches; try other words, or no query for the list of files\n".to_owned();
    }
    if others.is_empty() {
        return String::new();
    }
    let names = others.iter().take(search::MAX_OTHERS);
    let names: Vec<String> = names.map(|hit| format!("{}.{}", hit.server.python_name, hit.tool.python_name)).collect();
    format!("# less likely: {}\n", names.join(", "))
}
