//! Processes that ask, answer and use are killed at any moment: what was acknowledged is there, and nothing is used twice.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use exuvia_journal::{
    ApprovalFilter, ApprovalState, ApprovalStore, Archive as _, Journal as _, PostgresApprovals, SqliteApprovals,
};
use exuvia_tool::ApprovalId;

use crate::made::{NOW_MS, of, options, started};
use crate::stage::{ROOM, Stage, answer, held, key, new};

/// The folder of the journal that the child works on.
const FOLDER: &str = "EXUVIA_TEST_KILLED_APPROVALS";
/// The URL of its database, where it is not in the folder.
const DATABASE: &str = "EXUVIA_TEST_KILLED_APPROVALS_DATABASE";
/// What the child does: `ask` and `answer`.
const WORK: &str = "EXUVIA_TEST_KILLED_WORK";

const ROUNDS: usize = 6;

async fn store(folder: &Path) -> Arc<dyn ApprovalStore> {
    match std::env::var(DATABASE) {
        Ok(url) => PostgresApprovals::open(&url).await.expect("a store") as _,
        Err(_) => SqliteApprovals::open(folder).expect("a store") as _,
    }
}

/// Not a test of its own: a process that is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER).map(PathBuf::from) else { return };
    match std::env::var(WORK).as_deref() {
        Ok("ask") => ask(&folder).await,
        _ => answer_all(&folder).await,
    }
}

/// Writes the journal, as a daemon does.
async fn ask(folder: &Path) {
    let journal = match std::env::var(DATABASE) {
        Ok(url) => exuvia_journal::PostgresJournal::open(&url, &options(folder)).await.expect("a journal"),
        Err(_) => crate::made::open(folder),
    };
    let store = store(folder).await;
    for number in 0.. {
        let run = format!("{:010}-{number:06}", std::process::id());
        journal.append_durable(of(&key("ci"), &run, started("x"))).await.expect("kept");
        let asked = store.hold(&held(&run), &[new(&run, 1), new(&run, 2)], &ROOM).await.expect("asked");
        asked.iter().for_each(|approval| say("asked", &approval.id));
    }
}

/// Answers and uses what is there, as another process does.
async fn answer_all(folder: &Path) {
    let store = store(folder).await;
    loop {
        let pending = ApprovalFilter { state: Some(ApprovalState::Pending), limit: 5, ..ApprovalFilter::default() };
        for approval in store.list(&pending).await.expect("listed") {
            let allow = approval.call.is_some_and(|call| call.0 == 1);
            if store.answer(&approval.id, allow, &answer(&approval)).await.is_err() {
                continue;
            }
            say(if allow { "approved" } else { "denied" }, &approval.id);
            if allow && store.take(&approval.id, NOW_MS).await.expect("taken or not") {
                say("used", &approval.id);
            }
        }
    }
}

/// Tells what is done, in one line that is written at once.
fn say(what: &str, id: &ApprovalId) {
    std::io::stdout().write_all(format!("\ndone {what} {id}\n").as_bytes()).expect("a pipe");
}

/// A child process and its output.
fn child_of(stage: &Stage, work: &str) -> (Child, JoinHandle<Vec<(String, String)>>) {
    let place = stage.place.as_ref().expect("a place");
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "kill::child", "--nocapture"])
        .env(FOLDER, place.dir())
        .env(WORK, work)
        .envs(place.url().map(|url| (DATABASE, url)))
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let output = child.stdout.take().expect("its output");
    let reader = std::thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        let told = lines.filter_map(|line| {
            let mut words = line.strip_prefix("done ")?.split(' ').map(str::to_owned);
            Some((words.next()?, words.next()?))
        });
        told.collect()
    });
    (child, reader)
}

async fn what_was_acknowledged_is_there_after_a_kill_and_nothing_is_used_twice(stage: Stage) {
    stage.journal.as_ref().expect("a journal").close().await.expect("closed");
    let mut done: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let children = ["ask", "answer", "answer"].map(|work| child_of(&stage, work));
        let mut random = [0];
        getrandom::fill(&mut random).expect("randomness");
        std::thread::sleep(Duration::from_millis(400 + u64::from(random[0]) * 3));
        for (mut child, reader) in children {
            child.kill().expect("killed");
            child.wait().expect("gone");
            for (what, id) in reader.join().expect("read") {
                done.entry(id).or_default().push(what);
            }
        }
    }
    let place = stage.place.as_ref().expect("a place");
    let journal = place.open().await;
    let store = stage.open().await;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (id, told) in &done {
        let found = store.get(&ApprovalId::new(id.as_str())).await.expect("read");
        let found = found.unwrap_or_else(|| panic!("{id} is lost: {told:?}"));
        for what in told {
            *counts.entry(what).or_default() += 1;
            let is_there = match what.as_str() {
                "asked" => true,
                "approved" => matches!(found.state, ApprovalState::Approved | ApprovalState::Used),
                "denied" => found.state == ApprovalState::Denied,
                _ => found.state == ApprovalState::Used,
            };
            assert!(is_there, "{id} was {told:?}, and is {:?}", found.state);
        }
        assert!(told.iter().filter(|what| *what == "used").count() <= 1, "{id} was used twice");
        let answers = told.iter().filter(|what| *what == "approved" || *what == "denied").count();
        assert!(answers <= 1, "{id} was answered twice: {told:?}");
        if answers == 1 {
            let record = place.archive().record(found.run.as_str()).await.expect("read").expect("there");
            let of_it = |event: &exuvia_journal::Event| matches!(event, exuvia_journal::Event::ApprovalAnswered { approval, .. } if approval.as_str() == id);
            assert_eq!(record.entries.iter().filter(|entry| of_it(&entry.entry.event)).count(), 1, "{id}");
        }
    }
    assert!(["asked", "approved", "denied", "used"].iter().all(|what| counts.contains_key(what)), "{counts:?}");
    journal.close().await.expect("closed");
    assert!(place.verify().await.is_consistent());
}

crate::for_both_databases! { what_was_acknowledged_is_there_after_a_kill_and_nothing_is_used_twice }
