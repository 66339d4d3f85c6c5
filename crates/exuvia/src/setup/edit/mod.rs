//! Entries of a client's file taken out and put in, with everything else as it was: comments, order, line ends.

mod json;
mod toml;
mod yaml;

use anyhow::{Context as _, Result, bail};
use exuvia_config::FileSyntax;
use serde_json::{Map, Value};

/// What becomes of the entries of one object.
#[derive(Debug, Default)]
pub(super) struct Edit<'a> {
    /// The path of the object.
    pub(super) object: &'a [String],
    /// The names of entries that are taken out.
    pub(super) remove: Vec<String>,
    /// Entries that are put in, or in place of those that have their names.
    pub(super) put: Vec<(String, Value)>,
}

impl Edit<'_> {
    fn is_removed(&self, name: &str) -> bool {
        self.remove.iter().any(|removed| removed == name)
    }
}

/// The text with this edit made. Read again it holds exactly that, or there is an error.
///
/// # Errors
///
/// The text is not what its syntax allows, or is written in a form that cannot be edited. Nothing of the text is in the message.
pub(super) fn edited(syntax: FileSyntax, text: &str, edit: &Edit<'_>) -> Result<String> {
    let bom = if text.starts_with('\u{feff}') { "\u{feff}" } else { "" };
    let body = &text[bom.len()..];
    let new = match syntax {
        FileSyntax::Json => json::edited(body, edit)?,
        FileSyntax::Toml => toml::edited(body, edit)?,
        FileSyntax::Yaml => yaml::edited(body, edit)?,
    };
    let (before, after) = (tree(syntax, body)?, tree(syntax, &new).context("the edited file cannot be read")?);
    if after != expected(before, edit) {
        bail!("is written in a form that cannot be edited without changing something else");
    }
    Ok(format!("{bom}{new}"))
}

/// What a text of this syntax holds.
pub(super) fn tree(syntax: FileSyntax, text: &str) -> Result<Value> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match syntax {
        FileSyntax::Json => json::tree(text),
        FileSyntax::Toml => toml::tree(text),
        FileSyntax::Yaml => exuvia_config::yaml_tree(text).map_err(anyhow::Error::msg),
    }
}

/// The entry at a path of a tree.
pub(super) fn at<'a>(tree: &'a Value, object: &[String], name: &str) -> Option<&'a Value> {
    object.iter().map(String::as_str).chain([name]).try_fold(tree, |tree, key| tree.get(key))
}

/// What a tree holds once the edit is made.
fn expected(tree: Value, edit: &Edit<'_>) -> Value {
    let mut tree = if tree.is_null() { Value::Object(Map::new()) } else { tree };
    let mut place = &mut tree;
    for key in edit.object {
        if !place.is_object() {
            return Value::Null;
        }
        let below = &mut place[key.as_str()];
        if below.is_null() {
            *below = Value::Object(Map::new());
        }
        place = below;
    }
    if let Value::Object(entries) = place {
        entries.retain(|name, _| !edit.is_removed(name));
        entries.extend(edit.put.iter().cloned());
    }
    tree
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(path: &str) -> Vec<String> {
        path.split('.').map(str::to_owned).collect()
    }

    /// The text with `a` taken out of the object at this path, and `new` put in.
    fn changed(syntax: FileSyntax, path: &str, text: &str) -> Result<String> {
        let object = object(path);
        let put = vec![("new".to_owned(), json!({"command": "x", "args": ["y"]}))];
        edited(syntax, text, &Edit { object: &object, remove: vec!["a".to_owned()], put })
    }

    #[test]
    fn what_is_not_edited_stays_to_the_byte() {
        for (syntax, path, text, expected) in [
            (
                FileSyntax::Json,
                "s",
                "{ // c\r\n\t\"s\": {\r\n\t\t\"a\": 1, // of a\r\n\t\t\"b\": [1,2,  3],\r\n\t},\r\n\t\"z\": 1.50 }",
                "{ // c\r\n\t\"s\": {\r\n\t\t\"b\": [1,2,  3],\r\n\t\t\"new\": {\r\n\t\t\t\"command\": \"x\",\r\n\t\t\t\"args\": [\"y\"],\r\n\
                 \t\t},\r\n\t},\r\n\t\"z\": 1.50 }",
            ),
            (
                FileSyntax::Toml,
                "s",
                "# c\nx = 0x10 # d\n\n[s.a]\nk = 1\n\n# of b\n[s.b]\nk   =  2\n",
                "# c\nx = 0x10 # d\n\n# of b\n[s.b]\nk   =  2\n\n[s.new]\ncommand = \"x\"\nargs = [\"y\"]\n",
            ),
            (
                FileSyntax::Yaml,
                "s",
                "# c\ns:\n    a:\n        k: |\n            one\n\n            two\n    # of b\n    b: {k: 1}   # d\nz: 'q'\n",
                "# c\ns:\n    new:\n        command: x\n        args: [\"y\"]\n    # of b\n    b: {k: 1}   # d\nz: 'q'\n",
            ),
        ] {
            assert_eq!(changed(syntax, path, text).unwrap(), expected);
        }
    }

    #[test]
    fn an_object_that_is_not_there_is_made() {
        for (syntax, path, text, parts) in [
            (FileSyntax::Json, "s", "", &["\"s\": {", "\"new\": {"][..]),
            (FileSyntax::Json, "p./x/y.s", "{\"p\": {}, \"q\": 1}", &["\"/x/y\"", "\"q\": 1"]),
            (FileSyntax::Json, "s", "{}\n", &["\"s\""]),
            (FileSyntax::Toml, "s", "", &["[s.new]"]),
            (FileSyntax::Toml, "s", "x = 1", &["x = 1", "[s.new]"]),
            (FileSyntax::Yaml, "s", "", &["s:\n  new:\n    command: x\n"]),
            (FileSyntax::Yaml, "s", "x: 1", &["x: 1\ns:\n  new:\n"]),
            (FileSyntax::Yaml, "s", "s: {}\nx: 1\n", &["s:\n  new:\n", "x: 1\n"]),
            (FileSyntax::Yaml, "s", "s:\nx: 1\n", &["s:\n  new:\n", "x: 1\n"]),
        ] {
            let text = changed(syntax, path, text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
            assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_edited_in_place_is_refused() {
        for (syntax, text) in [
            (FileSyntax::Json, "{\"s\": [1]}"),
            (FileSyntax::Json, "[]"),
            (FileSyntax::Json, "{\"s\": {\"a\": 1}"),
            (FileSyntax::Json, "{'s': {}}"),
            (FileSyntax::Json, "{\"s\": {\"a\": 1, \"a\": 2}, \"s\": {}}"),
            (FileSyntax::Toml, "s = { a = { k = 1 } }"),
            (FileSyntax::Toml, "s = 1"),
            (FileSyntax::Toml, "[s.a\nk = 1"),
            (FileSyntax::Yaml, "s: {a: 1, b: 2}\n"),
            (FileSyntax::Yaml, "s: [1]\n"),
            (FileSyntax::Yaml, "- s\n"),
            (FileSyntax::Yaml, "s: &x {}\ny: *x\n"),
        ] {
            let edited = changed(syntax, "s", text);
            assert!(edited.is_err(), "{text}: {edited:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_stays() {
        let text = changed(FileSyntax::Json, "s", "\u{feff}{\"s\": {\"a\": 1}}").unwrap();
        assert!(text.starts_with("\u{feff}{") && text.contains("\"new\"") && !text.contains("\"a\""), "{text}");
    }
}
