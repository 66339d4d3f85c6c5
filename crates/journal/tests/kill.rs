//! A process that appends is killed at any moment: what it was told to be kept is there, and the log is consistent.

mod made;

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use exuvia_journal::{Archive, Journal, PostgresJournal};
use exuvia_tool::Principal;
use made::place::Place;
use made::{answered, ended, intended, of, open, options, started};

/// The folder that the child appends to.
const FOLDER: &str = "EXUVIA_TEST_KILLED_JOURNAL";
/// The URL of its database, where it is not in the folder.
const DATABASE: &str = "EXUVIA_TEST_KILLED_DATABASE";
/// How many rounds. The default is 10.
const ROUNDS: &str = "EXUVIA_TEST_KILL_ROUNDS";

/// Not a test of its own: the process that is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let journal = match std::env::var(DATABASE) {
        Ok(url) => PostgresJournal::open(&url, &options(Path::new(&folder))).await.expect("a journal"),
        Err(_) => open(Path::new(&folder)),
    };
    // Not the process id, which another child had in a round before.
    let mut round = [0; 8];
    getrandom::fill(&mut round).expect("randomness");
    let round = u64::from_ne_bytes(round);
    let tasks = (0..4).map(|task| {
        let journal = Arc::clone(&journal);
        tokio::spawn(async move {
            for number in 0.. {
                let run = format!("{round}-{task}-{number}");
                let append = |event| journal.append_durable(of(&Principal::Operator, &run, event));
                say(append(started("x")).await.expect("kept").0, &run);
                for call in 1..4 {
                    say(append(intended(call, "crm", "find")).await.expect("kept").0, &run);
                    journal.enqueue(of(&Principal::Operator, &run, answered(call, 1))).expect("taken");
                }
                journal.enqueue(of(&Principal::Operator, &run, ended("returned", None))).expect("taken");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("never ends");
    }
}

/// Tells that an entry is kept, in one line that is written at once.
fn say(seq: u64, run: &str) {
    let line = format!("\nkept {seq} {run}\n");
    std::io::stdout().write_all(line.as_bytes()).expect("a pipe");
}

/// Runs the child for so long, kills it, and returns what it was told to be kept.
fn killed(place: &Place, after: Duration) -> Vec<(u64, String)> {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "child", "--nocapture"])
        .env(FOLDER, place.dir())
        .envs(place.url().map(|url| (DATABASE, url)))
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let output = child.stdout.take().expect("its output");
    let reader = std::thread::spawn(move || {
        BufReader::new(output).lines().map_while(Result::ok).filter_map(|line| kept(&line)).collect()
    });
    std::thread::sleep(after);
    child.kill().expect("killed");
    child.wait().expect("gone");
    reader.join().expect("read")
}

fn kept(line: &str) -> Option<(u64, String)> {
    let mut words = line.split(' ');
    (words.next() == Some("kept")).then_some(())?;
    Some((words.next()?.parse().ok()?, words.next()?.to_owned()))
}

async fn what_was_told_to_be_kept_is_there_after_a_kill(place: Place) {
    let rounds = std::env::var(ROUNDS).ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(10_u64);
    let mut all = 0;
    for round in 0..rounds {
        let mut random = [0];
        getrandom::fill(&mut random).expect("randomness");
        let after = Duration::from_millis(120 + u64::from(random[0]) * 2);
        let kept = killed(&place, after);
        all += kept.len();

        let journal = place.open().await;
        let archive = place.archive();
        for (seq, run) in &kept {
            let record = archive.record(run).await.expect("read");
            let record = record.unwrap_or_else(|| panic!("round {round}: run {run} is lost"));
            assert!(
                record.entries.iter().any(|entry| entry.seq.0 == *seq),
                "round {round}: record {seq} of {run} is lost"
            );
        }
        let report = place.verify().await;
        assert!(report.is_consistent() && report.is_complete(), "round {round} after {after:?}: {report:?}");
        journal.close().await.expect("closed");
    }
    assert!(all > 0, "nothing was kept in any round");
}

/// Two processes append to one database, and each is killed at a moment of its own while the other goes on.
#[tokio::test(flavor = "multi_thread")]
async fn what_two_processes_were_told_to_be_kept_is_there_after_both_are_killed() {
    let Some(place) = Place::postgres() else { return };
    let rounds = std::env::var(ROUNDS).ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(10_u64);
    place.open().await.close().await.expect("closed");
    let other = place.beside();
    let mut all = [0, 0];
    for round in 0..rounds {
        let mut random = [0; 2];
        getrandom::fill(&mut random).expect("randomness");
        let after = random.map(|random| Duration::from_millis(200 + u64::from(random) * 3));
        let kept = std::thread::scope(|scope| {
            let killed = [(&place, after[0]), (&other, after[1])]
                .map(|(place, after)| scope.spawn(move || killed(place, after)));
            killed.map(|killed| killed.join().expect("killed"))
        });
        all = [0, 1].map(|process| all[process] + kept[process].len());
        let archive = place.archive();
        for (seq, run) in kept.iter().flatten() {
            let record = archive.record(run).await.expect("read");
            let record = record.unwrap_or_else(|| panic!("round {round}: run {run} is lost"));
            assert!(record.entries.iter().any(|entry| entry.seq.0 == *seq), "round {round}: record {seq} is lost");
        }
        // Either opens it again.
        let (journal, second) = (place.open().await, other.open().await);
        let report = place.verify().await;
        assert!(report.is_consistent() && report.is_complete(), "round {round} after {after:?}: {report:?}");
        journal.close().await.expect("closed");
        second.close().await.expect("closed");
    }
    assert!(all.iter().all(|kept| *kept > 0), "{all:?} were kept in {rounds} rounds");
}

for_both_stores! { what_was_told_to_be_kept_is_there_after_a_kill }
