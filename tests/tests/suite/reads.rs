//! What clients ask of direct servers beside calls meets policy, record, rates and bounds like calls.

use std::fs;

use exuvia_gateway::{Client, DirectAnswer, Mode, Profile, Profiles};
use exuvia_journal::Event;
use exuvia_mcp_client::{Query, RelayOptions};
use exuvia_policy::{OnUnlisted, Policy, PolicySource, READS, ServerRules};
use exuvia_runtime::Limits;
use exuvia_server::http::HttpConfig;
use exuvia_tests::{HttpClient, Served, Settings, direct_fake, rules};
use serde_json::{Value, json};
use tempfile::TempDir;

/// `fake`, direct, that answers every read.
async fn served(folder: &TempDir) -> Served {
    let results = folder.path().join("results.json");
    let said = json!({
        "resources/list": {"resources": [{"uri": "x://a", "name": "a"}]},
        "resources/read": {"contents": [{"uri": "x://a", "text": "holds"}]},
        "prompts/list": {"prompts": [{"name": "greet"}]},
        "prompts/get": {"messages": [{"role": "user", "content": {"type": "text", "text": "hi"}}]},
        "completion/complete": {"completion": {"values": ["ada"]}},
    });
    fs::write(&results, said.to_string()).expect("a file");
    let fake = direct_fake("fake", &["--results", &results.display().to_string()]);
    let profile = Profile::new([("fake".to_owned(), Mode::Direct)]).with_bare_names();
    let profiles = Some(Profiles { default: profile, named: Default::default() });
    let settings = Settings { profiles, ..Settings::default() };
    Served::over(vec![fake], HttpConfig::default(), Limits::default(), settings).await
}

fn under(served: &Served, rules: ServerRules) {
    let source = PolicySource { servers: [("fake".to_owned(), rules)].into(), ..PolicySource::default() };
    served.gateway.gateway().set_policy(Policy::compile(source, ["fake"]).expect("a policy"));
}

