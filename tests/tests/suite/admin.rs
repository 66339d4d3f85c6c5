//! The admin API of a running daemon, route by route.

use std::collections::BTreeSet;

use exuvia_admin::operation_paths;
use exuvia_tests::{AdminApi, Daemon};
use serde_json::{Value, json};

/// The operations that a test of this file asks for.
const ASKED: &[(&str, &str)] = &[
    ("GET", "/session"),
    ("POST", "/session"),
    ("DELETE", "/session"),
    ("POST", "/session/code"),
    ("GET", "/health"),
    ("GET", "/openapi.json"),
    ("GET", "/runs"),
    ("GET", "/runs/live"),
    ("GET", "/runs/events"),
    ("GET", "/runs/{id}"),
    ("GET", "/runs/{id}/events"),
    ("GET", "/runs/{id}/calls/{n}"),
    ("POST", "/runs/{id}/cancel"),
    ("DELETE", "/runs/{id}"),
    // In `approvals/page_questions.rs`.
    ("GET", "/questions"),
    ("GET", "/questions/{id}"),
    ("POST", "/questions/{id}/answer"),
    // In `admin_operations.rs`.
    ("POST", "/runs/{id}/replay"),
    ("GET", "/approvals"),
    ("GET", "/approvals/events"),
    ("GET", "/approvals/{id}"),
    ("POST", "/approvals/{id}/approve"),
    ("POST", "/approvals/{id}/deny"),
    ("GET", "/keys"),
    ("POST", "/keys"),
    ("GET", "/keys/{name}"),
    ("POST", "/keys/{name}/rotate"),
    ("POST", "/keys/{name}/revoke"),
    ("POST", "/keys/{name}/budgets"),
    ("GET", "/roles"),
    ("GET", "/budgets"),
    ("GET", "/usage"),
    ("GET", "/usage/daily"),
    ("GET", "/explain"),
    ("GET", "/servers"),
    ("POST", "/servers/{name}/reconnect"),
    ("GET", "/servers/{name}/log"),
    ("GET", "/tools"),
    ("GET", "/tools/{name}"),
    ("GET", "/tools/{name}/stub"),
    ("GET", "/tools/{name}/pins"),
    ("POST", "/tools/{name}/accept"),
    ("GET", "/config"),
    ("POST", "/policy/dry-run"),
    ("POST", "/try/check"),
    ("POST", "/try/run"),
    ("GET", "/tokens/daily"),
    // In `workspace/clients.rs`.
    ("GET", "/workspaces"),
    ("GET", "/workspaces/{name}/{directory}/files"),
    ("GET", "/workspaces/{name}/{directory}/file"),
    ("POST", "/workspaces/{name}/{directory}/remove"),
    // In `admin_functions.rs`.
    ("GET", "/functions"),
    ("GET", "/functions/{name}"),
    ("GET", "/functions/{name}/diff"),
    ("POST", "/functions/{name}/promote"),
    ("POST", "/functions/{name}/retire"),
    // In `script_sessions/operators.rs`.
    ("GET", "/sessions"),
    ("DELETE", "/sessions/{name}"),
];

