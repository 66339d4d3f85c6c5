//! Lists of like objects as rows: the names once, then the values.

use super::outline::{Node, content};

/// Fewer objects are no table.
const ROWS: usize = 3;
/// More columns than that are no table that anybody can read.
const COLUMNS: usize = 40;
/// The longest name of a column, in bytes.
const NAME_BYTES: usize = 60;

/// The names of the members, if these are objects with the same plain names in the same order.
pub(super) fn columns<'a>(items: &[Node<'a>]) -> Option<Vec<&'a str>> {
    let (first, others) = items.split_first().filter(|_| items.len() >= ROWS)?;
    let names = |item: &Node<'a>| match item {
        Node::Object(members, count) if members.len() == *count => {
            Some(members.iter().map(|(name, _)| *name).collect::<Vec<_>>())
        }
        _ => None,
    };
    let columns = names(first).filter(|names| (1..=COLUMNS).contains(&names.len()))?;
    let is_plain = |name: &&str| {
        let name = content(name);
        name.len() <= NAME_BYTES && !name.is_empty() && !name.contains([',', ':', '\\', '\n', '"'])
    };
    let is_like = |item: &Node<'a>| match item {
        Node::Object(members, count) => {
            members.len() == *count && members.iter().map(|(name, _)| *name).eq(columns.iter().copied())
        }
        _ => false,
    };
    (columns.iter().all(is_plain) && others.iter().all(is_like)).then_some(columns)
}

/// Whether a text is taken for nothing else without its quotes.
pub(super) fn is_bare(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let is_atom = matches!(text, "null" | "true" | "false") || first.is_ascii_digit() || first == '-';
    let is_date =
        is_atom && text.len() >= 10 && text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().get(7) == Some(&b'-');
    let is_marked =
        matches!(first, '[' | '{' | '<' | '…') || first.is_whitespace() || text.ends_with(char::is_whitespace);
    // No row begins as a line of ours does: `note: `.
    let is_label = text.contains(": ") || text.ends_with(':');
    text.len() <= 200 && !is_label && (!is_atom || is_date) && !is_marked && !text.contains([',', '\\', '"'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_with_the_same_members_are_rows() {
        let of = |json: &str| {
            columns(&match Node::of(json) {
                Node::List(items, _) => items,
                other => vec![other],
            })
            .map(|names| names.join(" "))
        };
        assert_eq!(of(r#"[{"a":1,"b":2},{"a":3,"b":4},{"a":5,"b":{}}]"#).as_deref(), Some("\"a\" \"b\""));
        for other in [
            r#"[{"a":1},{"a":2}]"#,
            r#"[{"a":1},{"a":2},{"b":3}]"#,
            r#"[{"a":1,"b":1},{"b":2,"a":2},{"a":1,"b":1}]"#,
            r#"[{"a":1},{"a":2},3]"#,
            r#"[{"a,b":1},{"a,b":2},{"a,b":3}]"#,
            "[{},{},{}]",
            "[1,2,3]",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_text_keeps_its_quotes_where_it_could_be_something_else() {
        for bare in ["Ada Lovelace", "a@b.example", "x[1]", "2026-11-29", "2026-11-29T10:00:00Z", "nullable", "é"] {
            assert!(is_bare(bare), "{bare}");
        }
        for quoted in [
            "",
            "null",
            "true",
            "12",
            "-1",
            "1.50",
            "2026",
            "a,b",
            "[1]",
            "{}",
            " a",
            "a ",
            "a\\n",
            "<image 1>",
            "note: x",
            "hint:",
            "--- log",
            "…",
        ] {
            assert!(!is_bare(quoted), "{quoted}");
        }
    }
}
