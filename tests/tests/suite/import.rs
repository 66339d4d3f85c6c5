//! Servers of other clients, as a user has them who started in a folder that somebody else made.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use exuvia_tests::{built, data};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A home and a folder, in which `exuvia` is started.
struct World {
    home: TempDir,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        Self { home: tempfile::tempdir().expect("a folder"), folder: tempfile::tempdir().expect("a folder") }
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        self.run_in("", arguments)
    }

    /// In a folder of the folder.
    fn run_in(&self, folder: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(built("exuvia"));
        command.args(arguments).current_dir(self.folder.path().join(folder)).env_clear().env("HOME", self.home.path());
        command.env("PATH", env::var_os("PATH").unwrap_or_default()).stdin(std::process::Stdio::null());
        let output = command.output().expect("exuvia starts");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        (output.status.code(), text(output.stdout), text(output.stderr))
    }
}

fn write(folder: &Path, name: &str, value: &Value) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    fs::write(file, value.to_string()).expect("a file");
}

fn write_text(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
    fs::write(file, text).expect("a file");
}

/// A program that anybody may start.
fn write_program(folder: &Path, name: &str, lines: &str) {
    write_text(folder, name, &format!("#!/bin/sh\n{lines}\n"));
    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).expect("a program");
}

fn echo() -> Value {
    json!({"command": built("exuvia"), "args": ["sample", "echo"]})
}

#[test]
fn a_cloned_folder_runs_nothing_of_its_own() {
    let world = World::new();
    let mark = world.home.path().join("it-ran");
    let theirs = json!({"command": "/bin/sh", "args": ["-c", format!("touch {}", mark.display())]});
    for file in [".mcp.json", ".cursor/mcp.json"] {
        write(world.folder.path(), file, &json!({"mcpServers": {"mine": theirs, "more": theirs}}));
    }
    write(world.folder.path(), ".vscode/mcp.json", &json!({"servers": {"mine": theirs, "more": theirs}}));
    let consent = json!({"enableAllProjectMcpServers": true, "enabledMcpjsonServers": ["mine", "more"]});
    write(world.folder.path(), ".claude/settings.json", &consent);
    write(world.folder.path(), ".claude/settings.local.json", &consent);
    let mine = json!({"mcpServers": {"mine": echo()}});
    write(world.home.path(), ".claude.json", &mine);
    write(world.home.path(), ".cursor/mcp.json", &mine);
    write(world.home.path(), ".config/Code/User/mcp.json", &json!({"servers": {"mine": echo()}}));
    for client in ["claude-code", "cursor", "vscode"] {
        let (status, out, told) = world.run(&["tools", "--import", client]);
        assert!(status == Some(0) && out.contains("mine.pyi") && !out.contains("more"), "{client}: {out}{told}");
        assert!(told.contains("not started without consent: mine, more"), "{client}: {told}");
        assert!(!mark.exists(), "{client}");
    }
    let (_, out, told) = world.run(&["tools", "--import", "claude-code", "--import-project"]);
    assert!(mark.exists() && out.contains("mine.pyi"), "{out}{told}");
    let (status, _, told) = world.run(&["tools", "--import-project", "--server", "a=b"]);
    assert!(status == Some(2) && told.contains("--import"), "{told}");
}

#[test]
fn what_a_client_forbids_is_denied_or_not_there() {
    let world = World::new();
    let mut limited = echo();
    limited["disabledTools"] = json!(["echo"]);
    let mut narrow = echo();
    narrow["includeTools"] = json!(["echo"]);
    let servers = json!({"limited": limited, "narrow": narrow, "ruled": echo(), "off": echo()});
    let folder = world.folder.path().canonicalize().expect("a folder").display().to_string();
    let state = json!({"mcpServers": servers, "projects": {folder: {"disabledMcpServers": ["off"]}}});
    write(world.home.path(), ".claude.json", &state);
    let settings = json!({"permissions": {"deny": ["mcp__ruled__sleep"]}});
    write(world.home.path(), ".claude/settings.json", &settings);
    let script = world.folder.path().join("script.py");
    let check = |code: &str| {
        fs::write(&script, code).expect("a file");
        let script = script.to_str().expect("UTF-8");
        let (_, out, told) =
            world.run(&["check", "--import", "claude-code", "--auto-execute", "*.*", "--json", script]);
        let json: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{told}"));
        // What does not exist is invalid, and has no standing.
        let told = if json["verdict"] == "invalid" { &json["verdict"] } else { &json["may_call"][0]["standing"] };
        told.as_str().expect("a standing").to_owned()
    };
    for (code, standing) in [
        ("limited.echo(value=1)", "denied"),
        ("limited.sleep(ms=1)", "allowed"),
        ("narrow.echo(value=1)", "allowed"),
        ("narrow.sleep(ms=1)", "invalid"),
        ("ruled.sleep(ms=1)", "denied"),
        ("ruled.echo(value=1)", "allowed"),
        ("off.echo(value=1)", "invalid"),
    ] {
        assert_eq!(check(code), standing, "{code}");
    }
    // Also where a file of another client is named by its path.
    let file = data("config/clients/restricted.json").display().to_string();
    let (_, out, told) = world.run(&["config", "check", &included(&world, &file)]);
    assert!(out.contains("tools get_* find; deny get_secret"), "{out}{told}");
}

