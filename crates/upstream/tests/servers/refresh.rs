//! Lists of tools that change, and servers that start later.

use std::time::{Duration, Instant};

use crate::fake::{LIMITS, call, config, gone, runs, value};
use crate::life::{Dir, becomes, call_as, pid, seen, tools, who};
use exuvia_config::{Era, Share, UpstreamLimits};
use exuvia_upstream::{ServerState, Upstreams};
use serde_json::json;

const NOTICE: &str = r#"{"notifications": 1}"#;

async fn changed(upstreams: &Upstreams) {
    let mut changes = upstreams.changes();
    tokio::time::timeout(Duration::from_secs(30), changes.changed()).await.unwrap().unwrap();
}

fn ready(upstreams: &Upstreams, place: usize) -> bool {
    matches!(upstreams.servers()[place].state, ServerState::Ready { .. })
}

async fn listings(upstreams: &Upstreams) -> usize {
    seen(upstreams, &who(None, "r")).await.iter().filter(|method| *method == "tools/list").count()
}

#[tokio::test]
async fn a_list_that_changes_is_read_again() {
    for era in ["legacy", "modern"] {
        let dir = Dir::new(&format!("changes-{era}"));
        dir.tools(&["a"]);
        let mut server = dir.listing("fake");
        crate::fake::process(&mut server).args.extend(["--era".to_owned(), era.to_owned()]);
        let upstreams = Upstreams::start(vec![config("quiet", &[]), server], UpstreamLimits::default()).await;
        assert_eq!(tools(&upstreams, 1), ["a"]);
        let old = upstreams.servers();
        dir.tools(&["a", "b"]);
        let mut changes = upstreams.changes();
        call(&upstreams, "flood", NOTICE).await.unwrap();
        tokio::time::timeout(Duration::from_secs(30), changes.changed()).await.unwrap().unwrap();
        assert_eq!(changes.borrow_and_update()[1].tools.len(), 2);
        assert_eq!(tools(&upstreams, 1), ["a", "b"]);
        // Who holds on to the state of before keeps it; the tools of others are the same ones.
        assert_eq!(old[1].tools.len(), 1);
        assert!(std::sync::Arc::ptr_eq(&old[0].tools, &upstreams.servers()[0].tools));
        // A tool that is not listed any more is the server's to answer for.
        dir.tools(&["b"]);
        call(&upstreams, "flood", NOTICE).await.unwrap();
        changed(&upstreams).await;
        assert_eq!(tools(&upstreams, 1), ["b"]);
        let unlisted = call(&upstreams, "a", "{}").await.unwrap_err();
        assert_eq!(unlisted.to_string(), "there is no tool a");
    }
}

#[tokio::test]
async fn a_boxed_value_follows_the_list() {
    let dir = Dir::new("boxed");
    let schema = json!({"type": "object", "x-fastmcp-wrap-result": true});
    dir.tools(&["answer"]);
    let upstreams = Upstreams::start(vec![dir.listing("fake")], UpstreamLimits::default()).await;
    let boxed = r#"{"result":{"content":[],"structuredContent":{"result":7}}}"#;
    assert_eq!(value(&upstreams, "answer", boxed).await, json!({"result": 7}));
    let tool = json!([{"name": "answer", "inputSchema": {"type": "object"}, "outputSchema": schema}]);
    dir.write("tools", &tool.to_string());
    let mut changes = upstreams.changes();
    call(&upstreams, "flood", NOTICE).await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), changes.changed()).await.unwrap().unwrap();
    assert_eq!(value(&upstreams, "answer", boxed).await, json!(7));
}

