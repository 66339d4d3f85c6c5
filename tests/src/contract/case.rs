//! The cases as they are written: `tests/contract/README.md` describes the format, `tests/contract/case.schema.json` its form.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use exuvia_runtime::Limits;
use exuvia_tool::{CallError, Json, ToolName};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Ending, contract};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    cases: Vec<ContractCase>,
}

/// One case.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContractCase {
    /// Unique in the suite.
    pub name: String,
    script: Vec<String>,
    #[serde(default)]
    limits: Map<String, Value>,
    /// What a host must be able to do for it.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The calls that the script makes, in their order, and their answers.
    #[serde(default)]
    pub calls: Vec<ExpectedCall>,
    expect: Expected,
}

/// A call, and what its tool answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedCall {
    /// `SERVER.TOOL`.
    call: String,
    /// What its tool is sent.
    pub arguments: Value,
    /// Nothing where the host itself refuses the call.
    #[serde(default)]
    pub answer: Option<Answer>,
    /// How long the tool works, in milliseconds.
    #[serde(default)]
    pub after_ms: u64,
    /// The tool answers when its server has had so many calls.
    #[serde(default)]
    pub after_calls: u64,
    #[serde(default)]
    refused: Option<String>,
    #[serde(default)]
    outcome: Option<String>,
}

/// What a tool answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// This value.
    Value(Value),
    /// It fails.
    Error {
        /// The case of `call-error` in the contract.
        code: String,
        /// What the script reads.
        message: String,
        /// What a failure carries beside it.
        #[serde(default)]
        data: Option<Value>,
    },
    /// It does not.
    Never,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    outcome: String,
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    result_text: Option<String>,
    error: Option<ExpectedError>,
    limit: Option<String>,
    log: Option<String>,
    log_contains: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedError {
    kind: String,
    contains: Option<String>,
    line: Option<u32>,
}

/// Null is a value here, and another one than none.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// All cases, in the order of their files.
///
/// # Errors
///
/// A file cannot be read, or two cases have one name.
pub fn contract_cases() -> Result<Vec<ContractCase>> {
    let mut files: Vec<_> =
        fs::read_dir(contract("cases"))?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.sort();
    let mut cases: Vec<ContractCase> = Vec::new();
    for file in files {
        let read = || -> Result<CaseFile> { Ok(serde_json::from_str(&fs::read_to_string(&file)?)?) };
        for case in read().with_context(|| file.display().to_string())?.cases {
            ensure!(cases.iter().all(|other| other.name != case.name), "{}: two cases of this name", case.name);
            cases.push(case);
        }
    }
    Ok(cases)
}

impl ContractCase {
    /// The script.
    #[must_use]
    pub fn source(&self) -> String {
        self.script.join("\n")
    }

    /// The limits that the case changes.
    #[must_use]
    pub fn changed_limits(&self) -> &Map<String, Value> {
        &self.limits
    }

    /// The limits of its run.
    ///
    /// # Errors
    ///
    /// There is no such limit.
    pub fn limits(&self) -> Result<Limits> {
        let mut all = serde_json::to_value(Limits { wall_ms: 60_000, ..Limits::default() })?;
        for (name, value) in &self.limits {
            all[name] = value.clone();
        }
        Ok(serde_json::from_value(all)?)
    }

    /// Holds what came of a run against what is expected.
    ///
    /// # Errors
    ///
    /// They differ.
    pub fn check(&self, ending: &Ending) -> Result<()> {
        let Expected { outcome, result, result_text, error, limit, log, log_contains } = &self.expect;
        ensure!(ending.outcome == *outcome, "{} instead of {outcome}: {ending:?}", ending.outcome);
        if let Some(expected) = result {
            let found: Option<Value> = ending.result.as_deref().map(serde_json::from_str).transpose()?;
            ensure!(found.as_ref() == Some(expected), "the result is {:?}", ending.result);
        }
        if let Some(expected) = result_text {
            ensure!(ending.result.as_deref() == Some(expected), "the result is {:?}", ending.result);
        }
        if let Some(expected) = error {
            let kind = ending.error_kind.as_deref();
            ensure!(kind == Some(&expected.kind), "{kind:?} instead of {}: {ending:?}", expected.kind);
            let text = expected.contains.as_deref().unwrap_or_default();
            ensure!(ending.error_message.contains(text), "{text:?} is not in {:?}", ending.error_message);
            ensure!(expected.line.is_none() || ending.error_line == expected.line, "line {:?}", ending.error_line);
        }
        ensure!(limit.is_none() || ending.limit == *limit, "stopped by {:?}", ending.limit);
        ensure!(log.is_none() || log.as_ref() == Some(&ending.log), "the log is {:?}", ending.log);
        let contained = log_contains.as_deref().unwrap_or_default();
        ensure!(ending.log.contains(contained), "the log is {:?}", ending.log);
        let calls: Vec<_> = self.calls.iter().map(|call| (call.name(), call.outcome())).collect();
        ensure!(ending.calls == calls, "the calls are {:?}", ending.calls);
        Ok(())
    }
}

impl ExpectedCall {
    /// The tool, by its own name and its server's.
    #[must_use]
    pub fn name(&self) -> ToolName {
        let (server, tool) = self.call.split_once('.').unwrap_or((&self.call, ""));
        ToolName::new(server, tool)
    }

    /// What its record says: `ok`, the code of its error, or `cancelled`.
    #[must_use]
    pub fn outcome(&self) -> String {
        let of_answer = match &self.answer {
            Some(Answer::Value(_)) => "ok",
            Some(Answer::Error { code, .. }) => code,
            Some(Answer::Never) | None => "cancelled",
        };
        self.outcome.as_deref().or(self.refused.as_deref()).unwrap_or(of_answer).to_owned()
    }
}

impl Answer {
    /// The answer as a tool host gives it. None: it never does.
    #[must_use]
    pub fn outcome(&self) -> Option<Result<Json, CallError>> {
        Some(match self {
            Self::Value(value) => Ok(Json::from_value(value)),
            Self::Error { code, message, data } => Err(match code.as_str() {
                "denied" => CallError::Denied(message.clone()),
                "upstream-unavailable" => CallError::UpstreamUnavailable(message.clone()),
                _ => CallError::ToolFailed { message: message.clone(), data: data.as_ref().map(Json::from_value) },
            }),
            Self::Never => return None,
        })
    }
}
