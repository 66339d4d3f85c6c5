//! Large values: they pass under raised limits, and have the stated effect over them.

use anyhow::{Result, ensure};
use exuvia_config::UpstreamLimits;
use exuvia_runtime::{Limit, Limits, Outcome};
use exuvia_tests::{SampleGateway, Settings};

use crate::session::returns;

const SIZES: [u64; 3] = [1_000_000, 10_000_000, 50_000_000];

fn raised() -> Limits {
    Limits {
        fuel: 500_000_000_000,
        memory_bytes: 2 << 30,
        call_arguments_bytes: 128 << 20,
        call_result_bytes: 128 << 20,
        buffered_bytes: 512 << 20,
        result_bytes: 128 << 20,
        ..Limits::default()
    }
}

/// Arguments, answers and results of 1, 10 and 50 MB.
pub(crate) async fn pass_and_are_bounded() -> Result<String> {
    let upstream = UpstreamLimits { message_bytes: 256 << 20, ..UpstreamLimits::default() };
    let (servers, settings) = (vec![SampleGateway::echo_server(&[])], Settings { upstream, ..Settings::default() });
    let gateway = SampleGateway::with(servers, raised(), settings).await;
    let mut slowest = 0;
    for bytes in SIZES {
        let length = bytes.to_string();
        for script in [
            format!("result = len(echo.blob(bytes={bytes}))"),
            format!("result = len(echo.echo(value='y' * {bytes})['value'])"),
            format!("import asyncio\n[text] = await asyncio.gather(echo.blob(bytes={bytes}))\nresult = len(text)"),
        ] {
            slowest = slowest.max(returns(&gateway, &script, &length).await?.usage.wall_ms);
        }
        let report = gateway.run(&format!("result = 'z' * {bytes}")).await;
        ensure!(exuvia_benches::returned(&report)?.len() as u64 == bytes + 2, "a result of {bytes} bytes was cut");
    }
    gateway.stop().await;
    over_the_limit().await?;
    Ok(format!("1, 10 and 50 MB each way, the slowest script {slowest} ms; over the limit as stated"))
}

/// Under the default limits the same values have the stated effect, and the next script works.
async fn over_the_limit() -> Result<()> {
    let gateway = SampleGateway::echo(Limits::default(), &[]).await;
    for call in ["echo.blob(bytes=50_000_000)", "echo.echo(value='y' * 50_000_000)"] {
        let script = format!("try:\n    {call}\nexcept ToolError as error:\n    result = type(error).__name__");
        returns(&gateway, &script, "\"ToolLimitReached\"").await?;
    }
    let report = gateway.run("result = 'z' * 50_000_000").await;
    let stopped = matches!(&report.outcome, Outcome::Stopped(stop) if stop.limit == Limit::ResultBytes);
    ensure!(stopped, "a result over result_bytes: {}", report.outcome.name());
    returns(&gateway, "result = echo.echo(value=1)['value']", "1").await?;
    gateway.stop().await;
    Ok(())
}
