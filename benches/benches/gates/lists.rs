//! The list of runs in the console, over as many runs as a busy gateway has in weeks: the time of the server with each filter.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use exuvia_benches::Table;
use exuvia_journal::{Entry, Event, Journal as _, RunEnd, RunError, RunStart, StoreJournal};
use exuvia_tests::{AdminApi, Daemon, DataHome, Folder, HttpClient, JournalPlace, built};
use exuvia_tool::{
    Arguments, CallError, CallId, Cost, DirectCallId, Json, Origin, Principal, RunId, ToolCall, ToolName,
};
use serde_json::Value;

const RUNS: u64 = 100_000;
/// The longest that the server may take, in the median: what a busy machine adds is in the table.
const LONGEST: Duration = Duration::from_millis(300);
const ROUNDS: usize = 10;
const SERVERS: [&str; 6] = ["crm", "files", "mail", "tracker", "warehouse", "billing"];

/// What is asked for, as the screen of runs asks.
const ASKED: [(&str, &str); 16] = [
    ("the newest", ""),
    ("principal", "&principal=key:k7"),
    ("principal without a run", "&principal=key:nobody"),
    ("server", "&server=mail"),
    ("tool", "&server=crm&tool=tool_3"),
    ("rare tool", "&tool=rare"),
    ("outcome", "&outcome=stopped"),
    ("failed", "&failed=true"),
    ("slow", "&slow_ms=5000"),
    ("slow, none", "&slow_ms=100000000"),
    ("text of an error", "&text=maintenance"),
    ("text of a tool", "&text=rare"),
    ("text that nothing has", "&text=nosuchtext"),
    ("time", "&since=1&until=9000000000000"),
    ("actions of the operator", "&kind=admin"),
    ("everything together", "&principal=key:k7&server=crm&failed=true&slow_ms=1000&text=maintenance"),
];

pub(crate) async fn every_filter_is_fast() -> Result<String> {
    let mut measured = vec![of(JournalPlace::sqlite(), "SQLite").await?];
    if let Some(place) = JournalPlace::postgres() {
        measured.push(of(place, "PostgreSQL").await?);
    }
    Ok(measured.join("; "))
}

