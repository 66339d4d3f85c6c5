//! The crates that an embedder needs are ready to be published, and take no more than they have to.

use std::collections::BTreeSet;
use std::fs;

use exuvia_tests::here;
use serde_json::Value;

use crate::architecture::{array, metadata, text};

/// In the order in which they are published.
const PUBLISHED: [&str; 7] =
    ["exuvia-text", "exuvia-tool", "exuvia-catalog", "exuvia-guest", "exuvia-host", "exuvia-runtime", "exuvia-sandbox"];

fn ours() -> impl Iterator<Item = &'static Value> {
    array(metadata(), "packages").iter().filter(|package| text(&package["name"]).starts_with("exuvia"))
}

fn package(name: &str) -> &'static Value {
    ours().find(|package| package["name"] == name).unwrap_or_else(|| panic!("{name} is in the workspace"))
}

/// What it needs to be built, by default or by a feature.
fn dependencies(package: &'static Value) -> impl Iterator<Item = &'static Value> {
    array(package, "dependencies").iter().filter(|dependency| dependency["kind"] != "dev")
}

#[test]
fn what_embedders_need_can_be_published_and_nothing_else() {
    let published: BTreeSet<_> = ours().filter(|one| one["publish"].is_null()).map(|one| text(&one["name"])).collect();
    assert_eq!(published, BTreeSet::from(PUBLISHED));
    for name in PUBLISHED {
        let package = package(name);
        for key in ["description", "license", "readme", "documentation", "rust_version"] {
            assert!(package[key].as_str().is_some_and(|text| !text.is_empty()), "{name}: {key}");
        }
        assert!(
            (1..=5).contains(&array(package, "keywords").len()) && !array(package, "categories").is_empty(),
            "{name}"
        );
        assert!(package["metadata"]["docs"]["rs"].is_object(), "{name}: docs.rs");
        let folder = std::path::Path::new(text(&package["manifest_path"])).parent().expect("a folder").to_owned();
        assert!(folder.join("LICENSE").is_file() && folder.join(text(&package["readme"])).is_file(), "{name}");
    }
}

#[test]
fn published_crates_depend_on_versions_of_crates_that_are_published_before_them() {
    for (place, name) in PUBLISHED.iter().enumerate() {
        for dependency in dependencies(package(name)) {
            let dependency_name = text(&dependency["name"]);
            assert_ne!(dependency["req"], "*", "{name} needs a version of {dependency_name}");
            if dependency_name.starts_with("exuvia") {
                assert!(PUBLISHED[..place].contains(&dependency_name), "{name} needs {dependency_name}");
            }
        }
    }
}

#[test]
fn the_sandbox_gains_no_dependency_unnoticed() {
    let expected = [
        ("exuvia-host", "async-trait bytes exuvia-tool getrandom tokio wasmtime wasmtime-wasi wasmtime-wasi-io"),
        (
            "exuvia-runtime",
            "async-trait exuvia-host exuvia-tool libc rustix serde serde_json sha2 tokio tokio-util wasm-encoder wasmparser wasmtime \
             wasmtime-wasi",
        ),
        ("exuvia-tool", "serde serde_json"),
    ];
    for (name, expected) in expected {
        let needed = dependencies(package(name)).filter(|one| one["optional"] == false && one["kind"] != "build");
        let needed: BTreeSet<_> = needed.map(|one| text(&one["name"])).collect();
        assert_eq!(needed, expected.split(' ').collect(), "{name}");
    }
    let built = dependencies(package("exuvia-guest")).filter(|one| one["optional"] == false);
    assert_eq!(built.map(|one| text(&one["name"])).collect::<BTreeSet<_>>(), BTreeSet::from(["sha2", "zstd"]));
}

#[test]
fn the_published_guest_has_no_default_features_and_embedders_may_leave_the_rest() {
    let features = |name: &str| package(name)["features"].as_object().expect("features").clone();
    assert!(features("exuvia-guest").get("default").is_none());
    assert!(features("exuvia-runtime").contains_key("embedded-guest"));
    for feature in ["embedded-guest", "schemars"] {
        assert!(features("exuvia-sandbox").contains_key(feature), "{feature}");
    }
    let script = fs::read_to_string(here().join("../guest/prebuilt.sh")).expect("the script");
    let crates = PUBLISHED.map(|name| name.trim_start_matches("exuvia-")).join(" ");
    assert!(script.contains(&format!("crates=({crates})")), "guest/prebuilt.sh packs others");
}

#[test]
fn packages_of_other_registries_have_the_version_of_the_program() {
    let read = |file: &str| -> Value {
        let text = fs::read_to_string(here().join("..").join(file)).expect("a file");
        serde_json::from_str(&text).expect("JSON")
    };
    let version = text(&package("exuvia")["version"]);
    let library = read("crates/node/package.json");
    assert_eq!(library["version"], version);
    let programs = library["optionalDependencies"].as_object().expect("the packages with the program");
    assert!(!programs.is_empty() && programs.values().all(|one| one == version), "{programs:?}");
    assert_eq!(read("crates/exuvia/packaging/mcpb/manifest.json")["version"], version);
}
