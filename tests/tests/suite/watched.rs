//! What operators and their tools watch.

use std::time::Duration;

use exuvia_tests::{Client, Folder, HttpClient, Served, echo_table};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn metrics_come_in_the_form_that_is_asked_for() {
    let served = Served::plain().await;
    let mut client = served.client().await;
    let mut asked = async |accept: &str| client.send("GET", "/metrics", &[("accept", accept)], "").await;
    let plain = asked("text/plain;version=0.0.4;q=0.5, */*;q=0.1").await;
    assert!(plain.header("content-type").starts_with("text/plain; version=0.0.4"), "{plain:?}");
    assert!(
        plain.text.contains("# TYPE exuvia_fuel_total counter\n") && !plain.text.contains("# EOF"),
        "{}",
        plain.text
    );
    // As Prometheus asks.
    for accept in ["application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5", "*/*"] {
        let open = asked(accept).await;
        assert!(open.header("content-type").starts_with("application/openmetrics-text"), "{open:?}");
        assert!(open.text.ends_with("# EOF\n"));
    }
    served.end().await;
}

/// How often the threads of a process have waited for something.
fn waits(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let statuses = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("status")).ok());
    let count = |status: String| {
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:").map(str::to_owned));
        line.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or(0)
    };
    statuses.map(count).sum()
}

#[test]
fn a_service_with_nothing_to_do_is_not_woken() {
    let mut client = Client::modern(&[]);
    // While something runs it is, and a script that runs on is stopped.
    let (text, is_error) = client.execute("result = 1");
    assert_eq!((text.as_str(), is_error), ("1", false));
    std::thread::sleep(Duration::from_millis(1_000));
    let before = waits(client.id());
    std::thread::sleep(Duration::from_millis(2_000));
    let woken = waits(client.id()) - before;
    assert!(woken < 40, "{woken} times in 2 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_of_a_client_is_a_line_of_the_log() {
    let folder = Folder::new(&format!("{}mode = 'direct'\n", echo_table()));
    let daemon = folder.serve(&[]).await;
    let mut client = HttpClient::connect(daemon.address()).await;
    for (tool, arguments) in [("echo__echo", json!({"value": "s3cret"})), ("echo__fail", json!({"message": "s3cret"}))]
    {
        client.ask("/mcp", "tools/call", json!({"name": tool, "arguments": arguments}), json!({})).await;
    }
    daemon.says("call ended", 2).await;
    let said = daemon.said().join("\n");
    for part in
        ["tool.name=echo.echo outcome=\"ok\"", "tool.name=echo.fail outcome=\"tool-failed\"", "client.name=\"tests 1\""]
    {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    assert!(!said.contains("s3cret"), "{said}");
}
