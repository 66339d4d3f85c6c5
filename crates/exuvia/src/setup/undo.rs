//! A setup undone.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use exuvia_config::FileSyntax;
use serde_json::Value;

use super::edit::{self, Edit};
use super::files;
use super::record::{Record, RecordedFile};

/// A file, and what it holds once the setup is undone.
pub(super) struct Restored {
    pub(super) file: PathBuf,
    pub(super) now: Option<String>,
    /// None: there was no such file.
    pub(super) then: Option<String>,
}

/// What is to be restored, the client's files first.
pub(super) struct Undoing {
    pub(super) files: Vec<Restored>,
    pub(super) notices: Vec<String>,
}

impl Undoing {
    /// # Errors
    ///
    /// A file was changed since the setup, and what was changed would be lost. With `force` it is kept.
    pub(super) fn of(record: &Record, force: bool) -> Result<Self> {
        let mut undoing = Self { files: Vec::new(), notices: Vec::new() };
        for file in record.files.iter().rev() {
            let now = files::read(&file.file)?;
            if now == file.before {
                continue;
            }
            let then = match now.as_deref() {
                Some(text) if text == file.after => file.before.clone(),
                Some(text) if file.file == record.config => undoing.without_block(record, file, text, force)?,
                Some(text) if force => Some(merged(file, text)?),
                None if force => file.before.clone(),
                _ => bail!(
                    "{} was changed since the setup, so it is not restored; --force puts its entries back and keeps what \
                     else was changed. As it was, it is kept in {}",
                    file.file.display(),
                    record.place().display()
                ),
            };
            undoing.files.push(Restored { file: file.file.clone(), now, then });
        }
        Ok(undoing)
    }

    /// The configuration without what the setup added, where the rest of it was changed since.
    fn without_block(
        &mut self,
        record: &Record,
        file: &RecordedFile,
        now: &str,
        force: bool,
    ) -> Result<Option<String>> {
        let name = record.config.display();
        let found: Vec<_> = now.match_indices(&record.block).collect();
        match &found[..] {
            [(start, block)] if !block.is_empty() => {
                let rest = format!("{}{}", &now[..*start], &now[start + block.len()..]);
                self.notices.push(format!("{name} was changed since: only what the setup added is taken out"));
                Ok((file.before.is_some() || !rest.trim().is_empty()).then_some(rest))
            }
            _ if force => {
                self.notices.push(format!("{name} stays as it is: what the setup added was changed since"));
                Ok(Some(now.to_owned()))
            }
            _ => bail!(
                "what the setup added to {name} was changed since, so it is not taken out; --force leaves it there and \
                 restores the client's file"
            ),
        }
    }

    /// Restores the files.
    pub(super) fn apply(&self) -> Result<()> {
        for Restored { file, now, then } in &self.files {
            files::replace(file, now.as_deref(), then.as_deref(), files::PRIVATE)?;
        }
        Ok(())
    }
}

/// The file as it is now, with the entries that the setup took out, and without that which it put in.
fn merged(file: &RecordedFile, now: &str) -> Result<String> {
    let syntax = syntax(&file.file);
    let [before, after, current] =
        [file.before.as_deref().unwrap_or_default(), &file.after, now].map(|text| edit::tree(syntax, text));
    let (before, after) = (before?, after?);
    let mut current = current.with_context(|| file.file.display().to_string())?;
    let mut text = now.to_owned();
    for object in &file.objects {
        let [then, made, there] = [&before, &after, &current].map(|tree| entries(tree, object));
        let is_made = |name: &str, value: &Value| made.get(name) == Some(value);
        let mut edit = Edit { object, ..Edit::default() };
        // What the user has put there since, under whatever name, stays.
        let is_free = |name: &str| there.get(name).is_none_or(|value| is_made(name, value));
        let lost = then.iter().filter(|(name, value)| made.get(*name) != Some(*value) && is_free(name));
        edit.put = lost.map(|(name, value)| (name.clone(), value.clone())).collect();
        let own = made.iter().filter(|(name, _)| !then.contains_key(*name) && there.contains_key(*name));
        edit.remove = own.map(|(name, _)| name.clone()).collect();
        text = edit::edited(syntax, &text, &edit).with_context(|| file.file.display().to_string())?;
        current = edit::tree(syntax, &text)?;
    }
    Ok(text)
}

fn entries(tree: &Value, object: &[String]) -> serde_json::Map<String, Value> {
    let found = object.iter().try_fold(tree, |tree, key| tree.get(key)).and_then(Value::as_object);
    found.cloned().unwrap_or_default()
}

fn syntax(file: &Path) -> FileSyntax {
    match file.extension().and_then(|end| end.to_str()) {
        Some("toml") => FileSyntax::Toml,
        Some("yaml" | "yml") => FileSyntax::Yaml,
        _ => FileSyntax::Json,
    }
}
