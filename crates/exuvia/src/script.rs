//! Scripts and data that the command line names.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use exuvia_runtime::Script;
use exuvia_tool::Json;

use crate::args::ScriptArgs;

/// More than any limit lets a script have, in bytes.
const SOURCE_BYTES: u64 = 65 << 20;
/// The byte order mark that some editors write first.
const MARK: char = '\u{feff}';
/// What begins a statement of several lines, before which nothing can stand in its line.
const COMPOUND: [&str; 9] = ["async", "class", "def", "for", "if", "match", "try", "while", "with"];

/// The named script. A file is read on a thread of its own, so that waiting for a terminal or pipe can be interrupted.
pub(crate) async fn read(script: &ScriptArgs) -> Result<Script> {
    match (&script.code, &script.script) {
        (Some(code), _) => Ok(Script::new(code.as_str())),
        (None, Some(file)) => text_of(file, "the script").await.map(Script::new),
        (None, None) => bail!("name a script"),
    }
}

/// What a file holds for a script, as JSON.
pub(crate) async fn data(file: &Path) -> Result<Json> {
    let text = text_of(file, "the data").await?;
    Json::parse(text).with_context(|| format!("{}: invalid JSON", file.display()))
}

/// The script with this in its variable `data`. Both together may have so many bytes.
pub(crate) fn with_data(script: &Script, data: &Json, source_bytes: usize) -> Result<Script> {
    let source = beginning_with(data, script.source())?;
    if source.len() > source_bytes {
        bail!(
            "the data of {} bytes is embedded in the script and too large: the script of {} bytes becomes {} bytes, and \
             limits.source_bytes is {source_bytes} (64 MiB at most)",
            data.as_str().len(),
            script.source().len(),
            source.len(),
        );
    }
    Ok(Script::new(source))
}

/// Lines keep their numbers, which errors tell.
fn beginning_with(data: &Json, source: &str) -> Result<String> {
    // Escapes of JSON texts are escapes of Python's.
    let literal = serde_json::to_string(data.as_str())?;
    let statement = format!("import json; data = json.loads({literal})");
    let (first, rest) = source.split_once('\n').unwrap_or((source, ""));
    let begin = first.trim_start();
    if begin.trim().is_empty() || begin.starts_with('#') {
        return Ok(format!("{statement}\n{rest}"));
    }
    let word = begin.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    let is_future = word == "from" && begin.contains("__future__");
    if COMPOUND.contains(&word) || begin.starts_with('@') || is_future {
        bail!("a script with --data must begin with an empty line, a comment or a simple statement");
    }
    Ok(format!("{statement}; {source}"))
}

async fn text_of(file: &Path, what: &'static str) -> Result<String> {
    let file = file.to_owned();
    tokio::task::spawn_blocking(move || read_whole(&file, what)).await.context(what)?
}

fn read_whole(file: &PathBuf, what: &str) -> Result<String> {
    if file == Path::new("-") {
        return text(stdin().lock()).with_context(|| format!("{what} on standard input"));
    }
    File::open(file).map_err(Into::into).and_then(text).with_context(|| file.display().to_string())
}

fn text(from: impl Read) -> Result<String> {
    let mut text = String::new();
    from.take(SOURCE_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SOURCE_BYTES {
        bail!("is larger than {} MiB", SOURCE_BYTES >> 20);
    }
    if text.starts_with(MARK) {
        text.drain(..MARK.len_utf8());
    }
    Ok(text)
}
