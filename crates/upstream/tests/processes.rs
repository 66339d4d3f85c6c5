//! No process stays behind, whatever happens.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod fake;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use exuvia_config::{ServerConfig, UpstreamLimits};
use exuvia_upstream::Upstreams;
use fake::{config, gone, start, value};
use serde_json::json;

async fn pids(upstreams: &Upstreams) -> Vec<i64> {
    let found = value(upstreams, "process", "{}").await;
    let pids: Vec<i64> = ["pid", "child"].iter().filter_map(|key| found[key].as_i64()).collect();
    assert!(pids.iter().all(|&pid| fake::runs(pid)));
    pids
}

#[tokio::test]
async fn a_well_behaved_server_ends_with_its_input() {
    let upstreams = start(&[]).await;
    let pids = pids(&upstreams).await;
    let begun = Instant::now();
    upstreams.shutdown().await;
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    assert!(gone(&pids, Duration::ZERO).await);
}

#[tokio::test]
async fn processes_that_a_server_leaves_behind_are_killed() {
    let upstreams = start(&["--child"]).await;
    let pids = pids(&upstreams).await;
    assert_eq!(pids.len(), 2);
    upstreams.shutdown().await;
    assert!(gone(&pids, Duration::from_millis(500)).await);
}

#[tokio::test]
async fn a_process_that_left_the_group_of_its_server_ends_with_it() {
    let dir = tempdir("strays");
    let fake = exuvia_fake_upstream::program();
    // In a session of its own, and with a child that is a stray as well.
    let script = format!(
        "setsid sh -c 'echo $$ >> {0}/pids; sleep 600 & echo $! >> {0}/pids; wait' & exec {1}",
        dir.display(),
        fake.display()
    );
    let server = |name| {
        ServerConfig::stdio(name, "/bin/sh", ["-c".to_owned(), script.clone()], &|name| std::env::var(name).ok())
    };
    let written = || std::fs::read_to_string(dir.join("pids")).unwrap_or_default();
    let upstreams = Upstreams::start(vec![server("fake")], UpstreamLimits::default()).await;
    while written().matches('\n').count() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let strays: Vec<i64> = written().lines().map(|pid| pid.parse().unwrap()).collect();
    assert!(strays.iter().all(|&pid| fake::runs(pid)));
    // One that is removed takes its own with it, and nobody else's.
    let prepared_servers =
        upstreams.prepare(vec![server("other")], UpstreamLimits::default(), Duration::ZERO).await.unwrap();
    prepared_servers.take_over();
    while written().matches('\n').count() < 4 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(gone(&strays, Duration::from_secs(10)).await);
    let others: Vec<i64> = written().lines().skip(2).map(|pid| pid.parse().unwrap()).collect();
    assert!(others.iter().all(|&pid| fake::runs(pid)));
    upstreams.shutdown().await;
    assert!(gone(&others, Duration::ZERO).await);
}

