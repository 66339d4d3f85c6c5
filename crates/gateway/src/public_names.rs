//! Public names of the tools of direct servers.
//!
//! Models are given names of at most 64 letters, digits, `_` and `-`, whatever servers call their tools. A name depends on its server
//! and tool alone, unless two come to the same one, so that further servers change none.

use std::collections::HashMap;

use exuvia_tool::ToolName;
use sha2::{Digest as _, Sha256};

/// The longest name of a tool for clients, in bytes.
const NAME_BYTES: usize = 64;
/// The length of the suffix that makes names unique.
const MARK_BYTES: usize = 8;

/// How many names are kept of one profile.
const MAX_OWNERS: usize = 50_000;

/// Whose name each one is that clients of a profile were given or may have been given. A client that has allowed a name has allowed it
/// for one tool: it does not come to mean another one while the process lives, whoever lists what.
#[derive(Debug, Clone, Default)]
pub(crate) struct NameOwners(HashMap<String, ToolName>);

impl NameOwners {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether this tool may have the name.
    pub(crate) fn is_free_for(&self, name: &str, tool: &ToolName) -> bool {
        self.0.get(name).is_none_or(|owner| owner == tool)
    }

    /// The name is this tool's, unless it is another's.
    pub(crate) fn keep(&mut self, name: &str, tool: &ToolName) {
        if self.0.len() < MAX_OWNERS && !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), tool.clone());
        }
    }
}

/// The names for a tool, the best first: one that is taken already is passed over.
pub(crate) fn names(server: &str, tool: &str, is_bare: bool) -> Vec<String> {
    let prefixed = format!("{server}__{tool}");
    let marked = marked(&prefixed, server, tool);
    let plain = |name: &str| plain(name).unwrap_or_else(|| marked.clone());
    let mut names = vec![plain(&prefixed)];
    if is_bare {
        names.insert(0, self::plain(tool).unwrap_or_else(|| marked_bare(server, tool)));
    }
    names.push(marked);
    names
}

/// Whether a name is one that a tool of this server has, or could have tomorrow.
pub(crate) fn is_of(name: &str, server: &str) -> bool {
    name.strip_prefix(&replaced(server)).is_some_and(|rest| rest.starts_with("__"))
}

/// The name with `_` in place of characters that models do not accept. None: it is too long, or not ASCII, so that the original could
/// not be recognized.
fn plain(name: &str) -> Option<String> {
    let plain = replaced(name);
    (name.is_ascii() && !name.is_empty() && plain.len() <= NAME_BYTES).then_some(plain)
}

fn replaced(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' }).collect()
}

fn marked(name: &str, server: &str, tool: &str) -> String {
    let mut head = replaced(name);
    head.truncate(NAME_BYTES - MARK_BYTES - 1);
    format!("{head}_{}", mark(server, tool))
}

fn marked_bare(server: &str, tool: &str) -> String {
    marked(if tool.is_empty() { "tool" } else { tool }, server, tool)
}

/// Always the same for one tool of one server.
fn mark(server: &str, tool: &str) -> String {
    let digest = Sha256::digest(format!("{server}\0{tool}"));
    digest.iter().take(MARK_BYTES / 2).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(server: &str, tool: &str, is_bare: bool) -> String {
        names(server, tool, is_bare).swap_remove(0)
    }

    #[test]
    fn names_that_models_take_stay_as_they_are() {
        assert_eq!(first("github", "get-issue_2", false), "github__get-issue_2");
        assert_eq!(first("github", "get-issue_2", true), "get-issue_2");
        assert_eq!(first("my.files", "read/file", false), "my_files__read_file");
    }

    #[test]
    fn every_name_is_one_that_models_take_and_always_the_same() {
        let long = "x".repeat(300);
        let tools = ["", "a", "a b", "поиск", "読む", "a\u{301}", "\u{1f600}", &long];
        for (server, tool) in ["s", "сервер", &long].into_iter().flat_map(|server| tools.map(|tool| (server, tool)))
        {
            for is_bare in [false, true] {
                let found = names(server, tool, is_bare);
                assert_eq!(found, names(server, tool, is_bare));
                for name in found {
                    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                    assert!((1..=NAME_BYTES).contains(&name.len()) && name.chars().all(is_plain), "{name}");
                }
            }
        }
    }

    #[test]
    fn names_that_would_collide_get_a_suffix() {
        assert_ne!(first("s", "поиск", false), first("s", "ответ", false));
        let (one, other) = (format!("{}a", "x".repeat(100)), format!("{}b", "x".repeat(100)));
        assert_ne!(first("s", &one, false), first("s", &other, false));
        // Two that come to the same name have others to fall back on.
        assert_eq!(names("a", "b__c", false)[0], names("a__b", "c", false)[0]);
        assert_ne!(names("a", "b__c", false)[1], names("a__b", "c", false)[1]);
        assert_eq!(names("s", "t", true)[1], "s__t");
        assert!(is_of("a__b__c", "a__b") && is_of("my_files__c", "my.files"));
        assert!(!is_of("a__bc__d", "a__b") && !is_of("a__b", "a__b"));
    }
}
