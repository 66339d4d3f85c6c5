//! Scripts that attack the sandbox: `data/bombs.jsonl`. How each may end stands in `data/bombs.outcomes.json`, written by
//! `EXUVIA_TESTS=bless` and read by a person.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use exuvia_gateway::answer::{AnswerRoom, render};
use exuvia_runtime::{Limits, Outcome, Report};
use exuvia_tests::{data, is_blessing, returned, run, tells_nothing_of_the_host};
use serde::{Deserialize, Serialize};

/// What a run may overshoot its deadline by.
const GRACE: Duration = Duration::from_millis(250);

/// A machine that is busy with something else may take a slice; what is wrong is wrong again and again.
const ATTEMPTS: usize = 4;

#[derive(Deserialize)]
struct Bomb {
    name: String,
    code: String,
    attacks: String,
}

/// How one bomb may end: `returned`, `raised KIND`, `denied KIND` or `stopped LIMIT`.
#[derive(Serialize, Deserialize, Default, Clone)]
struct Allowed {
    /// With all the time it wants, under a budget of fuel.
    budget: Vec<String>,
    /// What it compiles, run as a script of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    script: Vec<String>,
}

type Table = BTreeMap<String, Allowed>;

fn bombs() -> Vec<Bomb> {
    let text = fs::read_to_string(data("bombs.jsonl")).expect("the bombs are there");
    text.lines().map(|line| serde_json::from_str(line).expect("a bomb is an object")).collect()
}

fn table() -> Table {
    let text = fs::read_to_string(data("bombs.outcomes.json")).unwrap_or_else(|_| "{}".into());
    serde_json::from_str(&text).expect("a table of outcomes")
}

fn budget() -> Limits {
    Limits { fuel: 2_000_000_000, wall_ms: 15_000, log_bytes: 64 << 10, tool_calls: 1_000, ..Limits::default() }
}

fn deadline() -> Limits {
    Limits { fuel: 1 << 60, wall_ms: 300, log_bytes: 64 << 10, tool_calls: 1_000_000, ..Limits::default() }
}

fn ending(report: &Report) -> String {
    match &report.outcome {
        Outcome::Stopped(stop) => format!("stopped {}", stop.limit.name()),
        Outcome::Raised(error) | Outcome::Denied(error) => format!("{} {}", report.outcome.name(), error.kind),
        other => other.name().to_owned(),
    }
}

/// What holds of every run, however it ended.
fn holds_in_general(bomb: &Bomb, report: &Report, limits: &Limits) {
    let name = &bomb.name;
    assert!(report.logs.text.len() <= limits.log_bytes, "{name}: a log of {} bytes", report.logs.text.len());
    let peak = report.usage.memory_bytes_peak;
    assert!(peak <= limits.memory_bytes, "{name}: {peak} bytes of memory");
    assert!(report.calls.len() as u64 <= limits.tool_calls, "{name}: {} calls", report.calls.len());
    let answer = render(report, AnswerRoom { bytes: 64 << 10, preview_tokens: 2_000 }).text;
    assert!(answer.len() <= 80 << 10, "{name}: an answer of {} bytes", answer.len());
    for text in [&answer, &format!("{:?}", report.outcome), &report.logs.text] {
        tells_nothing_of_the_host(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

async fn the_next_script_works(after: &str) {
    let next = run("result = 1 + 1", Limits::default()).await;
    assert_eq!(returned(&next), 2, "after {after}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bomb_ends_as_it_may_within_its_budget() {
    let bless = is_blessing();
    let (mut table, mut wrong) = (table(), Vec::new());
    for bomb in bombs() {
        let report = run(&bomb.code, budget()).await;
        holds_in_general(&bomb, &report, &budget());
        the_next_script_works(&bomb.name).await;
        let script = as_script(&bomb).await;
        let allowed = table.entry(bomb.name.clone()).or_default();
        let mut check = |found: String, allowed: &mut Vec<String>| {
            if bless && allowed.is_empty() {
                allowed.push(found);
            } else if !allowed.contains(&found) {
                wrong.push(format!("{}: {found} instead of {allowed:?}", bomb.name));
            }
        };
        check(ending(&report), &mut allowed.budget);
        if let Some(report) = script {
            holds_in_general(&bomb, &report, &budget());
            the_next_script_works(&bomb.name).await;
            check(ending(&report), &mut allowed.script);
        }
    }
    if bless {
        let text = serde_json::to_string_pretty(&table).expect("JSON");
        fs::write(data("bombs.outcomes.json"), text + "\n").expect("the table can be written");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(table.len(), bombs().len(), "the table tells of bombs that are not there");
}

/// Runs what a parser bomb compiles as a script of its own.
async fn as_script(bomb: &Bomb) -> Option<Report> {
    if bomb.attacks != "parser" || !bomb.code.contains("compile(") || bomb.name == "ast_built_deep" {
        return None;
    }
    let capture = "def compile(source, *_):\n    global result\n    result = source\n";
    let room = Limits { memory_bytes: 1 << 30, result_bytes: 256 << 20, fuel: 1 << 40, ..Limits::default() };
    let source = returned(&run(&format!("{capture}{}", bomb.code), room).await);
    Some(run(source.as_str().expect("a source"), budget()).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bomb_keeps_its_deadline() {
    let table = table();
    for bomb in bombs() {
        let limit = Duration::from_millis(deadline().wall_ms) + GRACE;
        let mut took = Vec::new();
        for _ in 0..ATTEMPTS {
            let started = Instant::now();
            let report = run(&bomb.code, deadline()).await;
            took.push(started.elapsed());
            let ending = ending(&report);
            let allowed = table.get(&bomb.name).is_some_and(|allowed| allowed.budget.contains(&ending));
            let expected = ending == "stopped wall_ms" || allowed;
            // With more fuel a bomb may get as far as to the limit behind it.
            let further = ["stopped memory_bytes", "raised MemoryError", "raised RecursionError", "returned"];
            assert!(expected || further.contains(&ending.as_str()), "{}: {ending}", bomb.name);
            holds_in_general(&bomb, &report, &deadline());
            if took.last() <= Some(&limit) {
                break;
            }
        }
        assert!(took.iter().any(|took| *took <= limit), "{}: {took:?}", bomb.name);
        the_next_script_works(&bomb.name).await;
    }
}
