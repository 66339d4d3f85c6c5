//! `exuvia guest`: writes the guest for other hosts.

use std::fmt::Write as _;
use std::fs;
use std::io::{Write as _, stdout};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use exuvia_guest::{PYTHON_VERSION, WIT};
use exuvia_runtime::{GUEST_COMPONENT, GUEST_DIGEST};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::guest_args::{GuestArgs, GuestCommand};

/// The names of what is written. Hosts in other languages look for them.
const COMPONENT: &str = "exuvia-guest.wasm";
const CONTRACT: &str = "sandbox.wit";
const FACTS: &str = "guest.json";
const DIGESTS: &str = "SHA256SUMS";

/// The largest component that is unpacked, in bytes.
const MAX_COMPONENT_BYTES: usize = 256 << 20;

pub(crate) async fn guest(args: GuestArgs) -> Result<ExitCode> {
    let GuestCommand::Export { directory } = args.command;
    let written = tokio::task::spawn_blocking(move || export(&directory)).await.context("writing")??;
    stdout().write_all(written.as_bytes()).context("standard output")?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the guest to a folder. What was written, a line for each file.
fn export(directory: &Path) -> Result<String> {
    let component = zstd::bulk::decompress(GUEST_COMPONENT, MAX_COMPONENT_BYTES).context("unpacking the guest")?;
    ensure!(hexadecimal(&component) == GUEST_DIGEST, "the guest in this program is damaged: its digest differs");
    let facts = json!({
        "exuvia": env!("CARGO_PKG_VERSION"),
        "world": world()?,
        "python": PYTHON_VERSION,
        "component": {"file": COMPONENT, "bytes": component.len(), "sha256": GUEST_DIGEST},
        "contract": {"file": CONTRACT, "bytes": WIT.len(), "sha256": hexadecimal(WIT.as_bytes())},
    });
    let facts = serde_json::to_string_pretty(&facts)? + "\n";
    let mut files = vec![(COMPONENT, component), (CONTRACT, WIT.into()), (FACTS, facts.into())];
    let digests = files.iter().fold(String::new(), |mut lines, (name, bytes)| {
        // Writing to a string does not fail. The format of `sha256sum`.
        let _ = writeln!(lines, "{}  {name}", hexadecimal(bytes));
        lines
    });
    files.push((DIGESTS, digests.into()));

    fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    let mut written = String::new();
    for (name, bytes) in &files {
        let file = directory.join(name);
        replace(&file, bytes).with_context(|| file.display().to_string())?;
        let _ = writeln!(written, "{} ({} bytes)", exuvia_text::line(&file.display().to_string()), bytes.len());
    }
    Ok(written)
}

/// Writes a file whole or not at all.
fn replace(file: &Path, bytes: &[u8]) -> Result<()> {
    let folder = file.parent().context("a file has a folder")?;
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(bytes)?;
    // What it holds is public, and temporary files are their owner's alone.
    #[cfg(unix)]
    temporary.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    temporary.persist(file)?;
    Ok(())
}

/// The world of the guest with its version: `exuvia:sandbox/sandbox@0.3.0`.
fn world() -> Result<String> {
    let package = WIT.lines().find_map(|line| line.strip_prefix("package ")?.strip_suffix(';'));
    let (name, version) =
        package.and_then(|package| package.split_once('@')).context("the contract names no package")?;
    Ok(format!("{name}/sandbox@{version}"))
}

fn hexadecimal(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
