//! `exuvia approvals`, beside a process that has the journal.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use exuvia_journal::{
    Approval, ApprovalBounds, ApprovalState, ApprovalStore, Archive as _, Entry, Event, HeldRun, Journal as _, Lease,
    NewApproval, OpenOptions, RunStart, ScriptCall, SqliteApprovals, SqliteArchive, SqliteJournal, StoreJournal,
};
use exuvia_tests::{DataHome, Ended, Folder, Program, built};
use exuvia_tool::{ApprovalId, CallId, Origin, Principal, RunId, ToolName};

const BOUNDS: ApprovalBounds =
    ApprovalBounds { pending_per_principal: 99, pending: 99, runs_per_principal: 99, runs: 99 };

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    u64::try_from(now.as_millis()).expect("a time")
}

/// A journal that this process has, as a daemon has it.
struct World {
    folder: Folder,
    data: DataHome,
    journal: Arc<StoreJournal>,
    store: Arc<SqliteApprovals>,
}

impl World {
    fn new() -> Self {
        let (folder, data) = (Folder::new(""), DataHome::shared());
        let journal = SqliteJournal::open(&OpenOptions::new(Self::dir_in(&folder), now_ms)).expect("a journal");
        let store = SqliteApprovals::open(&Self::dir_in(&folder)).expect("a store");
        Self { folder, data, journal, store }
    }

    fn dir_in(folder: &Folder) -> PathBuf {
        PathBuf::from(folder.text("journal"))
    }

    async fn asked(&self, run: &str, call: u64, arguments: &str) -> Approval {
        let (principal, script) = (Principal::Key("ci".into()), "import crm\ncrm.send(to='x')\u{202e}\n");
        let start = RunStart { source: script.into(), ..RunStart::default() };
        let event = Event::RunStarted(Box::new(start));
        let entry = Entry { principal: principal.clone(), origin: Origin::Run(RunId::new(run)), event };
        self.journal.append_durable(entry).await.expect("kept");
        let tool = ToolName::new("crm", "s\u{435}nd");
        let held = HeldRun {
            run: RunId::new(run),
            principal,
            role: Some("support".into()),
            profile: None,
            script: script.into(),
            script_sha256: "5c".repeat(32),
            calls: vec![ScriptCall { tool: tool.clone(), lines: vec![2], needs_approval: true }],
            unpredicted: Vec::new(),
            lease: Lease { holder: "this".into(), until_ms: now_ms() + 60_000 },
        };
        let new = NewApproval {
            id: ApprovalId::new(format!("{run}-{call}")),
            call: Some(CallId(call)),
            tool: Some(tool),
            arguments: arguments.into(),
            arguments_sha256: "a5".repeat(32),
            tool_sha256: None,
            line: Some(2),
            rule: "outside auto_execute".into(),
            may_have_happened: false,
            created_ms: now_ms(),
            expires_ms: now_ms() + 3_600_000,
        };
        self.store.hold(&held, &[new], &BOUNDS).await.expect("asked").remove(0)
    }

