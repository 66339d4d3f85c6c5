//! Servers that are named and not there: who starts a script may wait for them.

use exuvia_analysis::{FindingCode, analyze};
use exuvia_catalog::build_beside;
use exuvia_test_support::descriptor;
use exuvia_tool::{Absence, Namespace};
use serde_json::json;

fn namespace() -> Namespace {
    let tool = descriptor(&json!({"name": "get", "inputSchema": {"type": "object"}}));
    build_beside(vec![
        ("late-one".to_owned(), Err(Absence::Starting)),
        ("crm".to_owned(), Ok(vec![tool])),
        ("down".to_owned(), Err(Absence::Failed)),
    ])
}

fn absent(script: &str) -> Vec<String> {
    analyze(script, &namespace()).absent.into_iter().collect()
}

#[test]
fn an_absent_server_is_recognized_however_it_is_named() {
    for script in [
        "late_one.get()",
        "f = late_one.get",
        "result = list(map(late_one.get, [1]))",
        "try:\n    late_one.get()\nexcept Exception:\n    pass",
        "mcp.late_one.get()",
        "mcp['late-one'].get()",
        "import late_one\nlate_one.get()",
        "from late_one import get\nget()",
        "from mcp import late_one",
        "async def f():\n    await late_one.get()\nawait f()",
    ] {
        assert_eq!(absent(script), ["late-one"], "{script}");
    }
    assert_eq!(absent("late_one.get(); down.get()"), ["down", "late-one"]);
}

#[test]
fn a_name_of_no_server_is_not_reported_as_absent() {
    for script in ["crm.get()", "late_one = 1\nlate_one.real", "'late_one'  # late_one", "result = 1", "late.get()"] {
        assert!(absent(script).is_empty(), "{script}");
    }
}

#[test]
fn a_finding_says_whether_to_try_again_soon() {
    let found = analyze("late_one.get()\ndown.get()", &namespace()).findings;
    let told: Vec<_> = found.iter().map(|finding| (finding.line, finding.code, finding.message.as_str())).collect();
    let starting = "the server late_one is still starting; try again in a few seconds";
    let down = "the server down did not start; go on without it, or try again later; the servers: crm";
    assert_eq!(told, [(1, FindingCode::ServerAway, starting), (2, FindingCode::ServerAway, down)]);
}
