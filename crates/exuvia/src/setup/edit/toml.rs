//! TOML.

use anyhow::{Context as _, Result, anyhow};
use serde_json::Value;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value as Toml};

use super::Edit;

pub(super) fn edited(text: &str, edit: &Edit<'_>) -> Result<String> {
    let mut document: DocumentMut = text.parse().map_err(|error| wrong(text, &error))?;
    let mut table = document.as_table_mut();
    for key in edit.object {
        table = table
            .entry(key)
            .or_insert_with(implicit)
            .as_table_mut()
            .with_context(|| format!("{key} is not written as a table; write [{key}.NAME] for each server"))?;
    }
    let mut comments = String::new();
    for name in &edit.remove {
        if let Some(Item::Table(removed)) = table.remove(name) {
            comments.push_str(detached(&removed));
        }
    }
    for (name, value) in &edit.put {
        let mut new = new_table(value)?;
        let old = table.get(name).and_then(Item::as_table).map(|old| old.decor().clone());
        match old {
            Some(decor) => *new.decor_mut() = decor,
            None => new.decor_mut().set_prefix(format!("{}{}", std::mem::take(&mut comments), gap(text))),
        }
        table.insert(name, Item::Table(new));
    }
    Ok(document.to_string())
}

fn implicit() -> Item {
    let mut table = Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

/// The comments above a table that are not its own: a blank line is between them.
fn detached(table: &Table) -> &str {
    let prefix = table.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
    prefix.rfind("\n\n").map_or("", |end| &prefix[..=end])
}

fn gap(text: &str) -> &'static str {
    if text.trim().is_empty() { "" } else { "\n" }
}

fn new_table(value: &Value) -> Result<Table> {
    let mut table = Table::new();
    for (key, value) in value.as_object().context("is not a table")? {
        table.insert(key, Item::Value(toml(value)?));
    }
    Ok(table)
}

fn toml(value: &Value) -> Result<Toml> {
    Ok(match value {
        Value::Null => return Err(anyhow!("TOML has no null")),
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64().context("is no number of TOML")?.into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().map(toml).collect::<Result<Array>>()?.into(),
        Value::Object(members) => {
            let pairs = members.iter().map(|(key, value)| Ok((key.as_str(), toml(value)?)));
            pairs.collect::<Result<InlineTable>>()?.into()
        }
    })
}

pub(super) fn tree(text: &str) -> Result<Value> {
    let document: DocumentMut = text.parse().map_err(|error| wrong(text, &error))?;
    Ok(of_table(document.as_table()))
}

fn of_table(table: &dyn toml_edit::TableLike) -> Value {
    table.iter().map(|(key, item)| (key.to_owned(), of_item(item))).collect::<serde_json::Map<_, _>>().into()
}

fn of_item(item: &Item) -> Value {
    match item {
        Item::None => Value::Null,
        Item::Value(value) => of_value(value),
        Item::Table(table) => of_table(table),
        Item::ArrayOfTables(tables) => tables.iter().map(|table| of_table(table)).collect(),
    }
}

fn of_value(value: &Toml) -> Value {
    match value {
        Toml::String(text) => text.value().as_str().into(),
        Toml::Integer(integer) => (*integer.value()).into(),
        Toml::Boolean(value) => (*value.value()).into(),
        Toml::Array(items) => items.iter().map(of_value).collect(),
        Toml::InlineTable(table) => of_table(table),
        Toml::Float(number) => serde_json::Number::from_f64(*number.value()).map_or(Value::Null, Value::Number),
        // As it is written: no client has one in an entry.
        Toml::Datetime(time) => time.to_string().trim().into(),
    }
}

fn wrong(text: &str, error: &toml_edit::TomlError) -> anyhow::Error {
    let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
    anyhow!("invalid TOML on line {line}: {}", error.message())
}