/// A configuration that includes this file.
fn included(world: &World, file: &str) -> String {
    let config = world.home.path().join("exuvia.toml");
    fs::write(&config, format!("include = [{file:?}]\n")).expect("a file");
    config.to_str().expect("UTF-8").to_owned()
}

#[test]
fn what_a_repository_forbids_holds_in_its_subfolders_too() {
    let world = World::new();
    let root = world.folder.path().canonicalize().expect("a folder");
    for folder in [".git", "a/b"] {
        fs::create_dir_all(root.join(folder)).expect("a folder");
    }
    let of_root =
        json!({"disabledMcpServers": ["off"], "disabledMcpjsonServers": ["q"], "enableAllProjectMcpServers": true});
    let state = json!({
        "mcpServers": {"off": echo(), "ruled": echo()},
        "projects": {root.display().to_string(): of_root},
    });
    write(world.home.path(), ".claude.json", &state);
    write(&root, ".claude/settings.json", &json!({"permissions": {"deny": ["mcp__ruled__sleep"]}}));
    write(&root, ".claude/settings.local.json", &json!({"disabledMcpjsonServers": ["r"]}));
    write(&root, ".mcp.json", &json!({"mcpServers": {"p": echo(), "q": echo(), "r": echo()}}));
    write(&root, "a/.mcp.json", &json!({"mcpServers": {"near": echo(), "p": {"command": "nearer"}}}));
    let (_, at_root, told) = world.run(&["config", "check", "--import", "claude-code"]);
    assert!(at_root.contains("ruled: ") && at_root.contains("deny sleep"), "{at_root}{told}");
    let (_, below, told) = world.run_in("a/b", &["config", "check", "--import", "claude-code"]);
    let names: Vec<&str> = below.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    assert_eq!(names[..3], ["ruled", "near", "p"], "{below}{told}");
    assert!(below.contains("deny sleep") && below.contains("p: runs nearer"), "{below}{told}");
    assert!(!names.contains(&"off") && !names.contains(&"q") && !names.contains(&"r"), "{below}{told}");
    // opencode goes up to the root as well.
    write(
        world.home.path(),
        ".config/opencode/opencode.json",
        &json!({"mcp": {"crm": {"type": "local", "command": ["crm"]}}}),
    );
    write(&root, "opencode.json", &json!({"tools": {"crm_delete": false}}));
    let (_, out, told) = world.run_in("a/b", &["config", "check", "--import", "opencode"]);
    assert!(out.contains("crm: runs crm; deny delete"), "{out}{told}");
    // So does Codex, and both take what a folder switches off for off.
    let off = json!({"tools": {"crm_delete": false}, "mcp": {"crm": {"enabled": false}}});
    write(&root, "opencode.json", &off);
    write_text(
        world.home.path(),
        ".codex/config.toml",
        "[mcp_servers.a]\ncommand = 'a'\n[mcp_servers.b]\ncommand = 'b'\n",
    );
    write_text(&root, ".codex/config.toml", "[mcp_servers.a]\nenabled = false\n");
    let (_, out, told) = world.run_in("a/b", &["config", "check", "--import", "opencode", "--import", "codex"]);
    assert!(!out.contains("crm: ") && !out.contains("a: runs") && out.contains("b: runs b"), "{out}{told}");
}

