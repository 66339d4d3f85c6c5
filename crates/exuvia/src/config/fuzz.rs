//! The fuzz target of `exuvia.toml`: `exuvia-fuzz` has the others, and the loop.

use std::path::Path;

use exuvia_config::Environment;
use exuvia_fuzz::{Target, fuzz};

use super::found::Found;
use super::{resolve, summary, totals};

static TARGET: Target = Target {
    name: "config",
    run: read,
    corpus: &["../../tests/data/config", "example.toml"],
    scraps: &[
        "[servers.a]\n",
        "[servers.\"a.b\"]\n",
        "[limits]\n",
        "[runs]\n",
        "[listen]\n",
        "[profiles.p]\n",
        "command = \"x\"\n",
        "url = \"https://a.example/mcp\"\n",
        "deny = [\"*\"]\n",
        "auto_execute = [\"@g\"]\n",
        "${A}",
        "${A:-b}",
        "${",
        "$${A}",
        "\"",
        "\"\"\"",
        "'",
        "[",
        "]",
        "[[",
        "{",
        "}",
        "=",
        ".",
        ",",
        "\n",
        "#",
        "_",
        "-1",
        "1e9",
        "1_000",
        "nan",
        "inf",
        "\"16 MiB\"",
        "\"9999999999 GiB\"",
        "true",
        "1979-05-27",
        "\\u0000",
        "\\U0010FFFF",
        "\u{feff}",
    ],
};

/// No file makes the program panic, and what is wrong with it can be told.
fn read(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let variable = |_: &str| Some("value".to_owned());
    let environment = Environment { variable: &variable, token_dir: None };
    let mut found = Found::default();
    resolve::file(text, "exuvia.toml", Path::new("/nonexistent"), environment, &mut found);
    match found.finish(&[]) {
        Ok(config) => drop((summary(&config), totals(&config, None))),
        Err(errors) => assert!(!errors.to_string().is_empty()),
    }
}

#[test]
fn no_configuration_file_makes_the_program_panic() {
    fuzz(&TARGET).unwrap();
}
