//! The functions there are, and which of them may be called.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Function, FunctionError, FunctionFile, FunctionName};

/// A text that a person has promoted: exactly this one may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// The function's name.
    pub name: String,
    /// The SHA-256 of its text, in lower-case hexadecimal digits.
    pub sha256: String,
    /// Its text.
    pub source: Arc<str>,
    /// Which version of the function it is, counted from 1.
    pub version: u32,
    /// Whether it was in a directory when it was promoted: then it is not called without its file.
    pub is_of_directory: bool,
}

/// A function that may be called.
#[derive(Debug, Clone)]
pub struct Callable {
    /// The function.
    pub function: Function,
    /// Which version of it.
    pub version: u32,
}

/// A function that was promoted once and may not be called as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawn {
    /// Its file holds another text than was promoted.
    Changed,
    /// Its file is no function any more.
    Invalid,
    /// Its file is gone.
    Removed,
    /// Whether it is still promoted cannot be found out.
    Unknown,
}

impl Withdrawn {
    /// The stable name of the case, for the log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Changed => "its file changed",
            Self::Invalid => "it is no function any more",
            Self::Removed => "its file was removed",
            Self::Unknown => "the store cannot be read",
        }
    }

    /// What to do about it, for the log.
    #[must_use]
    pub fn fix(self) -> &'static str {
        match self {
            Self::Changed | Self::Invalid => "look at the change, then `exuvia functions promote`",
            Self::Removed => "put the file back, or `exuvia functions retire`",
            Self::Unknown => "nothing, when the store answers again",
        }
    }
}

/// How a file of the directory stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It may be called, as this version.
    Callable(u32),
    /// Another text of it was promoted, as this version.
    Changed(u32),
    /// Nobody has promoted it.
    New,
    /// It is no function.
    Invalid(FunctionError),
}

/// Every function at one moment.
#[derive(Debug, Default)]
pub struct FunctionSet {
    callable: BTreeMap<String, Callable>,
    withdrawn: BTreeMap<String, Withdrawn>,
}

impl FunctionSet {
    /// Of what a directory holds and what was promoted. A file counts before what is stored under its name: it is what a person would
    /// promote next.
    #[must_use]
    pub fn of(files: &[FunctionFile], promoted: &[Approved]) -> Self {
        let (mut callable, mut withdrawn) = (BTreeMap::new(), BTreeMap::new());
        let files: BTreeMap<&str, &FunctionFile> = files.iter().map(|file| (file.name.as_str(), file)).collect();
        for approved in promoted {
            match files.get(approved.name.as_str()).map(|file| standing(file, Some(approved))) {
                None if approved.is_of_directory => {
                    withdrawn.insert(approved.name.clone(), Withdrawn::Removed);
                    continue;
                }
                None | Some(Standing::Callable(_)) => {}
                Some(Standing::Invalid(_)) => {
                    withdrawn.insert(approved.name.clone(), Withdrawn::Invalid);
                    continue;
                }
                Some(_) => {
                    withdrawn.insert(approved.name.clone(), Withdrawn::Changed);
                    continue;
                }
            }
            let name = approved.name.parse::<FunctionName>();
            match name.and_then(|name| Function::read(name, &approved.source)) {
                // What is called is what was promoted, whatever else the store holds.
                Ok(function) if function.sha256() == approved.sha256 => {
                    callable.insert(approved.name.clone(), Callable { function, version: approved.version });
                }
                Ok(_) | Err(_) => {
                    withdrawn.insert(approved.name.clone(), Withdrawn::Invalid);
                }
            }
        }
        Self { callable, withdrawn }
    }

    /// The same while nobody knows what is still promoted: none may be called.
    #[must_use]
    pub fn without_store(mut self) -> Self {
        self.withdrawn.extend(std::mem::take(&mut self.callable).into_keys().map(|name| (name, Withdrawn::Unknown)));
        self
    }

    /// Those that may be called, by their names.
    pub fn callable(&self) -> impl Iterator<Item = &Callable> {
        self.callable.values()
    }

    /// The one of this name that may be called.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Callable> {
        self.callable.get(name)
    }

    /// Those that were promoted and may not be called as they are.
    pub fn withdrawn(&self) -> impl Iterator<Item = (&str, Withdrawn)> {
        self.withdrawn.iter().map(|(name, why)| (name.as_str(), *why))
    }

    /// Why the one of this name may not be called. None: it may, or there is none.
    #[must_use]
    pub fn why_withdrawn(&self, name: &str) -> Option<Withdrawn> {
        self.withdrawn.get(name).copied()
    }
}

/// How a file stands against what was promoted under its name.
#[must_use]
pub fn standing(file: &FunctionFile, promoted: Option<&Approved>) -> Standing {
    match (&file.function, promoted) {
        (Err(error), _) => Standing::Invalid(error.clone()),
        (Ok(_), None) => Standing::New,
        (Ok(function), Some(promoted)) if function.sha256() == promoted.sha256 => Standing::Callable(promoted.version),
        (Ok(_), Some(promoted)) => Standing::Changed(promoted.version),
    }
}
