//! Scripts that are named on the command line.

use std::fs::File;
use std::io::{Read, stdin};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use exuvia_runtime::Script;

/// More than any limit lets a script have, in bytes.
const SOURCE_BYTES: u64 = 65 << 20;

/// The script in this file, or, for `-`, on standard input. It is read aside: whoever waits for somebody who types can stop
/// waiting.
pub(crate) async fn read(file: &Path) -> Result<Script> {
    let file = file.to_owned();
    tokio::task::spawn_blocking(move || read_whole(file)).await.context("reading the script")?
}

fn read_whole(file: PathBuf) -> Result<Script> {
    if file == Path::new("-") {
        return text(stdin().lock()).context("the script on standard input");
    }
    File::open(&file).map_err(Into::into).and_then(text).with_context(|| file.display().to_string())
}

fn text(from: impl Read) -> Result<Script> {
    let mut source = String::new();
    from.take(SOURCE_BYTES + 1).read_to_string(&mut source)?;
    if source.len() as u64 > SOURCE_BYTES {
        bail!("is larger than {} MiB", SOURCE_BYTES >> 20);
    }
    Ok(Script::new(source))
}
