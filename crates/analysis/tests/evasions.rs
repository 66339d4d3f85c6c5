//! The corpus of scripts that try to call what they may not.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::fmt::Write;
use std::path::Path;

use exuvia_analysis::analyze;
use exuvia_test_support::assert_snapshot;

#[test]
fn permitted_scripts_are_precise_and_stay_within_the_allowlist() {
    let evasions = support::evasions();
    let allowed: Vec<_> = evasions.rows.iter().filter(|row| row.expected == "allowed").collect();
    assert_eq!(allowed.len(), 15);
    for row in allowed {
        let analysis = analyze(&row.code, &evasions.namespace);
        assert!(analysis.precision.is_precise(), "{}: {:?}", row.name, analysis.precision);
        for (tool, _) in analysis.may_call.iter() {
            assert!(evasions.auto_execute.contains(&tool.to_string()), "{}: {tool}", row.name);
        }
        assert!(analysis.findings.is_empty(), "{}: {:?}", row.name, analysis.findings);
    }
}

#[test]
fn every_row_that_could_reach_a_forbidden_tool_says_so() {
    let evasions = support::evasions();
    let mut judged = 0;
    for row in evasions.rows.iter().filter(|row| row.expected != "allowed") {
        let analysis = analyze(&row.code, &evasions.namespace);
        let says_so = analysis.may_call.iter().any(|(tool, _)| !evasions.auto_execute.contains(&tool.to_string()));
        let could = !evasions.reach_nothing_else.contains_key(&row.name);
        assert_eq!(says_so, could, "{}: {}", row.name, support::shown(&analysis));
        judged += 1;
    }
    assert_eq!(judged, 91);
    let names: Vec<_> = evasions.rows.iter().map(|row| &row.name).collect();
    assert!(evasions.reach_nothing_else.keys().all(|name| names.contains(&name)));
}

#[test]
fn each_row_gets_the_verdict_on_record() {
    let evasions = support::evasions();
    let mut table = String::new();
    for row in &evasions.rows {
        let analysis = analyze(&row.code, &evasions.namespace);
        writeln!(table, "{} [{}] {}", row.name, row.expected, support::shown(&analysis)).unwrap();
    }
    assert_snapshot(Path::new("tests/snapshots/evasions.txt"), &table);
}