async fn of(place: JournalPlace, store: &str) -> Result<String> {
    let (data, folder) = (DataHome::shared(), Folder::new(""));
    let (runs, begun) = (runs(), Instant::now());
    let journal = place.open(&data).await;
    for number in 0..runs {
        for entry in entries(number)? {
            while journal.enqueue(entry.clone()).is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    close(&journal).await?;
    println!("{store}: {runs} runs written in {:.1} s", begun.elapsed().as_secs_f64());
    folder.write("exuvia.toml", &place.config(""));
    let mut command = Command::new(built("exuvia"));
    command.env("XDG_DATA_HOME", &data);
    let daemon = Daemon::start_by(command, &["--config", &folder.text("exuvia.toml")]);
    daemon.ready().await;
    let token = fs::read_to_string(data.as_path().join("exuvia/admin.token"))?;
    let api = AdminApi { token, ..AdminApi::at(&daemon).await };
    let mut client = HttpClient::connect(api.address).await;
    let authorization = format!("Bearer {}", api.token);
    let mut table = Table::new([store, "found", "median", "longest"]);
    let mut longest = (Duration::ZERO, "");
    // From deep within the list, too.
    let deep = deep(&api, runs).await?;
    let deep = deep.as_ref().map(|query| ("a page from the middle", query.as_str()));
    for (what, query) in ASKED.into_iter().chain(deep) {
        let (mut times, mut found) = (Vec::new(), 0);
        for _ in 0..ROUNDS {
            let path = format!("/api/v1/runs?limit=50{query}");
            let begun = Instant::now();
            let answer = client.send("GET", &path, &[("authorization", &authorization)], "").await;
            times.push(begun.elapsed());
            ensure!(answer.status == 200, "{what}: {answer:?}");
            let answer: Value = serde_json::from_str(&answer.text)?;
            found = answer["items"].as_array().map_or(0, Vec::len);
        }
        times.sort_unstable();
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        table.row([what.to_owned(), found.to_string(), ms(times[ROUNDS / 2]), ms(times[ROUNDS - 1])]);
        longest = longest.max((times[ROUNDS / 2], what));
    }
    println!("{table}");
    let (time, what) = longest;
    let measured = format!("{store}: {runs} runs, at most {} ms in the median ({what})", time.as_millis());
    ensure!(time < LONGEST, "{measured}");
    Ok(measured)
}

/// The query for a page in the middle.
async fn deep(api: &AdminApi, runs: u64) -> Result<Option<String>> {
    let newest = api.get("/runs?limit=1").await;
    let place = newest["next"].as_str().and_then(|next| next.split('.').next()?.parse::<u64>().ok());
    Ok(place.filter(|_| runs > 1).map(|place| format!("&before={}", place / 2)))
}

async fn close(journal: &StoreJournal) -> Result<()> {
    while journal.close().await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// A run of some calls, of which one in ten fails and one in twenty is slow; each tenth is a client's own call, each hundredth an action.
fn entries(number: u64) -> Result<Vec<Entry>> {
    let principal = Principal::Key(format!("k{}", number % 20).as_str().into());
    let id = format!("01KB{number:022}");
    let (is_direct, is_action) = (number % 10 == 3, number % 100 == 7);
    let (principal, origin) = match (is_direct, is_action) {
        (_, true) => (Principal::Operator, Origin::Direct(DirectCallId::new(format!("admin-{id}")))),
        (true, _) => (principal, Origin::Direct(DirectCallId::new(id))),
        _ => (principal, Origin::Run(RunId::new(id))),
    };
    let entry = |event| Entry { principal: principal.clone(), origin: origin.clone(), event };
    if is_direct || is_action {
        return Ok(vec![entry(intended(number, 1)?), entry(ended(number, 1))]);
    }
    let source = format!("rows = crm.tool_1(limit={number})\nresult = len(rows)\n");
    let start = RunStart { source, source_sha256: "0".repeat(64), ..RunStart::default() };
    let mut entries = vec![entry(Event::RunStarted(Box::new(start)))];
    for call in 1..=1 + number % 4 {
        entries.extend([entry(intended(number, call)?), entry(ended(number, call))]);
    }
    let (outcome, error) = match number % 10 {
        0 => ("raised", Some(RunError { kind: "ValueError".into(), message: "no rows".into(), ..RunError::default() })),
        5 => ("stopped", None),
        _ => ("returned", None),
    };
    let end = RunEnd { outcome: outcome.into(), error, result: Json::parse("3".to_owned()).ok(), ..RunEnd::default() };
    entries.push(entry(Event::RunEnded(Box::new(end))));
    Ok(entries)
}

fn intended(number: u64, call: u64) -> Result<Event> {
    let server = SERVERS[(number % 7 * call) as usize % SERVERS.len()];
    let tool = if number % 10_000 == 1 { "rare".to_owned() } else { format!("tool_{}", number % 12) };
    let arguments = Arguments::parse(format!("{{\"limit\":{number}}}"))?;
    let call = ToolCall { id: CallId(call), name: ToolName::new(server, tool), arguments, line: Some(1) };
    Ok(Event::CallIntended { call, written: None, rule: "listed".into(), cost: Cost::ZERO })
}

fn ended(number: u64, call: u64) -> Event {
    let fails = number % 10 == 4 && call == 1;
    let error = CallError::UpstreamUnavailable("the server is down for maintenance".into());
    let value = Json::parse(format!("{{\"rows\":[{{\"id\":{number}}}]}}")).ok();
    let code = if fails { error.code() } else { "ok" }.to_owned();
    let outcome = if fails { Some(Err(error)) } else { value.map(Ok) };
    Event::CallEnded { id: CallId(call), code, outcome, value_bytes: 40, ms: 12 }
}

fn runs() -> u64 {
    std::env::var("EXUVIA_LISTED_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(RUNS)
}
