//! Runs of clients of a daemon that wait for approvals, which another process answers: through keys that end, reloads, restarts and kills.
//! `EXUVIA_HELD_KILLS`: how many runs are disturbed by kills. Default: 10.
#![expect(clippy::print_stdout, reason = "the gates show how much was compared")]

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::process::Command;

use exuvia_journal::{Archive as _, RunEnd, SqliteApprovals, SqliteArchive};
use exuvia_tests::{Daemon, DataHome, Folder, HttpClient, KeyClient, built, key_table};
use nix::sys::signal::Signal;

use super::*;

const ROUNDS: u32 = 10;

/// A daemon's files, and a server that notes each call.
struct Place {
    folder: Folder,
    data: DataHome,
}

impl Place {
    fn new(more: &str) -> Self {
        let place = Self { folder: Folder::new(""), data: DataHome::shared() };
        place.configure(more);
        place
    }

    fn configure(&self, more: &str) {
        let (fake, record, journal) =
            (built("exuvia-fake-upstream"), self.folder.path("calls"), self.folder.path("journal"));
        let server = format!(
            "[servers.fake]\ncommand = {fake:?}\nargs = ['--record', {record:?}]\nauto_execute = ['process']\n\
             on_unlisted = 'ask-at-call'\n[journal]\npath = {journal:?}\n[limits]\nhold_ms = 100\n"
        );
        self.folder.write("exuvia.toml", &(server + more));
    }

    async fn serve(&self) -> Daemon {
        let mut command = Command::new(built("exuvia"));
        command.env("XDG_DATA_HOME", &self.data);
        let daemon = Daemon::start_by(command, &["--config", &self.folder.text("exuvia.toml")]);
        daemon.ready().await;
        daemon
    }

    /// The approvals, as another process has them.
    fn store(&self) -> Arc<SqliteApprovals> {
        SqliteApprovals::open(&self.folder.path("journal")).expect("approvals")
    }

    async fn end(&self, run: &RunId) -> Option<RunEnd> {
        let archive = SqliteArchive::open(&self.folder.path("journal")).expect("a journal");
        archive.record(run.as_str()).await.expect("read")?.end().cloned()
    }

