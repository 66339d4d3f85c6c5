//! `exuvia keys`, by several processes that share one store.

use exuvia_access::{is_secret, secret_hash};
use exuvia_tests::{DataHome, Ended, Folder, Program};
use serde_json::Value;

/// A configuration with a role and a key, and the data directory of its user.
pub(crate) struct World {
    pub(crate) folder: Folder,
    pub(crate) data: DataHome,
}

const CONFIG: &str = "[roles.support]\n[roles.billing]\n[keys.fixed]\nrole = 'support'\nlabels = { team = 'a' }\n\
                      hash = 'sha256:00000000000000000000000000000000000000000000000000000000000000ff'\n";

impl World {
    fn new() -> Self {
        Self::with(CONFIG)
    }

    pub(crate) fn with(config: &str) -> Self {
        Self { folder: Folder::new(config), data: DataHome::shared() }
    }

    fn start(&self, arguments: &[&str]) -> Program {
        let config = self.folder.text("exuvia.toml");
        let data = self.data.as_path().display().to_string();
        let arguments = [&["keys"], arguments, &["--config", &config]].concat();
        Program::start(&arguments, &[("XDG_DATA_HOME", &data)])
    }

    fn keys(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end()
    }

    /// One that does what it should.
    pub(crate) fn done(&self, arguments: &[&str]) -> Ended {
        let ended = self.keys(arguments);
        assert_eq!(ended.status, Some(0), "{ended:?}");
        ended
    }

    /// One that is refused, with this in its message and nothing on standard output.
    fn refused(&self, arguments: &[&str], message: &str) {
        let ended = self.keys(arguments);
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(2), ""), "{ended:?}");
        assert!(ended.stderr.contains(message), "{message}: {ended:?}");
    }

    fn show(&self, name: &str) -> Value {
        self.done(&["show", name, "--json"]).json()
    }

    /// The names and states of all keys.
    fn states(&self) -> Vec<String> {
        let listed = self.done(&["list", "--json"]).json();
        let text = |key: &Value, name: &str| key[name].as_str().expect("a text").to_owned();
        let state = |key: &Value| format!("{} {}", text(key, "name"), text(key, "state"));
        listed["keys"].as_array().expect("keys").iter().map(state).collect()
    }
}

#[test]
fn a_secret_is_alone_on_standard_output_and_nowhere_else() {
    let world = World::new();
    let ended = world.done(&["create", "ci", "--role", "support", "--expires", "90d", "--label", "team=billing"]);
    let secret = ended.stdout.strip_suffix('\n').expect("one line");
    assert!(is_secret(secret), "{ended:?}");
    assert!(ended.stderr.contains("created: ci") && !ended.stderr.contains(secret), "{ended:?}");
    let later = [&["list"][..], &["list", "--json"], &["show", "ci"], &["show", "ci", "--json"]];
    for output in later.map(|arguments| world.done(arguments)) {
        assert!(output.stdout.contains("billing") && !output.stdout.contains("exv_"), "{output:?}");
    }
    let key = world.show("ci");
    assert_eq!((&key["role"], &key["kind"], &key["state"]), (&"support".into(), &"issued".into(), &"active".into()));
    assert_eq!(key["labels"]["team"], "billing");
    // Of the secret only the hash is kept.
    let file = std::fs::read(world.data.as_path().join("exuvia/access.db-wal")).unwrap_or_default();
    let kept = [file, std::fs::read(world.data.as_path().join("exuvia/access.db")).expect("a store")].concat();
    let has = |text: &str| kept.windows(text.len()).any(|window| window == text.as_bytes());
    let hash: String = secret_hash(secret).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(has(&hash) && !has(secret) && !has(&secret[4..20]));
}

#[test]
fn what_a_script_needs_is_one_json_object() {
    let world = World::new();
    let created = world.done(&["create", "ci", "--role", "support", "--json"]).json();
    assert!(is_secret(created["secret"].as_str().expect("a secret")), "{created}");
    let rotated = world.done(&["rotate", "ci", "--overlap", "1h", "--json"]).json();
    assert!(is_secret(rotated["secret"].as_str().expect("a secret")) && rotated["secret"] != created["secret"]);
    assert!(rotated["old_secret_until"].is_string(), "{rotated}");
}

#[test]
fn keys_are_rotated_revoked_and_listed_by_other_processes() {
    let world = World::new();
    assert_eq!(world.states(), ["fixed active"]);
    // Reading made no store.
    assert!(!world.data.as_path().join("exuvia/access.db").exists());
    let first = world.done(&["create", "ci", "--role", "support"]).stdout;
    world.done(&["create", "cd", "--role", "billing"]);
    let second = world.done(&["rotate", "ci"]).stdout;
    assert!(is_secret(second.trim()) && first != second);
    world.done(&["revoke", "cd"]);
    world.done(&["revoke", "cd"]);
    assert_eq!(world.states(), ["cd revoked", "ci active", "fixed active"]);
    let table = world.done(&["list"]).stdout;
    assert!(table.lines().count() == 4 && table.starts_with("NAME"), "{table}");
    world.refused(&["rotate", "cd"], "was revoked");
    world.refused(&["create", "cd", "--role", "support"], "choose another name");
    world.refused(&["create", "ci", "--role", "support"], "exuvia keys rotate ci");
    world.refused(&["rotate", "none"], "no issued key \"none\"");
    world.refused(&["revoke", "none"], "no issued key \"none\"");
    world.refused(&["show", "none"], "no key \"none\"");
}

