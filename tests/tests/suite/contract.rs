//! The contract suite as data, and what is written from it. `tests/cases.rs` runs its cases.

use std::fs;
use std::path::Path;

use exuvia_tests::contract::{contract, contract_cases, host_files, host_table, needs, tools_text};
use exuvia_tests::{Folder, exuvia, here, is_blessing, returned, run};
use serde_json::Value;

/// What a file should say. With `EXUVIA_TESTS=bless` it is made to.
fn holds(file: &Path, text: &str) {
    if is_blessing() {
        fs::write(file, text).expect("written");
    }
    assert_eq!(fs::read_to_string(file).unwrap_or_default(), text, "{}", file.display());
}

fn json(file: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(file).expect("a file")).expect("JSON")
}

#[test]
fn every_file_of_cases_has_the_form_of_the_schema() {
    let schema = jsonschema::validator_for(&json(&contract("case.schema.json"))).expect("a schema");
    for entry in fs::read_dir(contract("cases")).expect("cases") {
        let file = entry.expect("an entry").path();
        let errors: Vec<_> = schema.iter_errors(&json(&file)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", file.display());
    }
    let wrong =
        serde_json::json!({"cases": [{"name": "x", "script": "not by lines", "expect": {"outcome": "returned"}}]});
    assert!(!schema.is_valid(&wrong));
}

#[test]
fn the_tools_have_the_python_side_that_the_catalog_gives_them() {
    holds(&contract("tools.json"), &tools_text().expect("tools"));
}

#[test]
fn the_page_about_hosts_says_what_they_declare() {
    let cases = contract_cases().expect("cases");
    assert!(cases.len() >= 60 && needs(&cases).len() >= 12);
    let hosts = host_files(&cases).expect("hosts");
    holds(&here().join("../docs/embedding/hosts.md"), &host_table(&cases, &hosts));
}

#[test]
fn every_limit_is_needed_by_a_case() {
    let needed = needs(&contract_cases().expect("cases"));
    let limits = serde_json::to_value(exuvia_runtime::Limits::default()).expect("JSON");
    let limits = limits.as_object().expect("an object");
    let without: Vec<_> = limits.keys().filter(|limit| !needed.contains_key(*limit)).collect();
    // Approvals are the gateway's, above any host.
    assert_eq!(without, ["hold_ms"], "no case needs these limits");
}

#[test]
fn the_guest_is_exported_with_its_contract_and_digests() {
    let folder = Folder::new("");
    let place = folder.text("guest");
    // The second time over the first.
    for _ in 0..2 {
        let ended = exuvia(&["guest", "export", &place], "");
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
        assert_eq!(ended.stdout.lines().count(), 4, "{}", ended.stdout);
    }
    let read = |name: &str| fs::read(folder.path("guest").join(name)).expect("written");
    let names: Vec<_> =
        fs::read_dir(&place).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(read("exuvia-guest.wasm") == exuvia_guest::COMPONENT, "another component");
    assert_eq!(read("sandbox.wit"), fs::read(here().join("../wit/sandbox.wit")).expect("WIT"));
    let facts: Value = serde_json::from_slice(&read("guest.json")).expect("JSON");
    assert_eq!(
        (facts["world"].as_str(), facts["component"]["sha256"].as_str()),
        (Some("exuvia:sandbox/sandbox@0.3.0"), Some(exuvia_guest::DIGEST))
    );
    let check = std::process::Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(&place)
        .status();
    assert!(check.expect("sha256sum").success());
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let folder = Folder::new("");
    folder.write("file", "in the way");
    let ended = exuvia(&["guest", "export", &folder.text("file")], "");
    assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.starts_with("exuvia: ") && ended.stderr.contains("file"), "{}", ended.stderr);
}

#[tokio::test]
async fn the_guest_has_the_python_that_its_crate_names() {
    let version =
        returned(&run("import sys\nresult = sys.version.split()[0]", exuvia_runtime::Limits::default()).await);
    assert_eq!(version, exuvia_guest::PYTHON_VERSION);
}
