//! The three embedding examples: programs of their own, built with the tests, that must do what they say.

use std::process::Command;

use exuvia_tests::built;

fn output(example: &str) -> String {
    let output = Command::new(built(&format!("examples/{example}"))).output().expect("the example starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn the_example_on_the_runtime_crate_calls_its_own_tool() {
    let text = output("embed_runtime");
    assert!(text.starts_with("{\"sum\":30}\nasked for 5\n5 calls, "), "{text}");
}

#[test]
fn the_example_on_the_host_crate_runs_on_its_own_wasmtime_engine() {
    let text = output("embed_host");
    let (run, limits) = text.split_once("[0,1,4,9,16]\n").expect("a result");
    assert_eq!(
        (run, limits.lines().take(2).collect::<Vec<_>>()),
        ("hello from 3.14.0\n", vec!["out of fuel", "out of time"])
    );
    assert!(limits.contains("OutOfMemory"), "{text}");
}

#[test]
fn the_example_on_the_sandbox_crate_has_tools_over_its_own_types() {
    let text = output("embed_sandbox");
    for line in [
        "def find(city: str, limit: int = 10) -> list[Contact]:",
        "found 2",
        "\"returned\" [\"Ada\",\"Alan\"], 5 calls",
        "{\"Ada\": [\"visited by ada@example.com\"], \"Alan\": [\"visited by ada@example.com\"]}",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
