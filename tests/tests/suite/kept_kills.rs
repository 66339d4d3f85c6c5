//! `exuvia serve` under load, killed at random moments, and its database: what a server or a client saw is in the journal, and nothing
//! is repeated. `EXUVIA_KILLS`: how many rounds. Default: 10. `EXUVIA_JOURNAL_MIB`: how large the journal is before the first round.
//! Default: empty; another one is verified at the end alone, and must be ready within 2 s.
#![expect(clippy::print_stdout, reason = "the gates show how much was compared")]

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{BuildHasher as _, Hasher as _};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use exuvia_journal::{Entry, Event, Journal as _, RunEnd, RunStart};
use exuvia_test_support::postgres::Server;
use exuvia_tests::{Daemon, DataHome, Ended, Folder, JournalPlace, Program, built};
use exuvia_tool::{Origin, Principal, RunId};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

const ROUNDS: u32 = 10;
const CLIENTS: u32 = 4;
/// The longest load before a kill, in milliseconds.
const LOAD_MS: u64 = 600;
/// How often everything is compared, at most: the journal grows with the rounds, and with it the time of each comparison.
const COMPARED: u32 = 10;
/// How soon a daemon with a large journal must be ready.
const READY: Duration = Duration::from_secs(2);
/// How the names of tools begin that there are not.
const NO_TOOL: &str = "no_tool_";
/// The size of a script that fills a journal, in bytes.
const FILLER_BYTES: usize = 16 << 10;

/// A server that notes each call, a data directory, and what clients were answered.
struct World {
    folder: Folder,
    data: DataHome,
    place: JournalPlace,
    answered: Arc<Mutex<BTreeSet<String>>>,
    /// What clients were answered that made a call of their own.
    direct: Arc<Mutex<BTreeSet<String>>>,
    /// What clients asked for and were refused.
    refused: Arc<Mutex<BTreeSet<String>>>,
}

/// What the journal has: of calls the text that they were made with, of runs what they returned.
#[derive(Default)]
struct Recorded {
    intended: BTreeSet<String>,
    returned: BTreeSet<String>,
    ended: BTreeSet<String>,
    refused: BTreeSet<String>,
}

impl World {
    fn new(place: JournalPlace) -> Self {
        let folder = Folder::new("");
        let (fake, record) = (built("exuvia-fake-upstream"), folder.path("calls"));
        let server = |name: &str, mode: &str| {
            let common = format!("command = {fake:?}\nargs = ['--record', {record:?}]\nauto_execute = ['echo']\n");
            format!("[servers.{name}]\n{common}{mode}")
        };
        let servers = server("fake", "") + &server("plain", "mode = 'direct'\n");
        folder.write("exuvia.toml", &(servers + &place.config("")));
        let (answered, direct, refused) = Default::default();
        Self { folder, data: DataHome::shared(), place, answered, direct, refused }
    }

    async fn serve(&self) -> Daemon {
        let mut command = Command::new(built("exuvia"));
        command.env("XDG_DATA_HOME", &self.data);
        let daemon = Daemon::start_by(command, &["--config", &self.folder.text("exuvia.toml")]);
        daemon.ready().await;
        daemon
    }

