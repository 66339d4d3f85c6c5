//! Scripts as language models write them, against recorded catalogs of real servers.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use exuvia_analysis::{EvidenceKind, analyze};
use exuvia_test_support::{assert_snapshot, files};

/// The scripts in a directory, by name.
fn scripts(directory: &str) -> Vec<(String, String)> {
    let read = |path: &PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    files(directory, "py").iter().map(read).collect()
}

/// What the first line of a script says behind `key`, between commas.
fn header(source: &str, key: &str) -> Vec<String> {
    let line = source.lines().next().and_then(|line| line.strip_prefix(key)).unwrap();
    line.split(',').map(|part| part.trim().to_owned()).collect()
}

#[test]
fn each_script_may_call_exactly_the_tools_it_names() {
    let namespace = support::catalogs();
    let scripts = scripts("scripts");
    assert!(scripts.len() >= 40, "{}", scripts.len());
    let mut faults = String::new();
    for (name, source) in scripts {
        let mut expected = header(&source, "# tools:");
        expected.sort();
        let analysis = analyze(&source, &namespace);
        let named: Vec<String> = analysis.may_call.referenced().map(|tool| tool.to_string()).collect();
        if named != expected {
            writeln!(faults, "{name}: names {named:?}, expected {expected:?}").unwrap();
        }
        if !analysis.precision.is_precise() || !analysis.findings.is_empty() {
            writeln!(faults, "{name}: {:?} {:?}", analysis.precision, analysis.findings).unwrap();
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn lines_of_evidence_are_those_of_the_calls() {
    let namespace = support::catalogs();
    let (_, source) = scripts("scripts").into_iter().find(|(name, _)| name == "pull_request_report").unwrap();
    let analysis = analyze(&source, &namespace);
    for (tool, evidence) in analysis.may_call.iter() {
        for one in evidence {
            let line = source.lines().nth(one.line as usize - 1).unwrap();
            assert!(one.kind == EvidenceKind::Called && line.contains(&format!("github.{}(", tool.tool)), "{line}");
        }
    }
}

#[test]
fn mistakes_are_found_all_at_once() {
    let namespace = support::catalogs();
    let mut told = String::new();
    let scripts = scripts("scripts/mistakes");
    assert!(scripts.len() >= 12);
    for (name, source) in scripts {
        let expected = header(&source, "# finds:");
        let analysis = analyze(&source, &namespace);
        let code = |code| serde_json::to_value(code).unwrap().as_str().unwrap().to_owned();
        let found: Vec<String> =
            analysis.findings.iter().map(|finding| format!("{} {}", finding.line, code(finding.code))).collect();
        let found = if found.is_empty() { vec!["nothing".to_owned()] } else { found };
        assert_eq!(found, expected, "{name}: {:#?}", analysis.findings);
        for finding in &analysis.findings {
            writeln!(told, "{name}:{}: {}", finding.line, finding.message.replace('\n', "\n    ")).unwrap();
        }
    }
    assert_snapshot(Path::new("tests/snapshots/mistakes.txt"), &told);
}
