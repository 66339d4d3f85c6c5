//! Runs that wait for approvals while the processes that have them are killed, stopped and started again: with a journal in SQLite, with one
//! in PostgreSQL, and with two processes on that one, either of which brings a run back and takes an answer.
//! `EXUVIA_HELD_KILLS`: how often a process ends. Default: 6.
#![expect(clippy::print_stdout, reason = "the gates show how much was compared")]

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::process::Command;

use exuvia_journal::{Archive as _, Entry, Record, RunEnd, RunStart, Seq, Stamped, StoreArchive};
use exuvia_replay::{CallState, RecordedRun};
use exuvia_tests::{AdminApi, Daemon, DataHome, Folder, HttpClient, JournalPlace, built};
use exuvia_tool::{Arguments, CallId, Cost, Origin, ToolCall, ToolName};
use nix::sys::signal::Signal;
use tokio::task::JoinHandle;

use super::served::values_of;
use super::*;

const KILLS: u32 = 6;
/// Runs that wait at a time.
const RUNS: usize = 4;
/// The calls of each run, all of them held.
const CALLS: usize = 6;
/// How long a process is away at most, in milliseconds.
const AWAY_MS: u64 = 1_500;
/// Of a run that is killed again and again, and each time waits for the end of its lease.
const LONGEST: Duration = Duration::from_secs(300);

/// Calls in sequence, two at a time and within a timeout. Where nobody knows whether a call was made, the person who is asked looks, and the
/// script goes on with what it would have been answered.
const SCRIPT: &str = "\
import asyncio, random
mark = random.random()
def once(n):
    try:
        return fake.echo(value=f'RUN-{n}', mark=mark)['value']
    except ToolDenied:
        return f'RUN-{n}'
async def later(n):
    try:
        return (await fake.echo(value=f'RUN-{n}', mark=mark))['value']
    except ToolDenied:
        return f'RUN-{n}'
print('begun')
values = [once(0), once(1)]
print('two')
values += await asyncio.gather(later(2), later(3))
print('four')
async with asyncio.timeout(20):
    values.append(await later(4))
fake.process()
values.append(once(5))
print('six')
result = [values, 0 <= mark < 1]";

/// A process, or the time at which it is started again.
enum Slot {
    Running(Box<Daemon>),
    Away(Instant),
}

/// A run that waits, or waited.
struct Held {
    id: String,
    run: RunId,
    begun: Instant,
    client: JoinHandle<String>,
}

/// Processes on one journal, whose servers write down what reaches them.
struct Processes {
    folder: Folder,
    homes: Vec<DataHome>,
    place: JournalPlace,
    slots: Vec<Slot>,
    store: Arc<dyn ApprovalStore>,
    archive: StoreArchive,
    /// Where runs stood when a process ended: how often.
    points: BTreeMap<String, u32>,
    unknown: u32,
}

impl Processes {
    async fn new(place: JournalPlace, number: usize) -> Self {
        let folder = Folder::new("");
        let (fake, record) = (built("exuvia-fake-upstream"), folder.path("calls"));
        let server = format!(
            "[servers.fake]\ncommand = {fake:?}\nargs = ['--record', {record:?}]\nauto_execute = ['process']\n\
             on_unlisted = 'ask-at-call'\n[limits]\nhold_ms = 100\n"
        );
        folder.write("exuvia.toml", &(server + &place.config("")));
        let homes: Vec<_> = (0..number).map(|_| DataHome::shared()).collect();
        let first = daemon(&folder, &homes[0]).await;
        let mut slots = vec![Slot::Running(Box::new(first))];
        for home in &homes[1..] {
            let (from, to) = (place.folder(&homes[0]), place.folder(home));
            fs::create_dir_all(&to).expect("a folder");
            fs::copy(from.join("journal.key"), to.join("journal.key")).expect("the key of the journal");
            slots.push(Slot::Running(Box::new(daemon(&folder, home).await)));
        }
        let (store, archive) = (place.approvals(&homes[0]).await, place.archive(&homes[0]));
        Self { folder, homes, place, slots, store, archive, points: BTreeMap::new(), unknown: 0 }
    }

