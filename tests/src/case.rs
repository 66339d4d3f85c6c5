//! Cases as files: a script whose first lines say what is expected of it, and beside it what the model reads.
//!
//! ```text
//! #: outcome: raised
//! #: limits: {"fuel": 1000000}
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use exuvia_gateway::answer::{AnswerRoom, render};
use exuvia_runtime::{Limits, Outcome, Report};
use serde_json::Value;

use crate::is_blessing;

const PREFIX: &str = "#: ";

/// What a case shows at the most.
const ROOM: AnswerRoom = AnswerRoom { bytes: 4_000, preview_tokens: 400 };

/// One case.
#[derive(Debug)]
pub struct Case {
    /// The script's file.
    pub file: PathBuf,
    source: String,
    outcome: String,
    result: Option<Value>,
    kind: Option<String>,
    limit: Option<String>,
    limits: Limits,
    /// What the model reads depends on which calls come through first: only the header is compared.
    answer_varies: bool,
}

/// All cases below `directory`, in the order of their names.
///
/// # Errors
///
/// A case cannot be read.
pub fn cases(directory: &Path) -> Result<Vec<Case>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| directory.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(cases(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "py") {
            found.push(Case::read(&path).with_context(|| path.display().to_string())?);
        } else {
            let answers = path.extension().is_some_and(|extension| extension == "answer");
            ensure!(answers && path.with_extension("py").exists(), "{}: belongs to no case", path.display());
        }
    }
    found.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(found)
}

impl Case {
    fn read(file: &Path) -> Result<Self> {
        let source = fs::read_to_string(file)?;
        let mut case = Self {
            file: file.to_owned(),
            source: source.clone(),
            outcome: String::new(),
            result: None,
            kind: None,
            limit: None,
            answer_varies: false,
            limits: Limits { fuel: 20_000_000_000, wall_ms: 30_000, ..Limits::default() },
        };
        for line in source.trim_start_matches('\u{feff}').lines().map_while(|line| line.strip_prefix(PREFIX)) {
            let (key, value) = line.split_once(": ").context("a header line is `#: key: value`")?;
            match key {
                "outcome" => case.outcome = value.into(),
                "result" => case.result = Some(serde_json::from_str(value)?),
                "kind" => case.kind = Some(value.into()),
                "limit" => case.limit = Some(value.into()),
                "answer" if value == "varies" => case.answer_varies = true,
                "limits" => case.limits = with(&case.limits, value)?,
                _ => bail!("there is no header key {key}"),
            }
        }
        ensure!(!case.outcome.is_empty(), "says no outcome");
        Ok(case)
    }

    /// The script.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The limits it runs under.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits.clone()
    }

    /// Holds `report` against what is expected. With `EXUVIA_TESTS=bless` the text beside the script is written anew.
    ///
    /// # Errors
    ///
    /// They differ.
    pub fn check(&self, report: &Report) -> Result<()> {
        let text = render(report, ROOM).text;
        tells_nothing_of_the_host(&text)?;
        ensure!(
            report.outcome.name() == self.outcome,
            "{} instead of {}:\n{text}",
            report.outcome.name(),
            self.outcome
        );
        if let Some(expected) = &self.result {
            let Outcome::Returned(result) = &report.outcome else { bail!("no result:\n{text}") };
            ensure!(result.to_value()? == *expected, "the result is {}", result.as_str());
        }
        if let Some(expected) = &self.kind {
            let (Outcome::Raised(error) | Outcome::Denied(error)) = &report.outcome else { bail!("no error:\n{text}") };
            ensure!(error.kind == *expected, "{} instead of {expected}:\n{text}", error.kind);
        }
        if let Some(expected) = &self.limit {
            let Outcome::Stopped(stop) = &report.outcome else { bail!("not stopped:\n{text}") };
            ensure!(stop.limit.name() == expected, "stopped by {} instead of {expected}", stop.limit.name());
        }
        self.check_answer(&text)
    }

    /// The text that the model reads is an interface. A case has a file for it unless it is only about a result.
    fn check_answer(&self, text: &str) -> Result<()> {
        let file = self.file.with_extension("answer");
        if self.answer_varies {
            ensure!(self.kind.is_some() || self.limit.is_some(), "a varying answer needs a kind or a limit");
            ensure!(!file.exists(), "has an answer that varies");
            return Ok(());
        }
        if is_blessing() && (file.exists() || self.result.is_none()) {
            fs::write(&file, format!("{text}\n"))?;
        }
        match fs::read_to_string(&file) {
            Ok(expected) => ensure!(expected.trim_end() == text.trim_end(), "expected:\n{expected}\nfound:\n{text}"),
            Err(_) => ensure!(self.result.is_some(), "has neither a result nor an answer; found:\n{text}"),
        }
        Ok(())
    }
}

/// Holds that `text` names no place of the machine that runs or built the sandbox.
///
/// # Errors
///
/// It names one.
pub fn tells_nothing_of_the_host(text: &str) -> Result<()> {
    // Wherever this tree was checked out.
    let workspace = crate::here();
    let workspace = workspace.to_str().context("a path in UTF-8")?.trim_end_matches("tests");
    for place in ["/root/", "/home/", "/tmp/", ".rs:", "target/", ".cargo", workspace] {
        ensure!(!text.contains(place), "{place} stands in:\n{text}");
    }
    Ok(())
}

fn with(limits: &Limits, changes: &str) -> Result<Limits> {
    let mut all = serde_json::to_value(limits)?;
    let changes: serde_json::Map<String, Value> = serde_json::from_str(changes)?;
    for (name, value) in changes {
        all[name] = value;
    }
    Ok(serde_json::from_value(all)?)
}
