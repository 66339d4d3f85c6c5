//! Runs with files, run again on their records.

use std::path::PathBuf;
use std::sync::Arc;

use exuvia_config::WorkspaceShare;
use exuvia_gateway::{Client, PrePass, StartedBy};
use exuvia_replay::{Departure, Replay, Verdict};
use exuvia_runtime::{Limits, Report, Script};
use exuvia_tests::{SampleGateway, Settings, TestJournal, engine};
use exuvia_tool::RunId;
use exuvia_workspace::{Access, Quota, Workspace, WorkspaceFiles};
use serde_json::json;

use super::{files_for_everybody, result};

/// How many runs are replayed; `EXUVIA_REPLAYS` says otherwise.
const RUNS: usize = 40;

/// Scripts that read and write files, `N` times in one workspace.
const SCRIPTS: [&str; 6] = [
    "import os\nwith open('log', 'a') as file:\n    print('run N', file=file)\nresult = [os.stat('log').st_size, open('log').read()[-20:]]",
    "import os\nos.makedirs('d/N', exist_ok=True)\nopen('d/N/x', 'wb').write(os.urandom(100 + N))\nresult = sorted(os.walk('d'))[-1][0]",
    "import sqlite3\ndb = sqlite3.connect('db')\ndb.execute('create table if not exists t (n integer)')\n\
     db.execute('insert into t values (N)')\ndb.commit()\nresult = db.execute('select count(*), max(n) from t').fetchone()",
    "try:\n    open('missing-N')\nexcept FileNotFoundError as error:\n    print(error)\nimport os\n\
     result = [os.stat(name).st_mtime_ns for name in sorted(os.listdir())]",
    "import os, shutil\nopen('a-N', 'w').write('x' * N)\nos.rename('a-N', 'b-N')\nshutil.copy('b-N', 'c-N')\nos.remove('b-N')\n\
     echo.echo(value=N)\nresult = sorted(name for name in os.listdir() if '-N' in name)",
    "open('full', 'wb').write(b'x' * 10_000_000)",
];

struct Recorded {
    gateway: SampleGateway,
    journal: Arc<TestJournal>,
    directory: tempfile::TempDir,
}

impl Recorded {
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let workspaces = files_for_everybody(WorkspaceShare::Key);
        let journal = Arc::new(TestJournal::for_replays(256 << 20));
        let settings = Settings {
            journal: Arc::clone(&journal),
            pre_pass: PrePass::Off,
            workspaces: Some((directory.path().to_owned(), workspaces)),
            ..Settings::default()
        };
        let servers = vec![SampleGateway::echo_server(&[])];
        let gateway = SampleGateway::with(servers, Limits::default(), settings).await;
        Self { gateway, journal, directory }
    }

    fn files(&self) -> PathBuf {
        self.directory.path().join("files/operator")
    }

    async fn run(&self, source: &str) -> (RunId, Report) {
        let view = self.gateway.gateway().default_view();
        let (script, client) = (Script::new(source), Client::new("test"));
        let run = self.gateway.gateway().start(&view, script, StartedBy::Operator, &client).expect("room");
        (run.id().clone(), run.report().await)
    }

    async fn replay(&self, run: &RunId) -> Replay {
        Replay::load(&*self.journal, run).await.expect("it is replayable")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_with_files_replay_exactly_and_touch_none() {
    let recorded = Recorded::new().await;
    let runs = std::env::var("EXUVIA_REPLAYS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    let mut made = Vec::new();
    for number in 0..runs {
        let source = SCRIPTS[number % SCRIPTS.len()].replace('N', &(number % 97).to_string());
        made.push((source.clone(), recorded.run(&source).await));
    }
    std::fs::remove_dir_all(recorded.files()).expect("they are there");
    for (source, (run, report)) in made {
        let replayed = recorded.replay(&run).await.run(engine()).await.expect("on this engine");
        assert_eq!(replayed.verdict, Verdict::Same, "{source}\n{:?}", report.outcome);
        assert_eq!(replayed.report.usage.fuel, report.usage.fuel, "{source}");
        assert_eq!(format!("{:?}", replayed.report.outcome), format!("{:?}", report.outcome), "{source}");
    }
    assert!(!recorded.files().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_script_reads_what_was_recorded_and_nothing_else() {
    let recorded = Recorded::new().await;
    let (_, written) = recorded.run("open('a', 'w').write('one')").await;
    assert_eq!(result(&written), json!(3));
    let (run, _) = recorded.run("text = open('a').read()\nresult = text").await;
    std::fs::write(recorded.files().join("a"), "another").expect("it can be written");
    let edited = recorded.replay(&run).await.edited("text = open('a').read()\nresult = text.upper()");
    let replayed = edited.run(engine()).await.expect("on this engine");
    assert_eq!(result(&replayed.report), json!("ONE"));
    let other = recorded.replay(&run).await.edited("result = open('b').read()");
    let replayed = other.run(engine()).await.expect("on this engine");
    assert_eq!(replayed.verdict, Verdict::Departed(Departure::FileNotRecorded));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_since_is_named_beside_an_exact_replay() {
    let recorded = Recorded::new().await;
    recorded.run("for name in ('a', 'b', 'd'):\n    open(name, 'w').write('one')\nimport os\nos.mkdir('e')\nopen('e/f', 'w').write('x' * 5_000)").await;
    let source = "text = open('a').read() + open('./e/../b').read() + open('e/f').read()\nopen('c', 'w').write('new')\nopen('c').read()\n\
                  open('d').read()\nopen('d', 'a').write('own')\nresult = len(text)";
    let (run, report) = recorded.run(source).await;
    assert_eq!(result(&report), json!(5_006));
    let workspace = Workspace::open(&recorded.files(), Quota::default()).expect("it is there");
    let files = Arc::new(WorkspaceFiles::new(Arc::new(workspace), Access::ReadOnly));
    let changed = async || {
        let replay = recorded.replay(&run).await.beside(Arc::clone(&files) as _);
        let replayed = replay.run(engine()).await.expect("on this engine");
        assert_eq!(replayed.verdict, Verdict::Same);
        replayed.changed_files
    };
    assert_eq!(changed().await, [""; 0]);
    std::fs::write(recorded.files().join("b"), "one more").expect("written");
    std::fs::write(recorded.files().join("c"), "another").expect("written");
    assert_eq!(changed().await, ["b"]);
    std::fs::write(recorded.files().join("b"), "one").expect("written");
    std::fs::write(recorded.files().join("e/f"), "x".repeat(4_999) + "y").expect("written");
    std::fs::remove_file(recorded.files().join("a")).expect("removed");
    assert_eq!(changed().await, ["a", "e/f"]);
}
