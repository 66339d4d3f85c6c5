//! Functions as they are listed: a row for each text.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use exuvia_functions::{Approved, FunctionFile, Standing, standing};
use exuvia_journal::{FunctionAct, FunctionState, StoredFunction};

use super::{FunctionText, SavedFunctions};
use crate::time::utc;

/// A row of the list: one text of a function, or a file that is none.
#[derive(Debug, Clone)]
pub struct ListedFunction {
    /// The function's name.
    pub name: String,
    /// `promoted`, `proposed` or `retired`; of a file also `new`, `changed` or `invalid`.
    pub state: &'static str,
    /// Whether it is a file of the directory, whatever is stored of it.
    pub is_file: bool,
    /// Which version of the function it is. None: it never was promoted.
    pub version: Option<u32>,
    /// The SHA-256 of the text. None: it is no function.
    pub sha256: Option<String>,
    /// What else there is to know.
    pub note: String,
}

impl SavedFunctions {
    /// All texts: by name, the file first, then the latest version.
    #[must_use]
    pub fn list(&self) -> Vec<ListedFunction> {
        let mut listed = Vec::new();
        let mut shown = BTreeSet::new();
        for file in &self.files {
            let (state, note) = of_file(&self.standing(file));
            let sha256 = file.function.as_ref().ok().map(|function| function.sha256().to_owned());
            let same = |stored: &&StoredFunction| Some(&stored.sha256) == sha256.as_ref();
            let version = self.versions(&file.name).find(same).and_then(|stored| stored.version);
            shown.extend(sha256.clone().map(|sha256| (file.name.clone(), sha256)));
            listed.push(ListedFunction { name: file.name.clone(), state, is_file: true, version, sha256, note });
        }
        for stored in &self.stored {
            let (name, sha256, version) = (stored.name.clone(), stored.sha256.clone(), stored.version);
            if !shown.contains(&(name.clone(), sha256.clone())) {
                let (state, note) = self.of_stored(stored);
                listed.push(ListedFunction { name, state, is_file: false, version, sha256: Some(sha256), note });
            }
        }
        listed.sort_by(|one, other| {
            let key = |listed: &ListedFunction| (!listed.is_file, Reverse(listed.version));
            one.name.cmp(&other.name).then_with(|| key(one).cmp(&key(other)))
        });
        listed
    }

    /// How a file stands against what is promoted.
    fn standing(&self, file: &FunctionFile) -> Standing {
        let promoted = self.promoted(&file.name).map(|stored| Approved {
            name: stored.name.clone(),
            sha256: stored.sha256.clone(),
            source: "".into(),
            version: stored.version.unwrap_or_default(),
            is_of_directory: true,
        });
        standing(file, promoted.as_ref())
    }

    /// Where a stored text stands that is not the file's.
    fn of_stored(&self, stored: &StoredFunction) -> (&'static str, String) {
        let has_file = self.files.iter().any(|file| file.name == stored.name);
        let note = match (&stored.proposed, stored.state) {
            (_, FunctionState::Promoted) if has_file => "withheld: its file is another".to_owned(),
            (None, FunctionState::Promoted) => "not called: its file is gone".to_owned(),
            (Some(by), FunctionState::Proposed) => told("proposed", by),
            _ => String::new(),
        };
        (stored.state.name(), note)
    }
}

/// `state` and what there is to know, of a file.
fn of_file(standing: &Standing) -> (&'static str, String) {
    match standing {
        Standing::Callable(_) => ("promoted", String::new()),
        Standing::Changed(version) => {
            ("changed", format!("not called until it is promoted; version {version} is promoted"))
        }
        Standing::New => ("new", "not called until it is promoted".to_owned()),
        Standing::Invalid(error) => ("invalid", error.to_string()),
    }
}

impl FunctionText {
    /// What is stored of the text, a line each: its version, and who proposed, promoted and retired it.
    #[must_use]
    pub fn history(&self) -> Vec<String> {
        let Some(stored) = &self.stored else { return Vec::new() };
        let acts = [("proposed", &stored.proposed), ("promoted", &stored.promoted), ("retired", &stored.retired)];
        let told = acts.iter().filter_map(|(what, act)| Some(told(what, act.as_ref()?)));
        stored.version.map(|version| format!("version {version}")).into_iter().chain(told).collect()
    }
}

/// Who did something with a text, in a line.
fn told(what: &str, act: &FunctionAct) -> String {
    let run = act.run.as_ref().map(|run| format!(" in run {run}")).unwrap_or_default();
    format!("{what} by {} at {}{run}", act.principal, utc(act.at_ms))
}
