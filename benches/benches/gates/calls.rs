//! Many calls in one script.

use anyhow::{Result, ensure};
use exuvia_runtime::{Limits, Report};
use exuvia_tests::SampleGateway;

use crate::session::returns;

const CALLS: u64 = 5_000;

/// How long the server takes for each call.
const DELAY_MS: u64 = 2;

/// How far the fuel of a call may be from that of a call among a quarter as many, in percent.
const TOLERANCE_PERCENT: f64 = 10.0;

fn limits() -> Limits {
    Limits { concurrent_calls: 32, ..Limits::default() }
}

fn plain(calls: u64) -> String {
    format!("result = sum(echo.echo(value=n)['value'] for n in range({calls}))")
}

fn parallel(calls: u64) -> String {
    format!(
        "import asyncio\n\
         answers = await asyncio.gather(*[echo.echo(value=n) for n in range({calls})])\n\
         result = sum(answer['value'] for answer in answers)"
    )
}

async fn run(gateway: &SampleGateway, script: &str, calls: u64) -> Result<Report> {
    let report = returns(gateway, script, &(calls * (calls - 1) / 2).to_string()).await?;
    ensure!(report.usage.tool_calls == calls, "{} calls instead of {calls}", report.usage.tool_calls);
    Ok(report)
}

/// 5,000 plain and 5,000 parallel calls.
pub(crate) async fn parallel_is_ten_times_faster() -> Result<String> {
    let gateway = SampleGateway::echo(limits(), &["--delay-ms", &DELAY_MS.to_string()]).await;
    let plain = run(&gateway, &plain(CALLS), CALLS).await?.usage.wall_ms;
    let parallel = run(&gateway, &parallel(CALLS), CALLS).await?.usage.wall_ms;
    gateway.stop().await;
    let measured = format!("{CALLS} calls of {DELAY_MS} ms: {plain} ms plain, {parallel} ms parallel");
    ensure!(plain >= 10 * parallel, "{measured}: {:.1} times faster, not 10", plain as f64 / parallel as f64);
    Ok(format!("{measured}, {:.1} times faster", plain as f64 / parallel as f64))
}

/// Four times the calls cost four times the fuel. Over fewer, single collections of garbage would show, and how many answers come
/// at a time.
pub(crate) async fn fuel_grows_linearly() -> Result<String> {
    let gateway = SampleGateway::echo(limits(), &[]).await;
    let mut told = Vec::new();
    for (name, script) in [("plain", plain as fn(u64) -> String), ("parallel", parallel)] {
        let alone = run(&gateway, &script(1), 1).await?.usage.fuel;
        let mut per_call = Vec::new();
        for calls in [CALLS / 2, 2 * CALLS] {
            let fuel = run(&gateway, &script(calls), calls).await?.usage.fuel - alone;
            per_call.push(fuel as f64 / (calls - 1) as f64 / 1e3);
        }
        let change = (per_call[1] / per_call[0] - 1.0) * 100.0;
        let line = format!("{name} {:.1} k, of four times as many {:.1} k fuel per call", per_call[0], per_call[1]);
        ensure!(change.abs() <= TOLERANCE_PERCENT, "{line}: {change:+.1} %");
        told.push(line);
    }
    gateway.stop().await;
    Ok(told.join("; "))
}