    /// Has clients run scripts of two calls, and others that do not start, until the daemon is gone, or they are ended.
    fn load(&self, daemon: &Daemon, round: u32) -> Vec<tokio::task::JoinHandle<()>> {
        let one = |client: u32| {
            let (answered, address) = (Arc::clone(&self.answered), daemon.address());
            let refused = Arc::clone(&self.refused);
            tokio::spawn(async move {
                let mut connection = exuvia_tests::HttpClient::connect(address).await;
                for script in 0.. {
                    let id = format!("{round}-{client}-{script}");
                    let call = |number: u32| format!("fake.echo(value='{id}-{number}')['value']");
                    let answer = connection.execute(&format!("result = [{}, {}]", call(1), call(2))).await;
                    if answer == format!("[\"{id}-1\",\"{id}-2\"]") {
                        answered.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
                    } else {
                        // Without its database, a daemon refuses at once.
                        assert!(answer.contains("journal"), "{answer}");
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    let no_tool = format!("{NO_TOOL}{round}_{client}_{script}");
                    let answer = connection.execute(&format!("fake.{no_tool}()")).await;
                    assert!(answer.contains(&no_tool), "{answer}");
                    refused.lock().unwrap_or_else(PoisonError::into_inner).insert(no_tool);
                }
            })
        };
        let direct = (0..CLIENTS).map(|client| self.direct_load(daemon, format!("{round}-direct-{client}")));
        (0..CLIENTS).map(one).chain(direct).collect()
    }

    /// Has a client call a direct server's tool, and one that it may not call, until the daemon is gone, or it is ended.
    fn direct_load(&self, daemon: &Daemon, name: String) -> tokio::task::JoinHandle<()> {
        let (direct, address) = (Arc::clone(&self.direct), daemon.address());
        let refused = Arc::clone(&self.refused);
        tokio::spawn(async move {
            let mut connection = exuvia_tests::HttpClient::connect(address).await;
            for call in 0.. {
                let value = format!("{name}-{call}");
                let params = |tool: &str| json!({"name": tool, "arguments": {"value": &value}});
                let answer = connection.ask("/mcp", "tools/call", params("plain__echo"), json!({})).await.message();
                if answer["result"]["structuredContent"]["value"] == value.as_str() {
                    direct.lock().unwrap_or_else(PoisonError::into_inner).insert(value.clone());
                } else {
                    assert!(answer.to_string().contains("journal"), "{answer}");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                let answer = connection.ask("/mcp", "tools/call", params("plain__answer"), json!({})).await.message();
                assert!(answer.to_string().contains("approval"), "{answer}");
                refused.lock().unwrap_or_else(PoisonError::into_inner).insert(value);
            }
        })
    }

    fn exuvia(&self, arguments: &[&str]) -> Ended {
        let data = self.data.as_path().display().to_string();
        let config = ["--config", &self.folder.text("exuvia.toml")];
        Program::start(&[arguments, &config].concat(), &[("XDG_DATA_HOME", &data)]).end()
    }

    fn verify(&self) {
        let ended = self.exuvia(&["audit", "verify", "--json"]);
        let report = &ended.json()["journals"][0];
        assert_eq!((ended.status, &report["is_consistent"]), (Some(0), &true.into()), "{report:#}");
    }

    /// Compares the journal with what the server noted and with what clients were answered.
    fn compare(&self) {
        let noted = fs::read_to_string(self.folder.path("calls")).unwrap_or_default();
        let mut sent = BTreeMap::<String, u32>::new();
        for line in noted.lines() {
            // A server that was killed as well may have left half a line.
            let Ok(call) = serde_json::from_str::<Value>(line) else { continue };
            *sent.entry(text(&call["params"]["arguments"]["value"])).or_default() += 1;
        }
        let repeated: Vec<_> = sent.iter().filter(|(_, times)| **times > 1).collect();
        assert!(repeated.is_empty(), "{repeated:?}");
        let Recorded { intended, returned, ended, refused } = self.recorded();
        let unrecorded: Vec<_> = sent.keys().filter(|value| !intended.contains(*value)).collect();
        assert!(unrecorded.is_empty(), "calls without an intent: {unrecorded:?}");
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let lost: Vec<_> = answered.difference(&returned).collect();
        assert!(lost.is_empty(), "answers without a record: {lost:?}");
        let direct = self.direct.lock().unwrap_or_else(PoisonError::into_inner);
        let lost: Vec<_> = direct.difference(&ended).collect();
        assert!(lost.is_empty(), "answers to calls without a record: {lost:?}");
        let seen = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let lost: Vec<_> = seen.difference(&refused).collect();
        assert!(lost.is_empty(), "refusals without a record: {lost:?}");
        let is_load = !answered.is_empty() && !direct.is_empty() && !seen.is_empty() && sent.len() >= answered.len();
        assert!(is_load, "there was no load");
        let (runs, calls, refusals) = (answered.len(), direct.len(), seen.len());
        println!(
            "{} calls sent, {runs} runs answered, {} returned, {calls} calls answered, {refusals} refused",
            sent.len(),
            returned.len()
        );
    }

    /// What the journal has of all that.
    fn recorded(&self) -> Recorded {
        let mut recorded = Recorded::default();
        // Each of these has all runs but those that fill the journal.
        let filters = [["--server", "plain"], ["--server", "fake"], ["--outcome", "raised"]];
        let exported = filters.map(|[filter, value]| self.exuvia(&["runs", "export", filter, value]).stdout);
        for line in exported.iter().flat_map(|exported| exported.lines()) {
            let run: Value = serde_json::from_str(line).expect("JSON");
            let calls = run["calls"].as_array().expect("calls");
            let (refused, intended): (Vec<_>, Vec<_>) = calls.iter().partition(|call| call["decision"] == "refused");
            let value = |call: &&Value| text(&call["arguments"]["value"]);
            recorded.refused.extend(refused.iter().map(value));
            recorded.intended.extend(intended.iter().map(value));
            let answers = calls.iter().map(|call| text(&call["value"]["structuredContent"]["value"]));
            recorded.ended.extend(answers.filter(|value| !value.is_empty()));
            if run["outcome"] == "returned" {
                let first = text(&run["end"]["result"][0]);
                recorded.returned.insert(first.strip_suffix("-1").unwrap_or_default().to_owned());
            }
            if let Some((_, no_tool)) = run["rejected"].as_str().and_then(|reason| reason.split_once(NO_TOOL)) {
                let number: String = no_tool.chars().take_while(|c| c.is_ascii_digit() || *c == '_').collect();
                recorded.refused.insert(format!("{NO_TOOL}{number}"));
            }
        }
        recorded
    }
}

fn mib() -> usize {
    std::env::var("EXUVIA_JOURNAL_MIB").map_or(0, |mib| mib.parse().expect("a number"))
}

impl World {
    /// Fills the journal with runs that no compression makes smaller.
    async fn fill(&self) {
        let journal = self.place.open(&self.data).await;
        for number in 0..(mib() << 20) / FILLER_BYTES {
            let mut bytes = vec![0; FILLER_BYTES];
            getrandom::fill(&mut bytes).expect("randomness");
            let source: String = bytes.iter().map(|byte| char::from(b'!' + byte % 90)).collect();
            let (principal, origin) = (Principal::Operator, Origin::Run(RunId::new(format!("filler-{number}"))));
            let event = |event| Entry { principal: principal.clone(), origin: origin.clone(), event };
            let events = [
                event(Event::RunStarted(Box::new(RunStart { source, ..RunStart::default() }))),
                event(Event::RunEnded(Box::new(RunEnd { outcome: "returned".into(), ..RunEnd::default() }))),
            ];
            for entry in events {
                while journal.enqueue(entry.clone()).is_err() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
        journal.close().await.expect("closed");
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn is_compared(round: u32, rounds: u32) -> bool {
    round == rounds || round.is_multiple_of(rounds.div_ceil(COMPARED).max(ROUNDS))
}

fn rounds() -> u32 {
    std::env::var("EXUVIA_KILLS").map_or(ROUNDS, |rounds| rounds.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_anybody_saw_of_a_daemon_that_is_killed_is_in_the_journal_and_nothing_is_repeated() {
    kill_the_daemon(World::new(JournalPlace::sqlite())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_anybody_saw_of_a_daemon_that_is_killed_is_in_postgresql_and_nothing_is_repeated() {
    if let Some(place) = JournalPlace::postgres() {
        kill_the_daemon(World::new(place)).await;
    }
}

async fn kill_the_daemon(world: World) {
    let (rounds, is_large) = (rounds(), mib() > 0);
    if is_large {
        world.fill().await;
    }
    let mut slowest = Duration::ZERO;
    for round in 1..=rounds {
        let begun = Instant::now();
        let mut daemon = world.serve().await;
        slowest = slowest.max(begun.elapsed());
        let clients = world.load(&daemon, round);
        tokio::time::sleep(Duration::from_millis(random() % LOAD_MS)).await;
        daemon.signal(Signal::SIGKILL);
        daemon.ends_within(Duration::from_secs(10)).await;
        for client in clients {
            // Each ends by a panic: it has no answer.
            let _ = client.await;
        }
        if !is_large && (round <= ROUNDS || is_compared(round, rounds)) {
            world.verify();
        }
        if is_compared(round, rounds) {
            world.compare();
        }
    }
    let store = if world.place.is_shared() { "PostgreSQL" } else { "SQLite" };
    println!(
        "{store}: {rounds} kills of the daemon, with {} MiB before the first; ready after at most {} ms",
        mib(),
        slowest.as_millis()
    );
    if is_large {
        world.verify();
        assert!(slowest < READY, "it was not ready in time");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_whose_database_is_killed_loses_and_repeats_nothing_and_recovers() {
    let Some(server) = Server::own() else { return };
    let (rounds, world) = (rounds(), World::new(JournalPlace::at(&server)));
    let daemon = world.serve().await;
    let mut slowest = Duration::ZERO;
    for round in 1..=rounds {
        let clients = world.load(&daemon, round);
        tokio::time::sleep(Duration::from_millis(random() % LOAD_MS)).await;
        server.kill(["-KILL", "-QUIT"][round as usize % 2]);
        tokio::time::sleep(Duration::from_millis(random() % 200)).await;
        server.back();
        let begun = Instant::now();
        let mut client = exuvia_tests::HttpClient::connect(daemon.address()).await;
        while client.execute("result = 1").await != "1" {
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not recover:\n{}", daemon.said().join("\n"));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        slowest = slowest.max(begun.elapsed());
        clients.iter().for_each(|client| client.abort());
        for client in clients {
            if let Err(error) = client.await {
                assert!(error.is_cancelled(), "{error}");
            }
        }
        if is_compared(round, rounds) {
            // What the clients left behind is recorded soon.
            daemon.busy_with(0).await;
            world.compare();
        }
    }
    drop(daemon);
    world.verify();
    println!("PostgreSQL killed {rounds} times; recovered after at most {} ms", slowest.as_millis());
}
