//! `exuvia runs`, `exuvia audit` and `exuvia replay` on a journal that earlier processes kept. `s3cret` is in
//! scripts, arguments, answers and results.

use std::fs;
use std::path::{Path, PathBuf};

use exuvia_tests::{
    Client, DataHome, Ended, Folder, JournalPlace, NOWHERE, Program, assert_snapshot, for_both_journals, here, sample,
};
use serde_json::Value;

const SCRIPT: &str = "names = [c['name'] for c in crm.get_contacts(limit=3)['items']]\nprint('s3cret', len(names))\nresult = {'names': names, 'password': 's3cret'}";

/// A data directory and a configuration with a sample server.
struct World {
    folder: Folder,
    data: DataHome,
    place: JournalPlace,
}

impl World {
    fn at(place: JournalPlace, lines: &str) -> Self {
        let world = Self::new(&place.config(lines));
        Self { place, ..world }
    }

    fn new(journal: &str) -> Self {
        let crm = sample("crm", "crm");
        let (_, command) = crm.split_once('=').expect("a server");
        let args: Vec<&str> = command.split(' ').collect();
        let server = format!("[servers.crm]\ncommand = {:?}\nargs = {:?}\nauto_execute = ['*']\n", args[0], &args[1..]);
        let folder = Folder::new(&format!("{server}{journal}"));
        Self { folder, data: DataHome::shared(), place: JournalPlace::sqlite() }
    }

    fn exuvia(&self, arguments: &[&str]) -> Ended {
        let data = self.data.as_path().display().to_string();
        let mut program = Program::start(arguments, &[("XDG_DATA_HOME", &data)]);
        program.write("");
        program.end()
    }

    /// With the configuration of this world.
    fn configured(&self, arguments: &[&str]) -> Ended {
        self.exuvia(&[arguments, &["--config", &self.folder.text("exuvia.toml")]].concat())
    }

    /// Runs a script, which returns.
    fn run(&self, code: &str) {
        let ended = self.configured(&["run", "-c", code]);
        assert_eq!(ended.status, Some(0), "{ended:?}");
    }

    fn listed(&self, options: &[&str]) -> Vec<Value> {
        let ended = self.configured(&[&["runs", "list", "--json"], options].concat());
        ended.json()["runs"].as_array().cloned().unwrap_or_else(|| panic!("{ended:?}"))
    }

    fn latest(&self) -> String {
        self.listed(&[])[0]["id"].as_str().expect("an id").to_owned()
    }

    fn journal(&self) -> PathBuf {
        self.place.folder(&self.data)
    }
}

/// Whether a file below a folder has this text.
fn has(folder: &Path, text: &str) -> bool {
    let mut files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    files.any(|file| match file.is_dir() {
        true => has(&file, text),
        false => fs::read(&file).expect("a file").windows(text.len()).any(|part| part == text.as_bytes()),
    })
}

fn a_run_is_listed_shown_replayed_proven_and_erased(place: JournalPlace) {
    let world = World::at(place, "");
    world.run(SCRIPT);
    let listed = world.listed(&[]);
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0]["outcome"], &listed[0]["calls"]), (&"returned".into(), &1.into()), "{listed:?}");
    let id = world.latest();

    let shown = world.configured(&["runs", "show", &id]);
    for part in
        ["1 | names = ", "#1 crm.get_contacts {\"limit\":3}", "2 | print(", "log\ns3cret 3\n", "result {\"names\":"]
    {
        assert!(shown.stdout.contains(part), "{part}: {}", shown.stdout);
    }
    let line = shown.stdout.lines().position(|line| line.contains("#1 crm.get_contacts")).expect("the call");
    assert!(
        shown.stdout.lines().nth(line - 1).expect("a line").starts_with("1 | "),
        "beside its line: {}",
        shown.stdout
    );
    assert!(!shown.stdout.contains('\u{1b}'), "no color on a pipe");

    let replayed = world.configured(&["replay", &id]);
    assert!(replayed.status == Some(0) && replayed.stdout.contains(": reproduced\n"), "{replayed:?}");

    let verified = world.configured(&["audit", "verify"]);
    assert!(verified.status == Some(0) && verified.stdout.contains("\ncomplete: 0 calls and 0 runs"), "{verified:?}");
    assert!(!has(&world.journal(), "s3cret"), "content is encrypted");

    let proof = world.folder.text("proof.json");
    let proven = world.configured(&["audit", "prove", &id, "-o", &proof]);
    assert_eq!(proven.status, Some(0), "{proven:?}");

    let erased = world.configured(&["runs", "erase", &id]);
    assert_eq!(erased.status, Some(0), "{erased:?}");
    let shown = world.configured(&["runs", "show", &id]).stdout;
    assert!(
        shown.contains("returned, erased 20") && shown.contains("by operator") && !shown.contains("s3cret"),
        "{shown}"
    );
    let replayed = world.configured(&["replay", &id]);
    assert!(replayed.stdout.contains("not replayable: its content was erased"), "{replayed:?}");
    let verified = world.configured(&["audit", "verify"]);
    assert!(verified.status == Some(0) && verified.stdout.contains("(1 erased, 0 expired)"), "{verified:?}");
    let unknown = world.configured(&["runs", "show", "01K"]);
    assert!(unknown.status == Some(2) && unknown.stderr.contains("exuvia runs list"), "{unknown:?}");

    // What was handed out before is still proven.
    let key = world.journal().join("journal.vkey").display().to_string();
    let checked = world.exuvia(&["audit", "check", &proof, "--key", &key]);
    assert!(checked.status == Some(0) && checked.stdout.contains("s3cret 3"), "{checked:?}");
}