#[test]
fn a_program_of_a_folder_needs_consent_whoever_names_it() {
    let world = World::new();
    let mark = world.home.path().join("it-ran");
    write_program(world.folder.path(), "srv", &format!("touch {}", mark.display()));
    let servers = |object: &str| {
        json!({object: {
            "whole": {"command": "${workspaceFolder}/srv"}, "relative": {"command": "./srv"}, "near": {"command": "a/../srv"},
            "argument": {"command": "/bin/sh", "args": ["srv"]}, "option": {"command": "/bin/sh", "args": ["-c", "exec ./srv"]},
            "cwd": {"command": "/bin/sh", "args": ["-c", "true"], "cwd": "${workspaceFolder}"},
            "mine": echo(),
        }})
    };
    for (client, file, object) in [
        ("vscode", ".config/Code/User/mcp.json", "servers"),
        ("cursor", ".cursor/mcp.json", "mcpServers"),
        ("claude-code", ".claude.json", "mcpServers"),
        ("claude-desktop", ".config/Claude/claude_desktop_config.json", "mcpServers"),
        ("windsurf", ".codeium/windsurf/mcp_config.json", "mcpServers"),
        ("gemini", ".gemini/settings.json", "mcpServers"),
        ("zed", ".config/zed/settings.json", "context_servers"),
        ("copilot", ".copilot/mcp-config.json", "mcpServers"),
        ("opencode", ".config/opencode/opencode.json", "mcp"),
    ] {
        write(world.home.path(), file, &servers(object));
        let (_, out, told) = world.run(&["tools", "--import", client]);
        assert!(!mark.exists() && out.contains("mine.pyi"), "{client}: {out}{told}");
        for (name, key) in [
            ("whole", "command"),
            ("relative", "command"),
            ("near", "command"),
            ("argument", "args"),
            ("option", "args"),
            ("cwd", "cwd"),
        ] {
            assert!(told.contains(&format!("{object}.{name}.{key}: is in this folder")), "{client} {name}: {told}");
        }
    }
    write_text(world.home.path(), ".codex/config.toml", "[mcp_servers.relative]\ncommand = './srv'\n");
    write_text(
        world.home.path(),
        ".config/goose/config.yaml",
        "extensions: {relative: {type: stdio, cmd: ./srv, args: []}}\n",
    );
    for client in ["codex", "goose"] {
        let (_, out, told) = world.run(&["tools", "--import", client]);
        assert!(!mark.exists() && told.contains("relative.command: is in this folder"), "{client}: {out}{told}");
    }
    let (_, out, told) = world.run(&["tools", "--import", "vscode", "--import-project"]);
    assert!(mark.exists(), "{out}{told}");
    fs::remove_file(&mark).expect("the mark");
    // What its user added to Claude Code for this very folder is agreed to.
    let folder = world.folder.path().canonicalize().expect("a folder").display().to_string();
    write(
        world.home.path(),
        ".claude.json",
        &json!({"projects": {folder: {"mcpServers": {"here": {"command": "./srv"}}}}}),
    );
    let (_, out, told) = world.run(&["tools", "--import", "claude-code"]);
    assert!(mark.exists(), "{out}{told}");
}

#[test]
fn anything_in_place_of_a_file_is_reported() {
    let world = World::new();
    let pipe = world.folder.path().join(".mcp.json");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    let (_, out, told) = world.run(&["config", "check", "--import", "claude-code"]);
    assert!(told.contains(".mcp.json: is a pipe") && !told.contains("no servers found"), "{out}{told}");
    let (status, out, told) = world.run(&["config", "check", "--import", "claude-code", "--import-project"]);
    assert!(status == Some(2) && told.contains(".mcp.json: is a pipe"), "{out}{told}");
}

#[test]
fn goose_is_read_with_what_it_never_allows() {
    let world = World::new();
    let yaml = format!(
        "# models\nGOOSE_PROVIDER: x\nextensions:\n  developer: {{type: builtin, name: developer, enabled: true}}\n  \
         echo:\n    enabled: true\n    type: stdio\n    name: Echo\n    cmd: {}\n    args:\n    - sample\n    - echo\n    \
         envs: {{}}\n    env_keys: []\n    available_tools: [echo, sleep]\n    timeout: 300\n  off: {{enabled: false, type: stdio, \
         cmd: x, args: []}}\n  secret: {{enabled: true, type: stdio, cmd: x, args: [], env_keys: [NOT_SET]}}\n  \
         web: {{enabled: true, type: streamable_http, uri: 'https://w.example/mcp'}}\n",
        built("exuvia").display()
    );
    write_text(world.home.path(), ".config/goose/config.yaml", &yaml);
    write_text(
        world.home.path(),
        ".config/goose/permission.yaml",
        "user:\n  always_allow: []\n  ask_before: []\n  never_allow:\n  - echo__sleep\n",
    );
    let (status, out, told) = world.run(&["config", "check", "--import", "goose"]);
    assert!(status == Some(0) && out.contains("tools echo sleep; deny sleep") && out.contains("web: "), "{out}{told}");
    assert!(!out.contains("off: ") && !out.contains("developer"), "{out}{told}");
    assert!(told.contains("extensions.secret.env.NOT_SET: environment variable NOT_SET is not set"), "{told}");
    let (_, out, told) = world.run(&["tools", "--import", "goose", "echo.echo"]);
    assert!(out.contains("echo"), "{out}{told}");
}