    async fn ends(&self, run: &RunId) -> RunEnd {
        let begun = Instant::now();
        loop {
            if let Some(end) = self.end(run).await {
                return end;
            }
            assert!(begun.elapsed() < PATIENCE * 2, "{run} does not end");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn made(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.folder.path("calls")).unwrap_or_default();
        // A server that was killed as well may have left half a line.
        let calls = calls.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        calls.map(|call| call["params"]["arguments"]["value"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

async fn pending(store: &SqliteApprovals) -> Vec<Approval> {
    let filter = ApprovalFilter { state: Some(ApprovalState::Pending), ..ApprovalFilter::default() };
    store.list(&filter).await.expect("read")
}

async fn one_pending(store: &SqliteApprovals) -> Approval {
    let begun = Instant::now();
    loop {
        if let Some(approval) = pending(store).await.pop() {
            return approval;
        }
        assert!(begun.elapsed() < PATIENCE, "nothing is asked");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The name of the run that an answer tells.
fn run_in(answer: &str) -> RunId {
    let name = answer.split("run=\"").nth(1).and_then(|rest| rest.split('"').next());
    RunId::new(name.unwrap_or_else(|| panic!("{answer}")))
}

const ROLES: &str = "[roles.red]\ntools = ['fake.*']\non_unlisted = 'ask-at-call'\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_run_of_a_key_goes_on_after_a_reload_is_nobody_elses_and_ends_with_the_key() {
    let keys = |names: &[&str]| names.iter().map(|name| key_table(name, "red")).collect::<String>();
    let place = Place::new(&(ROLES.to_owned() + &keys(&["ada", "bob"])));
    let daemon = place.serve().await;
    let store = place.store();
    let mut ada = KeyClient::of(daemon.address(), "ada").await;
    let mut bob = KeyClient::of(daemon.address(), "bob").await;
    let (first, second) = (
        run_in(&ada.run("result = fake.echo(value='first')['value']").await),
        run_in(&ada.run("result = fake.echo(value='second')['value']").await),
    );
    let waiting = pending(&store).await;
    let of = |run: &RunId| waiting.iter().find(|approval| approval.run == *run).expect("asked");
    let own = ApprovalAnswer { by: "key:ada".parse().expect("a principal"), ..answer(of(&first), None) };
    assert!(store.answer(&of(&first).id, true, &own).await.is_err(), "nobody answers for a call of their own");
    let unknown = bob.call("executeToolCode", json!({"run": first.as_str()})).await;
    assert!(unknown.contains("no run of this id is kept"), "{unknown}");
    // A reload in between.
    place.configure(
        &("[servers.other]\ncommand = 'true'\nenabled = false\n".to_owned() + ROLES + &keys(&["ada", "bob"])),
    );
    daemon.signal(Signal::SIGHUP);
    daemon.says("reload", 1).await;
    store.answer(&of(&first).id, true, &answer(of(&first), None)).await.expect("answered");
    assert_eq!(place.ends(&first).await.result.map(|result| result.as_str().to_owned()), Some("\"first\"".to_owned()));
    assert_eq!(ada.call("executeToolCode", json!({"run": first.as_str()})).await, "\"first\"");
    // The key is taken away.
    place.configure(&(ROLES.to_owned() + &keys(&["bob"])));
    daemon.signal(Signal::SIGHUP);
    daemon.says("reload", 2).await;
    store.answer(&of(&second).id, true, &answer(of(&second), None)).await.expect("answered");
    let end = place.ends(&second).await;
    assert_eq!(end.outcome, "void");
    assert!(end.error.is_some_and(|error| error.message.contains("key:ada")));
    assert_eq!(place.made(), ["first"]);
}

fn random(below: u64) -> u64 {
    RandomState::new().build_hasher().finish() % below
}

fn rounds() -> u32 {
    std::env::var("EXUVIA_HELD_KILLS").map_or(ROUNDS, |rounds| rounds.parse().expect("a number"))
}

/// Each run has three calls in sequence and two at a time, all of them held. Where nobody knows whether a call was made, the person who is
/// asked looks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_wait_survive_kills_and_make_every_call_once() {
    let place = Place::new("");
    let mut daemon = place.serve().await;
    let store = place.store();
    let (mut kills, mut unknown, mut seen) = (0, 0, BTreeSet::new());
    for round in 1..=rounds() {
        let code = format!(
            "import asyncio, random\nmark = random.random()\n\
             def once(n):\n    try:\n        return fake.echo(value=f'{round}-{{n}}', mark=mark)['value']\n    except ToolDenied:\n        \
             return f'{round}-{{n}}'\n\
             async def later(n):\n    try:\n        return (await fake.echo(value=f'{round}-{{n}}', mark=mark))['value']\n    \
             except ToolDenied:\n        return f'{round}-{{n}}'\n\
             values = [once(n) for n in range(3)] + await asyncio.gather(later(3), later(4))\n\
             fake.process()\nresult = [values, 0 <= mark < 1]"
        );
        let address = daemon.address();
        // It may never be answered.
        let client = tokio::spawn(async move { HttpClient::connect(address).await.execute(&code).await });
        let run = one_pending(&store).await.run;
        assert!(seen.insert(run.clone()), "{run} waits still");
        let mut left = 1 + random(3);
        let begun = Instant::now();
        let end = loop {
            if left > 0 && random(4) == 0 {
                left -= 1;
                kills += 1;
                daemon.signal(Signal::SIGKILL);
                daemon.ends_within(Duration::from_secs(10)).await;
                if random(2) == 0 {
                    unknown += answer_one(&place, &store).await;
                }
                daemon = place.serve().await;
            }
            unknown += answer_one(&place, &store).await;
            if let Some(end) = place.end(&run).await {
                break end;
            }
            assert!(begun.elapsed() < PATIENCE * 4, "{run} does not end: {:?}", store.waiting(&run).await);
            tokio::time::sleep(Duration::from_millis(random(150))).await;
        };
        client.abort();
        let values: Vec<String> = (0..5).map(|n| format!("{round}-{n}")).collect();
        let expected = json!([values, true]).to_string();
        let result = end.result.map(|result| result.as_str().to_owned());
        assert_eq!(result.as_deref(), Some(&*expected), "{:?} {:?}", end.outcome, end.error);
        let mut made: Vec<String> =
            place.made().into_iter().filter(|value| value.starts_with(&format!("{round}-"))).collect();
        made.sort();
        assert_eq!(made, values, "every call once");
        let archive = SqliteArchive::open(&place.folder.path("journal")).expect("a journal");
        let replay = Replay::load(&archive, &run).await.expect("it is replayable");
        let replayed = replay.run(engine()).await.expect("on this engine");
        assert_eq!(replayed.verdict, Verdict::Same, "{:?}", replayed.report.outcome);
    }
    println!(
        "{} runs through {kills} kills, with {unknown} calls of unknown outcome: every call was made once",
        rounds()
    );
}

/// Answers one approval, if there is one: of a call that may have been made, by what the server has seen. How many of those.
async fn answer_one(place: &Place, store: &SqliteApprovals) -> u64 {
    let Some(approval) = pending(store).await.pop() else { return 0 };
    let mut allow = true;
    if approval.may_have_happened {
        let content = store.content(&approval.id).await.expect("read").expect("kept");
        allow = !place.made().iter().any(|value| content.arguments.contains(&format!("\"{value}\"")));
    }
    let answered = store.answer(&approval.id, allow, &answer(&approval, None)).await;
    // It may have become void meanwhile.
    if answered.is_ok() && approval.may_have_happened { 1 } else { 0 }
}
