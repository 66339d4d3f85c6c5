//! Functions as they are shown.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use exuvia_functions::{Approved, FunctionFile, Standing, standing};
use exuvia_journal::{FunctionAct, FunctionState, StoredFunction};
use exuvia_text::one_line;
use serde_json::{Value, json as object};

use super::super::runs::{table, utc};
use super::known::{Known, Text};

/// How much of a text is shown in a table, in characters.
const CHARS: usize = 100;
/// How many digits of a digest are shown.
const DIGITS: usize = 12;

/// How a file stands against what is promoted.
fn stands(known: &Known, file: &FunctionFile) -> Standing {
    let promoted = known.promoted(&file.name).map(|stored| Approved {
        name: stored.name.clone(),
        sha256: stored.sha256.clone(),
        source: "".into(),
        version: stored.version.unwrap_or_default(),
        is_of_directory: true,
    });
    standing(file, promoted.as_ref())
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

/// Where a stored text stands that is not the file's.
fn of_stored(known: &Known, stored: &StoredFunction) -> (&'static str, String) {
    let has_file = known.files.iter().any(|file| file.name == stored.name);
    let note = match (&stored.proposed, stored.state) {
        (_, FunctionState::Promoted) if has_file => "withheld: its file is another".to_owned(),
        (None, FunctionState::Promoted) => "not called: its file is gone".to_owned(),
        (Some(by), FunctionState::Proposed) => told("proposed", by),
        _ => String::new(),
    };
    (stored.state.name(), note)
}

fn told(what: &str, act: &FunctionAct) -> String {
    let run = act.run.as_ref().map(|run| format!(" in run {run}")).unwrap_or_default();
    format!("{what} by {} at {}{run}", act.principal, utc(act.at_ms))
}

/// A row of the list.
struct Listed<'a> {
    name: &'a str,
    state: &'static str,
    /// It is a file, whatever is stored of it.
    is_file: bool,
    version: Option<u32>,
    sha256: Option<&'a str>,
    note: String,
}

fn all(known: &Known) -> Vec<Listed<'_>> {
    let mut listed = Vec::new();
    let mut shown = BTreeSet::new();
    for file in &known.files {
        let (state, note) = of_file(&stands(known, file));
        let sha256 = file.function.as_ref().ok().map(|function| function.sha256());
        let same = |stored: &&StoredFunction| stored.name == file.name && Some(stored.sha256.as_str()) == sha256;
        let version = known.stored.iter().find(same).and_then(|stored| stored.version);
        shown.extend(sha256.map(|sha256| (file.name.as_str(), sha256)));
        listed.push(Listed { name: &file.name, state, is_file: true, version, sha256, note });
    }
    for stored in &known.stored {
        if !shown.contains(&(stored.name.as_str(), stored.sha256.as_str())) {
            let (state, note) = of_stored(known, stored);
            let (name, sha256) = (&stored.name, Some(stored.sha256.as_str()));
            listed.push(Listed { name, state, is_file: false, version: stored.version, sha256, note });
        }
    }
    listed.sort_by_key(|listed| (listed.name, !listed.is_file, Reverse(listed.version)));
    listed
}

pub(super) fn table_of(known: &Known) -> String {
    let rows = all(known).into_iter().map(|listed| {
        let version = listed.version.map(|version| version.to_string()).unwrap_or_default();
        let sha256 = listed.sha256.map(|sha256| sha256[..DIGITS].to_owned()).unwrap_or_default();
        [one_line(listed.name, CHARS), listed.state.to_owned(), version, sha256, one_line(&listed.note, CHARS)]
    });
    table(["FUNCTION", "STATE", ">VERSION", "SHA256", "NOTE"], rows)
}

pub(super) fn json(known: &Known) -> Value {
    let functions = all(known).into_iter().map(|listed| {
        object!({
            "name": listed.name,
            "state": listed.state,
            "version": listed.version,
            "sha256": listed.sha256,
            "note": listed.note,
        })
    });
    object!({"functions": functions.collect::<Vec<_>>()})
}

/// What is known of a text, a line each.
pub(super) fn about(text: &Text) -> String {
    let mut lines = vec![format!("# {} ({}), sha256 {}", text.name, text.place(), text.sha256)];
    if let Some(stored) = &text.stored {
        lines.extend(stored.version.map(|version| format!("# version {version}")));
        let acts = [("proposed", &stored.proposed), ("promoted", &stored.promoted), ("retired", &stored.retired)];
        let told = acts.iter().filter_map(|(what, act)| Some(format!("# {}", told(what, act.as_ref()?))));
        lines.extend(told);
    }
    lines.join("\n")
}