#[test]
fn many_processes_may_issue_keys_at_a_time() {
    let world = World::new();
    let names: Vec<_> = (0..8).map(|number| format!("key-{number}")).collect();
    let started: Vec<_> = names.iter().map(|name| world.start(&["create", name, "--role", "support"])).collect();
    for program in started {
        let ended = program.end();
        assert!(ended.status == Some(0) && is_secret(ended.stdout.trim()), "{ended:?}");
    }
    assert_eq!(world.states().len(), 9);
}

#[test]
fn what_is_wrong_is_said_with_what_there_is() {
    let world = World::new();
    world.refused(&["create", "ci", "--role", "suport"], "the configuration defines billing, support");
    world.refused(&["create", "fixed", "--role", "support"], "[keys.fixed]");
    world.refused(&["rotate", "fixed"], "[keys.fixed]");
    world.refused(&["revoke", "fixed"], "[keys.fixed]");
    world.refused(&["create", "a b", "--role", "support"], "at most 64 letters");
    world.refused(&["create", "a", "--role", "support", "--expires", "2020-01-01"], "must be in the future");
    world.refused(&["create", "a", "--role", "support", "--label", "x"], "NAME=VALUE");
    world.refused(&["create", "a", "--role", "support", "--budget-override", "day,percent=200"], "until=7d");
    World::with("").refused(&["create", "a", "--role", "support"], "[roles.support]");
    World::with("[journal]\nstore = 'memory'\n[roles.a]\n").refused(&["create", "a", "--role", "a"], "in memory");
    World::with("[journal]\nstore = 'nonsense'\n").refused(&["revoke", "a"], "journal.store");
}

#[test]
fn a_key_can_be_revoked_whatever_is_wrong_with_the_rest_of_the_configuration() {
    let world = World::new();
    world.done(&["create", "ci", "--role", "support"]);
    world.folder.write("exuvia.toml", "[roles.support]\nnonsense = 1\n[servers.a]\ncommand = '${UNSET_HERE}'\n");
    world.done(&["revoke", "ci"]);
    assert_eq!(world.states(), ["ci revoked"]);
    world.refused(&["create", "a", "--role", "support"], "nonsense");
}

#[test]
fn budgets_are_overridden_for_a_time() {
    let budgets = "[budgets.day]\nperiod = 'day'\ncalls = 1\n[budgets.hour]\nperiod = 'hour'\ncalls = 1\n";
    let world = World::with(&format!("{CONFIG}{budgets}"));
    world.done(&["create", "ci", "--role", "support", "--budget-override", "day,percent=200,until=1h"]);
    world.done(&["override", "ci", "hour,calls=20_000,cost=2.5,until=2100-01-01", "--remove", "day"]);
    let overrides = &world.show("ci")["budget_overrides"];
    assert_eq!(overrides[0]["budget"], "hour");
    assert_eq!(overrides[0]["amounts"], serde_json::json!({"calls": 20_000, "cost": 2_500_000}));
    assert_eq!(overrides.as_array().map(Vec::len), Some(1));
    let shown = world.done(&["show", "ci"]).stdout;
    assert!(shown.contains("hour calls 20000 cost 2.500000 until 2100-01-01"), "{shown}");
    // One of a budget that is not there would do nothing, which nobody would notice.
    let unknown = "unknown budget \"dya\": the configuration defines day, hour";
    world.refused(&["override", "ci", "dya,percent=200,until=1h"], unknown);
    world.refused(&["create", "cd", "--role", "support", "--budget-override", "dya,percent=200,until=1h"], unknown);
    let none = World::new();
    none.refused(
        &["create", "cd", "--role", "support", "--budget-override", "day,percent=200,until=1h"],
        "unknown budget \"day\": the configuration defines none",
    );
    // An override of a budget that is gone can be ended.
    world.folder.write("exuvia.toml", CONFIG);
    world.done(&["override", "ci", "--remove", "hour"]);
    assert_eq!(world.show("ci")["budget_overrides"], serde_json::json!([]));
}

#[test]
fn a_secret_for_the_configuration_is_made_and_hashed() {
    let world = World::new();
    let arguments =
        ["create", "ci.2", "--role", "support", "--expires", "2100-01-01", "--label", "a b=\"c\"", "--static"];
    let made = world.done(&arguments);
    let secret = made.stdout.trim();
    assert!(is_secret(secret) && !made.stderr.contains(secret), "{made:?}");
    let mut hash = world.start(&["hash"]);
    hash.write(&made.stdout);
    let hashed = hash.end().stdout;
    assert!(made.stderr.contains(&format!("hash = \"{}\"", hashed.trim())), "{made:?} {hashed}");
    // The table is one for the configuration.
    world.folder.write("exuvia.toml", &format!("[roles.support]\n{}", made.stderr));
    assert_eq!(world.states(), ["ci.2 active"]);
    assert_eq!(world.show("ci.2")["labels"]["a b"], "\"c\"");
    let mut wrong = world.start(&["hash"]);
    wrong.write("exv_guess\n");
    let ended = wrong.end();
    assert!(
        ended.status == Some(2) && ended.stderr.contains("checksum") && !ended.stderr.contains("guess"),
        "{ended:?}"
    );
}

#[test]
fn the_store_is_in_the_folder_of_a_configured_journal() {
    let world = World::with("[roles.a]\n[journal]\npath = 'j'\n");
    world.done(&["create", "ci", "--role", "a"]);
    assert!(world.folder.path("j/access.db").exists());
    let elsewhere = world.folder.text("other");
    let listed = world.done(&["list", "--json", "--journal", &elsewhere]).json();
    assert_eq!(listed["keys"], serde_json::json!([]));
}
