use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::Config;

/// A user's home, a folder, and what an administrator keeps: `home/`, `folder/` and `system/` of one temporary folder.
struct World(TempDir);

impl World {
    fn new(files: &[(&str, Value)]) -> Self {
        let world = Self(tempfile::tempdir().unwrap());
        for folder in ["home", "folder", "system"] {
            fs::create_dir(world.0.path().join(folder)).unwrap();
        }
        files.iter().for_each(|(name, value)| world.write(name, &world.text(&value.to_string())));
        world
    }

    /// `HERE` stands for the temporary folder.
    fn text(&self, text: &str) -> String {
        text.replace("HERE", self.0.path().canonicalize().unwrap().to_str().unwrap())
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.0.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn import(&self, client: KnownClient, starts_project: bool) -> ConfigBuilder {
        let here = self.0.path().canonicalize().unwrap();
        let (home, config) = (here.join("home"), here.join("home/.config"));
        let variable = |name: &str| (name == "HOME").then(|| home.display().to_string());
        let places = Places {
            environment: Environment { variable: &variable, token_dir: None },
            config_dir: Some(&config),
            folder: &here.join("folder"),
            system: &here.join("system"),
            starts_project,
        };
        let mut builder = ConfigBuilder::default();
        import(client, &places, &mut builder);
        builder
    }

    /// The result of an import: the names of the servers, and the notices.
    fn imported(&self, client: KnownClient) -> (Vec<String>, Vec<String>, Config) {
        let config = self.import(client, false).finish(&[]).unwrap();
        let names = config.servers.iter().map(|server| server.config.name.clone()).collect();
        let here = self.text("HERE/");
        let notices = config.notices.iter().map(|notice| notice.to_string().replace(&here, "")).collect();
        (names, notices, config)
    }

    fn refused(&self, client: KnownClient) -> String {
        self.import(client, true).finish(&[]).unwrap_err().to_string().replace(&self.text("HERE/"), "")
    }
}

fn servers(names: &[&str]) -> Value {
    json!({"mcpServers": names.iter().map(|name| ((*name).to_owned(), json!({"command": name}))).collect::<serde_json::Map<_, _>>()})
}

#[test]
fn servers_of_a_folder_are_not_started_without_consent() {
    for (client, user, project) in [
        (KnownClient::ClaudeCode, "home/.claude.json", "folder/.mcp.json"),
        (KnownClient::Cursor, "home/.cursor/mcp.json", "folder/.cursor/mcp.json"),
        (KnownClient::Gemini, "home/.gemini/settings.json", "folder/.gemini/settings.json"),
    ] {
        let world = World::new(&[(user, servers(&["mine"])), (project, servers(&["theirs", "mine", "more"]))]);
        let (names, notices, _) = world.imported(client);
        assert_eq!(names, ["mine"], "{client:?}");
        assert_eq!(notices.len(), 1, "{notices:?}");
        let told = "not started without consent: theirs, mine, more; review what they run, then pass --import-project";
        assert!(notices[0].starts_with(project) && notices[0].ends_with(told), "{notices:?}");
        // With it, the user's own still win.
        let builder = world.import(client, true);
        let names: Vec<&str> = builder.config.servers.iter().map(|server| server.config.name.as_str()).collect();
        assert_eq!(names, ["mine", "theirs", "more"]);
        assert!(
            builder.config.notices[0].to_string().contains("duplicate server name"),
            "{:?}",
            builder.config.notices
        );
    }
    let folder = ("folder/.vscode/mcp.json", json!({"servers": {"theirs": {"command": "x"}}}));
    let (names, notices, _) = World::new(&[folder]).imported(KnownClient::Vscode);
    assert!(names.is_empty() && notices[0].contains("without consent: theirs"), "{notices:?}");
}

#[test]
fn a_folder_does_not_keep_the_users_own_servers_from_being_used() {
    for text in ["{", "{\"mcpServers\": {\"a\": {}, \"a\": {}}}", "[]"] {
        let world = World::new(&[("home/.cursor/mcp.json", servers(&["mine"]))]);
        world.write("folder/.cursor/mcp.json", text);
        assert_eq!(world.imported(KnownClient::Cursor).0, ["mine"], "{text}");
    }
    let world = World::new(&[("home/.cursor/mcp.json", servers(&["mine"]))]);
    world.write("folder/.cursor/mcp.json", "{");
    assert!(world.refused(KnownClient::Cursor).contains("invalid JSON"), "with consent it is reported as an error");
}

#[test]
fn a_consent_counts_where_only_the_user_writes() {
    let project = ("folder/.mcp.json", servers(&["a", "b"]));
    let names = |file: &str, consent: Value| {
        World::new(&[project.clone(), (file, consent)]).imported(KnownClient::ClaudeCode).0
    };
    let one = json!({"enabledMcpjsonServers": ["b"]});
    let all = json!({"enableAllProjectMcpServers": true});
    for (file, wrapped) in
        [("home/.claude/settings.json", false), ("system/managed-settings.json", false), ("home/.claude.json", true)]
    {
        let of_folder =
            |consent: &Value| if wrapped { json!({"projects": {"HERE/folder": consent}}) } else { consent.clone() };
        assert_eq!(names(file, of_folder(&one)), ["b"], "{file}");
        assert_eq!(names(file, of_folder(&all)), ["a", "b"], "{file}");
    }
    for file in ["folder/.claude/settings.json", "folder/.claude/settings.local.json"] {
        assert!(names(file, one.clone()).is_empty() && names(file, all.clone()).is_empty(), "{file}");
    }
    for other in ["HERE", "HERE/folder/below", "HERE/home", "/"] {
        assert!(names("home/.claude.json", json!({"projects": {other: all}})).is_empty(), "{other}");
    }
    // At the top of this file it is nobody's word on this folder.
    assert!(names("home/.claude.json", all).is_empty());
}

#[test]
fn all_scopes_of_claude_code_are_read_and_the_nearest_wins() {
    let state = json!({
        "numStartups": 7,
        "mcpServers": {"user": {"command": "user"}, "both": {"command": "of-user"}},
        "projects": {
            "HERE/folder": {"mcpServers": {"local": {"command": "local"}, "both": {"command": "of-folder"}}},
            "HERE/other": {"mcpServers": {"other": {"command": "other"}}},
        },
    });
    let (names, _, config) = World::new(&[("home/.claude.json", state.clone())]).imported(KnownClient::ClaudeCode);
    assert_eq!(names, ["local", "both", "user"]);
    assert!(format!("{:?}", config.servers[1]).contains("of-folder"));
    let managed = World::new(&[("home/.claude.json", state), ("system/managed-mcp.json", servers(&["given"]))]);
    assert_eq!(managed.imported(KnownClient::ClaudeCode).0, ["given"]);
}

#[test]
fn what_claude_code_restricts_is_kept() {
    let state = json!({
        "mcpServers": servers(&["off", "crm", "my crm", "banned", "denied", "github"])["mcpServers"],
        "projects": {"HERE/folder": {"disabledMcpServers": ["off"], "enableAllProjectMcpServers": true}},
    });
    let files = [
        ("home/.claude.json", state),
        ("folder/.mcp.json", servers(&["p", "q"])),
        (
            "home/.claude/settings.json",
            json!({"permissions": {"deny": ["mcp__crm__delete_contact", "Bash(rm:*)"], "ask": ["mcp__crm__send"]}}),
        ),
        (
            "folder/.claude/settings.local.json",
            json!({"disabledMcpjsonServers": ["q", "crm"], "permissions": {"deny": ["mcp__my_crm__drop-*", "mcp__denied"]}}),
        ),
        (
            "system/managed-settings.json",
            json!({"deniedMcpServers": [{"serverName": "banned"}, {"serverCommand": ["github"]}]}),
        ),
    ];
    let (names, notices, config) = World::new(&files).imported(KnownClient::ClaudeCode);
    assert_eq!(names, ["crm", "my crm", "p"]);
    let rules = &config.policy.source().servers;
    assert_eq!(rules["crm"].deny, ["delete_contact", "delete[!a-zA-Z0-9-]contact"]);
    assert_eq!(rules["my crm"].deny, ["drop-*"]);
    let told = notices.join("\n");
    for part in [
        "mcpServers.banned: disabled in",
        "mcpServers.github: disabled in",
        "mcpServers.denied: listed in permissions.deny of folder/.claude/settings.local.json",
        "permissions.ask: is not imported",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(notices.len(), 4, "{told}");
}

#[test]
fn only_what_an_administrator_allows_is_used() {
    let state = json!({"mcpServers": {
        "a": {"command": "a"}, "b": {"command": "b", "args": ["x"]}, "h": {"url": "https://h.example/mcp"}, "i": {"url": "https://i.example"}}});
    let names = |managed: Value, user: Value| {
        let files = [
            ("home/.claude.json", state.clone()),
            ("system/managed-settings.json", managed),
            ("home/.claude/settings.json", user),
        ];
        World::new(&files).imported(KnownClient::ClaudeCode).0
    };
    let none = || json!({});
    assert_eq!(names(none(), none()), ["a", "b", "h", "i"]);
    assert!(names(json!({"allowedMcpServers": []}), none()).is_empty());
    assert_eq!(
        names(json!({"allowedMcpServers": [{"serverName": "a"}, {"serverUrl": "https://h.example/*"}]}), none()),
        ["a", "h"]
    );
    assert_eq!(
        names(json!({"allowedMcpServers": [{"serverName": "a"}, {"serverCommand": ["b", "x"]}]}), none()),
        ["b"]
    );
    let (one, other) =
        (json!({"allowedMcpServers": [{"serverName": "a"}]}), json!({"allowedMcpServers": [{"serverName": "b"}]}));
    assert_eq!(names(one.clone(), other.clone()), ["a", "b"]);
    let mut alone = one;
    alone["allowManagedMcpServersOnly"] = json!(true);
    assert_eq!(names(alone, other), ["a"]);
}

#[test]
fn a_restriction_that_is_not_understood_refuses_the_import() {
    let state = ("home/.claude.json", servers(&["a"]));
    for (settings, key) in [
        (json!({"permissions": {"deny": "mcp__a"}}), "permissions.deny"),
        (json!({"disabledMcpjsonServers": {"a": true}}), "disabledMcpjsonServers"),
        (json!({"deniedMcpServers": [{"serverHash": "x"}]}), "deniedMcpServers"),
        (json!({"allowedMcpServers": ["a"]}), "allowedMcpServers"),
        (json!({"strictPluginOnlyCustomization": ["mcp"]}), "strictPluginOnlyCustomization"),
        (json!([]), "is not a JSON object"),
    ] {
        let told =
            World::new(&[state.clone(), ("home/.claude/settings.json", settings)]).refused(KnownClient::ClaudeCode);
        assert!(told.starts_with("home/.claude/settings.json: ") && told.contains(key), "{told}");
    }
    let world = World::new(&[state]);
    world.write("folder/.claude/settings.json", "{\"permissions\": ");
    assert!(world.refused(KnownClient::ClaudeCode).contains("invalid JSON"));
}

#[test]
fn lists_of_tools_of_entries_become_rules() {
    let entry = |more: Value| {
        let mut entry = json!({"command": "x"});
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    let file = json!({"mcpServers": {
        "never": entry(json!({"disabledTools": ["drop_table", "@x"], "excludeTools": ["a[b]"]})),
        "only": entry(json!({"includeTools": ["get_*", "find"], "excludeTools": ["get_secret(x)"]})),
        "all": entry(json!({"tools": ["*"], "disabledTools": []})),
        "some": entry(json!({"tools": {"include": ["a"], "exclude": ["b"]}})),
        "none": entry(json!({"includeTools": []})),
        "off": entry(json!({"disabled": true})),
        "off too": entry(json!({"enabled": false})),
        "odd": entry(json!({"disabledTools": {"a": true}})),
        "odder": entry(json!({"enabled": "no"})),
        "odd lists": entry(json!({"includeTools": ["a"], "allowedTools": ["b"]})),
        "unknown": entry(json!({"toolFilter": "x", "alwaysAllow": ["y"], "readOnly": false})),
    }});
    let (names, notices, config) = World::new(&[("home/.cursor/mcp.json", file)]).imported(KnownClient::Cursor);
    assert_eq!(names, ["never", "only", "all", "some", "none", "unknown"]);
    let rules = &config.policy.source().servers;
    assert_eq!(rules["never"].deny, ["drop_table", "[@]x", "a[[]b[]]"]);
    assert_eq!(
        (&*rules["only"].tools, &*rules["only"].deny),
        (&["get_*".to_owned(), "find".to_owned()][..], &["get_secret".to_owned()][..])
    );
    assert!(!rules.contains_key("all"));
    assert_eq!((&*rules["some"].tools, &*rules["some"].deny), (&["a".to_owned()][..], &["b".to_owned()][..]));
    assert!(rules["none"].tools.is_empty());
    let told = notices.join("\n");
    for part in [
        "mcpServers.odd.disabledTools: must be",
        "mcpServers.odder.enabled: must be",
        "mcpServers.odd lists.allowedTools: conflicts with",
        "mcpServers.unknown.toolFilter: may restrict",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(notices.len(), 4, "{told}");
}

#[test]
fn what_other_clients_forbid_is_kept() {
    let entry = json!({"command": "x"});
    let gemini = json!({
        "mcpServers": {"a": {"httpUrl": "https://a.example"}, "b": entry, "c": entry},
        "mcp": {"allowed": ["a", "b"], "excluded": ["b"]},
    });
    let (names, _, _) = World::new(&[("home/.gemini/settings.json", gemini)]).imported(KnownClient::Gemini);
    assert_eq!(names, ["a"]);
    let opencode = json!({
        "mcp": {"crm": {"type": "local", "command": ["crm", "x"]}, "off": {"type": "remote", "url": "https://o.example"},
            "not": {"type": "local", "command": ["n"], "enabled": false}},
        "tools": {"crm_delete": false, "off_*": false, "crm_get": true},
        "permission": {"crm_send": {"*": "ask", "x": "deny"}, "bash": "ask"},
    });
    let (names, notices, config) =
        World::new(&[("home/.config/opencode/opencode.json", opencode)]).imported(KnownClient::Opencode);
    assert_eq!(names, ["crm"]);
    assert_eq!(config.policy.source().servers["crm"].deny, ["delete", "send"]);
    assert!(notices.iter().any(|notice| notice.contains("mcp.off: listed in tools of")), "{notices:?}");
    let zed = json!({
        "context_servers": {"old": {"command": {"path": "z", "args": ["a"], "env": {"A": "b"}}}, "new": {"command": "n"}},
        "agent": {"profiles": {}},
    });
    let (names, notices, config) = World::new(&[("home/.config/zed/settings.json", zed)]).imported(KnownClient::Zed);
    assert_eq!((names.len(), notices.len()), (2, 1), "{notices:?}");
    assert!(format!("{:?}", config.servers[0]).contains("\"z\""), "{:?}", config.servers[0]);
    let world = World::new(&[]);
    world.write(
        "home/.codex/config.toml",
        "[mcp_servers.a]\ncommand = 'a'\ndisabled_tools = ['x']\n[mcp_servers.b]\ncommand = 'b'\nenabled = false\n",
    );
    let (names, _, config) = world.imported(KnownClient::Codex);
    assert_eq!((names, &config.policy.source().servers["a"].deny), (vec!["a".to_owned()], &vec!["x".to_owned()]));
}

#[test]
fn variables_of_the_folder_need_consent_as_well() {
    let servers =
        json!({"servers": {"a": {"command": "a", "envFile": "${workspaceFolder}/.env"}, "b": {"command": "b"}}});
    let world = World::new(&[("home/.config/Code/User/mcp.json", servers)]);
    world.write("folder/.env", "LD_PRELOAD=x\n");
    let (names, notices, _) = world.imported(KnownClient::Vscode);
    assert_eq!(names, ["b"]);
    assert!(notices[0].contains("servers.a.envFile: is in this folder"), "{notices:?}");
    assert_eq!(world.import(KnownClient::Vscode, true).config.servers.len(), 2);
}

#[test]
fn a_file_at_home_is_its_users_also_when_started_there() {
    let world = World::new(&[("folder/.cursor/mcp.json", servers(&["mine"]))]);
    let folder = world.0.path().canonicalize().unwrap().join("folder");
    let variable = |name: &str| (name == "HOME").then(|| folder.display().to_string());
    let environment = Environment { variable: &variable, token_dir: None };
    let places =
        Places { environment, config_dir: Some(&folder), folder: &folder, system: &folder, starts_project: false };
    let mut builder = ConfigBuilder::default();
    import(KnownClient::Cursor, &places, &mut builder);
    assert_eq!((builder.config.servers.len(), builder.config.notices.len()), (1, 0), "{:?}", builder.config.notices);
}
