//! The rooms and the directions of the arrows between them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::{env, fs};

use exuvia_tests::here;
use serde_json::Value;

/// Package names to the names of what they depend on, transitively, in the program: no build or test dependencies.
type Graph = BTreeMap<String, BTreeSet<String>>;

pub(crate) fn metadata() -> &'static Value {
    static METADATA: OnceLock<Value> = OnceLock::new();
    METADATA.get_or_init(|| {
        // What the build has not needed is not there on a new machine: what the bindings for Python alone need.
        let output = Some(asked(&["--offline"])).filter(|output| output.status.success()).unwrap_or_else(|| asked(&[]));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("metadata is JSON")
    })
}

fn asked(more: &[&str]) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    // What other platforms need was not downloaded for the build.
    let platform = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    cargo.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &platform]).args(more);
    // Where README's commands are run: in a package Cargo takes that one for the default.
    cargo.current_dir(here().join("..")).output().expect("cargo runs")
}

pub(crate) fn array<'a>(value: &'a Value, key: &str) -> &'a Vec<Value> {
    value[key].as_array().unwrap_or_else(|| panic!("{key} is an array"))
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// What each package of the workspace depends on directly, in the program.
fn direct() -> Graph {
    let names: BTreeMap<_, _> =
        array(metadata(), "packages").iter().map(|package| (text(&package["id"]), text(&package["name"]))).collect();
    let nodes = array(&metadata()["resolve"], "nodes").iter().map(|node| {
        let normal =
            array(node, "deps").iter().filter(|dep| array(dep, "dep_kinds").iter().any(|kind| kind["kind"].is_null()));
        let deps = normal.map(|dep| names[text(&dep["pkg"])].to_owned()).collect();
        (names[text(&node["id"])].to_owned(), deps)
    });
    let mut graph = Graph::new();
    for (name, deps) in nodes {
        // Two versions of a package count as one: what either needs is needed.
        graph.entry(name).or_default().extend::<BTreeSet<_>>(deps);
    }
    graph
}

fn everything_below(package: &str) -> BTreeSet<String> {
    let graph = direct();
    let mut found = BTreeSet::new();
    let mut open = vec![package.to_owned()];
    while let Some(next) = open.pop() {
        for dep in graph.get(&next).into_iter().flatten() {
            if found.insert(dep.clone()) {
                open.push(dep.clone());
            }
        }
    }
    found
}

fn ours(names: &BTreeSet<String>) -> BTreeSet<&str> {
    names.iter().filter_map(|name| name.strip_prefix("exuvia-")).collect()
}

#[test]
fn every_room_knows_only_the_rooms_below_it() {
    let allowed = [
        ("exuvia-guest", ""),
        ("exuvia-tool", ""),
        ("exuvia-trace", "tool"),
        ("exuvia-text", ""),
        ("exuvia-shapes", ""),
        ("exuvia-pins", "text tool"),
        ("exuvia-catalog", "text tool"),
        ("exuvia-analysis", "catalog text tool"),
        ("exuvia-functions", "analysis catalog text tool"),
        ("exuvia-policy", "tool"),
        ("exuvia-journal", "text tool"),
        ("exuvia-approvals", "journal policy text tool"),
        ("exuvia-host", "tool"),
        ("exuvia-workspace", "tool"),
        ("exuvia-runtime", "guest host tool"),
        ("exuvia-sandbox", "catalog guest host runtime text tool"),
        ("exuvia-python", "catalog guest host runtime text tool"),
        ("exuvia-replay", "guest host journal policy runtime text tool"),
        ("exuvia-suite", "catalog guest host runtime text tool"),
        ("exuvia-config", "catalog policy text tool"),
        ("exuvia-access", "catalog config journal oauth policy text tool"),
        ("exuvia-oauth", "catalog config policy text tool"),
        ("exuvia-mcp-client", "catalog config oauth policy text tool trace"),
        ("exuvia-upstream", "catalog config mcp-client oauth policy text tool trace"),
        (
            "exuvia-gateway",
            "access analysis catalog config functions guest host journal mcp-client oauth pins policy replay runtime shapes text tool \
             trace upstream workspace",
        ),
        (
            "exuvia-server",
            "access analysis approvals catalog config functions gateway guest host journal mcp-client oauth pins policy replay runtime shapes text tool \
             trace upstream workspace",
        ),
        (
            "exuvia-admin",
            "access analysis approvals catalog config functions gateway guest host journal mcp-client oauth pins policy replay runtime server shapes \
             text tool trace upstream workspace",
        ),
        (
            "exuvia",
            "access admin analysis approvals catalog config functions gateway guest host journal mcp-client oauth pins policy replay runtime server shapes \
             suite text tool trace upstream workspace",
        ),
    ];
    for (package, rooms) in allowed {
        let below = everything_below(package);
        let unknown: Vec<_> =
            ours(&below).into_iter().filter(|room| !rooms.split(' ').any(|below| below == *room)).collect();
        assert!(unknown.is_empty(), "{package} knows {unknown:?}");
    }
    let crates: BTreeSet<_> = allowed.iter().map(|(package, _)| (*package).to_owned()).collect();
    let aside = ["exuvia-benches", "exuvia-fake-upstream", "exuvia-fuzz", "exuvia-test-support", "exuvia-tests"]
        .map(str::to_owned);
    let members: BTreeSet<_> = direct().into_keys().filter(|name| name.starts_with("exuvia")).collect();
    let unlisted: Vec<_> = members.iter().filter(|name| !crates.contains(*name) && !aside.contains(name)).collect();
    assert!(unlisted.is_empty(), "{unlisted:?}: say here what they may know");
}

