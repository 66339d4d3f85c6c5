//! `exuvia serve` under many clients, and under more than it takes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use exuvia_benches::{Served, bytes};
use exuvia_tests::HttpClient;

const CLIENTS: usize = 200;
const SCRIPTS: usize = 50;
/// What the process may grow by while it serves four fifths of the scripts: the record of them in memory, which is bounded by
/// as much.
const GROWTH_BYTES: i64 = 64 << 20;

/// Every script calls each of three servers, and two of them twice.
const SCRIPT: &str = "import asyncio\n\
    first = one.echo(value=1)['value'] + two.echo(value=2)['value'] + three.echo(value=3)['value']\n\
    rest = await asyncio.gather(one.echo(value=4), two.echo(value=5))\n\
    result = first + sum(row['value'] for row in rest)";

/// A daemon over three servers.
fn start(tables: &str) -> Result<Served> {
    let mut config = format!("auto_execute = [\"*.*\"]\n{tables}\n");
    for name in ["one", "two", "three"] {
        config += &Served::echo(name);
    }
    Served::start(&config)
}

/// 200 clients at once, each with 50 scripts of 5 calls to 3 servers.
pub(crate) async fn many_clients_at_once() -> Result<String> {
    let served = start("")?;
    round(served.address(), SCRIPTS / 5).await?;
    let (before, begun) = (served.memory()?, Instant::now());
    round(served.address(), SCRIPTS - SCRIPTS / 5).await?;
    let (seconds, growth) = (begun.elapsed().as_secs_f64(), served.memory()? - before);
    let scripts = CLIENTS * (SCRIPTS - SCRIPTS / 5);
    let measured = format!(
        "{} scripts without an error, {:.0} a second; {} before, {} more after",
        CLIENTS * SCRIPTS,
        scripts as f64 / seconds,
        bytes(before),
        bytes(growth)
    );
    ensure!(growth <= GROWTH_BYTES, "{measured}");
    Ok(measured)
}

async fn round(address: SocketAddr, scripts: usize) -> Result<()> {
    let client = |_| {
        tokio::spawn(async move {
            let mut client = HttpClient::connect(address).await;
            for _ in 0..scripts {
                let text = client.execute(SCRIPT).await;
                ensure!(text == "15", "{text}");
            }
            Ok(())
        })
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    for client in clients {
        client.await??;
    }
    Ok(())
}

/// Five times as many scripts as there are places: each is run or told when to come back, and soon there is room again.
pub(crate) async fn more_than_it_takes() -> Result<String> {
    const PLACES: usize = 32;
    let served = start("[runs]\nconcurrent = 4\nwaiting = 28")?;
    let address = served.address();
    let busy = texts("one.sleep(ms=300)\nresult = 'slept'", address, PLACES * 5).await?;
    let (ran, refused): (Vec<_>, Vec<_>) = busy.iter().partition(|text| *text == "\"slept\"");
    for text in &refused {
        ensure!(text.starts_with("too many scripts are running or waiting"), "{text}");
    }
    ensure!(ran.len() >= PLACES && !refused.is_empty(), "{} ran, {} were refused", ran.len(), refused.len());
    let begun = Instant::now();
    let mut client = HttpClient::connect(address).await;
    while client.execute("result = 1").await != "1" {
        if begun.elapsed() > Duration::from_secs(5) {
            bail!("there is no room again after 5 s");
        }
    }
    let recovered = begun.elapsed().as_millis();
    Ok(format!(
        "of {} at once {} ran, {} were told when to come back; room again after {recovered} ms",
        busy.len(),
        ran.len(),
        refused.len()
    ))
}

async fn texts(code: &'static str, address: SocketAddr, clients: usize) -> Result<Vec<String>> {
    let client = |_| tokio::spawn(async move { HttpClient::connect(address).await.execute(code).await });
    let clients: Vec<_> = (0..clients).map(client).collect();
    let mut texts = Vec::new();
    for client in clients {
        texts.push(client.await?);
    }
    Ok(texts)
}
