//! Several clients, several times, and what is there already.

use exuvia_tests::built;
use serde_json::{Value, json};

use super::{Home, is_there, one_server};

const CURSOR: &str = ".cursor/mcp.json";
const DESKTOP: &str = ".config/Claude/claude_desktop_config.json";
const CONFIG: &str = ".config/exuvia/exuvia.toml";

fn servers(home: &Home) -> Vec<String> {
    let config: toml::Table = home.config().parse().expect("TOML");
    config["servers"].as_table().expect("a table").keys().cloned().collect()
}

fn read(home: &Home, file: &str) -> Value {
    serde_json::from_str(&home.text(file)).expect("JSON")
}

#[test]
fn two_clients_share_servers_that_are_the_same_and_keep_those_that_differ() {
    let home = Home::new();
    home.write(CURSOR, &one_server("echo"));
    home.write(DESKTOP, &one_server("echo").replace("\n  }\n", ",\n    \"crm\": {\"command\": \"crm-mcp\"}\n  }\n"));
    home.runs(&["setup", "cursor", "--yes"]);
    let told = home.runs(&["setup", "claude-desktop", "--yes"]);
    assert!(told.contains("removes echo: exuvia.toml has the same") && told.contains("moves crm\n"), "{told}");
    assert_eq!(servers(&home), ["crm", "echo"]);

    let other = Home::new();
    other.write(CURSOR, &one_server("echo"));
    other.write(DESKTOP, &one_server("echo").replace("\"sample\"", "\"sample\", \"--x\""));
    other.runs(&["setup", "cursor", "--yes"]);
    let told = other.runs(&["setup", "claude-desktop", "--yes"]);
    assert!(told.contains("moves echo, as echo-claude-desktop: the name is taken"), "{told}");
    assert_eq!(servers(&other), ["echo", "echo-claude-desktop"]);
}

#[test]
fn the_first_of_two_setups_is_undone_alone() {
    let home = Home::new();
    home.write(CURSOR, &one_server("echo"));
    home.write(DESKTOP, &one_server("other"));
    home.runs(&["setup", "cursor", "--yes"]);
    home.runs(&["setup", "claude-desktop", "--yes"]);
    let told = home.runs(&["setup", "cursor", "--undo", "--yes"]);
    assert!(told.contains("only what the setup added is taken out"), "{told}");
    assert_eq!((home.text(CURSOR), servers(&home)), (one_server("echo"), vec!["other".to_owned()]));
    home.runs(&["setup", "claude-desktop", "--undo", "--yes"]);
    assert_eq!(home.text(DESKTOP), one_server("other"));
    assert!(!is_there(&home.path(CONFIG)) || home.config().trim().is_empty());
}

#[test]
fn a_server_that_was_added_later_is_moved_by_another_setup() {
    let home = Home::new();
    home.write(CURSOR, &one_server("echo"));
    home.runs(&["setup", "cursor", "--yes"]);
    let first = home.text(CURSOR);
    let mut file = read(&home, CURSOR);
    file["mcpServers"]["late"] = json!({"command": "late-mcp", "env": {"K": "${env:LATE_KEY}"}});
    home.write(CURSOR, &file.to_string());
    home.runs(&["setup", "cursor", "--yes"]);
    let entry = &read(&home, CURSOR)["mcpServers"]["exuvia"];
    assert_eq!(entry["env"], json!({"LATE_KEY": "${env:LATE_KEY}"}));
    assert_eq!(servers(&home), ["echo", "late"]);
    home.runs(&["setup", "cursor", "--undo", "--yes"]);
    assert_eq!(home.text(CURSOR), file.to_string());
    home.write(CURSOR, &first);
    home.runs(&["setup", "cursor", "--undo", "--yes"]);
    assert_eq!(home.text(CURSOR), one_server("echo"));
}

#[test]
fn the_options_of_an_entry_that_was_there_stay() {
    let home = Home::new();
    let entry = json!({"command": built("exuvia"), "args": ["stdio", "--import", "cursor", "--auto-execute", "*.*"], "env": {"A": "b"}});
    home.write(CURSOR, &json!({"mcpServers": {"sandbox": entry, "echo": {"command": "echo-mcp"}}}).to_string());
    home.runs(&["setup", "cursor", "--yes"]);
    let file = read(&home, CURSOR);
    let config = home.path(CONFIG);
    let args = json!(["stdio", "--auto-execute", "*.*", "--config", config]);
    assert_eq!(file["mcpServers"], json!({"sandbox": {"command": built("exuvia"), "args": args, "env": {"A": "b"}}}));
}

#[test]
fn an_entry_by_a_runner_of_packages_is_this_program() {
    for (command, words) in [
        ("uvx", &["exuvia", "stdio"][..]),
        ("/usr/bin/uvx", &["--from", "exuvia==0.1.0", "exuvia", "stdio"]),
        ("npx", &["-y", "exuvia@latest", "stdio"]),
    ] {
        let home = Home::new();
        let args = [words, &["--log", "x"]].concat();
        home.write(CURSOR, &json!({"mcpServers": {"gateway": {"command": command, "args": args}}}).to_string());
        let told = home.runs(&["setup", "cursor", "--yes"]);
        assert!(!told.contains("moves"), "{told}");
        let args = json!(["stdio", "--log", "x", "--config", home.path(CONFIG)]);
        let entry = json!({"command": built("exuvia"), "args": args});
        assert_eq!(read(&home, CURSOR)["mcpServers"], json!({"gateway": entry}));
    }
}