#[test]
fn a_plain_build_is_of_every_package_but_the_bindings_for_python() {
    let names: BTreeMap<_, _> =
        array(metadata(), "packages").iter().map(|package| (text(&package["id"]), text(&package["name"]))).collect();
    let of = |key| -> BTreeSet<_> { array(metadata(), key).iter().map(|id| names[text(id)]).collect() };
    let (all, built) = (of("workspace_members"), of("workspace_default_members"));
    assert_eq!(all.difference(&built).collect::<Vec<_>>(), [&"exuvia-python"]);
    // Nor for another package.
    let bound: Vec<_> = built.iter().filter(|name| everything_below(name).contains("pyo3")).collect();
    assert!(bound.is_empty(), "{bound:?}");
    assert!(everything_below("exuvia-python").contains("pyo3"));
}

#[test]
fn the_sandbox_knows_nothing_of_mcp_http_or_policy() {
    for package in ["exuvia-runtime", "exuvia-host", "exuvia-guest"] {
        let below = everything_below(package);
        for stranger in
            ["rmcp", "hyper", "reqwest", "exuvia-policy", "exuvia-upstream", "exuvia-gateway", "exuvia-catalog"]
        {
            assert!(!below.contains(stranger), "{package} knows {stranger}");
        }
    }
}

#[test]
fn what_reads_a_configuration_starts_and_connects_to_nothing() {
    let below = everything_below("exuvia-config");
    for stranger in ["tokio", "wasmtime", "rmcp", "hyper", "reqwest", "clap"] {
        assert!(!below.contains(stranger), "exuvia-config knows {stranger}");
    }
}

#[test]
fn pure_crates_have_no_async_runtime_no_sandbox_and_no_protocol() {
    for package in ["exuvia-text", "exuvia-tool", "exuvia-catalog", "exuvia-analysis", "exuvia-policy"] {
        let below = everything_below(package);
        for stranger in ["tokio", "wasmtime", "rmcp", "hyper", "getrandom", "rustix", "nix", "reqwest"] {
            // Hash maps of other crates seed themselves; that is no reading of ours.
            if stranger == "getrandom" && below.contains("ahash") {
                continue;
            }
            assert!(!below.contains(stranger), "{package} knows {stranger}");
        }
    }
}

#[test]
fn what_is_pure_denies_itself_clocks_files_and_the_environment() {
    for package in ["text", "tool", "catalog", "analysis", "policy"] {
        let source = here().join("../crates").join(package).join("src/lib.rs");
        let source = std::fs::read_to_string(source).expect("UTF-8");
        let denies = source.contains("deny(clippy::disallowed_methods, clippy::disallowed_types");
        assert!(denies, "{package} lets clippy.toml count for nothing");
    }
}

/// A module by its path in its crate; the crate's root is empty.
type ModulePath = Vec<String>;

