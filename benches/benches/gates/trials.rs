//! What the tests try shortly, at length: changes of the configuration, stops and kills under load.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use exuvia_tests::trials::{Storm, kill_server_and_daemon, stop_under_load, storm};

const STORM: Duration = Duration::from_secs(60);
const TIMES: usize = 100;

/// Ten configurations a second for a minute, beside clients that run scripts.
pub(crate) async fn a_storm_of_reloads() -> Result<String> {
    let Storm { written, in_force, scripts } = tried("the storm", storm(STORM)).await?;
    let measured = format!("{written} configurations, {in_force} of them in force, {scripts} scripts, none lost");
    ensure!(in_force > 60, "{measured}");
    Ok(measured)
}

/// SIGTERM under load, a hundred times.
pub(crate) async fn stops_under_load() -> Result<String> {
    let mut longest = Duration::ZERO;
    for n in 1..=TIMES {
        longest = longest.max(tried(&format!("stop {n}"), stop_under_load()).await?);
    }
    Ok(format!("{TIMES} stops under load, every script answered; the longest took {:.1} s", longest.as_secs_f64()))
}

/// `kill -9` of a server in a call and of the daemon, a hundred times each.
pub(crate) async fn kills() -> Result<String> {
    for n in 1..=TIMES {
        tried(&format!("kill {n}"), kill_server_and_daemon()).await?;
    }
    Ok(format!("{TIMES} servers and {TIMES} daemons killed, no process left"))
}

/// A trial panics where it fails.
async fn tried<T: Send + 'static>(name: &str, trial: impl Future<Output = T> + Send + 'static) -> Result<T> {
    tokio::spawn(trial).await.with_context(|| name.to_owned())
}
