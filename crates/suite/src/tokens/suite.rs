//! A suite of tasks, as its folder has it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Task, Transcript};
use crate::{SuiteError, files};

/// A suite.
#[derive(Debug)]
#[non_exhaustive]
pub struct TokenSuite {
    /// Its rounds, in the order of the file.
    pub rounds: Vec<Round>,
    /// What a model knows of a server's answers without being told, by Python names of servers: the fields of a public API.
    pub knows: BTreeMap<String, BTreeSet<String>>,
    /// What an operator prepares for its servers.
    pub prepared: Prepared,
    sources: BTreeMap<String, String>,
    folder: PathBuf,
    catalogs: Option<PathBuf>,
}

/// What an operator can prepare, once, so that models have less to look at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Prepared {
    /// The servers of which shapes are imported that ship with the program.
    pub shapes: Vec<String>,
    /// Notes on servers, by their names.
    pub notes: BTreeMap<String, String>,
}

/// One set of servers, and the tasks that are played against it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Round {
    /// Its name.
    pub name: String,
    /// Its servers.
    pub servers: Vec<String>,
    /// Tokens that another gateway has published to save on a round of this size, in percent.
    pub published_percent: Option<f64>,
    /// Its tasks.
    pub tasks: Vec<Task>,
    /// Conversations that were recorded with its servers.
    pub transcripts: Vec<Transcript>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SuiteFile {
    catalogs: Option<PathBuf>,
    #[serde(default)]
    sources: BTreeMap<String, String>,
    #[serde(default)]
    knows: BTreeMap<String, BTreeSet<String>>,
    #[serde(default)]
    prepared: Prepared,
    round: Vec<RoundEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoundEntry {
    name: String,
    servers: Vec<String>,
    tasks: Vec<String>,
    published_percent: Option<f64>,
}

impl TokenSuite {
    /// Reads the suite in `folder`.
    ///
    /// # Errors
    ///
    /// A file is missing or wrong.
    pub fn read(folder: &Path) -> Result<Self, SuiteError> {
        let file = folder.join("suite.toml");
        let SuiteFile { catalogs, sources, knows, prepared, round } =
            toml::from_str(&files::text(&file)?).map_err(|error| SuiteError::new(&file, error))?;
        let transcripts = folder.join("transcripts");
        let transcripts = if transcripts.is_dir() { Transcript::read_all(&transcripts)? } else { Vec::new() };
        let rounds = round.into_iter().map(|entry| Round::read(folder, entry, &transcripts));
        let catalogs = catalogs.map(|catalogs| folder.join(catalogs));
        Ok(Self {
            rounds: rounds.collect::<Result<_, _>>()?,
            knows,
            prepared,
            sources,
            folder: folder.to_owned(),
            catalogs,
        })
    }

    /// Where the answers of this server are, and its recorded list of tools if it has one.
    #[must_use]
    pub fn server(&self, name: &str) -> (PathBuf, Option<PathBuf>) {
        let source = self.sources.get(name).map_or(name, String::as_str);
        let answers = self.folder.join("servers").join(format!("{source}.py"));
        let catalog = self.catalogs.as_ref().map(|catalogs| catalogs.join(format!("{name}.json")));
        (answers, catalog.filter(|catalog| catalog.is_file()))
    }
}

impl Round {
    fn read(folder: &Path, entry: RoundEntry, transcripts: &[Transcript]) -> Result<Self, SuiteError> {
        let mut tasks = Vec::new();
        for name in &entry.tasks {
            tasks.extend(Task::read(&folder.join("tasks").join(format!("{name}.toml")))?);
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = tasks.iter().find(|task| !names.insert(&task.name)) {
            return Err(SuiteError::new(&folder.join("tasks"), format!("two tasks are named {}", twice.name)));
        }
        let transcripts = transcripts.iter().filter(|recorded| recorded.round == entry.name).cloned().collect();
        let RoundEntry { name, servers, published_percent, .. } = entry;
        Ok(Self { name, servers, published_percent, tasks, transcripts })
    }

    /// What a script calls its servers.
    #[must_use]
    pub fn python_names(&self) -> Vec<String> {
        self.servers.iter().map(|name| name.replace(|c: char| !c.is_alphanumeric(), "_")).collect()
    }
}