#[tokio::test]
async fn a_server_that_stays_is_asked_and_then_killed() {
    let upstreams = start(&["--child", "--stay"]).await;
    let pids_stay = pids(&upstreams).await;
    let begun = Instant::now();
    upstreams.shutdown().await;
    assert!((2000..3000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert!(gone(&pids_stay, Duration::from_millis(500)).await);

    // An ignored signal stays ignored across exec.
    let program = exuvia_fake_upstream::program();
    let script = format!("trap '' TERM; exec {} --stay --child", program.display());
    let config = ServerConfig::stdio("fake", "/bin/sh", ["-c".to_owned(), script], &|name| std::env::var(name).ok());
    let upstreams = Upstreams::start(vec![config], UpstreamLimits::default()).await;
    let pids_stubborn = pids(&upstreams).await;
    let begun = Instant::now();
    upstreams.shutdown().await;
    assert!((4000..5000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert!(gone(&pids_stubborn, Duration::from_millis(500)).await);
}

#[tokio::test]
async fn dropping_the_upstreams_kills() {
    let upstreams = start(&["--child", "--stay"]).await;
    let pids = pids(&upstreams).await;
    drop(upstreams);
    assert!(gone(&pids, Duration::from_secs(1)).await);
}

#[test]
fn the_end_of_the_runtime_kills() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (upstreams, pids) = runtime.block_on(async {
        let upstreams = start(&["--child", "--stay"]).await;
        let pids = pids(&upstreams).await;
        (upstreams, pids)
    });
    drop(runtime);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert!(runtime.block_on(gone(&pids, Duration::from_secs(1))));
    drop(upstreams);
}

#[tokio::test]
async fn a_start_that_is_broken_off_leaves_nothing() {
    let dir = tempdir("broken-off");
    let script = format!("echo $$ > {0}/pid; exec sleep 600", dir.display());
    let config = ServerConfig::stdio("slow", "/bin/sh", ["-c".to_owned(), script], &|name| std::env::var(name).ok());
    let start = Upstreams::start(vec![config], UpstreamLimits::default());
    assert!(tokio::time::timeout(Duration::from_millis(400), start).await.is_err());
    let pid = std::fs::read_to_string(dir.join("pid")).unwrap().trim().parse().unwrap();
    assert!(gone(&[pid], Duration::from_secs(1)).await);
}

#[tokio::test]
async fn nothing_survives_when_this_process_is_killed() {
    for signal in ["KILL", "TERM", "INT"] {
        let dir = tempdir(signal);
        let fake = exuvia_fake_upstream::program();
        let offspring =
            format!("trap '' TERM\necho $$ >> {0}/pids\nsleep 600 & echo $! >> {0}/pids\nwait", dir.display());
        std::fs::write(dir.join("offspring"), offspring).unwrap();
        let script = format!("echo $$ >> {0}/pids; sh {0}/offspring & exec {1} --stay", dir.display(), fake.display());
        let file = dir.join("mcp.json");
        let config = json!({"mcpServers": {
            "one": {"command": "/bin/sh", "args": ["-c", script]},
            "two": {"command": "/bin/sh", "args": ["-c", script]},
        }});
        std::fs::write(&file, config.to_string()).unwrap();
        let mut holder =
            Command::new(std::env::current_exe().unwrap().parent().unwrap().with_file_name("examples/hold"))
                .arg(&file)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
        let lines: Vec<String> = BufReader::new(holder.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .take_while(|line| line != "ready")
            .collect();
        assert_eq!(lines, ["one: Modern, 19 tools", "two: Modern, 19 tools"]);
        let written = || std::fs::read_to_string(dir.join("pids")).unwrap();
        // The servers are ready before their offspring has written everything.
        while written().matches('\n').count() < 6 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let pids: Vec<i64> = written().lines().map(|pid| pid.parse().unwrap()).collect();
        assert!(pids.iter().all(|&pid| fake::runs(pid)));
        let _ = Command::new("kill").args(["-s", signal, &holder.id().to_string()]).status().unwrap();
        holder.wait().unwrap();
        assert!(gone(&pids, Duration::from_secs(3)).await, "{signal}: {pids:?}");
    }
}

#[tokio::test]
async fn repeated_starts_leave_no_descriptor() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let mut counts = Vec::new();
    for _ in 0..4 {
        let upstreams = Upstreams::start(
            vec![config("fake", &[]), config("b", &["--exit-at", "start"])],
            UpstreamLimits::default(),
        )
        .await;
        upstreams.shutdown().await;
        drop(upstreams);
        tokio::time::sleep(Duration::from_millis(200)).await;
        counts.push(open());
    }
    // Other tests of this process open and close some, too; a leak would grow by a dozen each time.
    assert!(counts[3] < counts[0] + 30, "{counts:?}");
}

fn tempdir(name: &str) -> std::path::PathBuf {
    let dir = std::env::temp_dir().join(format!("exuvia-processes-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}
