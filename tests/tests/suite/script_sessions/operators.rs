//! What operators see of sessions, and what they end.

use std::time::{Duration, Instant};

use exuvia_tests::{AdminApi, Folder, KeyClient, key_table, measured};
use serde_json::{Value, json};

async fn execute(client: &mut KeyClient, session: &str, code: &str) -> String {
    client.call("executeToolCode", json!({"code": code, "session": session})).await
}

/// The sum of a metric.
async fn counted(client: &mut KeyClient, name: &str) -> usize {
    let metrics = client.send("GET", "/metrics", &[], "").await.text;
    measured(&metrics, &format!("exuvia_script_sessions_{name}")).unwrap_or_else(|| panic!("no {name} in {metrics}"))
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().expect("items").iter().filter_map(|item| item["name"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_are_listed_counted_and_ended() {
    let role = "[roles.user]\ntools = ['*.*']\nmetrics = true\n";
    let folder = Folder::new(&format!("[sessions]\nwarm = 1\n{role}{}", key_table("ci", "user")));
    let daemon = folder.serve(&[]).await;
    let (api, mut client) = (AdminApi::of(&daemon).await, KeyClient::of(daemon.address(), "ci").await);
    for (session, code) in [("a", "n = 1"), ("a", "n"), ("b", "n = 2\n"), ("a", "n")] {
        let answer = execute(&mut client, session, code).await;
        assert!(!answer.contains("rror"), "{answer}");
    }
    let listed = api.get("/sessions").await;
    assert_eq!(names(&listed), ["a", "b"], "the latest used first");
    let (a, b) = (&listed["items"][0], &listed["items"][1]);
    assert_eq!((&a["principal"], &a["profile"], &a["scripts"]), (&json!("key:ci"), &Value::Null, &json!(3)), "{a}");
    assert_eq!((&a["is_warm"], &b["is_warm"], &a["lost"]), (&json!(true), &json!(false), &Value::Null), "{listed}");
    assert!(a["memory_bytes"].as_u64() > Some(1 << 20) && b["memory_bytes"] == 0, "{listed}");
    assert!(a["fuel"].as_u64() > b["fuel"].as_u64() && a["used_ms"].as_u64() >= b["used_ms"].as_u64(), "{listed}");
    assert_eq!(names(&api.get("/sessions?principal=operator").await), Vec::<&str>::new());
    assert_eq!(names(&api.get("/sessions?principal=key:ci").await), ["a", "b"]);
    // `a` gave way to `b` and was brought back, by its first two scripts.
    assert_eq!(counted(&mut client, "warm").await, 1);
    assert_eq!(counted(&mut client, "revived_total").await, 1);
    assert_eq!(counted(&mut client, "evicted_total").await, 2);
    let revival = counted(&mut client, "revival_fuel_total").await;
    assert!(revival > 0 && Some(revival as u64) < a["fuel"].as_u64(), "{revival} of {a}");

    let end = async |path: &str| api.ask("DELETE", path, None).await.status;
    assert_eq!([end("/sessions/none?principal=key:ci").await, end("/sessions/a").await], [404, 404]);
    assert_eq!([end("/sessions/a?principal=x").await, end("/sessions/a?nonsense=1").await], [400, 400]);
    assert_eq!(end("/sessions/a?principal=key:ci&profile=other").await, 404);
    assert_eq!(end("/sessions/a?principal=key:ci").await, 200);
    assert_eq!(names(&api.get("/sessions").await), ["b"]);
    assert_eq!(counted(&mut client, "warm").await, 0);
    assert!(execute(&mut client, "a", "n").await.contains("NameError"), "it begins anew");
    // One whose script runs is not ended.
    let mut other = KeyClient::of(daemon.address(), "ci").await;
    let runs = tokio::spawn(async move { execute(&mut other, "b", "while True: pass").await });
    let begun = Instant::now();
    while api.get("/runs/live").await["items"][0]["state"] != "executing" {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not begin");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(end("/sessions/b?principal=key:ci").await, 409);
    runs.abort();
    daemon.stop().await;
}
