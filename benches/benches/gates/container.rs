//! `exuvia serve` where there is little memory, and scripts that want more.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use exuvia_tests::{Daemon, HttpClient, built};

use crate::system::{Cgroup, is_root};

const GROUP_BYTES: u64 = 300 << 20;
const SCRIPTS: usize = 16;

/// Wants more than there is for one script.
const GREEDY: &str = "blocks = []\n\
    try:\n    \
        while True: blocks.append(b'x' * (1 << 20))\n\
    except MemoryError:\n    \
        held = len(blocks)\n    \
        del blocks\n\
    result = held > 20";

/// Has room alone, and not beside 15 others.
const LARGE: &str =
    "import time\nblocks = [b'x' * (1 << 20) for _ in range(40)]\ntime.sleep(0.2)\nresult = len(blocks) == 40";

/// As many scripts as may execute at a time, all of which want memory, in a group of 300 MiB without swap space: each comes to
/// its own end, and the daemon lives.
pub(crate) async fn scripts_share_a_small_one() -> Result<String> {
    if !is_root() {
        return Ok("NOT CHECKED: only root can make control groups".into());
    }
    let group = Cgroup::new("container", GROUP_BYTES)?;
    let daemon = Daemon::start_by(group.command(&built("exuvia")), &[]);
    daemon.ready().await;
    for script in [GREEDY, LARGE, GREEDY] {
        for text in at_once(daemon.address(), script).await? {
            ensure!(text == "true", "{text}");
        }
    }
    ensure!(group.killed()? == 0, "the kernel has ended a process");
    Ok(format!("3 times {SCRIPTS} scripts that want memory in {} MiB, each came to its end", GROUP_BYTES >> 20))
}

async fn at_once(address: SocketAddr, script: &'static str) -> Result<Vec<String>> {
    let one = || tokio::spawn(async move { HttpClient::connect(address).await.execute(script).await });
    let scripts: Vec<_> = (0..SCRIPTS).map(|_| one()).collect();
    let mut texts = Vec::new();
    for script in scripts {
        texts.push(script.await?);
    }
    Ok(texts)
}
