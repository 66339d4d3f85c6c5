//! Many servers, started and ended.

use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};
use exuvia_config::{Transport, UpstreamLimits};
use exuvia_upstream::{ServerState, Upstreams};

use crate::session::server;

const SERVERS: usize = 100;

/// Started side by side, this many at a time.
const TOGETHER: usize = 20;

/// Marks the processes of this gate in their environment.
const MARK: &str = "EXUVIA_GATE";

/// Starts and ends 100 servers; half of them by a shutdown, half by dropping them.
pub(crate) async fn leave_no_process() -> Result<String> {
    let mark = std::process::id().to_string();
    for round in 0..SERVERS / TOGETHER {
        let upstreams = start(&mark).await?;
        let alive = marked(&mark);
        ensure!(alive >= TOGETHER, "{alive} of {TOGETHER} servers run");
        if round % 2 == 0 {
            upstreams.shutdown().await;
        }
    }
    for _ in 0..50 {
        if marked(&mark) == 0 {
            return Ok(format!("{SERVERS} servers started and ended, no process left"));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("{} processes are left", marked(&mark))
}

async fn start(mark: &str) -> Result<Upstreams> {
    let mut servers = Vec::with_capacity(TOGETHER);
    for n in 0..TOGETHER {
        let mut server = server(&format!("echo{n}"), "sample echo");
        if let Transport::Stdio(stdio) = &mut server.transport {
            stdio.env.insert(MARK.into(), mark.into());
        }
        servers.push(server);
    }
    let upstreams = Upstreams::start(servers, UpstreamLimits::default()).await;
    let ready = upstreams.servers().iter().filter(|server| matches!(server.state, ServerState::Ready { .. })).count();
    ensure!(ready == TOGETHER, "{ready} of {TOGETHER} servers came up");
    Ok(upstreams)
}

/// Processes whose environment has the mark, wherever they hang in the tree.
fn marked(mark: &str) -> usize {
    let entry = format!("{MARK}={mark}");
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let environments = processes.filter_map(|process| fs::read(process.path().join("environ")).ok());
    environments.filter(|found| found.split(|&byte| byte == 0).any(|variable| variable == entry.as_bytes())).count()
}
