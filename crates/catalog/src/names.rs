//! Python names for the names that servers chose.
//!
//! The rules, for servers, tools and parameters alike:
//!
//! 1. A name that is already a Python identifier, in normalization form KC, and not reserved, stays as it is.
//! 2. Any other is normalized; each run of characters that no identifier holds, or nobody sees, becomes one `_` between words and nothing
//!    at the ends (`get-user` → `get_user`, `$filter` → `filter`).
//! 3. A digit in front gets a `_` before it (`2fa` → `_2fa`). A dunder loses what makes it one (`__init__` → `init`).
//! 4. A reserved name gets a `_` behind it, as PEP 8 does it (`from` → `from_`).
//! 5. A name that is taken gets `_2`, `_3`, ... in the order of the list. Names of rule 1 are given out first, so that
//!    no other name can take theirs.
//! 6. Nothing usable left: `server`, `tool` or `arg`. Longer than 128 characters: cut.

use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization;

use crate::reserved;

/// The longest Python name, in characters. The MCP specification gives tool names the same bound.
const MAX_NAME_CHARS: usize = 128;

/// What is being named: decides what is reserved and what a nameless one is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A global of the script.
    Server,
    /// An attribute of a server.
    Tool,
    /// A keyword argument.
    Parameter,
}

impl Kind {
    fn nameless(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Tool => "tool",
            Self::Parameter => "arg",
        }
    }

    fn reserves(self, name: &str) -> bool {
        reserved::is_keyword(name) || (self == Self::Server && reserved::is_taken_global(name))
    }

    /// A dunder attribute or global belongs to Python; as a keyword argument it is like any other.
    fn refuses_dunder(self) -> bool {
        self != Self::Parameter
    }
}

/// Python names for `names`, each unique, in the same order.
pub(crate) fn python_names(kind: Kind, names: &[&str]) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::with_capacity(names.len());
    let mut given: Vec<Option<String>> = vec![None; names.len()];
    for (slot, name) in given.iter_mut().zip(names) {
        if stays(kind, name) && taken.insert((*name).to_owned()) {
            *slot = Some((*name).to_owned());
        }
    }
    let mut numbers = HashMap::new();
    let fill =
        |(slot, name): (Option<String>, &&str)| slot.unwrap_or_else(|| free_name(kind, name, &mut taken, &mut numbers));
    given.into_iter().zip(names).map(fill).collect()
}

/// Whether `text` is a Python identifier in the form in which CPython compares identifiers, all of which is seen.
pub(crate) fn is_identifier(text: &str) -> bool {
    text.starts_with(is_start) && text.chars().all(is_part) && unicode_normalization::is_nfkc(text)
}

fn stays(kind: Kind, name: &str) -> bool {
    is_identifier(name)
        && name.chars().count() <= MAX_NAME_CHARS
        && !kind.reserves(name)
        && !(kind.refuses_dunder() && is_dunder(name))
}

/// `numbers` holds from where the numbers behind a stem go on: ten thousand names may come to the same one.
fn free_name(kind: Kind, name: &str, taken: &mut HashSet<String>, numbers: &mut HashMap<String, usize>) -> String {
    let wanted = sanitized(kind, name);
    if taken.insert(wanted.clone()) {
        return wanted;
    }
    let stem = wanted.trim_end_matches('_');
    let number = numbers.entry(stem.to_owned()).or_insert(2);
    loop {
        let candidate = format!("{stem}_{number}");
        *number += 1;
        if taken.insert(candidate.clone()) {
            return candidate;
        }
    }
}

fn sanitized(kind: Kind, name: &str) -> String {
    let mut python = String::with_capacity(name.len());
    let mut gap = false;
    for c in name.nfkc().take(MAX_NAME_CHARS) {
        if is_part(c) {
            if gap && !python.is_empty() && !python.ends_with('_') && c != '_' {
                python.push('_');
            }
            python.push(c);
        }
        gap = !is_part(c);
    }
    if kind.refuses_dunder() && is_dunder(&python) {
        python = python.trim_matches('_').to_owned();
    }
    if python.chars().all(|c| c == '_') {
        python = kind.nameless().to_owned();
    }
    if !python.starts_with(is_start) {
        python.insert(0, '_');
    }
    if kind.reserves(&python) {
        python.push('_');
    }
    python
}

