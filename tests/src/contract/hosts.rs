//! What each host says that it cannot do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::{ContractCase, contract};

/// A file of `tests/contract/hosts`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostFile {
    /// What it is, in a few words.
    pub about: String,
    /// What runs the suite in it.
    pub run_by: String,
    /// What it cannot do, of what cases need, and why.
    pub cannot: BTreeMap<String, String>,
}

impl HostFile {
    /// Whether a case is for this host.
    #[must_use]
    pub fn runs(&self, case: &ContractCase) -> bool {
        !case.needs.iter().any(|need| self.cannot.contains_key(need))
    }
}

/// What the cases need, and how many cases need it.
#[must_use]
pub fn needs(cases: &[ContractCase]) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    for need in cases.iter().flat_map(|case| &case.needs) {
        *all.entry(need.clone()).or_default() += 1;
    }
    all
}

/// The hosts by their names.
///
/// # Errors
///
/// A file cannot be read, or declares something that no case needs.
pub fn host_files(cases: &[ContractCase]) -> Result<BTreeMap<String, HostFile>> {
    let known: BTreeSet<_> = needs(cases).into_keys().collect();
    let mut hosts = BTreeMap::new();
    for entry in fs::read_dir(contract("hosts"))? {
        let path = entry?.path();
        let read = || -> Result<HostFile> { Ok(serde_json::from_str(&fs::read_to_string(&path)?)?) };
        let host = read().with_context(|| path.display().to_string())?;
        let unknown: Vec<_> = host.cannot.keys().filter(|need| !known.contains(*need)).collect();
        ensure!(unknown.is_empty(), "{}: no case needs {unknown:?}", path.display());
        let name = path.file_stem().and_then(|name| name.to_str()).context("a name")?;
        hosts.insert(name.to_owned(), host);
    }
    Ok(hosts)
}

/// The page about hosts, `docs/embedding/hosts.md`.
#[must_use]
pub fn host_table(cases: &[ContractCase], hosts: &BTreeMap<String, HostFile>) -> String {
    let mut text = format!(
        "# Hosts and what they keep\n\nWritten by the tests from `tests/contract`: {} cases. A host runs all cases but those that need what it declares that \
         it cannot do.\n\n| host | | cases | run by |\n|---|---|---|---|\n",
        cases.len()
    );
    for (name, host) in hosts {
        let count = cases.iter().filter(|case| host.runs(case)).count();
        let _ = writeln!(text, "| {name} | {} | {count} | {} |", host.about, host.run_by);
    }
    text.push_str("\n## What a host cannot do\n");
    for (name, host) in hosts {
        let _ = writeln!(text, "\n**{name}**");
        if host.cannot.is_empty() {
            text.push_str("\nNothing that a case needs.\n");
            continue;
        }
        text.push('\n');
        for (need, why) in &host.cannot {
            let _ = writeln!(text, "- `{need}`: {why}");
        }
    }
    text
}