fn a_proof_that_was_changed_or_is_of_another_journal_proves_nothing(place: JournalPlace) {
    let another = if place.is_shared() { JournalPlace::postgres().expect("a server") } else { JournalPlace::sqlite() };
    let (world, other) = (World::at(place, ""), World::at(another, ""));
    world.run("result = 7");
    other.run("result = 8");
    let file = world.folder.text("proof.json");
    let proven = world.configured(&["audit", "prove", &world.latest(), "--output", &file, "--without-content"]);
    assert_eq!(proven.status, Some(0), "{proven:?}");
    let key = |world: &World| fs::read_to_string(world.journal().join("journal.vkey")).expect("a key");
    let check = |key: &str| world.exuvia(&["audit", "check", &file, "--key", key]);
    let checked = check(&key(&world));
    assert!(checked.status == Some(0) && !checked.stdout.contains("result = 7"), "{checked:?}");
    let checked = check(&key(&other));
    assert!(checked.status == Some(1) && checked.stdout.starts_with("NOT PROVEN"), "{checked:?}");
    let proof = fs::read_to_string(&file).expect("a proof");
    fs::write(&file, proof.replace("returned", "raised  ")).expect("written");
    assert_eq!(check(&key(&world)).status, Some(1));
    fs::write(&file, "{").expect("written");
    assert_eq!(check(&key(&world)).status, Some(2));
}

#[test]
fn a_changed_record_is_found() {
    let world = World::new("");
    world.run("result = 7");
    let verify = || world.configured(&["audit", "verify", "--json"]);
    assert_eq!(verify().status, Some(0));
    // It is in the database or in the write-ahead log.
    let files = ["journal.db", "journal.db-wal"].map(|name| world.journal().join(name));
    let mut changed = 0;
    for file in files.iter().filter(|file| file.exists()) {
        let mut bytes = fs::read(file).expect("a file");
        let wanted = b"\"returned\"";
        for at in 0..bytes.len().saturating_sub(wanted.len()) {
            if bytes[at..].starts_with(wanted) {
                bytes[at + 1] = b'R';
                changed += 1;
            }
        }
        fs::write(file, bytes).expect("written");
    }
    assert!(changed > 0);
    let ended = verify();
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert_eq!(ended.json()["journals"][0]["is_consistent"], false);
}

fn a_checkpoint_is_copied_and_printed_for_witnesses(place: JournalPlace) {
    let world = World::at(place, "checkpoint_copy = 'copy'\n");
    world.run("result = 7");
    let own = fs::read_to_string(world.journal().join("checkpoint")).expect("a checkpoint");
    assert_eq!(fs::read_to_string(world.folder.path("copy")).expect("a copy"), own);
    let printed = world.configured(&["audit", "checkpoint"]).stdout;
    let key = fs::read_to_string(world.journal().join("journal.vkey")).expect("a key");
    assert!(printed.starts_with(key.trim_end()) && printed.contains(own.trim_end()), "{printed}");
}

