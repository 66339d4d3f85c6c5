//! Runs with files in the journal of the program.

use exuvia_tests::{DataHome, Ended, Folder, JournalPlace, Program};

/// Longer than what stands in a record itself.
const LARGE: &str = "with open('orders.csv', 'w') as file:\n    file.write('id,total\\n' * 1_000)";

struct World {
    folder: Folder,
    data: DataHome,
}

impl World {
    fn new() -> Self {
        let folder = Folder::new("workspace = 'files'\n[workspaces.files]\n");
        Self { folder, data: DataHome::shared() }
    }

    fn exuvia(&self, arguments: &[&str]) -> Ended {
        let (data, config) = (self.data.as_path().display().to_string(), self.folder.text("exuvia.toml"));
        let mut program = Program::start(&[arguments, &["--config", &config]].concat(), &[("XDG_DATA_HOME", &data)]);
        program.write("");
        program.end()
    }

    /// Runs a script, which returns. Returns its id.
    fn run(&self, code: &str) -> String {
        let ended = self.exuvia(&["run", "-c", code]);
        assert_eq!(ended.status, Some(0), "{ended:?}");
        self.listed().remove(0)
    }

    /// The runs, the latest first.
    fn listed(&self) -> Vec<String> {
        let ended = self.exuvia(&["runs", "list", "--json"]);
        let runs = ended.json()["runs"].as_array().cloned().unwrap_or_else(|| panic!("{ended:?}"));
        runs.iter().map(|run| run["id"].as_str().expect("an id").to_owned()).collect()
    }

    fn sql(&self, statements: &str) {
        let database = JournalPlace::sqlite().folder(&self.data).join("journal.db");
        let database = rusqlite::Connection::open(database).expect("a database");
        database.execute_batch(statements).expect("executed");
    }
}

#[test]
fn runs_with_files_of_schema_5_are_listed_and_replayed() {
    let world = World::new();
    let written = world.run("open('a', 'w').write('few')");
    let read = world.run("result = open('a').read()");
    world.sql(
        "DROP TABLE block_secret; DROP TABLE file_blocks; DROP TABLE run_blocks; DROP TABLE stepped_over; \
         DELETE FROM progress WHERE name = 'content_bytes'; PRAGMA user_version = 5",
    );
    let refused = world.exuvia(&["runs", "list"]);
    assert!(refused.status != Some(0) && refused.stderr.contains("schema 5"), "{refused:?}");
    world.run(LARGE);
    let later = world.run("result = len(open('orders.csv').read())");
    assert_eq!(world.listed()[2..], [read.clone(), written.clone()]);
    for id in [&written, &read, &later] {
        let replayed = world.exuvia(&["replay", id]);
        assert!(replayed.status == Some(0) && replayed.stdout.contains(": reproduced\n"), "{replayed:?}");
    }
    let verified = world.exuvia(&["audit", "verify"]);
    assert!(verified.status == Some(0) && verified.stdout.contains(", 1 blocks of files, "), "{verified:?}");
}

#[test]
fn a_run_whose_block_is_missing_is_named_and_not_replayed() {
    let world = World::new();
    world.run(LARGE);
    let read = world.run("result = len(open('orders.csv').read())");
    world.sql("DELETE FROM file_blocks");
    let verified = world.exuvia(&["audit", "verify"]);
    assert_eq!(verified.status, Some(1), "{verified:?}");
    assert!(verified.stdout.contains(&format!("{read} cannot be replayed: ")), "{verified:?}");
    let json = world.exuvia(&["audit", "verify", "--json"]).json();
    assert_eq!(json["journals"][0]["inconsistencies"]["count"], 1, "{json}");
    let replayed = world.exuvia(&["replay", &read]);
    assert!(replayed.stdout.contains("not replayable"), "{replayed:?}");
}
