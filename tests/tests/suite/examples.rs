//! The two embedding examples: programs of their own, built with the tests, that must do what they say.

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
    assert_eq!(output("embed_host"), "hello from 3.14.0\n[0,1,4,9,16]\n");
}