#[test]
fn every_operation_has_a_test() {
    let there: BTreeSet<(String, String)> = operation_paths().into_iter().collect();
    let asked: BTreeSet<_> = ASKED.iter().map(|(method, path)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(there, asked);
}

/// A daemon with the sample servers, whose CRM scripts may read.
fn daemon() -> Daemon {
    let crm = format!("crm={} sample crm", exuvia_tests::built("exuvia").display());
    Daemon::start(&["--server", &crm, "--auto-execute", "crm.*"])
}

/// The id of the latest run.
async fn latest(api: &AdminApi) -> String {
    let runs = api.get("/runs?limit=1").await;
    runs["items"][0]["id"].as_str().unwrap_or_else(|| panic!("{runs}")).to_owned()
}

#[tokio::test]
async fn runs_are_listed_shown_and_erased() {
    let daemon = daemon();
    daemon.ready().await;
    let api = AdminApi::of(&daemon).await;
    assert_eq!(api.get("/health").await["status"], "ok");
    for number in 0..3 {
        daemon
            .run(&format!("import crm\nprint('hello {number}')\nresult = crm.get_contact(contact_id={number})"))
            .await;
    }
    daemon.run("raise ValueError('nothing of it')").await;
    let all = api.get("/runs").await;
    assert_eq!(all["items"].as_array().expect("runs").len(), 4, "{all}");
    assert_eq!((&all["next"], &all["items"][0]["outcome"]), (&Value::Null, &json!("raised")));
    let raised = api.get("/runs?outcome=raised&text=nothing").await;
    assert_eq!(raised["items"].as_array().map(Vec::len), Some(1), "{raised}");
    assert!(api.get("/runs?slow_ms=60000").await["items"].as_array().is_some_and(Vec::is_empty));
    // In parts of two, the same runs in the same order.
    let first = api.get("/runs?limit=2").await;
    let second = api.get(&format!("/runs?limit=2&before={}", first["next"].as_str().expect("more"))).await;
    let ids =
        |page: &Value| page["items"].as_array().expect("runs").iter().map(|run| run["id"].clone()).collect::<Vec<_>>();
    assert_eq!([ids(&first), ids(&second)].concat(), ids(&all));
    assert_eq!(second["next"], Value::Null);

    assert_eq!(
        (&all["items"][0]["tools"], &all["items"][1]["tools"]),
        (&json!([]), &json!(["crm.get_contact"])),
        "{all}"
    );

    let id = all["items"][1]["id"].as_str().expect("an id");
    let run = api.get(&format!("/runs/{id}")).await;
    assert_eq!((&run["outcome"], &run["log"], &run["live"]), (&json!("returned"), &json!("hello 2\n"), &json!(false)));
    let call = &run["calls"][0];
    assert_eq!((&call["server"], &call["tool"], &call["line"]), (&json!("crm"), &json!("get_contact"), &json!(3)));
    assert_eq!((&call["code"], &call["state"], &call["n"]), (&json!("ok"), &json!("sent"), &json!(0)));
    assert!(call.get("arguments").is_none() && run["script"].as_str().is_some_and(|script| script.contains("hello 2")));
    let content = api.get(&format!("/runs/{id}/calls/0")).await;
    assert_eq!(content["arguments"], json!(r#"{"contact_id":2}"#), "{content}");
    assert!(content["value"].as_str().is_some_and(|value| value.starts_with('{')), "{content}");
    assert_eq!(api.ask("GET", &format!("/runs/{id}/calls/7"), None).await.status, 404);

    assert_eq!(api.ask("DELETE", &format!("/runs/{id}"), None).await.status, 200);
    let run = api.get(&format!("/runs/{id}")).await;
    assert_eq!((&run["is_erased"], &run["script"]), (&json!(true), &Value::Null), "{run}");
    for path in ["/runs/nonsense", "/runs/nonsense/calls/0"] {
        assert_eq!(api.ask("GET", path, None).await.status, 404, "{path}");
    }
    assert_eq!(api.ask("DELETE", "/runs/nonsense", None).await.status, 404);
    for query in ["limit=0", "limit=x", "before=x", "principal=x", "nonsense=1", "since=-1"] {
        assert_eq!(api.ask("GET", &format!("/runs?{query}"), None).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn a_run_in_flight_is_listed_followed_and_cancelled() {
    let daemon = daemon();
    daemon.ready().await;
    let api = AdminApi::of(&daemon).await;
    let authorization = format!("Bearer {}", api.token);
    let headers = [("authorization", authorization.as_str())];
    let mut client = exuvia_tests::HttpClient::connect(api.address).await;
    let mut events = exuvia_tests::EventReader::of(client.begin("GET", "/api/v1/runs/events", &headers, "").await);
    assert_eq!(api.ask("GET", "/runs/nonsense/events", None).await.status, 404);
    assert_eq!(api.ask("POST", "/runs/nonsense/cancel", Some(&json!({}))).await.status, 404);
    for path in ["/runs/events", "/approvals/events", "/runs/nonsense/events"] {
        assert_eq!(api.ask("GET", &format!("{path}?nonsense=1"), None).await.status, 400, "{path}");
        assert_eq!(api.ask("POST", path, Some(&json!({}))).await.status, 405, "{path}");
    }

    let answer = tokio::spawn(daemon.run("import asyncio\nprint('begun')\nawait asyncio.sleep(600)"));
    let started = events.next("started").await;
    let id = started["id"].as_str().expect("an id").to_owned();
    let mut live = api.get("/runs/live").await;
    while live["items"][0]["state"] != "executing" {
        assert_eq!(live["items"][0]["id"], json!(id), "{live}");
        live = api.get("/runs/live").await;
    }
    let mut client = exuvia_tests::HttpClient::connect(api.address).await;
    let own = client.begin("GET", &format!("/api/v1/runs/{id}/events"), &headers, "").await;
    assert_eq!(own.headers()["content-type"], "text/event-stream");
    assert_eq!(api.ask("POST", &format!("/runs/{id}/cancel"), Some(&json!({}))).await.status, 200);
    assert!(answer.await.expect("an answer").contains("cancelled"));
    assert_eq!(events.next("ended").await["id"], json!(id));
    assert_eq!(latest(&api).await, id);
}

#[tokio::test]
async fn streams_of_events_are_bounded_and_end_with_the_daemon() {
    let mut daemon = daemon();
    daemon.ready().await;
    let api = AdminApi::of(&daemon).await;
    let authorization = format!("Bearer {}", api.token);
    let headers = [("authorization", authorization.as_str())];
    let mut open = Vec::new();
    for _ in 0..32 {
        let mut client = exuvia_tests::HttpClient::connect(api.address).await;
        let stream = client.begin("GET", "/api/v1/runs/events", &headers, "").await;
        assert_eq!(stream.status(), 200);
        open.push((client, stream));
    }
    assert_eq!(api.ask("GET", "/runs/events", None).await.status, 429);
    open.pop();
    let begun = std::time::Instant::now();
    loop {
        let mut client = exuvia_tests::HttpClient::connect(api.address).await;
        if client.begin("GET", "/api/v1/runs/events", &headers, "").await.status() == 200 {
            break;
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(40), "a place does not become free");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(daemon.ends_within(std::time::Duration::from_secs(10)).await.success());
}

#[tokio::test]
async fn the_description_has_every_operation_with_the_schemas_of_what_it_takes_and_answers() {
    let daemon = daemon();
    let api = AdminApi::of(&daemon).await;
    let description = api.get("/openapi.json").await;
    assert_eq!(description["openapi"], "3.1.0");
    for (method, path) in operation_paths() {
        let operation = &description["paths"][format!("/api/v1{path}")][method.to_lowercase()];
        assert!(operation["responses"]["200"]["content"].is_object(), "{method} {path}");
        let named: Vec<_> = operation["parameters"].as_array().expect("parameters").iter().collect();
        let in_path = named.iter().filter(|parameter| parameter["in"] == "path").count();
        assert_eq!(in_path, path.matches('{').count(), "{method} {path}");
    }
    // Whatever is referred to is there.
    let text = description.to_string();
    for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().expect("a name");
        assert!(description["components"]["schemas"][name].is_object(), "{name}");
    }
}
