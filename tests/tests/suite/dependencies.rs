//! What the dependencies may be, by `deny.toml`. cargo-deny says more, where it is installed; this needs nothing but cargo.

use std::collections::BTreeMap;
use std::fs;

use exuvia_tests::here;
use serde_json::Value;

use crate::architecture::{array, metadata, text};

/// Where dependencies come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn rules() -> toml::Table {
    fs::read_to_string(here().join("../deny.toml")).expect("deny.toml").parse().expect("TOML")
}

fn texts(value: &toml::Value) -> Vec<String> {
    value.as_array().expect("an array").iter().map(|text| text.as_str().expect("a text").to_owned()).collect()
}

/// Whether an SPDX expression can be fulfilled with these licences. Packages also write `/` for `OR`.
fn is_satisfied(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (holds, rest) = any(&words, allowed);
    holds && rest.is_empty()
}

fn any<'a, 'w>(words: &'a [&'w str], allowed: &[String]) -> (bool, &'a [&'w str]) {
    let (mut holds, mut rest) = all(words, allowed);
    while let Some(("OR", after)) = rest.split_first().map(|(word, after)| (*word, after)) {
        let (also, after) = all(after, allowed);
        (holds, rest) = (holds || also, after);
    }
    (holds, rest)
}

fn all<'a, 'w>(words: &'a [&'w str], allowed: &[String]) -> (bool, &'a [&'w str]) {
    let (mut holds, mut rest) = one(words, allowed);
    while let Some(("AND", after)) = rest.split_first().map(|(word, after)| (*word, after)) {
        let (also, after) = one(after, allowed);
        (holds, rest) = (holds && also, after);
    }
    (holds, rest)
}

fn one<'a, 'w>(words: &'a [&'w str], allowed: &[String]) -> (bool, &'a [&'w str]) {
    match words {
        ["(", inner @ ..] => {
            let (holds, rest) = any(inner, allowed);
            match rest {
                [")", rest @ ..] => (holds, rest),
                rest => (false, rest),
            }
        }
        [licence, "WITH", exception, rest @ ..] => (allowed.contains(&format!("{licence} WITH {exception}")), rest),
        [licence, rest @ ..] => {
            // A licence "or later" is that licence as well.
            let licence = licence.strip_suffix('+').unwrap_or(licence);
            (allowed.iter().any(|allowed| allowed == licence), rest)
        }
        [] => (false, words),
    }
}

#[test]
fn every_dependency_has_a_licence_that_is_allowed() {
    let rules = rules();
    let allowed = texts(&rules["licenses"]["allow"]);
    let exceptions: BTreeMap<String, Vec<String>> = rules["licenses"]["exceptions"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|exception| (exception["crate"].as_str().expect("a name").to_owned(), texts(&exception["allow"])))
        .collect();
    let is_allowed = |package: &&Value| {
        let mut allowed = allowed.clone();
        allowed.extend(exceptions.get(text(&package["name"])).into_iter().flatten().cloned());
        package["license"].as_str().is_some_and(|expression| is_satisfied(expression, &allowed))
    };
    let packages = array(metadata(), "packages");
    assert!(packages.len() > 100, "{}", packages.len());
    let refused: Vec<_> = packages
        .iter()
        .filter(|package| !is_allowed(package))
        .map(|package| format!("{}: {}", package["id"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "deny.toml allows none of {refused:#?}");
}

#[test]
fn every_dependency_comes_from_the_registry_and_none_is_banned() {
    let rules = rules();
    let banned: Vec<&str> =
        rules["bans"]["deny"].as_array().expect("an array").iter().flat_map(|ban| ban["crate"].as_str()).collect();
    assert!(!banned.is_empty());
    for package in array(metadata(), "packages") {
        let (name, source) = (text(&package["name"]), package["source"].as_str());
        assert!(!banned.contains(&name), "{name} is banned");
        // Packages of ours that stand in the place of others.
        let is_shim = text(&package["manifest_path"]).contains("/guest/shims/");
        let is_ours = name == "exuvia" || name.starts_with("exuvia-") || is_shim;
        assert_eq!(source, (!is_ours).then_some(REGISTRY), "{name}");
    }
}

#[test]
fn an_expression_of_licences_is_read_as_spdx_means_it() {
    let allowed = ["MIT", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
    for expression in [
        "MIT",
        "MIT OR GPL-3.0",
        "GPL-3.0/MIT",
        "MIT+",
        "(GPL-3.0 OR MIT) AND Unicode-3.0",
        "GPL-3.0 OR MIT AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(is_satisfied(expression, &allowed), "{expression}");
    }
    for expression in
        ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR GPL-3.0) AND GPL-3.0", "Apache-2.0", "MIT AND", "(MIT", "MIT MIT"]
    {
        assert!(!is_satisfied(expression, &allowed), "{expression}");
    }
}
