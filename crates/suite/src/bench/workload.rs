//! A workload: a script with a header that states its budget.

use std::path::{Path, PathBuf};

use exuvia_runtime::{Limit, Limits};
use serde::Deserialize;
use toml::{Table, Value};

use super::Expectation;
use super::lab;
use crate::{SuiteError, files};

/// The first and the last line of a header: inline script metadata, as Python tools read it (PEP 723).
const BEGIN: &str = "# /// script";
const END: &str = "# ///";

/// One script, the limits under which it runs, the tools that it has, and how it should end.
///
/// ```python
/// # /// script
/// # [tool.exuvia]
/// # fuel = 300_000_000
/// # tools = ["lab.echo"]
/// # returns = [1, 2]
/// # ///
/// result = [lab.echo(value=n) for n in (1, 2)]
/// ```
#[derive(Debug, Clone)]
pub struct Workload {
    /// Its path in the suite, without the extension.
    pub name: String,
    /// Its text, header included.
    pub source: String,
    /// The limits that its header states, and the defaults of the others.
    pub limits: Limits,
    /// The tools that it may call: some of those of the server `lab`.
    pub tools: Vec<String>,
    /// How it should end.
    pub expectation: Expectation,
}

/// What a header may state.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    /// Units. Must be stated: a workload is measured against its budget.
    fuel: u64,
    memory_bytes: Option<u64>,
    wall_ms: Option<u64>,
    tool_calls: Option<u64>,
    #[serde(default)]
    tools: Vec<String>,
    returns: Option<Value>,
    raises: Option<String>,
    stopped: Option<String>,
}

impl Workload {
    /// All workloads below `folder`, by name; or the one in this file.
    ///
    /// # Errors
    ///
    /// A file cannot be read, its header is missing or wrong, or there is none.
    pub fn below(folder: &Path) -> Result<Vec<Self>, SuiteError> {
        files::below(folder, "py")?.into_iter().map(|file| Self::read(folder, file)).collect()
    }

    fn read(folder: &Path, file: PathBuf) -> Result<Self, SuiteError> {
        let source = files::text(&file)?;
        let place = file.strip_prefix(folder).ok().filter(|place| !place.as_os_str().is_empty());
        let place = place.or(file.file_name().map(Path::new)).unwrap_or(&file);
        let name = place.with_extension("").display().to_string();
        Self::parse(name, source).map_err(|message| SuiteError::new(&file, message))
    }

    /// The workload of this text.
    ///
    /// # Errors
    ///
    /// What is wrong with its header.
    pub fn parse(name: String, source: String) -> Result<Self, String> {
        let header = header(&source)?;
        let unknown = header.tools.iter().find(|tool| !lab::TOOLS.iter().any(|known| known.name() == **tool));
        if let Some(unknown) = unknown {
            let known: Vec<String> = lab::TOOLS.iter().map(|tool| tool.name()).collect();
            return Err(format!("tools: there is no {unknown:?}; there are {}", known.join(", ")));
        }
        let default = Limits::default();
        let limits = Limits {
            fuel: header.fuel,
            memory_bytes: header.memory_bytes.unwrap_or(default.memory_bytes),
            wall_ms: header.wall_ms.unwrap_or(default.wall_ms),
            tool_calls: header.tool_calls.unwrap_or(default.tool_calls),
            ..default
        };
        let expectation = expectation(&header)?;
        Ok(Self { name, source, limits, tools: header.tools, expectation })
    }
}

fn header(source: &str) -> Result<Header, String> {
    let missing = || format!("no header: a workload begins with {BEGIN:?}, [tool.exuvia] with fuel, and {END:?}");
    let lines = source.lines().skip_while(|line| line.trim_end() != BEGIN).skip(1);
    let mut text = String::new();
    let mut is_whole = false;
    for line in lines {
        let line = line.trim_end();
        if line == END {
            is_whole = true;
            break;
        }
        let content = line.strip_prefix("# ").or_else(|| line.strip_prefix('#')).ok_or_else(missing)?;
        text.push_str(content);
        text.push('\n');
    }
    if !is_whole {
        return Err(missing());
    }
    let table: Table = text.parse().map_err(|error| format!("header: {error}"))?;
    let ours = table.get("tool").and_then(|tool| tool.get("exuvia")).ok_or_else(missing)?;
    ours.clone().try_into().map_err(|error| format!("header: {error}"))
}

fn expectation(header: &Header) -> Result<Expectation, String> {
    match (&header.returns, &header.raises, &header.stopped) {
        (None, None, None) => Ok(Expectation::Returns),
        (Some(value), None, None) => {
            serde_json::to_value(value).map(Expectation::ReturnsValue).map_err(|error| error.to_string())
        }
        (None, Some(kind), None) => Ok(Expectation::Raises(kind.clone())),
        (None, None, Some(limit)) => {
            const LIMITS: [Limit; 7] = [
                Limit::Fuel,
                Limit::WallMs,
                Limit::MemoryBytes,
                Limit::ToolCalls,
                Limit::StackBytes,
                Limit::ResultBytes,
                Limit::SourceBytes,
            ];
            let is_known = LIMITS.iter().any(|known| known.name() == limit);
            if is_known { Ok(Expectation::Stopped(limit.clone())) } else { Err(format!("stopped: no limit {limit:?}")) }
        }
        _ => Err("header: one of returns, raises and stopped".into()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(lines: &str) -> Result<Workload, String> {
        let header: String = lines.lines().map(|line| format!("# {line}\n")).collect();
        Workload::parse("w".into(), format!("# What it does.\n{BEGIN}\n# [tool.exuvia]\n{header}{END}\nresult = 1\n"))
    }

    #[test]
    fn a_header_states_limits_tools_and_the_result() {
        let text = "fuel = 5_000_000\nmemory_bytes = 67_108_864\ntools = [\"lab.echo\"]\nreturns = {a = [1]}";
        let workload = parsed(text).unwrap();
        assert_eq!((workload.limits.fuel, workload.limits.memory_bytes), (5_000_000, 64 << 20));
        assert_eq!(workload.limits.wall_ms, Limits::default().wall_ms);
        assert_eq!(workload.tools, ["lab.echo"]);
        assert_eq!(workload.expectation, Expectation::ReturnsValue(json!({"a": [1]})));
        assert_eq!(parsed("fuel = 1\nstopped = \"fuel\"").unwrap().expectation, Expectation::Stopped("fuel".into()));
    }

    #[test]
    fn what_is_wrong_with_a_header_is_said() {
        for (text, expected) in [
            ("memory_bytes = 1", "fuel"),
            ("fuel = 1\nfule = 1", "fule"),
            ("fuel = -1", "fuel"),
            ("fuel = 1\ntools = [\"lab.eco\"]", "there is no \"lab.eco\"; there are lab.echo"),
            ("fuel = 1\nstopped = \"time\"", "no limit \"time\""),
            ("fuel = 1\nreturns = 1\nraises = \"E\"", "one of returns, raises and stopped"),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_script_without_a_whole_header_is_no_workload() {
        for text in
            ["result = 1", "# /// script\n# [tool.exuvia]\n# fuel = 1\nresult = 1", "# /// script\n# x = 1\n# ///"]
        {
            assert!(Workload::parse("w".into(), text.into()).unwrap_err().contains("no header"), "{text}");
        }
    }
}
