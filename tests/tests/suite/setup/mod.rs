//! `exuvia setup` on copies of the files of every client, and its undo.

mod faults;
mod merging;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use exuvia_tests::{Client, Ended, built, here};
use serde_json::Value;
use tempfile::TempDir;

/// A client: its name, the file in `data/setup`, where it lies in a home, how many of its servers are moved, and which stay.
struct Case {
    client: &'static str,
    data: &'static str,
    file: &'static str,
    moved: &'static [&'static str],
    staying: &'static [&'static str],
    /// A part of the entry for Exuvia, as the client has it.
    entry: &'static str,
}

const fn case(
    client: &'static str,
    [data, file, entry]: [&'static str; 3],
    moved: &'static [&'static str],
    staying: &'static [&'static str],
) -> Case {
    Case { client, data, file, moved, staying, entry }
}

/// Every client. `ARGS` stands for the arguments of the entry.
const CASES: [Case; 11] = [
    case(
        "claude-code",
        ["claude-code.json", ".claude.json", r#"{"type":"stdio","command":EXUVIA,"args":ARGS}"#],
        &["echo", "tracker", "old-events"],
        &["clock"],
    ),
    case(
        "claude-desktop",
        ["claude-desktop.json", ".config/Claude/claude_desktop_config.json", r#"{"command":EXUVIA,"args":ARGS}"#],
        &["echo", "filesystem", "postgres"],
        &[],
    ),
    case(
        "cursor",
        [
            "cursor.json",
            ".cursor/mcp.json",
            r#"{"command":EXUVIA,"args":ARGS,"env":{"ECHO_KEY":"${env:ECHO_KEY}","GITHUB_TOKEN":"${env:GITHUB_TOKEN}"}}"#,
        ],
        &["echo", "github", "billing"],
        &["paused"],
    ),
    case(
        "vscode",
        [
            "vscode.json",
            ".config/Code/User/mcp.json",
            r#"{"type":"stdio","command":EXUVIA,"args":ARGS,"env":{"EXUVIA_INPUT_ECHO_KEY":"${input:echo-key}","PLACE":"${env:PLACE}"}}"#,
        ],
        &["echo", "docs"],
        &["sandboxed"],
    ),
    case(
        "windsurf",
        ["windsurf.json", ".codeium/windsurf/mcp_config.json", r#"{"command":EXUVIA,"args":ARGS}"#],
        &["echo", "figma"],
        &[],
    ),
    case(
        "gemini",
        [
            "gemini.json",
            ".gemini/settings.json",
            r#"{"command":EXUVIA,"args":ARGS,"env":{"ECHO_KEY":"${ECHO_KEY}","SEARCH_KEY":"${SEARCH_KEY}"}}"#,
        ],
        &["echo", "search"],
        &[],
    ),
    case(
        "codex",
        [
            "codex.toml",
            ".codex/config.toml",
            r#"{"command":EXUVIA,"args":ARGS,"env_vars":["ECHO_KEY","LINEAR_TOKEN"]}"#,
        ],
        &["echo", "linear"],
        &["off"],
    ),
    case(
        "opencode",
        [
            "opencode.json",
            ".config/opencode/opencode.json",
            r#"{"type":"local","command":[EXUVIA,ARGS],"environment":{"ECHO_KEY":"{env:ECHO_KEY}"},"enabled":true}"#,
        ],
        &["echo", "sentry"],
        &[],
    ),
    case(
        "zed",
        ["zed.json", ".config/zed/settings.json", r#"{"command":EXUVIA,"args":ARGS,"env":{}}"#],
        &["echo", "remote"],
        &[],
    ),
    case(
        "copilot",
        ["copilot.json", ".copilot/mcp-config.json", r#"{"type":"local","command":EXUVIA,"args":ARGS,"tools":["*"]}"#],
        &["echo", "web"],
        &[],
    ),
    case(
        "goose",
        [
            "goose.yaml",
            ".config/goose/config.yaml",
            r#"{"type":"stdio","name":"exuvia","enabled":true,"cmd":EXUVIA,"args":ARGS,"env_keys":["ECHO_KEY"],"timeout":300}"#,
        ],
        &["echo", "tracker"],
        &["memory"],
    ),
];

/// A home with the file of a client, and a folder to work in.
pub(super) struct Home(TempDir);

impl Home {
    pub(super) fn new() -> Self {
        let home = Self(tempfile::tempdir().expect("a folder"));
        fs::create_dir(home.path("work")).expect("a folder");
        home
    }

    fn of(case: &Case) -> Self {
        let home = Self::new();
        home.write(case.file, &data(case.data));
        home
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().expect("a folder").join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        let file = self.path(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(&file, text).expect("written");
        fs::set_permissions(file, Permissions::from_mode(0o640)).expect("permissions");
    }

    pub(super) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(super) fn config(&self) -> String {
        self.text(".config/exuvia/exuvia.toml")
    }

    pub(super) fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).expect("a file").permissions().mode() & 0o777
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, &[])
    }

    pub(super) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        let mut command = Command::new(built("exuvia"));
        command.args(arguments).current_dir(self.path("work")).env_clear().env("HOME", self.path(""));
        command.env("PATH", "/usr/bin:/bin").envs(variables.iter().copied()).stdin(Stdio::null());
        let output = command.output().expect("exuvia starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Ended { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// The same, which must succeed.
    #[track_caller]
    pub(super) fn runs(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(ended.status, Some(0), "{arguments:?}: {ended:?}");
        ended.stdout
    }
}

/// A file of `data/setup`.
pub(super) fn data(name: &str) -> String {
    let text = fs::read_to_string(here().join("data/setup").join(name)).expect("a file of data");
    text.replace("EXUVIA", built("exuvia").to_str().expect("UTF-8"))
}

/// The entry for Exuvia in a client's file, as JSON.
fn entry(case: &Case, home: &Home) -> Value {
    let (text, path) = (home.text(case.file), home.path(case.file));
    let tree = match path.extension().and_then(|end| end.to_str()) {
        Some("toml") => serde_json::to_value(text.parse::<toml::Table>().expect("TOML")).expect("JSON"),
        Some("yaml") => exuvia_config::yaml_tree(&text).expect("YAML"),
        _ => relaxed(&text),
    };
    let objects = ["mcpServers", "servers", "mcp_servers", "mcp", "context_servers", "extensions"];
    let servers = objects.iter().find_map(|name| tree.get(name)).expect("servers");
    servers["exuvia"].clone()
}

/// JSON with comments on lines of their own or after a comma.
fn relaxed(text: &str) -> Value {
    let lines =
        text.lines().map(|line| line.split("// ").next().unwrap_or_default().split("/* ").next().unwrap_or_default());
    let mut text: String =
        lines.filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect();
    for end in ["}", "]"] {
        let mut parts: Vec<String> = text.split(end).map(str::to_owned).collect();
        let last = parts.len() - 1;
        for part in &mut parts[..last] {
            *part = part.trim_end().trim_end_matches(',').to_owned();
        }
        text = parts.join(end);
    }
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn setups_of_every_client_are_undone_to_the_byte() {
    for case in &CASES {
        let home = Home::of(case);
        let (client, before) = (case.client, home.text(case.file));
        let told = home.runs(&["setup", client, "--yes"]);
        for name in case.moved {
            assert!(told.contains(&format!("moves {name}\n")), "{client}: {told}");
        }
        for name in case.staying {
            assert!(told.contains(&format!("{name} stays in {client}: ")), "{client}: {told}");
        }
        let (after, config) = (home.text(case.file), home.config());
        let servers = config.parse::<toml::Table>().expect("TOML")["servers"].clone();
        let names: Vec<&String> = servers.as_table().expect("a table").keys().collect();
        let mut moved: Vec<&str> = case.moved.to_vec();
        moved.sort_unstable();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, moved, "{client}: {config}");
        let args = |separator: &str| {
            format!("\"stdio\"{separator}\"--config\"{separator}{:?}", home.path(".config/exuvia/exuvia.toml"))
        };
        let expected = case
            .entry
            .replace("[EXUVIA,ARGS]", &format!("[EXUVIA,{}]", args(",")))
            .replace("ARGS", &format!("[{}]", args(",")));
        let expected = expected.replace("EXUVIA,", &format!("{:?},", built("exuvia").to_str().expect("UTF-8")));
        let expected: Value = serde_json::from_str(&expected).unwrap_or_else(|error| panic!("{error}: {expected}"));
        assert_eq!(entry(case, &home), expected, "{client}: {after}");
        for line in before.lines().filter(|line| line.contains("KEEP")) {
            let comment = line.find("KEEP").map(|start| line[start..].trim_end_matches(" */")).expect("found");
            assert!(after.contains(comment), "{client}: {comment}\n{after}");
        }
        assert_eq!((home.mode(case.file), home.mode(".config/exuvia/exuvia.toml")), (0o640, 0o600), "{client}");
        home.runs(&["config", "check"]);

        let again = home.runs(&["setup", client, "--yes"]);
        assert!(again.contains("nothing to do"), "{client}: {again}");
        assert_eq!((home.text(case.file), home.config()), (after, config), "{client}");

        home.runs(&["setup", client, "--undo", "--yes"]);
        assert_eq!(home.text(case.file), before, "{client}");
        assert_eq!(home.mode(case.file), 0o640, "{client}");
        assert!(!home.path(".config/exuvia/exuvia.toml").exists(), "{client}");
        let ended = home.run(&["setup", client, "--undo", "--yes"]);
        assert_eq!(ended.status, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("no setup of this client"), "{ended:?}");
    }
}

#[test]
fn moved_servers_start_behind_the_one_entry() {
    for case in &CASES {
        let home = Home::of(case);
        home.runs(&["setup", case.client, "--yes"]);
        let entry = entry(case, &home);
        let words: Vec<&str> = match &entry["args"] {
            Value::Array(args) => args.iter().filter_map(Value::as_str).collect(),
            _ => entry["command"].as_array().expect("words").iter().skip(1).filter_map(Value::as_str).collect(),
        };
        assert_eq!(words[0], "stdio", "{entry}");
        let mut client = Client::with_policy(&words[1..]).speaking_modern();
        let tools = client.request("tools/list", serde_json::json!({}));
        let names: Vec<&str> = tools["result"]["tools"]
            .as_array()
            .expect("tools")
            .iter()
            .filter_map(|tool| tool["name"].as_str())
            .collect();
        assert_eq!(names.len(), 4, "{}: {tools}", case.client);
        let listed = client.request("tools/call", serde_json::json!({"name": "listToolFiles", "arguments": {}}));
        assert!(listed.to_string().contains("echo.pyi"), "{}: {listed}", case.client);
    }
}

#[test]
fn references_stay_references_and_lists_of_tools_are_kept() {
    let written = |case: &Case, key: &str| {
        let home = Home::of(case);
        home.runs(&["setup", case.client, "--yes"]);
        let table: toml::Table = home.config().parse().expect("TOML");
        let mut value = toml::Value::Table(table);
        for part in key.split('/') {
            value = value.get(part).unwrap_or_else(|| panic!("{key}: {value}")).clone();
        }
        serde_json::to_string(&value).expect("JSON")
    };
    let case = |name: &str| CASES.iter().find(|case| case.client == name).expect("a case");
    for (client, key, expected) in [
        (
            "claude-code",
            "servers/echo/env",
            r#"{"GREETING":"${GREETING:-hello \"you\"}","TRACKER_TOKEN":"lin_api_5a61c0ffee"}"#,
        ),
        ("claude-code", "servers/tracker/headers", r#"{"authorization":"Bearer ${TRACKER_TOKEN:-}","x-team":"web"}"#),
        ("claude-code", "servers/old-events/url", r#""https://events.example/${REGION:-eu}/sse""#),
        ("claude-code", "servers/old-events/protocol", r#""sse""#),
        (
            "claude-desktop",
            "servers/filesystem/args",
            r#"["-y","@modelcontextprotocol/server-filesystem","/home/ada/Documents","/home/ada/Zürich – Pläne"]"#,
        ),
        ("cursor", "servers/github/headers", r#"{"authorization":"Bearer ${GITHUB_TOKEN:-}"}"#),
        ("cursor", "servers/billing/deny", r#"["refund","close_*"]"#),
        ("vscode", "servers/echo/env", r#"{"ECHO_KEY":"${EXUVIA_INPUT_ECHO_KEY:-}","PLACE":"${PLACE:-}"}"#),
        ("windsurf", "servers/echo/deny", r#"["fail"]"#),
        ("gemini", "servers/echo/tools", r#"["echo","wait"]"#),
        ("gemini", "servers/echo/env", r#"{"ECHO_KEY":"${ECHO_KEY:-}"}"#),
        ("codex", "servers/linear/headers", r#"{"authorization":"Bearer ${LINEAR_TOKEN:-}"}"#),
        ("codex", "servers/echo/env", r#"{"ECHO_KEY":"${ECHO_KEY:-}","PLACE":"here"}"#),
        ("opencode", "servers/echo/env", r#"{"ECHO_KEY":"${ECHO_KEY:-}"}"#),
        ("copilot", "servers/web/tools", r#"["get_page"]"#),
        ("goose", "servers/echo/env", r#"{"ECHO_KEY":"${ECHO_KEY:-}","PLACE":"here"}"#),
    ] {
        assert_eq!(written(case(client), key), expected, "{client} {key}");
    }
}

#[test]
fn secrets_are_shown_nowhere() {
    for (client, secrets) in [
        ("claude-code", &["lin_api_5a61c0ffee"][..]),
        ("claude-desktop", &["p%40ss"]),
        ("windsurf", &["figd_0123456789"]),
        ("zed", &["zed-0123456789"]),
    ] {
        let case = CASES.iter().find(|case| case.client == client).expect("a case");
        let home = Home::of(case);
        for arguments in [&["--dry-run"][..], &["--yes"], &["--undo", "--dry-run"], &["--undo", "--yes"]] {
            let told = home.runs(&[&["setup", client], arguments].concat());
            assert!(secrets.iter().all(|secret| !told.contains(secret)), "{arguments:?}: {told}");
            assert!(told.contains("***"), "{arguments:?}: {told}");
        }
    }
}

/// The file of a client with this one server.
pub(super) fn one_server(name: &str) -> String {
    format!(
        "{{\n  \"mcpServers\": {{\n    \"{name}\": {{ \"command\": {:?}, \"args\": [\"sample\", \"echo\"] }}\n  }}\n}}\n",
        built("exuvia")
    )
}

pub(super) fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