#[test]
fn opencode_takes_values_from_files_and_variables() {
    let world = World::new();
    let program = built("exuvia").display().to_string();
    write_text(world.home.path(), ".config/opencode/program", &format!("{program}\n"));
    write_text(world.home.path(), "program", &format!(" {program} \n"));
    let text = r#"{
      // "old": {"command": ["{file:gone-too}"]},
      "mcp": {
        "beside": {"type": "local", "command": ["{file:./program}", "sample", "echo"]},
        "home": {"type": "local", "command": ["{file:~/program}", "{env:NOT}sample", "echo"]},
        "homely": {"type": "local", "command": ["{file:~/program}", "sample", "echo"]},
        "gone": {"type": "local", "command": ["{file:gone}", "x"]}}}"#;
    write_text(world.home.path(), ".config/opencode/opencode.jsonc", text);
    let (_, out, told) = world.run(&["tools", "--import", "opencode"]);
    assert!(out.contains("beside.pyi") && out.contains("homely.pyi") && !out.contains("home.pyi"), "{out}{told}");
    assert!(told.contains("gone: no such file") && !told.contains("gone-too"), "{told}");
    assert!(told.contains("mcp.gone.command: file gone cannot be read"), "{told}");
    assert!(told.contains("mcp.home.command: environment variable NOT is not set"), "{told}");
}

#[test]
fn what_the_command_line_of_cursor_denies_is_kept() {
    let world = World::new();
    fs::create_dir_all(world.folder.path().join(".git")).expect("a folder");
    fs::create_dir_all(world.folder.path().join("sub")).expect("a folder");
    write(world.home.path(), ".cursor/mcp.json", &json!({"mcpServers": {"a": echo(), "my b": echo(), "c": echo()}}));
    let deny = json!({"permissions": {"allow": ["Mcp(a:*)"], "deny": ["Shell(rm)", "Mcp(a:sleep)", "Mcp(*:drop_*)"]}});
    write(world.home.path(), ".cursor/cli-config.json", &deny);
    write(world.folder.path(), ".cursor/cli.json", &json!({"permissions": {"deny": ["Mcp(my b, echo)", "Mcp(c:*)"]}}));
    let (_, out, told) = world.run_in("sub", &["config", "check", "--import", "cursor"]);
    assert!(
        out.contains("a: ") && out.contains("deny sleep drop_*") && out.contains("deny drop_* drop[!a-zA-Z0-9-]* echo"),
        "{out}{told}"
    );
    assert!(!out.contains("c: runs") && told.contains("permissions.deny of"), "{out}{told}");
    for entry in [json!(["Mcp(a:sleep"]), json!("Mcp(a:sleep)"), json!([7]), json!(["Mcp()"])] {
        write(world.home.path(), ".cursor/cli-config.json", &json!({"permissions": {"deny": entry}}));
        let (status, _, told) = world.run(&["config", "check", "--import", "cursor"]);
        assert!(status == Some(2) && told.contains("cli-config.json: permissions.deny: "), "{told}");
    }
}

#[test]
fn a_home_in_an_argument_is_replaced_where_the_client_does_so() {
    let world = World::new();
    write_program(world.home.path(), "srv", &format!("exec {} sample echo", built("exuvia").display()));
    let entry = json!({"command": "/bin/sh", "args": ["~/srv"]});
    write(world.home.path(), ".config/Code/User/mcp.json", &json!({"servers": {"editor": entry}}));
    write(world.home.path(), ".cursor/mcp.json", &json!({"mcpServers": {"cursor": entry}}));
    let (_, out, told) = world.run(&["tools", "--import", "vscode", "--import", "cursor"]);
    assert!(out.contains("editor.pyi") && !out.contains("cursor.pyi"), "{out}{told}");
}
