//! Tasks: what an agent is asked, and the script that does it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::{SuiteError, files};

/// One task.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// What the user asks.
    pub prompt: String,
    /// What a model would search for, one phrase for each kind of tool: the user's words, not the names of the tools.
    pub search: Vec<String>,
    /// The script that does it.
    pub script: String,
    /// A script to look at an answer with, where it cannot be derived from the script.
    pub look: Option<String>,
    /// What the script returns.
    pub returns: Option<toml::Value>,
    /// One task for each of these: `@name@` in the texts is replaced by its value.
    #[serde(default)]
    with: Vec<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskFile {
    task: Vec<Task>,
}

impl Task {
    /// The tasks of a file, those with variants once for each.
    ///
    /// # Errors
    ///
    /// It cannot be read, or two tasks have one name.
    pub(super) fn read(file: &Path) -> Result<Vec<Self>, SuiteError> {
        let TaskFile { task } = toml::from_str(&files::text(file)?).map_err(|error| SuiteError::new(file, error))?;
        Ok(task.into_iter().flat_map(Self::variants).collect())
    }

    /// One whose conversation was recorded.
    pub(super) fn recorded(name: &str, prompt: &str, script: &str) -> Self {
        let (name, prompt, script) = (name.to_owned(), prompt.to_owned(), script.to_owned());
        Self { name, prompt, search: Vec::new(), script, look: None, returns: None, with: Vec::new() }
    }

    fn variants(self) -> Vec<Self> {
        if self.with.is_empty() {
            return vec![self];
        }
        let variant = |(number, values): (usize, &BTreeMap<String, String>)| {
            let filled = |text: &str| {
                values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value))
            };
            Self {
                name: format!("{}-{}", self.name, number + 1),
                prompt: filled(&self.prompt),
                search: self.search.iter().map(|phrase| filled(phrase)).collect(),
                script: filled(&self.script),
                look: self.look.as_deref().map(filled),
                returns: if number == 0 { self.returns.clone() } else { None },
                with: Vec::new(),
            }
        };
        self.with.iter().enumerate().map(variant).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_with_variants_is_one_task_for_each() {
        let text = r#"
            [[task]]
            name = "count"
            prompt = "How many @kind@ are there?"
            search = ["count @kind@"]
            script = "result = len(crm.list(kind='@kind@'))"
            returns = 3
            with = [{ kind = "leads" }, { kind = "deals" }]
        "#;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let tasks = Task::read(file.path()).unwrap();
        let names: Vec<_> = tasks.iter().map(|task| (task.name.as_str(), task.prompt.as_str())).collect();
        assert_eq!(names, [("count-1", "How many leads are there?"), ("count-2", "How many deals are there?")]);
        assert_eq!(tasks[1].script, "result = len(crm.list(kind='deals'))");
        assert_eq!((tasks[0].returns.is_some(), tasks[1].returns.is_some()), (true, false));
    }
}