#[test]
fn processes_that_run_at_once_keep_journals_side_by_side() {
    let world = World::new("");
    let data = [("XDG_DATA_HOME", world.data.as_path().to_owned())];
    let mut client = Client::with_variables(&["--config", &world.folder.text("exuvia.toml")], &data).speaking_modern();
    let (answer, is_error) = client.execute("result = 'of stdio'");
    assert!(!is_error, "{answer}");
    world.run("result = 'of run'");
    assert!(world.data.as_path().join("exuvia/journal-2/journal.db").exists());
    assert_eq!(world.listed(&[]).len(), 2, "also while one is written");
    assert_eq!(client.close(), Some(0));
    world.run("result = 'again'");
    assert_eq!(world.listed(&[]).len(), 3);
    assert!(!world.data.as_path().join("exuvia/journal-3").exists());
    assert_eq!(world.configured(&["audit", "verify", "--json"]).json()["journals"].as_array().map(Vec::len), Some(2));
    assert_eq!(world.configured(&["runs", "stats", "--json"]).json()["principals"][0]["runs"], 3);
    let replayed = world.configured(&["replay", "--last", "10"]);
    assert!(replayed.status == Some(0) && replayed.stdout.contains("3 replayed: 0 differ"), "{replayed:?}");
}

#[test]
fn a_second_process_on_a_configured_journal_refuses_to_start() {
    let world = World::new("[journal]\npath = 'kept'\n");
    let mut client = Client::with_policy(&["--config", &world.folder.text("exuvia.toml")]).speaking_modern();
    let (answer, is_error) = client.execute("result = 1");
    assert!(!is_error, "{answer}");
    let ended = world.configured(&["run", "-c", "result = 2"]);
    assert!(ended.status == Some(2) && ended.stderr.contains("kept/journal.lock is locked"), "{ended:?}");
    assert_eq!(world.listed(&[]).len(), 1, "reading goes on");
    assert_eq!(client.close(), Some(0));
    world.run("result = 2");
    assert_eq!(world.listed(&[]).len(), 2);
}

#[test]
fn without_a_place_for_a_journal_a_run_is_recorded_in_memory_unless_one_is_required() {
    let run = |config: &str| {
        let folder = Folder::new(config);
        let arguments = ["run", "--config", &folder.text("exuvia.toml"), "-c", "result = 7"];
        Program::start(&arguments, &[("XDG_DATA_HOME", NOWHERE)]).end()
    };
    let ended = run("");
    assert!(ended.status == Some(0) && ended.stderr.contains("recorded in memory alone"), "{ended:?}");
    let ended = run("[journal]\nstore = 'sqlite'");
    assert!(ended.status == Some(2) && ended.stderr.contains("the journal cannot be opened"), "{ended:?}");
    let ended = run("[journal]\nstore = 'memory'");
    assert!(ended.status == Some(0) && !ended.stderr.contains("memory alone"), "{ended:?}");
    let world = World::new("[journal]\nstore = 'memory'\n");
    world.run("result = 7");
    assert!(!world.journal().exists());
    let ended = world.configured(&["runs", "list"]);
    assert!(ended.status == Some(2) && ended.stderr.contains("the journal is in memory"), "{ended:?}");
}

#[test]
fn commands_that_run_nothing_for_anybody_keep_no_journal() {
    let world = World::new("");
    for arguments in [&["check", "-c", "result = 7"][..], &["tools"], &["config", "check"]] {
        let ended = world.configured(arguments);
        assert_eq!(ended.status, Some(0), "{ended:?}");
    }
    assert!(!world.journal().exists());
    let ended = world.configured(&["runs", "list"]);
    assert!(ended.status == Some(2) && ended.stderr.contains("nothing has been recorded there yet"), "{ended:?}");
}