    fn arguments<'a>(&self, arguments: &[&'a str], journal: &'a str) -> Vec<&'a str> {
        [&["approvals"], arguments, &["--journal", journal]].concat()
    }

    fn approvals(&self, arguments: &[&str]) -> Ended {
        let (journal, data) = (self.folder.text("journal"), self.data.as_path().display().to_string());
        Program::start(&self.arguments(arguments, &journal), &[("XDG_DATA_HOME", &data)]).end()
    }

    fn done(&self, arguments: &[&str]) -> Ended {
        let ended = self.approvals(arguments);
        assert_eq!(ended.status, Some(0), "{ended:?}");
        ended
    }

    fn refused(&self, arguments: &[&str], message: &str) {
        let ended = self.approvals(arguments);
        assert_eq!(ended.status, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(message), "{message}: {ended:?}");
    }

    async fn state(&self, approval: &Approval) -> ApprovalState {
        self.store.get(&approval.id).await.expect("read").expect("there").state
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_are_listed_shown_and_answered_beside_the_process_that_waits() {
    let world = World::new();
    let (first, second) = (world.asked("01A", 1, "{\"to\": \"a\u{200b}b\"}").await, world.asked("01B", 1, "{}").await);
    let table = world.done(&["list"]).stdout;
    assert!(table.starts_with("APPROVAL") && table.lines().count() == 3, "{table}");
    let listed = world.done(&["list", "--json", "--limit", "1"]).json();
    assert_eq!(listed["approvals"][0]["id"], "01B-1");
    assert!(listed["approvals"][0].get("arguments").is_none(), "a list has no content");

    let card = world.done(&["show", "01A-1"]).stdout;
    for part in [
        "│ {\"to\": \"a⟦U+200B⟧b\"}",
        "tool       sе⟦U+0435⟧nd",
        ">    2 │ crm.send(to='x')⟦U+202E⟧",
        &first.shown_sha256,
    ] {
        assert!(card.contains(part), "{part}: {card}");
    }
    let shown = world.done(&["show", "01A-1", "--json"]).json();
    assert_eq!(
        (&shown["arguments"], &shown["shown_sha256"]),
        (&"{\"to\": \"a\u{200b}b\"}".into(), &first.shown_sha256.as_str().into())
    );

    // Nobody can be asked: standard input is no terminal.
    world.refused(&["approve", "01A-1"], "--yes");
    assert_eq!(world.state(&first).await, ApprovalState::Pending);
    let approved = world.done(&["approve", "01A-1", "--yes", "--reason", "looks right"]).stdout;
    assert!(approved.starts_with("approval   01A-1") && approved.contains("01A-1 approved of key:ci"), "{approved}");
    assert_eq!(world.state(&first).await, ApprovalState::Approved);
    world.refused(&["deny", "01A-1", "--yes"], "it is approved");
    let denied = world.done(&["deny", "01B-1", "--yes", "--json"]).json();
    assert_eq!((&denied["state"], &denied["answer"]["channel"]), (&"denied".into(), &"cli".into()));
    assert_eq!(world.state(&second).await, ApprovalState::Denied);
    world.refused(&["show", "nothing"], "there is no approval");
    assert_eq!(world.done(&["list", "--state", "approved", "--json"]).json()["approvals"][0]["id"], "01A-1");

    // The answer is in the record of the run, also as it is exported.
    let record = SqliteArchive::open(&World::dir_in(&world.folder)).expect("a journal").record("01A").await;
    let entries = record.expect("read").expect("there").entries;
    assert_eq!(entries.last().map(|entry| entry.entry.event.kind()), Some("approval-answered"));
    let (journal, data) = (world.folder.text("journal"), world.data.as_path().display().to_string());
    let arguments = ["runs", "show", "01A", "--json", "--journal", &journal];
    let run = Program::start(&arguments, &[("XDG_DATA_HOME", &data)]).end().json();
    let answer = &run["approvals"][0];
    assert_eq!(
        (&answer["by"], &answer["channel"], &answer["allowed"]),
        (&"operator".into(), &"cli".into(), &true.into())
    );
    assert_eq!(
        (&answer["reason"], &answer["shown_sha256"]),
        (&"looks right".into(), &first.shown_sha256.as_str().into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_megabyte_is_shown_whole() {
    let world = World::new();
    let arguments = format!("{{\"text\": \"{}\"}}", "0123456789abcdef".repeat(1 << 16));
    world.asked("01A", 1, &arguments).await;
    let card = world.done(&["show", "01A-1"]).stdout;
    assert!(card.contains(&arguments), "{} bytes", card.len());
    assert_eq!(world.done(&["show", "01A-1", "--json"]).json()["arguments"], arguments);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_make_an_approval_unnecessary_is_printed_and_written_nowhere() {
    let world = World::new();
    world.asked("01A", 1, "{\"to\": \"a\"}").await;
    let suggested = world.done(&["suggest", "01A-1"]).stdout;
    for part in [
        "[roles.support]",
        "auto_execute = [\"crm.s\u{435}nd\"]",
        "to = { one_of = [\"a\"] }",
        "last seven days: 0 calls",
    ] {
        assert!(suggested.contains(part), "{part}: {suggested}");
    }
    let suggested = world.done(&["suggest", "01A-1", "--json"]).json();
    assert_eq!(
        (&suggested["suggestions"][0]["scope"], &suggested["suggestions"][1]["scope"]),
        (&"arguments".into(), &"tool".into())
    );
    assert_eq!(suggested["suggestions"][1]["would_have_allowed"]["is_whole"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_watches_sees_what_is_pending_and_every_change() {
    let world = World::new();
    world.asked("01A", 1, "{}").await;
    let journal = world.folder.text("journal");
    let mut watching = Command::new(built("exuvia"))
        .args(world.arguments(&["watch", "--json"], &journal))
        .env("XDG_DATA_HOME", &world.data)
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let output = watching.stdout.take().expect("its output");
    let (sender, lines) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        lines.take(3).for_each(|line| drop(sender.send(line)));
    });
    let next = || {
        let line = lines.recv_timeout(std::time::Duration::from_secs(30)).expect("a line in time");
        let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        format!("{} {}", value["id"].as_str().unwrap_or_default(), value["state"].as_str().unwrap_or_default())
    };
    assert_eq!(next(), "01A-1 pending");
    world.asked("01B", 1, "{}").await;
    assert_eq!(next(), "01B-1 pending");
    world.done(&["deny", "01A-1", "--yes"]);
    assert_eq!(next(), "01A-1 denied");
    watching.kill().expect("killed");
    watching.wait().expect("gone");
    reader.join().expect("read");
}