#[test]
fn an_entry_has_one_configuration_and_keeps_its_own() {
    let entry = |args: &[&str]| json!({"mcpServers": {"exuvia": {"command": "exuvia", "args": args}}}).to_string();
    let home = Home::new();
    let own = home.path("work/own.toml").display().to_string();
    for (args, asked, expected) in [
        (&["stdio", "--config=~/.config/exuvia/exuvia.toml", "--import=cursor"][..], None, Some(CONFIG)),
        (&["stdio", "--config", "own.toml"], Some("own.toml"), Some("work/own.toml")),
        (&["stdio", &format!("--config={own}")], Some(&own), Some("work/own.toml")),
        (&["stdio", "--config", "own.toml"], Some("other.toml"), Some("work/other.toml")),
        (&["stdio", "--config", "own.toml"], None, None),
        (&["stdio", "--config=own.toml"], None, None),
    ] {
        home.write(CURSOR, &entry(args));
        let asked: Vec<&str> = asked.iter().flat_map(|file| ["--config", file]).collect();
        let ended = home.run(&[&["setup", "cursor", "--yes"], &asked[..]].concat());
        match expected {
            Some(config) => {
                let expected = json!(["stdio", "--config", home.path(config)]);
                assert_eq!(read(&home, CURSOR)["mcpServers"]["exuvia"]["args"], expected, "{args:?}: {ended:?}");
            }
            None => {
                assert!(ended.status == Some(2) && ended.stderr.contains("has --config own.toml"), "{ended:?}");
                assert_eq!(home.text(CURSOR), entry(args));
            }
        }
    }
}

#[test]
fn a_project_has_its_configuration_beside_its_own_file() {
    let home = Home::new();
    let file = "work/.mcp.json";
    home.write("work/.git/HEAD", "");
    home.write(file, &one_server("echo").replace(&format!("{:?}", built("exuvia")), "\"./run\""));
    home.runs(&["setup", "claude-code", "--scope", "project", "--yes"]);
    let entry = &read(&home, file)["mcpServers"]["exuvia"];
    assert_eq!(entry["command"], "exuvia");
    assert_eq!(entry["args"], json!(["stdio", "--config", "${CLAUDE_PROJECT_DIR:-.}/exuvia.toml"]));
    assert!(home.text("work/exuvia.toml").contains("command = \"./run\""), "{}", home.text("work/exuvia.toml"));
    home.runs(&["setup", "claude-code", "--scope", "project", "--undo", "--yes"]);
    assert!(!is_there(&home.path("work/exuvia.toml")) && home.text(file).contains("./run"));
}

#[test]
fn a_client_without_a_file_gets_one_and_loses_it_again() {
    for (client, file) in [
        ("cursor", CURSOR),
        ("vscode", ".config/Code/User/mcp.json"),
        ("codex", ".codex/config.toml"),
        ("goose", ".config/goose/config.yaml"),
        ("zed", ".config/zed/settings.json"),
    ] {
        let home = Home::new();
        let told = home.runs(&["setup", client, "--yes"]);
        assert!(told.contains(&format!("{file} (new)")), "{client}: {told}");
        assert!(home.text(file).contains("exuvia") && home.mode(file) == 0o600, "{client}");
        home.runs(&["setup", client, "--undo", "--yes"]);
        assert!(!is_there(&home.path(file)) && !is_there(&home.path(CONFIG)), "{client}");
    }
}

#[test]
fn what_a_user_has_for_one_folder_is_moved_by_itself_and_keeps_what_is_denied() {
    let home = Home::new();
    let folder = home.path("work").display().to_string();
    let echo = json!({"command": built("exuvia"), "args": ["sample", "echo"]});
    let text = json!({"mcpServers": {"mine": {"command": "mine-mcp"}}, "projects": {&folder: {"mcpServers": {"echo": echo}, "x": 1}}});
    home.write(".claude.json", &text.to_string());
    home.write(
        ".claude/settings.json",
        &json!({"permissions": {"deny": ["mcp__echo__fail", "mcp__mine"]}}).to_string(),
    );
    home.runs(&["setup", "claude-code", "--scope", "local", "--yes"]);
    let file = read(&home, ".claude.json");
    assert_eq!(file["mcpServers"], text["mcpServers"]);
    let names: Vec<&String> = file["projects"][&folder]["mcpServers"].as_object().expect("an object").keys().collect();
    assert_eq!(names, ["exuvia"]);
    let config: toml::Table = home.config().parse().expect("TOML");
    assert_eq!(config["servers"]["echo"]["deny"].to_string(), r#"["fail"]"#);
    // What is denied as a whole stays, and says why.
    let told = home.runs(&["setup", "claude-code", "--dry-run"]);
    assert!(told.contains("mine") && told.contains("permissions.deny") && !told.contains("moves mine"), "{told}");
    home.runs(&["setup", "claude-code", "--scope", "local", "--undo", "--yes"]);
    assert_eq!(home.text(".claude.json"), text.to_string());
}

#[test]
fn what_would_be_another_server_in_the_configuration_stays_where_it_is() {
    let home = Home::new();
    let helper = json!({"type": "http", "url": "https://a.example/mcp", "headersHelper": "echo \"X-Team: ${TEAM}\""});
    let text = json!({"mcpServers": {"helped": helper, "crm": {"command": "crm-mcp"}}}).to_string();
    home.write(".claude.json", &text);
    let told = home.runs(&["setup", "claude-code", "--yes"]);
    assert!(
        told.contains("helped stays in claude-code: it would not start from exuvia.toml as the client starts it"),
        "{told}"
    );
    assert_eq!(servers(&home), ["crm"]);
    assert_eq!(read(&home, ".claude.json")["mcpServers"]["helped"], helper);
}