fn what_is_redacted_is_shown_nowhere(place: JournalPlace) {
    let world = World::at(place, "redact = { paths = ['$..password'], patterns = ['tok-[0-9]+'] }\n");
    world.run(
        "# tok-1\nprint('tok-2')\ncrm.search_contacts(query='tok-3')\nresult = {'password': 'mi' + 'ne', 'seen': 'tok-4'}",
    );
    let failed = world.configured(&["run", "-c", "raise ValueError('tok-5')"]);
    assert_eq!(failed.status, Some(1));
    let runs = [&["runs", "list"][..], &["runs", "list", "--json"], &["runs", "export"]];
    let latest =
        world.listed(&[]).into_iter().map(|run| run["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>();
    let shows: Vec<Vec<&str>> = latest.iter().map(|id| vec!["runs", "show", id.as_str()]).collect();
    for arguments in runs.into_iter().chain(shows.iter().map(Vec::as_slice)) {
        let ended = world.configured(arguments);
        assert!(ended.status == Some(0) && ended.stdout.contains("[redacted]"), "{arguments:?}: {ended:?}");
        assert!(!ended.stdout.contains("tok-") && !ended.stdout.contains("mine"), "{arguments:?}: {}", ended.stdout);
    }
    let replayed = world.configured(&["replay", &latest[1]]);
    assert_eq!(replayed.status, Some(0), "what is stored is whole: {replayed:?}");
}

fn a_replay_prints_nothing_that_is_redacted(place: JournalPlace) {
    let world = World::at(place, "redact = { paths = ['$..password', '$..query'], patterns = ['tok-[0-9]+'] }\n");
    let script = |query: &str, log: &str, result: &str| {
        format!(
            "crm.search_contacts(query='mi' + '{query}')\nprint('tok-' + '7' * 90 + '{log}')\n\
             result = {{'password': 'mi' + '{result}', 'seen': '{log}'}}"
        )
    };
    world.run(&script("ne", "a", "ne"));
    let replay = |options: &[&str]| {
        let edit = world.folder.text("new.py");
        world.configured(&[&["replay", "--edit", &edit], options].concat())
    };
    let edits = [
        ("another log and result", script("ne", "b", "ne")),
        ("a result with another password", script("ne", "a", "ne, too")),
        ("another call", script("ne, too", "a", "ne")),
        ("an error", script("ne", "a", "ne") + "\nraise ValueError('tok-' + '7' * 90)"),
    ];
    for (what, edit) in edits {
        world.folder.write("new.py", &edit);
        for options in [&[][..], &["--json"], &["--last", "1"]] {
            let ended = replay(options);
            assert_eq!(ended.status, Some(1), "{what}: {ended:?}");
            let told = ended.stdout;
            let has_content = !options.contains(&"--last") || what != "an error";
            assert!(told.contains("[redacted]") || !has_content, "{what}: {told}");
            assert!(!told.contains("mine") && !told.contains("777"), "{what}: {told}");
        }
    }
}

fn what_is_exported_fits_the_published_schema(place: JournalPlace) {
    let world = World::at(place, "");
    world.run(SCRIPT);
    let failed = world.configured(&["run", "-c", "crm.get_contact(contact_id=int('999999'))"]);
    assert!(failed.status.is_some_and(|status| status > 0));
    let rejected = world.configured(&["run", "-c", "crm.no_such_tool()"]);
    assert_eq!(rejected.status, Some(1), "{rejected:?}");
    let printed = world.exuvia(&["runs", "schema"]).stdout;
    assert_snapshot(&here().join("../docs/run.schema.json"), &printed);
    let schema: Value = serde_json::from_str(&printed).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let exported = world.configured(&["runs", "export"]).stdout;
    let lines: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 3);
    for line in &lines {
        let wrong: Vec<String> = validator.iter_errors(line).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?}: {line}");
    }
    let first = &lines[2];
    assert_eq!(first["start"]["source"], SCRIPT);
    assert_eq!(first["calls"][0]["arguments"]["limit"], 3);
    assert_eq!(first["calls"][0]["value"]["items"].as_array().map(Vec::len), Some(3));
    let one = world.configured(&["runs", "export", first["id"].as_str().expect("an id")]).stdout;
    assert_eq!(serde_json::from_str::<Value>(&one).expect("one line"), *first);
}

fn runs_are_selected_and_summed(place: JournalPlace) {
    let world = World::at(place, "");
    world.run("result = len(crm.get_contacts(limit=2)['items'])");
    world.run("result = 7");
    let failed = world.configured(&["run", "-c", "raise ValueError('of the Moon')"]);
    assert_eq!(failed.status, Some(1));
    let count = |options: &[&str]| world.listed(options).len();
    assert_eq!((count(&[]), count(&["--limit", "2"]), count(&["--outcome", "raised"])), (3, 2, 1));
    assert_eq!((count(&["--tool", "get_contacts"]), count(&["--server", "crm"]), count(&["--server", "x"])), (1, 1, 0));
    assert_eq!((count(&["--error", "the moon"]), count(&["--error", "the sun"])), (1, 0));
    assert_eq!((count(&["--principal", "operator"]), count(&["--principal", "key:ci"])), (3, 0));
    assert_eq!((count(&["--since", "1h"]), count(&["--until", "1h"]), count(&["--since", "2026-01-01"])), (3, 0, 3));
    let stats = world.configured(&["runs", "stats", "--json"]).json();
    assert_eq!((&stats["principals"][0]["runs"], &stats["principals"][0]["failed_runs"]), (&3.into(), &1.into()));
    assert_eq!((&stats["tools"][0]["tool"], &stats["tools"][0]["calls"]), (&"get_contacts".into(), &1.into()));
    let table = world.configured(&["runs", "stats"]).stdout;
    assert!(table.contains("crm.get_contacts") && table.contains("PRINCIPAL"), "{table}");
    let wrong = world.configured(&["runs", "list", "--since", "yesterday"]);
    assert_eq!(wrong.status, Some(2), "{wrong:?}");
}

