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