/// The reads that need no task.
fn reads() -> [(&'static str, Value); 3] {
    let completes = json!({"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "who", "value": "a"}});
    [
        ("resources/read", json!({"uri": "x://a"})),
        ("prompts/get", json!({"name": "greet"})),
        ("completion/complete", completes),
    ]
}

async fn ask(client: &mut HttpClient, method: &str, params: &Value) -> Value {
    client.ask("/mcp", method, params.clone(), json!({})).await.message()
}

/// The reads that have reached the server.
async fn reached(client: &mut HttpClient) -> Vec<String> {
    let answer = ask(client, "tools/call", &json!({"name": "seen", "arguments": {}})).await;
    let seen = answer["result"]["structuredContent"]["seen"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
    let read = |method: &Value| Some(method.as_str()?.to_owned()).filter(|method| READS.contains(&method.as_str()));
    seen.iter().filter_map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_held_or_denied_like_a_call_unless_it_is_listed() {
    let folder = TempDir::new().expect("a folder");
    let served = served(&folder).await;
    let mut client = served.client().await;
    let denied = ServerRules { on_unlisted: OnUnlisted::Deny, ..rules(&["seen", "get_*"], &[]) };
    for (rules, said) in [
        (rules(&["seen", "get_*"], &[]), "awaiting approval, not called: fake."),
        (rules(&["*"], &["*/*"]), "may not be called"),
        (denied, "may not be called"),
        (ServerRules { tools: vec!["seen".into()], ..rules(&["*"], &[]) }, "may not be called"),
    ] {
        under(&served, rules);
        for (method, params) in reads() {
            let answer = ask(&mut client, method, &params).await;
            let message = answer["error"]["message"].as_str().unwrap_or_else(|| panic!("{answer}"));
            assert!(message.contains(said) && answer["error"]["code"] == -32600, "{method}: {answer}");
            if said.starts_with("awaiting") {
                let line = format!("auto_execute = [\"seen\", \"get_*\", \"{method}\"]");
                assert!(message.contains(&line), "{message}");
            }
        }
    }
    assert!(reached(&mut client).await.is_empty());
    under(&served, rules(&["seen", "resources/read", "prompts/*"], &[]));
    for (method, params) in reads() {
        let answer = ask(&mut client, method, &params).await;
        assert_eq!(answer["result"].is_object(), method != "completion/complete", "{method}: {answer}");
    }
    assert_eq!(reached(&mut client).await, ["resources/read", "prompts/get"]);
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_is_not_in_a_list() {
    let folder = TempDir::new().expect("a folder");
    let served = served(&folder).await;
    let mut client = served.client().await;
    for (tools, listed) in [("*", true), ("seen", false)] {
        under(&served, ServerRules { tools: vec![tools.into()], ..rules(&["*"], &[]) });
        for list in ["resources", "prompts"] {
            let answer = ask(&mut client, &format!("{list}/list"), &json!({})).await;
            let items = answer["result"][list].as_array().unwrap_or_else(|| panic!("{answer}"));
            assert_eq!(items.len(), usize::from(listed), "{answer}");
        }
    }
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_recorded_counted_and_not_made_if_it_cannot_be_recorded() {
    let folder = TempDir::new().expect("a folder");
    let served = served(&folder).await;
    let mut client = served.client().await;
    let journal = served.gateway.journal();
    journal.fail(&["call-intended"]);
    for (method, params) in reads() {
        let answer = ask(&mut client, method, &params).await;
        assert!(answer["error"]["message"].to_string().contains("journal is unavailable"), "{method}: {answer}");
    }
    assert_eq!(journal.kinds(), ["call-refused"; 3]);
    journal.fail(&[]);
    for (method, params) in reads() {
        assert!(ask(&mut client, method, &params).await["result"].is_object(), "{method}");
    }
    let entries = journal.entries().split_off(3);
    let told: Vec<String> = entries
        .iter()
        .map(|entry| match &entry.event {
            Event::CallIntended { call, .. } => format!("{} {}", call.name, call.arguments.as_str()),
            Event::CallEnded { code, value_bytes, .. } => format!("{code} {}", *value_bytes > 0),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(
        told[..3],
        [r#"fake.resources/read {"uri":"x://a"}"#, "ok true", r#"fake.prompts/get {"name":"greet"}"#]
    );
    assert!(told.len() == 6 && told[4].starts_with("fake.completion/complete {"), "{told:?}");
    let counted = served.gateway.gateway().metrics();
    assert!(counted.contains("exuvia_calls_total{server=\"fake\",outcome=\"ok\"} 3\n"), "{counted}");
    // Calls and reads have one rate, and conditions hold for both.
    let mut bounded = ServerRules { calls_per_minute: Some(5), ..rules(&["*"], &[]) };
    bounded.constraints.insert(
        "resources/read".into(),
        serde_json::from_value(json!({"uri": {"one_of": ["x://a"]}})).expect("conditions"),
    );
    under(&served, bounded);
    let answer = ask(&mut client, "resources/read", &json!({"uri": "x://b"})).await;
    assert!(answer["error"]["message"].to_string().contains("with this uri"), "{answer}");
    assert!(ask(&mut client, "resources/read", &json!({"uri": "x://a"})).await["result"].is_object());
    assert!(ask(&mut client, "tools/call", &json!({"name": "seen", "arguments": {}})).await["result"].is_object());
    let answer = ask(&mut client, "prompts/get", &json!({"name": "greet"})).await;
    assert!(answer["result"].is_object(), "{answer}");
    for _ in 0..2 {
        ask(&mut client, "prompts/get", &json!({"name": "greet"})).await;
    }
    let answer = ask(&mut client, "resources/read", &json!({"uri": "x://a"})).await;
    assert!(answer["error"]["message"].to_string().contains("5 calls per minute"), "{answer}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_in_flight_are_bounded_for_each_client() {
    let folder = TempDir::new().expect("a folder");
    let served = served(&folder).await;
    let gateway = served.gateway.gateway();
    let view = gateway.default_view();
    let read = |client: &str| {
        let query = Query::ReadResource { uri: "x://a".into() };
        gateway.proxy_query(&view, &Client::new(client), "fake", &query, RelayOptions::default()).answer
    };
    let waiting: Vec<_> = (0..256).map(|_| read("ada")).collect();
    assert_eq!(read("ada").await.code(), "limit-reached");
    assert!(gateway.request_place(&Client::new("ada")).is_err(), "for a list, too");
    assert!(matches!(read("bob").await, DirectAnswer::Relayed(_)));
    drop(waiting);
    assert_eq!(read("ada").await.code(), "ok");
    served.end().await;
}