fn an_edited_script_is_tried_on_what_was_recorded(place: JournalPlace) {
    let world = World::at(place, "");
    world.run("rows = crm.get_contacts(limit=2)['items']\nresult = len(rows)");
    world.run("rows = crm.get_contacts(limit=2)['items']\nresult = len(rows)");
    let edit = |script: &str, options: &[&str]| {
        world.folder.write("new.py", script);
        world.configured(&[&["replay", "--edit", &world.folder.text("new.py")], options].concat())
    };
    let same = edit("rows = crm.get_contacts(limit=2)['items']\ncount = len(rows)\nresult = count", &["--last", "9"]);
    assert!(same.status == Some(0) && same.stdout.contains("2 replayed: 0 differ, 2 come out the same"), "{same:?}");
    let other =
        edit("result = len(crm.get_contacts(limit=2)['items']) + 1", &["--last", "9", "--tool", "crm.get_contacts"]);
    assert!(
        other.status == Some(1) && other.stdout.contains("2 differ") && other.stdout.contains("result"),
        "{other:?}"
    );
    let new = edit("result = crm.get_contacts(limit=3)", &[]);
    assert!(new.status == Some(1) && new.stdout.contains("call 1 would be new: crm.get_contacts"), "{new:?}");
    let until = world.configured(&["replay", "--until-call", "1"]);
    assert!(until.status == Some(0) && until.stdout.contains("reproduced up to call 1"), "{until:?}");
    let json = world.configured(&["replay", "--json"]).json();
    assert_eq!((&json["replays"][0]["verdict"], &json["replays"][0]["differs"]), (&"same".into(), &false.into()));
}

#[test]
fn a_run_that_is_not_recorded_to_its_end_says_that_it_is_not_replayable() {
    let world = World::new("");
    world.run("import os\nresult = len(os.urandom(17 << 20))");
    world.run("result = 7");
    let [whole, cut] = [0, 1].map(|n| world.listed(&[])[n]["id"].as_str().expect("an id").to_owned());
    let why = "not replayable: it took more than 16 MiB of readings from the world\n";
    let shown = world.configured(&["runs", "show", &cut]).stdout;
    assert!(shown.contains(why) && shown.contains("result 17825792"), "{shown}");
    assert!(world.configured(&["replay", &cut]).stdout.contains(why));
    assert!(!world.configured(&["runs", "show", &whole]).stdout.contains("not replayable"));
}

#[test]
fn what_a_script_wrote_commands_no_terminal() {
    let world = World::new("");
    world.run("# \u{1b}[2J\u{202e}\nprint('\\x1b[2J\\x9b')\nresult = '\\x1b]0;x\\x07'");
    for arguments in [&["runs", "show"][..], &["runs", "list"], &["replay"]] {
        let shown = world.configured(arguments).stdout;
        let is_harmless = |c: char| !c.is_control() || c == '\n';
        assert!(shown.chars().all(|c| is_harmless(c) && c != '\u{202e}'), "{shown:?}");
    }
}

fn the_record_of_a_daemon_is_read_while_it_runs_and_after_it_was_killed(place: JournalPlace) {
    let world = World::at(place, "");
    let data = [("XDG_DATA_HOME", world.data.as_path().to_owned())];
    let mut client = Client::with_variables(&["--config", &world.folder.text("exuvia.toml")], &data).speaking_modern();
    let (answer, is_error) = client.execute(SCRIPT);
    assert!(!is_error, "{answer}");
    let shown = world.configured(&["runs", "show"]).stdout;
    assert!(shown.contains("client (as it says): tests 1") && shown.contains("s3cret 3"), "{shown}");
    let id = world.latest();
    assert_eq!(world.configured(&["runs", "erase", &id]).status, Some(0), "also while it is written");
    let (answer, is_error) = client.execute("result = 8");
    assert!(!is_error, "{answer}");
    // Which kills it.
    drop(client);
    let ended = world.configured(&["audit", "verify"]);
    assert!(ended.status == Some(0) && ended.stdout.contains("(1 erased, 0 expired)"), "{ended:?}");
    assert_eq!(world.listed(&[]).len(), 2);
}

for_both_journals! {
    a_run_is_listed_shown_replayed_proven_and_erased,
    a_proof_that_was_changed_or_is_of_another_journal_proves_nothing,
    a_checkpoint_is_copied_and_printed_for_witnesses,
    what_is_redacted_is_shown_nowhere,
    a_replay_prints_nothing_that_is_redacted,
    what_is_exported_fits_the_published_schema,
    runs_are_selected_and_summed,
    an_edited_script_is_tried_on_what_was_recorded,
    the_record_of_a_daemon_is_read_while_it_runs_and_after_it_was_killed,
}
