//! `exuvia config`, and what commands make of a configuration.
//!
//! Each `data/config/NAME.toml` is checked with a small, known environment; what comes out is in `NAME.txt` beside it.
//! `EXUVIA_TESTS=bless` writes those anew, to be read by a person. `s3cret` stands for every secret: it never comes out.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output};

use exuvia_tests::{
    Certificates, Client, Folder, Program, assert_snapshot, built, compared, data, exuvia, files, here, sample,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// `exuvia` in the folder of cases, with an environment that is the same everywhere.
fn known_world(arguments: &[&str]) -> Output {
    let mut command = Command::new(built("exuvia"));
    command.args(arguments).current_dir(data("config")).env_clear();
    let variables = [("PATH", "/bin"), ("HOME", "/home/ada"), ("USER", "ada"), ("TOKEN", "s3cret"), ("EMPTY", "")];
    command.envs(variables).env("HERE", data("config"));
    command.output().expect("exuvia starts")
}

fn transcript(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let status = output.status.code().expect("an exit");
    let text = format!("exit {status}\n--- stdout\n{}--- stderr\n{}", text(&output.stdout), text(&output.stderr));
    let text = text.replace(data("config").to_str().expect("UTF-8"), "HERE");
    // What this machine has stands in the tests of `crates/exuvia/src/machine/totals.rs`.
    let lines = text.split_inclusive('\n').map(|line| match line.split_once(" allows: ") {
        Some((bound, _)) if bound.starts_with("memory of all runs: ") => "memory of all runs: as the machine allows\n",
        _ => line,
    });
    lines.collect()
}

#[test]
fn checking_a_configuration_shows_its_errors_or_what_would_run() {
    let mut different = Vec::new();
    for file in files("config", "toml") {
        let name = file.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        let told = transcript(&known_world(&["config", "check", name]));
        assert!(!told.contains("s3cret"), "{name} tells a secret:\n{told}");
        assert!(!told.contains('\u{1b}'), "{name} commands the terminal:\n{told}");
        different.extend(compared(&file.with_extension("txt"), &told).err());
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    let (cases, snapshots) = (files("config", "toml"), files("config", "txt"));
    assert_eq!(cases.len(), snapshots.len(), "a snapshot without its case");
    assert!(cases.len() >= 12);
}

#[test]
fn the_schema_is_the_committed_one() {
    let output = known_world(&["config", "schema"]);
    let (told, file) = (String::from_utf8(output.stdout).expect("UTF-8"), data("config.schema.json"));
    assert_snapshot(&file, &told);
    let schema: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for key in keys(&schema) {
        assert!(key.described, "{} has no description", key.name);
    }
}

struct Key {
    name: String,
    described: bool,
}

/// All keys that the schema knows.
fn keys(schema: &Value) -> Vec<Key> {
    let tables = schema["$defs"].as_object().expect("definitions").values().chain([schema]);
    let properties = tables.filter_map(|table| table["properties"].as_object()).flatten();
    let key = |(name, property): (&String, &Value)| Key {
        name: name.clone(),
        described: property["description"].as_str().is_some_and(|text| text.len() > 10),
    };
    properties.map(key).collect()
}

#[test]
fn the_example_has_every_key_and_is_right() {
    let example = here().join("../crates/exuvia/example.toml");
    let home = tempfile::tempdir().expect("a directory");
    fs::create_dir(home.path().join(".cursor")).expect("a directory");
    fs::write(home.path().join(".cursor/mcp.json"), r#"{"mcpServers": {}}"#).expect("a file");
    let certificates = Certificates::new();
    symlink(certificates.folder(), home.path().join("tls")).expect("a link");
    let mut command = Command::new(built("exuvia"));
    command.args(["config", "check"]).arg(&example).env("HOME", home.path()).env_remove("XDG_DATA_HOME");
    command.env("APPROVALS_SECRET", "whsec_czNjcmV0czNjcmV0czNjcmV0czNjcmV0");
    let output = command.env("CRM_TOKEN", "s3cret").env("CRM_CLIENT_SECRET", "s3cret").output().expect("exuvia starts");
    assert!(output.status.success(), "{}", transcript(&output));
    let written = fs::read_to_string(&example).expect("the example");
    let words: BTreeSet<&str> = written.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    let schema: Value = serde_json::from_slice(&known_world(&["config", "schema"]).stdout).expect("JSON");
    let missing: Vec<_> =
        keys(&schema).into_iter().map(|key| key.name).filter(|name| !words.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn one_name_is_one_server_across_files_and_flags() {
    let arguments = [
        "run",
        "--config",
        "clients.toml",
        "--mcp-config",
        "clients/cursor.json",
        "--server",
        "db=x s3cret",
        "--server",
        "crm",
    ];
    let output = known_world(&[&arguments[..], &["--server", "b=unclosed 's3cret", "-"]].concat());
    assert_eq!(
        transcript(&output),
        "exit 2\n--- stdout\n--- stderr\nexuvia: 6 errors in the configuration\n  \
        --server crm: write NAME=COMMAND or NAME=URL, for example --server 'crm=crm-mcp --readonly' or \
        --server tracker=https://tracker.example/mcp\n  \
        --server b: unclosed quote\n  \
        clients/cursor.json:3: mcpServers.notes: duplicate server name, also in HERE/clients/cursor.json:3; rename one\n  \
        clients/cursor.json:4: mcpServers.mail: duplicate server name, also in HERE/clients/cursor.json:4; rename one\n  \
        clients/cursor.json:8: mcpServers.shell: duplicate server name, also in HERE/clients/cursor.json:8; rename one\n  \
        --server db: duplicate server name, also in HERE/clients/claude_code.json:10; rename one\n"
    );
}

/// A folder with this `exuvia.toml` in it; `ECHO` stands for the bundled echo server.
fn folder(config: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a directory");
    fs::create_dir(folder.path().join("exuvia")).expect("a directory");
    let echo = format!("command = {:?}\nargs = [\"sample\", \"echo\"]", built("exuvia").display().to_string());
    let file = folder.path().join("exuvia/exuvia.toml");
    fs::write(&file, config.replace("ECHO", &echo)).expect("a file");
    let name = file.to_str().expect("UTF-8").to_owned();
    (folder, name)
}

#[test]
fn limits_of_the_file_hold_and_a_flag_counts_for_more() {
    let (_folder, file) =
        folder("[limits]\nfuel = 30_000_000\nlog_bytes = 4\ncall_timeout_ms = 50\n[servers.echo]\nECHO");
    let run = |flags: &[&str], source: &str| {
        exuvia(&[&["run", "--json", "--config", &file], flags, &["-"]].concat(), source).json()
    };
    let stopped = run(&[], "while True: pass");
    assert_eq!((&stopped["outcome"], &stopped["limit"]), (&json!("stopped"), &json!("fuel")));
    assert!(stopped["usage"]["fuel"].as_u64().is_some_and(|fuel| fuel <= 31_000_000), "{stopped}");
    let longer = run(&["--fuel", "300000000"], "for i in range(200_000): pass\nprint('much')");
    assert_eq!((&longer["outcome"], &longer["logs_dropped_bytes"]), (&json!("returned"), &json!(1)), "{longer}");
    let late = run(&["--fuel", "300000000"], "try: echo.sleep(ms=60_000)\nexcept TimeoutError: result = 'late'");
    assert_eq!(late["result"], "late", "{late}");
}

#[test]
fn stubs_are_cut_as_configured_beside_servers_that_are_not() {
    let (_folder, file) = folder("[servers.cut]\nECHO\nstubs = \"tool\"\n[servers.whole]\nECHO");
    let listed = exuvia(&["tools", "--config", &file, "--server", &sample("flag", "echo")], "").stdout;
    assert!(listed.contains("cut/*.pyi") && listed.contains("whole.pyi") && listed.contains("flag.pyi"), "{listed}");
}

#[test]
fn a_direct_server_is_for_clients_and_for_what_an_operator_runs() {
    let (_folder, file) = folder("[servers.direct]\nECHO\nmode = \"direct\"\n[servers.scripted]\nECHO");
    let ran = exuvia(&["run", "--config", &file, "-"], "result = [direct.echo(value=1), scripted.echo(value=2)]");
    assert_eq!(ran.stdout, "[{\"value\":1},{\"value\":2}]\n", "{ran:?}");
    let mut client = Client::modern(&["--config", &file]);
    let listed = client.call("listToolFiles", json!({}))["result"]["content"][0]["text"].to_string();
    assert!(listed.contains("scripted.pyi") && !listed.contains("direct"), "{listed}");
    let answer = client.call("direct__echo", json!({"value": 3}));
    assert_eq!(answer["result"]["structuredContent"], json!({"value": 3}), "{answer}");
}

#[test]
fn a_server_gets_the_variables_that_are_named_for_it_and_no_others() {
    let script = "env | grep '^E_' | sort > \"$0\"; pwd >> \"$0\"; exit 1";
    let (folder, file) = folder(&format!(
        "[servers.spy]\ncommand = \"/bin/sh\"\nargs = ['-c', {script:?}, \"${{HERE}}/seen\"]\ncwd = \".\"\n\
        env = {{ E_WRITTEN = \"${{E_A}}\" }}\nenv_pass = [\"E_B\", \"E_UNSET\"]\n"
    ));
    let here = folder.path().to_str().expect("UTF-8");
    let mut program =
        Program::start(&["tools", "--config", &file], &[("HERE", here), ("E_A", "a"), ("E_B", "b"), ("E_C", "c")]);
    program.write("");
    let _ = program.end();
    let seen = fs::read_to_string(folder.path().join("seen")).expect("the server ran");
    let place = folder.path().join("exuvia").canonicalize().expect("a folder");
    assert_eq!(seen, format!("E_B=b\nE_WRITTEN=a\n{}\n", place.display()));
}

#[test]
fn servers_of_other_clients_are_imported_by_the_clients_name() {
    let home = tempfile::tempdir().expect("a directory");
    let write = |file: &str, servers: Value| {
        let file = home.path().join(file);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a directory");
        fs::write(file, servers.to_string()).expect("a file");
    };
    let echo = json!({"command": built("exuvia"), "args": ["sample", "echo"]});
    let own = json!({"command": built("exuvia"), "args": ["stdio", "--import", "cursor"]});
    write(".cursor/mcp.json", json!({"mcpServers": {"one": echo, "exuvia": own}}));
    write(".config/Code/User/mcp.json", json!({"servers": {"one": {"command": "no-such-program"}, "two": echo}}));
    write(".claude.json", json!({"numStartups": 7}));
    let run = |arguments: &[&str]| {
        let home = home.path().to_str().expect("UTF-8");
        let config = home.to_owned() + "/.config";
        let mut program = Program::start(arguments, &[("HOME", home), ("XDG_CONFIG_HOME", &config)]);
        program.write("");
        program.end()
    };
    let both = run(&["tools", "--import", "cursor", "--import", "vscode"]);
    assert!(both.stdout.contains("one.pyi") && both.stdout.contains("two.pyi"), "{both:?}");
    assert!(!both.stdout.contains("exuvia.pyi"), "{both:?}");
    for told in ["mcpServers.exuvia: is Exuvia itself; skipped", "servers.one: duplicate server name; skipped"] {
        assert!(both.stderr.contains(told), "{both:?}");
    }
    for client in ["claude-code", "claude-desktop"] {
        let none = run(&["tools", "--import", client]);
        assert_eq!(none.status, Some(2));
        assert!(none.stderr.contains(&format!("--import {client}: no servers found; searched ")), "{none:?}");
    }
}

#[test]
fn the_users_own_file_is_used_when_no_other_server_is_named() {
    let (folder, _) = folder("[servers.mine]\nECHO");
    let home = folder.path().to_str().expect("UTF-8");
    let told = |arguments: &[&str]| {
        let mut program = Program::start(arguments, &[("XDG_CONFIG_HOME", home), ("EXUVIA_LOG", "info")]);
        program.write("");
        program.end()
    };
    let own = told(&["tools"]);
    assert!(own.stdout.contains("mine.pyi") && own.stderr.contains("exuvia.toml"), "{own:?}");
    let other = told(&["tools", "--server", &sample("other", "echo")]);
    assert!(other.stdout.contains("other.pyi") && !other.stdout.contains("mine"), "{other:?}");
    assert!(told(&["config", "check"]).stdout.starts_with("mine: runs "));
    let nowhere = Path::new(home).join("exuvia");
    let mut program = Program::start(&["config", "check"], &[("XDG_CONFIG_HOME", nowhere.to_str().expect("UTF-8"))]);
    program.write("");
    let ended = program.end();
    assert_eq!(ended.status, Some(2));
    assert!(ended.stderr.contains("exuvia/exuvia/exuvia.toml: No such file"), "{ended:?}");
}

#[test]
fn a_configuration_that_everybody_can_write_is_refused_and_one_that_others_may_is_warned_of() {
    let (folder, file) = folder("include = ['more.json']\n[servers.echo]\nECHO");
    let more = Path::new(&file).with_file_name("more.json");
    fs::write(&more, r#"{"mcpServers": {}}"#).expect("a file");
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    let check = || exuvia(&["config", "check", &file], "");
    for mode in [0o600, 0o644] {
        set(Path::new(&file), mode);
        let ended = check();
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""), "{mode:o}");
    }
    for (path, mode) in [(Path::new(&file), 0o646), (more.as_path(), 0o666)] {
        set(path, mode);
        let ended = check();
        assert_eq!(ended.status, Some(2), "{ended:?}");
        let advice = format!("chmod go-w {}", path.display());
        assert!(ended.stderr.contains(&advice) && ended.stderr.contains("can control what runs here"), "{ended:?}");
        // Nothing of it is used.
        let run = exuvia(&["run", "--config", &file, "-"], "result = 1");
        assert_eq!(run.status, Some(2), "{run:?}");
        set(path, 0o644);
    }
    let inner = folder.path().join("exuvia");
    set(&inner, 0o777);
    let ended = check();
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(ended.stderr.contains(&format!("chmod o-w {}", inner.display())), "{ended:?}");
}

#[test]
fn what_serve_refuses_is_refused_by_the_check_too() {
    for address in ["0.0.0.0:8420", "192.0.2.1:8420", "[::]:0"] {
        let folder = Folder::new(&format!("[listen]\nmcp = '{address}'\n"));
        let file = folder.text("exuvia.toml");
        let [checked, served] =
            [&["config", "check", &file][..], &["serve", "--config", &file]].map(|arguments| exuvia(arguments, ""));
        assert_eq!((checked.status, served.status), (Some(2), Some(2)), "{checked:?} {served:?}");
        assert!(checked.stderr.contains("not a loopback") && served.stderr.contains("not a loopback"), "{checked:?}");
    }
}

#[test]
fn what_the_options_name_is_checked_like_a_file() {
    let echo = sample("echo", "echo");
    let told = exuvia(&["config", "check", "--server", &echo, "--server", "far=https://far.example/mcp"], "");
    assert!(told.status == Some(0) && told.stdout.contains("echo: runs "), "{told:?}");
    assert!(told.stdout.contains("far: https://far.example by streamable or sse"), "{told:?}");
    let wrong = exuvia(&["config", "check", "--server", "far=https://u:s3cret@far.example/"], "");
    assert!(wrong.status == Some(2) && wrong.stderr.starts_with("exuvia: --server far: "), "{wrong:?}");
    let wrong = exuvia(&["config", "check", "--server", "far=https://far.example/ s3cret"], "");
    assert!(wrong.status == Some(2) && !wrong.stderr.contains("s3cret"), "{wrong:?}");
    let listed = exuvia(&["config", "check", "--server", &echo, "--auto-execute", "echo.get_*"], "");
    assert!(listed.status == Some(0) && listed.stdout.contains("all: auto_execute echo.get_*"), "{listed:?}");
    let both = exuvia(&["config", "check", "a.toml", "--config", "b.toml"], "");
    assert_eq!(both.status, Some(2), "{both:?}");
}
