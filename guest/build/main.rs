//! Finds the guest component: the file that `EXUVIA_GUEST` names, or the one built from source in the repository, or the prebuilt one that
//! comes with the published package.

#![expect(clippy::print_stdout, reason = "a build script talks to cargo over standard output")]

#[cfg(feature = "from-source")]
mod merge;
#[cfg(feature = "from-source")]
mod meter;
#[cfg(feature = "from-source")]
mod source;
#[cfg(feature = "from-source")]
mod steady_wasi;

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use sha2::{Digest, Sha256};

/// Names a component file, as `exuvia guest export` writes it.
const FILE: &str = "EXUVIA_GUEST";

/// The first bytes of a component in the binary format (component model, "Binary.md"): the magic number, then version 13 of layer 1.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// The largest prebuilt component, in bytes.
#[cfg(not(feature = "from-source"))]
const MAX_BYTES: usize = 256 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo sets CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    println!("cargo:rerun-if-env-changed={FILE}");

    let (component, linked) = match env::var_os(FILE) {
        Some(file) => (of_file(Path::new(&file))?, Vec::new()),
        None => built(&here, &out)?,
    };
    fs::write(out.join("guest.wasm"), &component)?;
    fs::write(out.join("linked.wasm"), &linked)?;

    let in_repository = here.join("../wit/sandbox.wit");
    let wit = if in_repository.exists() { in_repository } else { here.join("prebuilt/sandbox.wit") };
    println!("cargo:rerun-if-changed={}", wit.display());
    fs::copy(wit, out.join("sandbox.wit"))?;

    let digest = Sha256::digest(&component).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    println!("cargo:rustc-env=EXUVIA_GUEST_DIGEST={digest}");
    Ok(())
}

fn of_file(file: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    println!("cargo:rerun-if-changed={}", file.display());
    let component = fs::read(file).map_err(|error| format!("{FILE}={}: {error}", file.display()))?;
    if !component.starts_with(COMPONENT) {
        return Err(format!("{FILE}={}: not a WebAssembly component", file.display()).into());
    }
    Ok(component)
}

/// The component, and what componentize-py made of it before the passes over it.
#[cfg(feature = "from-source")]
fn built(here: &Path, out: &Path) -> Result<(Vec<u8>, Vec<u8>), Box<dyn Error>> {
    Ok(source::build(here, out).map_err(|error| format!("{error:#}"))?)
}

/// The component that comes with the package.
#[cfg(not(feature = "from-source"))]
fn built(here: &Path, _: &Path) -> Result<(Vec<u8>, Vec<u8>), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=prebuilt");
    let file = here.join("prebuilt/guest.wasm.zst");
    let packed = fs::read(&file).map_err(|_| {
        format!("no guest: set {FILE} to a component that `exuvia guest export` wrote, or enable the feature `from-source` in the repository")
    })?;
    Ok((zstd::bulk::decompress(&packed, MAX_BYTES)?, Vec::new()))
}
