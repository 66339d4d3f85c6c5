//! `exuvia config init`, `completions`, `man` and `--version`.

use std::fs;

use exuvia_tests::exuvia;

#[test]
fn a_new_configuration_is_valid_as_it_is_and_with_every_comment_taken_away() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("new/exuvia.toml");
    let name = file.display().to_string();
    let ended = exuvia(&["config", "init", &name], "");
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert_eq!(exuvia(&["config", "check", &name], "").status, Some(0));

    let ended = exuvia(&["config", "init", &name], "");
    assert_eq!(ended.status, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("is there already"), "{ended:?}");

    let text = fs::read_to_string(&file).expect("a file");
    let lines = text.lines().map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line));
    fs::write(&file, lines.collect::<Vec<_>>().join("\n")).expect("written");
    let ended = exuvia(&["config", "check", &name], "");
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("crm: runs crm-mcp") && ended.stdout.contains("tracker: "), "{ended:?}");
}

#[test]
fn every_shell_has_completions_of_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = exuvia(&["completions", shell], "");
        assert_eq!(ended.status, Some(0), "{ended:?}");
        for word in ["doctor", "setup", "import-project", "claude-desktop"] {
            let is_value_of_option = word == "claude-desktop" && ["elvish", "powershell"].contains(&shell);
            assert!(ended.stdout.contains(word) || is_value_of_option, "{shell}: {word}");
        }
    }
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let ended = exuvia(&["man", &folder.path().display().to_string()], "");
    assert_eq!(ended.status, Some(0), "{ended:?}");
    for page in ["exuvia.1", "exuvia-setup.1", "exuvia-doctor.1", "exuvia-config-init.1"] {
        let text = fs::read_to_string(folder.path().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        assert!(text.contains(".TH exuvia"), "{page}: {text}");
    }
    assert!(!folder.path().join("exuvia-sample.1").exists());
}

#[test]
fn the_version_says_what_runs() {
    let ended = exuvia(&["--version"], "");
    let python = exuvia(&["run", "--json", "-c", "import sys\nresult = sys.version.split()[0]"], "");
    let python = python.json()["result"].as_str().expect("a text").to_owned();
    for line in [
        format!("exuvia {}", env!("CARGO_PKG_VERSION")),
        format!("guest: sha256:{}", exuvia_runtime::GUEST_DIGEST),
        format!("python: CPython {python}"),
    ] {
        assert!(ended.stdout.lines().any(|found| found == line), "{line}: {}", ended.stdout);
    }
    assert!(ended.stdout.contains("\ncommit: "), "{}", ended.stdout);
    assert_eq!(exuvia(&["-V"], "").stdout, format!("exuvia {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_bundle_is_of_this_program() {
    let file = exuvia_tests::here().join("../crates/exuvia/packaging/mcpb/manifest.json");
    let manifest: serde_json::Value = serde_json::from_str(&fs::read_to_string(file).expect("a file")).expect("JSON");
    assert_eq!(manifest["version"], env!("CARGO_PKG_VERSION"));
    let names: Vec<_> = manifest["tools"].as_array().expect("tools").iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["listToolFiles", "readToolFile", "getToolDocs", "executeToolCode"]);
}
