//! Text of one server that names what is another's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;

use super::phrases::around;
use super::texts::vocabulary;
use super::{AuditedServer, Rule};

/// The shortest name that stands for a tool wherever it is.
const SHORTEST: usize = 6;

/// Words by which a text says what to do.
static DIRECTIVE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = r"\b(?:must|always|never|instead|before|after|when|whenever|do not|don't|should|first|every|replaces?|required|need to|have to|make sure|important|prefer|call|use|invoke|bcc|forward)\b";
    Regex::new(words).ok()
});

/// What belongs to whom, among all servers.
pub(super) struct Owners<'a> {
    /// The servers of each tool that has a name of its own, in small letters.
    tools: BTreeMap<String, BTreeSet<&'a str>>,
    servers: Vec<(&'a str, Option<Regex>)>,
    /// What each server calls something itself.
    own: BTreeMap<&'a str, BTreeSet<String>>,
}

impl<'a> Owners<'a> {
    pub(super) fn of(servers: &[AuditedServer<'a>]) -> Self {
        let mut tools: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        let mut own: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for server in servers {
            let own = own.entry(server.name).or_default();
            for tool in server.tools {
                if is_distinct(&tool.name) {
                    tools.entry(tool.name.to_lowercase()).or_default().insert(server.name);
                }
                own.insert(tool.name.to_lowercase());
                let mut words = Vec::new();
                vocabulary(&tool.input_schema, &mut words);
                tool.output_schema.iter().for_each(|schema| vocabulary(schema, &mut words));
                own.extend(words.into_iter().map(str::to_lowercase));
            }
        }
        let servers = servers.iter().map(|server| (server.name, mention(server.name))).collect();
        Self { tools, servers, own }
    }

    /// What a folded text of this server names that is another's: each once, with whose it is.
    pub(super) fn named_in(&self, server: &str, folded: &str) -> Vec<(Rule, String, String)> {
        let mut found = Vec::new();
        let mut seen = BTreeSet::new();
        for (start, word) in words(folded) {
            let Some((name, owners)) = self.owned(server, word) else { continue };
            if !seen.insert(name) {
                continue;
            }
            let place = start..start + word.len();
            let sentence = sentence(folded, start);
            let is_told = DIRECTIVE.as_ref().is_some_and(|directive| directive.is_match(sentence));
            let rule = if is_told { Rule::DirectsOtherTool } else { Rule::NamesOtherTool };
            let owner = owners.iter().next().copied().unwrap_or_default();
            found.push((rule, format!("{owner}.{name}"), around(folded, place)));
        }
        for (other, mention) in self.servers.iter().filter(|(other, _)| *other != server) {
            if let Some(hit) = mention.as_ref().and_then(|mention| mention.find(folded)) {
                found.push((Rule::NamesOtherServer, (*other).to_owned(), around(folded, hit.range())));
            }
        }
        found
    }

    /// The tool of others that a word names.
    fn owned<'s>(&'s self, server: &str, word: &str) -> Option<(&'s str, &'s BTreeSet<&'a str>)> {
        let is_own = |name: &str| self.own.get(server).is_some_and(|own| own.contains(name));
        // With the name of a server, as clients write it.
        let bare = word.rsplit("__").next().filter(|bare| *bare != word);
        let candidates = [Some(word), bare, word.rsplit_once('.').map(|(_, tool)| tool)];
        candidates.into_iter().flatten().filter(|name| !is_own(name)).find_map(|name| {
            let (name, owners) = self.tools.get_key_value(name)?;
            (!owners.contains(server)).then_some((name.as_str(), owners))
        })
    }
}

/// Whether a name stands for a tool and nothing else: no word of a language.
fn is_distinct(name: &str) -> bool {
    let parts = name.split(['_', '-', '.', '/']).filter(|part| !part.is_empty()).count();
    let has_hump = name.chars().zip(name.chars().skip(1)).any(|(one, next)| one.is_lowercase() && next.is_uppercase());
    name.len() >= SHORTEST && (parts > 1 || has_hump)
}

/// The words of a text as names are written, with where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + text[rest..].find(is_part)?;
        let end = text[start..].find(|c| !is_part(c)).map_or(text.len(), |length| start + length);
        rest = end;
        let word = text[start..end].trim_end_matches(['.', '-', '/']);
        Some((start, word))
    })
    .filter(|(_, word)| word.len() >= SHORTEST)
}

/// The sentence around a place.
fn sentence(text: &str, place: usize) -> &str {
    let is_end = |c: char| matches!(c, '\n' | '!' | '?' | ';');
    let start = text[..place].rfind(is_end).map_or(0, |end| end + 1);
    let start = text[..place].rfind(". ").map_or(start, |end| start.max(end + 2));
    let end = text[place..].find(is_end).map_or(text.len(), |length| place + length);
    let end = text[place..].find(". ").map_or(end, |length| end.min(place + length));
    &text[start..end]
}

/// A server is named as one: `the crm server`, `mcp__crm`.
fn mention(server: &str) -> Option<Regex> {
    let name = regex::escape(&server.to_lowercase());
    let is_short = server.chars().count() < 3;
    let pattern = format!(
        r"\bmcp(?:__|\.){name}(?:\b|__)|\b{name}['\x22]?\s+(?:mcp\b|mcp[- ]server|server\b)|\bserver\s+(?:named|called)?\s*['\x22]?{name}\b"
    );
    Regex::new(&pattern).ok().filter(|_| !is_short)
}