/// Whether an identifier of ours may contain a character. Python's may contain fillers and variation selectors, which are
/// invisible.
pub(crate) fn is_part(c: char) -> bool {
    unicode_ident::is_xid_continue(c) && exuvia_text::is_plain(c)
}

fn is_start(c: char) -> bool {
    c == '_' || unicode_ident::is_xid_start(c)
}

fn is_dunder(name: &str) -> bool {
    name.starts_with("__") && name.ends_with("__")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(names: &[&str]) -> Vec<String> {
        python_names(Kind::Tool, names)
    }

    #[test]
    fn odd_names_get_the_documented_form() {
        let odd =
            ["get-user", "a.b/c", "2fa", "from", "None", "$filter", "--x--", "ｙｏｕ", "größe", "日本", "a  b", "_x"];
        let python =
            ["get_user", "a_b_c", "_2fa", "from_", "None_", "filter", "x", "you", "größe", "日本", "a_b", "_x"];
        assert_eq!(tools(&odd), python);
    }

    #[test]
    fn invisible_characters_are_in_no_name() {
        let names = tools(&["a\u{3164}b", "a\u{fe0f}", "\u{ffa0}", "\u{1160}x", "e\u{301}\u{e0100}"]);
        assert_eq!(names, ["a_b", "a", "tool", "x", "é"]);
        assert!(!is_identifier("a\u{1160}") && !is_identifier("a\u{fe0f}"));
    }

    #[test]
    fn nothing_usable_gets_a_name_all_the_same() {
        assert_eq!(tools(&["", "!!", "🙂"]), ["tool", "tool_2", "tool_3"]);
        assert_eq!(python_names(Kind::Parameter, &["-"]), ["arg"]);
    }

    #[test]
    fn a_valid_name_keeps_itself_even_behind_a_rival() {
        assert_eq!(
            tools(&["get-user", "get.user", "get_user", "get_user_2"]),
            ["get_user_3", "get_user_4", "get_user", "get_user_2"]
        );
        assert_eq!(tools(&["from", "from_"]), ["from_2", "from_"]);
    }

    #[test]
    fn dunders_belong_to_python() {
        assert_eq!(tools(&["__class__", "__init__", "____", "__private"]), ["class_", "init", "tool", "__private"]);
        assert_eq!(python_names(Kind::Parameter, &["__typename__", "__debug__"]), ["__typename__", "__debug___"]);
    }

    #[test]
    fn a_server_never_hides_what_python_or_the_sandbox_calls_by_its_name() {
        let names = ["time", "print", "mcp", "result", "ToolError", "git", "sqlite", "match", "list"];
        let python = ["time_", "print_", "mcp_", "result_", "ToolError_", "git", "sqlite", "match", "list_"];
        assert_eq!(python_names(Kind::Server, &names), python);
        assert_eq!(tools(&["list", "time", "print"]), ["list", "time", "print"]);
    }

    #[test]
    fn a_long_name_is_cut_and_stays_unique() {
        let long = "x".repeat(500);
        let names = tools(&[&long, &format!("{long}y")]);
        assert_eq!(names[0].len(), 128);
        assert!(names[1].ends_with("_2") && names.iter().all(|name| is_identifier(name)));
    }

    #[test]
    fn many_names_that_come_to_the_same_are_numbered_in_one_pass() {
        let odd: Vec<String> = (0..50_000).map(|n| "!".repeat(n % 7 + 1) + &"?".repeat(n % 11)).collect();
        let odd: Vec<&str> = odd.iter().map(String::as_str).collect();
        let begun = std::time::Instant::now();
        assert_eq!(tools(&odd)[49_999], "tool_50000");
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }
}
