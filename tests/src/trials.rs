//! Trials of a daemon that the tests make shortly and the gates at length. Each panics when something is not as it should be.

use std::pin::pin;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{Folder, HttpClient, children, echo_table, fake_table, gone};

const SOON: Duration = Duration::from_secs(10);

/// How often a storm changes the configuration.
const PAUSE: Duration = Duration::from_millis(100);
const CLIENTS: usize = 6;

/// What the daemon says of every configuration that it takes.
pub const IN_FORCE: &str = "the new configuration is active";

/// What came of a storm.
#[derive(Debug, Clone, Copy)]
pub struct Storm {
    /// Configurations that were written.
    pub written: u32,
    /// Configurations that came into force.
    pub in_force: usize,
    /// Scripts that ran, each to the end that it would have come to without the storm.
    pub scripts: usize,
}

/// Changes servers and limits ten times a second, by files and by SIGHUP, beside clients that run scripts. Every script must
/// come to its own end with one set of servers, and no process may be left over.
///
/// # Panics
///
/// Something else happens.
pub async fn storm(time: Duration) -> Storm {
    let configuration = |round: u32| {
        let extra = if round % 2 == 1 { fake_table("extra", 1) } else { String::new() };
        format!("{}{}{extra}[limits]\ntool_calls = {}\n", fake_table("fake", round), echo_table(), 1_000 + round)
    };
    let folder = Folder::new(&configuration(0));
    let daemon = folder.serve(&[]).await;
    let (calm, over) = (children(daemon.id()).len(), CancellationToken::new());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (address, over) = (daemon.address(), over.clone());
            tokio::spawn(async move {
                let code = "pids = set()\nfor i in range(5):\n    pids.add(fake.process()['pid'])\n    echo.sleep(ms=20)\n\
                    result = len(pids)";
                let mut client = HttpClient::connect(address).await;
                let mut scripts = 0;
                while !over.is_cancelled() {
                    assert_eq!(client.execute(code).await, "1");
                    scripts += 1;
                }
                scripts
            })
        })
        .collect();
    let (begun, mut written) = (Instant::now(), 0);
    while begun.elapsed() < time {
        written += 1;
        folder.write("exuvia.toml", &configuration(written));
        if written % 3 == 0 {
            daemon.signal(Signal::SIGHUP);
        }
        tokio::time::sleep(PAUSE).await;
    }
    over.cancel();
    let mut scripts = 0;
    for client in clients {
        scripts += client.await.expect("every script is answered");
    }
    let (begun, last) = (Instant::now(), format!("\"{written}\""));
    let extra = usize::from(written % 2 == 1);
    while daemon.run("result = fake.environment()['variables']['TRIAL']").await != last
        || children(daemon.id()).len() > calm + extra
    {
        assert!(begun.elapsed() < 3 * SOON, "{} processes instead of {calm}", children(daemon.id()).len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let in_force = daemon.said().iter().filter(|line| line.contains(IN_FORCE)).count();
    Storm { written, in_force, scripts }
}

/// Stops a daemon under twenty scripts, of which every second one would take a minute. Every one must be answered, with its
/// own end or as cancelled, and nothing may be left within the bound. How long that took.
///
/// # Panics
///
/// Something else happens.
pub async fn stop_under_load() -> Duration {
    const SCRIPTS: usize = 20;
    /// The drain, 3 s for the last answers, half a second for connections, and 6 s for servers.
    const BOUND: Duration = Duration::from_millis(500 + 3_000 + 500 + 6_000);
    let folder = Folder::new(&["[listen]\ndrain_ms = 500\n".to_owned(), echo_table()].concat());
    let mut daemon = folder.serve(&[]).await;
    let servers = children(daemon.id());
    let code = |ms: u32| format!("echo.sleep(ms={ms})\nresult = 'whole'");
    let run = |n: usize| tokio::spawn(daemon.run(&code(if n.is_multiple_of(2) { 100 } else { 60_000 })));
    let scripts: Vec<_> = (0..SCRIPTS).map(run).collect();
    // Short ones may be over before the last one has come.
    let begun = Instant::now();
    while !daemon.took(SCRIPTS).await {
        assert!(begun.elapsed() < SOON, "they are taken");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    daemon.signal(Signal::SIGTERM);
    let begun = Instant::now();
    let mut cancelled = 0;
    for script in scripts {
        let text = script.await.expect("an answer");
        assert!(text.starts_with("cancelled") || text == "\"whole\"", "{text}");
        cancelled += usize::from(text != "\"whole\"");
    }
    let status = daemon.ends_within(BOUND).await;
    let took = begun.elapsed();
    assert!(took < BOUND, "{took:?}");
    assert!(cancelled >= SCRIPTS / 2, "{cancelled}");
    assert_eq!(status.code(), Some(130), "scripts were cancelled");
    assert!(gone(&servers, SOON), "{servers:?}");
    took
}

/// Kills a server in a call, whose script must be told, and then the daemon, with scripts on their way and an old server that
/// only one of them uses. No process may be left of either.
///
/// # Panics
///
/// Something else happens.
pub async fn kill_server_and_daemon() {
    let stubborn = format!("{}args = [\"--child\", \"--stay\"]\n", fake_table("fake", 1));
    let folder = Folder::new(&[stubborn, echo_table()].concat());
    let mut daemon = folder.serve(&[]).await;
    let found = daemon.run("result = fake.process()").await;
    let found: Value = serde_json::from_str(&found).unwrap_or_else(|_| panic!("{found}"));
    let pid = |key: &str| u32::try_from(found[key].as_u64().expect("an id")).expect("an id");
    let pids = [pid("pid"), pid("child")];
    let hanging = tokio::spawn(daemon.run("fake.hang()"));
    daemon.busy_with(1).await;
    // In flight does not mean in the call yet; a call that meets the end before it began has another error.
    tokio::time::sleep(Duration::from_millis(200)).await;
    kill(Pid::from_raw(i32::try_from(pids[0]).expect("an id")), Signal::SIGKILL).expect("it runs");
    let text = hanging.await.expect("an answer");
    assert!(text.contains("whether the call took effect is unknown"), "{text}");
    assert!(gone(&pids, SOON), "its child goes with it");
    // Not dropped before the daemon is gone: a client that goes away takes its script with it.
    let mut hanging = pin!(daemon.run("fake.hang()"));
    let replaced = async {
        daemon.busy_with(1).await;
        folder.write("exuvia.toml", &[fake_table("fake", 2), echo_table()].concat());
        daemon.says("replaced: fake", 1).await;
    };
    tokio::select! {
        text = &mut hanging => panic!("{text}"),
        () = replaced => {}
    }
    let all = children(daemon.id());
    assert!(all.len() > 3, "{all:?}");
    daemon.signal(Signal::SIGKILL);
    daemon.ends_within(SOON).await;
    assert!(gone(&all, SOON), "{all:?}");
}
