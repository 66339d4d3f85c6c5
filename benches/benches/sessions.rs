//! `cargo bench --bench sessions`: what a script of a session costs: warm beside a plain one, and brought back, for each script before it.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use exuvia_benches::{Table, returned, seconds};
use exuvia_config::SessionsConfig;
use exuvia_gateway::Client;
use exuvia_gateway::meta::{self, MetaAnswer};
use exuvia_runtime::Limits;
use exuvia_tests::{SampleGateway, Settings, TestJournal};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Runs of each case, of which the median counts.
const ROUNDS: usize = 101;

/// Scripts before the one that is measured.
const BEFORE: [usize; 3] = [1, 10, 50];

/// A script as an agent sends it.
const TYPICAL: &str = "import re, json, statistics, collections\n\
    rows = [{'id': n, 'total': n * 7 % 13, 'tag': f't{n % 3}'} for n in range(200)]\n\
    by_tag = collections.defaultdict(list)\nfor row in rows: by_tag[row['tag']].append(row['total'])\n\
    result = {tag: statistics.mean(totals) for tag, totals in by_tag.items()}";

/// A gateway with sessions of which so many stay in memory.
struct Bench {
    gateway: SampleGateway,
    client: Client,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn new(warm: u32) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let config = SessionsConfig {
            warm,
            per_principal: 10_000,
            scripts: 10_000,
            fuel: u64::MAX,
            ..SessionsConfig::default()
        };
        let settings = Settings {
            journal: Arc::new(TestJournal::for_replays(1 << 30)),
            repair_age: Some(Duration::from_secs(600)),
            sessions: Some((folder.path().to_owned(), config)),
            ..Settings::default()
        };
        let gateway = SampleGateway::with(Vec::new(), Limits::default(), settings).await;
        Ok(Self { gateway, client: Client::new("bench"), _folder: folder })
    }

    async fn run(&self, code: &str, session: Option<&str>) -> Result<Duration> {
        let mut arguments = json!({"code": code});
        if let Some(session) = session {
            arguments["session"] = Value::from(session);
        }
        let arguments = arguments.as_object().context("an object")?;
        let (gateway, began) = (self.gateway.gateway(), Instant::now());
        let view = gateway.default_view();
        let MetaAnswer::Run(run) = meta::call(gateway, &view, &self.client, "executeToolCode", arguments).await? else {
            bail!("no run")
        };
        returned(&run.report().await)?;
        Ok(began.elapsed())
    }
}

fn main() -> Result<()> {
    let runtime = Runtime::new()?;
    let mut table = Table::new(["script", "plain", "first of a session", "warm"]);
    for (name, code) in [("1 + 1", "1 + 1"), ("200 rows", TYPICAL)] {
        let [plain, first, warm] = runtime.block_on(warm(code))?;
        table.row([name.into(), seconds(plain), seconds(first), seconds(warm)]);
    }
    println!("{table}");
    let mut table = Table::new(["scripts before", "brought back and run", "for each of them"]);
    let none = runtime.block_on(warm(TYPICAL))?[1];
    for before in BEFORE {
        let took = runtime.block_on(revived(before))?;
        let each = took.saturating_sub(none) / u32::try_from(before)?;
        table.row([before.to_string(), seconds(took), seconds(each)]);
    }
    println!("{table}");
    Ok(())
}

/// Medians of a plain script, the first of a session and a further one, in turns.
async fn warm(code: &str) -> Result<[Duration; 3]> {
    let bench = Bench::new(2).await?;
    bench.run(code, Some("warm")).await?;
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        times[0].push(bench.run(code, None).await?);
        times[1].push(bench.run(code, Some(&format!("s{round}"))).await?);
        times[2].push(bench.run(code, Some("warm")).await?);
    }
    bench.gateway.stop().await;
    Ok(times.map(median))
}

/// The median of a script whose session is brought back.
async fn revived(before: usize) -> Result<Duration> {
    let bench = Bench::new(0).await?;
    let mut times = Vec::new();
    for round in 0..9 {
        let session = format!("s{round}");
        for _ in 0..before {
            bench.run(TYPICAL, Some(&session)).await?;
        }
        times.push(bench.run(TYPICAL, Some(&session)).await?);
    }
    bench.gateway.stop().await;
    Ok(median(times))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