/// The source of each module below a folder, without its tests.
fn modules(folder: &Path, path: &[String], found: &mut BTreeMap<ModulePath, String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let file = entry.expect("an entry").path();
        let mut path = path.to_vec();
        match file.file_stem().and_then(|name| name.to_str()).expect("a name") {
            "tests" | "main" => continue,
            "mod" | "lib" => {}
            name => path.push(name.to_owned()),
        }
        if file.is_dir() {
            modules(&file, &path, found);
        } else {
            let text = fs::read_to_string(&file).expect("UTF-8");
            let text = text.split("#[cfg(test)]\nmod ").next().expect("a text");
            found.insert(path, text.to_owned());
        }
    }
}

/// The paths of a `use` tree: `a::{b, c::{d, e}}` has three.
fn use_paths(tree: &str) -> Vec<String> {
    let Some((head, rest)) = tree.trim().split_once('{') else { return vec![tree.trim().to_owned()] };
    let inner = rest.strip_suffix('}').expect("a whole tree");
    let mut depth = 0;
    let parts = inner.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    parts.flat_map(use_paths).map(|path| format!("{head}{path}")).collect()
}

/// The modules that each module names in its `use` declarations. A module is one unit with those around it and inside it, and what
/// these export again is theirs.
fn uses(source: &Path) -> BTreeMap<ModulePath, BTreeSet<ModulePath>> {
    let mut texts = BTreeMap::new();
    modules(source, &[], &mut texts);
    let used = |module: &ModulePath, path: &str| {
        let mut segments = path.split("::").peekable();
        let mut used = if segments.next_if_eq(&"crate").is_some() { ModulePath::new() } else { module.clone() };
        while segments.next_if_eq(&"super").is_some() {
            used.pop();
        }
        for segment in segments {
            used.push(segment.to_owned());
            if !texts.contains_key(&used) {
                used.pop();
                break;
            }
        }
        (!used.starts_with(module) && !module.starts_with(&used)).then_some(used)
    };
    let all = texts.iter().map(|(module, text)| {
        let trees = text.split('\n').filter(|line| !line.trim_start().starts_with("//")).collect::<String>();
        let trees = trees.split("use ").skip(1).filter_map(|rest| rest.split(';').next());
        let paths = trees.filter(|tree| tree.starts_with("crate::") || tree.starts_with("super::")).flat_map(use_paths);
        (module.clone(), paths.filter_map(|path| used(module, &path)).collect())
    });
    all.collect()
}

#[test]
fn no_files_of_a_crate_use_each_other_in_a_circle() {
    for package in fs::read_dir(here().join("../crates")).expect("a folder") {
        let package = package.expect("an entry").path();
        // crates/node is a package of npm.
        if !package.join("Cargo.toml").exists() {
            continue;
        }
        let source = package.join("src");
        let mut edges = uses(&source);
        assert!(!edges.is_empty(), "{source:?}");
        // What uses nothing, or is used by nothing, is in no circle.
        loop {
            let modules: BTreeSet<ModulePath> = edges.keys().cloned().collect();
            let used: BTreeSet<ModulePath> = edges.values().flatten().cloned().collect();
            edges.retain(|module, uses| {
                uses.retain(|other| modules.contains(other));
                !uses.is_empty() && used.contains(module)
            });
            if edges.len() == modules.len() {
                break;
            }
        }
        assert!(edges.is_empty(), "{}: {edges:#?}", source.display());
    }
}

#[test]
fn json_keeps_the_order_of_keys_and_the_digits_of_numbers() {
    let text = r#"{"b":1,"a":18446744073709551617,"c":0.10,"d":123456789012345678901234567890.125}"#;
    let value: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(value.to_string(), text);
}

#[test]
fn nothing_of_the_building_machine_is_in_the_guest() {
    let workspace = here().parent().expect("a workspace").display().to_string();
    let home = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME")).expect("a home");
    for place in [workspace, format!("{}/", home.trim_end_matches('/'))] {
        if place.len() < 4 {
            continue;
        }
        let found = exuvia_guest::COMPONENT.windows(place.len()).any(|window| window == place.as_bytes());
        assert!(!found, "{place} is in the guest");
    }
}
