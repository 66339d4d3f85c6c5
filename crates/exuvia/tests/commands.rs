//! The program as a newcomer meets it. That this package has a test of its own is also what makes `cargo test` build the
//! binary, which the tests of the whole workspace start.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Output};

fn exuvia(arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).output().expect("the program starts")
}

/// The program beside this test. `CARGO_BIN_EXE_exuvia` would compile the path of the target directory in.
fn program() -> PathBuf {
    let test = env::current_exe().expect("a test has a path");
    test.ancestors().nth(2).expect("target/PROFILE/deps").join("exuvia")
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[test]
fn help_names_the_commands_and_not_the_samples() {
    let help = printed(&exuvia(&["--help"]));
    let named = |command: &str| help.lines().any(|line| line.split_whitespace().next() == Some(command));
    for command in ["demo", "run", "stdio", "tools"] {
        assert!(named(command), "{command} is missing:\n{help}");
    }
    assert!(!named("sample"), "{help}");
}

#[test]
fn the_demo_makes_its_calls_and_counts_them() {
    let output = exuvia(&["demo"]);
    let told = printed(&output);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("5000 contacts, 1078 with a last order above 10,000"), "{told}");
    assert!(told.contains("6083 tool calls over two MCP servers (made directly afterwards: 6083)"), "{told}");
    assert!(told.contains("times less"), "{told}");
}

#[test]
fn help_describes_commands_and_options_in_the_terms_of_the_field() {
    for (command, text) in [
        (None, "Run the bundled demo"),
        (None, "Analyze a script without running it: tools, errors, whether it needs approval"),
        (None, "EXUVIA_LOG sets the log filter"),
        (Some("serve"), "Overrides the configuration file"),
        (Some("run"), "5 internal error"),
        (Some("check"), "0 allowed, 1 invalid"),
    ] {
        let arguments: Vec<&str> = command.into_iter().chain(["--help"]).collect();
        let help = printed(&exuvia(&arguments)).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(text), "{arguments:?}: {text} is missing:\n{help}");
    }
}