#[tokio::test]
async fn a_server_that_speaks_of_changes_all_the_time_is_asked_now_and_then() {
    let dir = Dir::new("flood");
    dir.tools(&["a"]);
    let upstreams = Upstreams::start(vec![dir.listing("fake")], UpstreamLimits::default()).await;
    let changes = upstreams.changes();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(6) {
        call(&upstreams, "flood", r#"{"notifications": 100}"#).await.unwrap();
    }
    let listings = listings(&upstreams).await;
    let most = 2 + usize::try_from(begun.elapsed().as_secs()).unwrap() / 5;
    assert!((2..=most).contains(&listings), "{listings} in {:?}", begun.elapsed());
    assert!(!changes.has_changed().unwrap(), "the list was the same every time");
}

#[tokio::test]
async fn a_list_is_read_again_after_its_period_without_a_notification() {
    let dir = Dir::new("period");
    dir.tools(&["a"]);
    let mut server = dir.listing("fake");
    server.refresh = Duration::from_secs(1);
    let upstreams = Upstreams::start(vec![server], UpstreamLimits::default()).await;
    dir.tools(&["c"]);
    changed(&upstreams).await;
    assert_eq!(tools(&upstreams, 0), ["c"]);
}

#[tokio::test]
async fn a_list_that_cannot_be_read_again_stays_as_it_was() {
    let dir = Dir::new("stays");
    dir.write("args", "");
    let upstreams = Upstreams::start(vec![dir.server("fake")], UpstreamLimits::default()).await;
    let before = tools(&upstreams, 0);
    let changes = upstreams.changes();
    dir.write("args", "--exit-at list");
    // The one that comes next ends when it is asked for its tools, which it is because it came back.
    call(&upstreams, "exit", "{}").await.unwrap_err();
    assert!(call(&upstreams, "echo", "{}").await.is_ok());
    becomes(|| dir.lines("starts").iter().all(|pid| !runs(pid.parse().unwrap()))).await;
    assert!(!changes.has_changed().unwrap());
    assert_eq!(tools(&upstreams, 0), before);
    assert!(ready(&upstreams, 0));
    // And calls go on, to yet another process. A second later the list is asked for again, which ends that one too: on a slow
    // machine in the middle of the call.
    let first = call(&upstreams, "echo", "{}").await;
    assert!(first.is_ok() || call(&upstreams, "echo", "{}").await.is_ok(), "{first:?}");
}

#[tokio::test]
async fn a_server_that_came_back_is_asked_for_its_tools() {
    let dir = Dir::new("came-back");
    dir.tools(&["a"]);
    let upstreams = Upstreams::start(vec![dir.listing("fake")], UpstreamLimits::default()).await;
    dir.tools(&["a", "new"]);
    let mut changes = upstreams.changes();
    call(&upstreams, "exit", "{}").await.unwrap_err();
    assert!(call(&upstreams, "echo", "{}").await.is_ok());
    tokio::time::timeout(Duration::from_secs(30), changes.changed()).await.unwrap().unwrap();
    assert_eq!(tools(&upstreams, 0), ["a", "new"]);
}

#[tokio::test]
async fn a_server_that_was_down_at_the_start_comes_up_later() {
    for share in [Share::All, Share::Run] {
        let dir = Dir::new(&format!("later-{share:?}"));
        let mut late = config("fake", &["--era", "legacy"]);
        crate::fake::process(&mut late).command = dir.path("program").to_str().unwrap().to_owned();
        late.share = share;
        let upstreams = Upstreams::start(vec![late, config("other", &[])], UpstreamLimits::default()).await;
        assert!(!ready(&upstreams, 0) && ready(&upstreams, 1));
        let refused = call(&upstreams, "echo", "{}").await.unwrap_err();
        assert_eq!(refused.to_string(), "server fake did not start; fake.echo was not called");
        let mut changes = upstreams.changes();
        std::os::unix::fs::symlink(exuvia_fake_upstream::program(), dir.path("program")).unwrap();
        tokio::time::timeout(Duration::from_secs(30), changes.changed()).await.unwrap().unwrap();
        let server = changes.borrow_and_update()[0].clone();
        assert_eq!((server.state, server.tools.len()), (ServerState::Ready { era: Era::Legacy }, 19));
        assert_eq!(value(&upstreams, "echo", r#"{"value": 1}"#).await, json!({"value": 1}));
    }
}

#[tokio::test]
async fn a_server_that_refused_its_list_is_tried_again() {
    let dir = Dir::new("list-later");
    dir.write("args", "--exit-at list");
    let upstreams = Upstreams::start(vec![dir.server("fake")], UpstreamLimits::default()).await;
    assert!(!ready(&upstreams, 0));
    dir.write("args", "");
    changed(&upstreams).await;
    assert!(ready(&upstreams, 0));
}

#[tokio::test]
async fn a_server_per_run_keeps_no_process_for_its_list_and_its_changes_are_still_noticed() {
    let dir = Dir::new("run-list");
    dir.write("args", &format!("--tools {}", dir.path("tools").display()));
    dir.tools(&["a"]);
    let mut server = dir.server("fake");
    server.share = Share::Run;
    let upstreams = Upstreams::start(vec![server], UpstreamLimits::default()).await;
    let listed: i64 = dir.lines("starts")[0].parse().unwrap();
    assert!(gone(&[listed], Duration::from_secs(10)).await);
    let own = pid(&upstreams, &who(None, "r")).await;
    dir.tools(&["a", "b"]);
    let mut changes = upstreams.changes();
    call_as(&upstreams, &who(None, "r"), "fake.flood", NOTICE, LIMITS).await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), changes.changed()).await.unwrap().unwrap();
    assert_eq!(tools(&upstreams, 0), ["a", "b"]);
    assert_eq!(pid(&upstreams, &who(None, "r")).await, own);
    let pids: Vec<i64> = dir.lines("starts").iter().map(|pid| pid.parse().unwrap()).collect();
    assert_eq!(pids.len(), 3);
    assert!(gone(&[pids[2]], Duration::from_secs(10)).await);
}

#[tokio::test]
async fn nothing_is_tried_after_the_upstreams_are_dropped() {
    let dir = Dir::new("dropped");
    dir.write("args", "--exit-at start");
    let upstreams = Upstreams::start(vec![dir.server("fake")], UpstreamLimits::default()).await;
    becomes(|| dir.lines("starts").len() >= 2).await;
    let mut changes = upstreams.changes();
    drop(upstreams);
    // The end of the changes: nothing holds on to the servers any more.
    tokio::time::timeout(Duration::from_secs(5), changes.changed()).await.unwrap().unwrap_err();
    let starts = dir.lines("starts").len();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(dir.lines("starts").len(), starts);
}