    /// One of the processes that run. None: none does.
    fn any(&self) -> Option<(&Daemon, &DataHome)> {
        let running = self.slots.iter().zip(&self.homes).filter_map(|(slot, home)| match slot {
            Slot::Running(daemon) => Some((&**daemon, home)),
            Slot::Away(_) => None,
        });
        let running: Vec<_> = running.collect();
        (!running.is_empty()).then(|| running[random(running.len())])
    }

    /// Starts those again that were away long enough. `all`: and the others.
    async fn start_again(&mut self, all: bool) {
        for (slot, home) in self.slots.iter_mut().zip(&self.homes) {
            if matches!(slot, Slot::Away(until) if all || *until <= Instant::now()) {
                *slot = Slot::Running(Box::new(daemon(&self.folder, home).await));
            }
        }
    }

    /// Ends a process that runs, two of three times without a word. Whether there was one.
    async fn end_one(&mut self, held: &[Held]) -> bool {
        let number = random(self.slots.len());
        let Slot::Running(daemon) = &mut self.slots[number] else { return false };
        daemon.signal(if random(3) == 0 { Signal::SIGTERM } else { Signal::SIGKILL });
        daemon.ends_within(Duration::from_secs(20)).await;
        self.slots[number] = Slot::Away(Instant::now() + Duration::from_millis(random(AWAY_MS as usize) as u64));
        for one in held {
            let made = values_of(&self.folder.path("calls")).iter().filter(|value| one.is_of(value)).count();
            let state = self.store.waiting(&one.run).await.expect("read").map(|waiting| waiting.state);
            let state = state.map_or_else(|| "unknown".to_owned(), |state| format!("{state:?}").to_lowercase());
            *self.points.entry(format!("{state} after {made} calls")).or_default() += 1;
        }
        true
    }

    async fn pending(&self) -> Vec<Approval> {
        let filter = ApprovalFilter { state: Some(ApprovalState::Pending), ..ApprovalFilter::default() };
        self.store.list(&filter).await.expect("read")
    }

    /// Has a process run the script, and waits until its first call is held.
    async fn begin(&mut self, id: &str) -> Held {
        self.start_again(true).await;
        let (daemon, _) = self.any().expect("one runs");
        let (address, code) = (daemon.address(), SCRIPT.replace("RUN", id));
        // It may never be answered.
        let client = tokio::spawn(async move { HttpClient::connect(address).await.execute(&code).await });
        let begun = Instant::now();
        loop {
            for approval in self.pending().await {
                let content = self.store.content(&approval.id).await.expect("read").expect("kept");
                if content.arguments.contains(&format!("\"{id}-0\"")) {
                    return Held { id: id.to_owned(), run: approval.run, begun, client };
                }
            }
            assert!(begun.elapsed() < PATIENCE, "nothing is asked");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Answers one approval, if there is one: by the store, as the command line does, or by the API of whichever process runs. Of a call that may
    /// have been made by what the server has seen.
    async fn answer_one(&mut self) {
        let pending = self.pending().await;
        let Some(approval) = (!pending.is_empty()).then(|| &pending[random(pending.len())]) else { return };
        let mut allow = true;
        if approval.may_have_happened {
            let content = self.store.content(&approval.id).await.expect("read").expect("kept");
            let made = values_of(&self.folder.path("calls"));
            allow = !made.iter().any(|value| content.arguments.contains(&format!("\"{value}\"")));
        }
        let answered = match self.any().filter(|_| random(2) == 0) {
            Some((daemon, home)) => {
                let token = fs::read_to_string(home.as_path().join("exuvia/admin.token")).expect("a token");
                let api = AdminApi { token, ..AdminApi::at(daemon).await };
                let path = format!("/approvals/{}/{}", approval.id, if allow { "approve" } else { "deny" });
                let answered = api.ask("POST", &path, Some(&json!({"shown_sha256": approval.shown_sha256}))).await;
                assert!(matches!(answered.status, 200 | 409), "{answered:?}");
                answered.status == 200
            }
            // It may have become void meanwhile.
            None => self.store.answer(&approval.id, allow, &answer(approval, None)).await.is_ok(),
        };
        self.unknown += u32::from(answered && approval.may_have_happened);
    }

    async fn end(&self, held: &Held) -> Option<RunEnd> {
        let end = self.archive.record(held.run.as_str()).await.expect("read")?.end().cloned();
        if end.is_none() && held.begun.elapsed() > LONGEST {
            panic!("{} does not end: {:?}", held.run, self.store.waiting(&held.run).await);
        }
        end
    }

    /// What came of a run, with its name left out.
    fn seen(&self, held: &Held, end: &RunEnd) -> String {
        let mut made = values_of(&self.folder.path("calls"));
        made.retain(|value| held.is_of(value));
        made.sort();
        let result = end.result.as_ref().map(|result| result.as_str().to_owned());
        let seen = format!("{} {:?} {result:?} {:?} {made:?}", end.outcome, end.error, end.log);
        seen.replace(&format!("{}-", held.id), "RUN-")
    }

    /// What is recorded of a run and of its approvals, for whoever looks for a mistake.
    async fn told(&self, held: &Held) -> String {
        let record = self.archive.record(held.run.as_str()).await.expect("read").expect("there");
        let entries = record.entries.iter().map(|stamped| {
            let event = &stamped.entry.event;
            format!("{} {} {} {:?}", stamped.seq.0, stamped.at_ms, event.kind(), event.call_id())
        });
        let filter = ApprovalFilter { run: Some(held.run.clone()), ..ApprovalFilter::default() };
        let approvals = self.store.list(&filter).await.expect("read").into_iter().map(|one| {
            format!("{} call {:?} {:?} may have happened: {}", one.id, one.call, one.state, one.may_have_happened)
        });
        entries.chain(approvals).collect::<Vec<_>>().join("\n")
    }

    async fn replays(&self, held: &Held) {
        let replay = Replay::load(&self.archive, &held.run).await.expect("it is replayable");
        let replayed = replay.run(engine()).await.expect("on this engine");
        assert_eq!(replayed.verdict, Verdict::Same, "{:?}", replayed.report.outcome);
    }
}

impl Held {
    fn is_of(&self, value: &str) -> bool {
        value.strip_prefix(&self.id).is_some_and(|rest| rest.starts_with('-'))
    }
}

async fn daemon(folder: &Folder, home: &DataHome) -> Daemon {
    let mut command = Command::new(built("exuvia"));
    command.env("XDG_DATA_HOME", home);
    let daemon = Daemon::start_by(command, &["--config", &folder.text("exuvia.toml")]);
    daemon.ready().await;
    daemon
}

fn random(below: usize) -> usize {
    (RandomState::new().build_hasher().finish() % below as u64) as usize
}

fn kills() -> u32 {
    std::env::var("EXUVIA_HELD_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_wait_in_sqlite_survive_kills_and_make_every_call_once() {
    kill_them(JournalPlace::sqlite(), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_wait_in_postgresql_survive_kills_and_make_every_call_once() {
    if let Some(place) = JournalPlace::postgres() {
        kill_them(place, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_wait_survive_kills_of_two_processes_and_either_goes_on_with_them() {
    if let Some(place) = JournalPlace::postgres() {
        kill_them(place, 2).await;
    }
}

async fn kill_them(place: JournalPlace, number: usize) {
    let mut processes = Processes::new(place, number).await;
    let calm = processes.begin("calm").await;
    let end = loop {
        processes.answer_one().await;
        if let Some(end) = processes.end(&calm).await {
            break end;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let undisturbed = processes.seen(&calm, &end);
    let values: Vec<String> = (0..CALLS).map(|n| format!("RUN-{n}")).collect();
    assert!(undisturbed.starts_with("returned") && undisturbed.ends_with(&format!("{values:?}")), "{undisturbed}");

    let (mut held, mut ended, mut begun, mut over) = (Vec::<Held>::new(), 0, 0_u32, 0_u32);
    while ended < kills() || !held.is_empty() {
        processes.start_again(false).await;
        if ended < kills() && held.len() < RUNS {
            begun += 1;
            let one = processes.begin(&format!("r{begun}")).await;
            held.push(one);
        }
        if ended < kills() && random(3) == 0 && processes.end_one(&held).await {
            ended += 1;
        }
        if random(2) == 0 {
            processes.answer_one().await;
        }
        let mut open = Vec::new();
        for one in held {
            match processes.end(&one).await {
                Some(end) => {
                    let seen = processes.seen(&one, &end);
                    assert!(seen == undisturbed, "{seen}\n{}", processes.told(&one).await);
                    processes.replays(&one).await;
                    one.client.abort();
                    over += 1;
                }
                None => open.push(one),
            }
        }
        held = open;
        tokio::time::sleep(Duration::from_millis(random(60) as u64)).await;
    }
    let store = if processes.place.is_shared() { "PostgreSQL" } else { "SQLite" };
    println!(
        "{store}, {number} process(es): {over} runs through {ended} ends of a process, {} calls of unknown outcome; all ended as an \
         undisturbed one and every call was made once. They stood: {:?}",
        processes.unknown, processes.points
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_ends_brings_nothing_back_and_another_one_does() {
    let world = World::new(20).await;
    let run = world.begin("result = fake.echo(value=1)['value']");
    let id = run.id().clone();
    run.report().await;
    let asked = world.asked(&id, 1).await;
    world.until(&id, |state| *state == WaitingState::Parked).await;
    let gateway = world.gateway.gateway();
    gateway.stop_bringing_back();
    assert!(!gateway.is_bringing_back(), "nothing is on its way");
    world.answer(&asked[0], true).await;
    // Longer than until it looks for what can go on.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(world.until(&id, |_| true).await, WaitingState::Parked);
    let other = world.beside().await;
    other.over(&id).await;
    assert_eq!((other.result(&id), world.made().len(), other.made().len()), ("1".to_owned(), 0, 1));
    world.gateway.stop().await;
    other.gateway.stop().await;
}

/// The gateway ends while the run is on its way back, which takes a while.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_parked_again_on_its_way_back_keeps_its_answer() {
    for allow in [true, false] {
        let world = World::new(20).await;
        let run = world.begin(
            "for _ in range(3_000_000):\n    pass\ntry:\n    result = fake.echo(value=1)['value']\n\
             except ToolDenied:\n    result = 'denied'",
        );
        let id = run.id().clone();
        run.report().await;
        let asked = world.asked(&id, 1).await;
        world.until(&id, |state| *state == WaitingState::Parked).await;
        world.answer(&asked[0], allow).await;
        world.until(&id, |state| *state == WaitingState::Held).await;
        world.gateway.gateway().cancel_runs();
        world.until(&id, |state| *state == WaitingState::Parked).await;
        assert!(world.made().is_empty());
        let other = world.beside().await;
        other.over(&id).await;
        assert_eq!(other.result(&id), if allow { "1" } else { "\"denied\"" });
        other.replays(&id).await;
        world.gateway.stop().await;
        other.gateway.stop().await;
    }
}

/// A process asked anew about a call that may have been made, and was killed before anybody could see the question.
#[test]
fn a_call_of_unknown_outcome_stays_so_when_the_question_about_it_is_lost() {
    let arguments = Arguments::parse("{\"value\":1}".to_owned()).expect("JSON");
    let call = ToolCall { id: CallId(1), name: ToolName::new("fake", "echo"), arguments, line: Some(1) };
    let held = || Event::CallRefused {
        call: call.clone(),
        code: "awaiting-approval".into(),
        error: None,
        rule: String::new(),
    };
    let intended = Event::CallIntended { call: call.clone(), written: None, rule: String::new(), cost: Cost::ZERO };
    let entry = |event| Entry { principal: Principal::Operator, origin: Origin::Run(RunId::new("01")), event };
    let read = |events: &[Event]| {
        let start = Event::RunStarted(Box::new(RunStart { source: "x".into(), ..RunStart::default() }));
        let entries = std::iter::once(&start).chain(events).cloned().enumerate();
        let stamped = entries.map(|(at, event)| Stamped::new(Seq(at as u64 + 1), 1, entry(event))).collect();
        let run = RecordedRun::of(&Record::of(stamped).expect("entries")).expect("a run");
        run.calls[&CallId(1)].clone()
    };
    let once = read(&[held()]);
    assert!(once.state == CallState::Held && !once.may_have_happened());
    let again = read(&[held(), intended, held()]);
    assert!(again.state == CallState::Unknown && again.may_have_happened(), "{again:?}");
}
