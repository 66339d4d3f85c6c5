//! What conditions on arguments are meant to keep out, in the very text that a script sends: none of it reaches a server.

use std::fs;

use exuvia_gateway::StartedBy;
use exuvia_policy::{Policy, PolicySource, ServerRules};
use exuvia_runtime::Limits;
use exuvia_tests::{SampleGateway, fake};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Arguments for the tool `read`, and whether they fulfill its conditions.
const CALLS: &[(&str, bool)] = &[
    (r#"{"path":"/exports/a","n":10,"repos":"public"}"#, true),
    (r#"{"path":["/exports/a","/exports/b%20c"],"n":1e1,"repos":["public"]}"#, true),
    (r#"{"path":"/exports/a","n":10,"repos":[]}"#, false),
    (r#"{"path":[],"n":10,"repos":"public"}"#, false),
    (r#"{"path":"/exports/a","n":10.0000000000000000001,"repos":"public"}"#, false),
    (r#"{"path":"/exports/a","n":[],"repos":"public"}"#, false),
    (r#"{"path":"/exports/a","Path":"/etc/passwd","n":10,"repos":"public"}"#, false),
    (r#"{"path":"/exports/a","path ":"/etc/passwd","n":10,"repos":"public"}"#, false),
    (r#"{"path":"/exports/a","path":"/etc/passwd","n":10,"repos":"public"}"#, false),
    (r#"{"path":"/exports/a%252fb/%2e%2e/%2e%2e/secret","n":10,"repos":"public"}"#, false),
    (r#"{"path":"/exports/%7e%00","n":10,"repos":"public"}"#, false),
    (r#"{"path":"file:///exports/a","n":10,"repos":"public"}"#, false),
    (r#"{"path":"\ud800","n":10,"repos":"public"}"#, false),
];

fn policy() -> Policy {
    let conditions =
        json!({"read": {"path": {"under": "/exports"}, "n": {"at_most": 10}, "repos": {"one_of": ["public"]}}});
    let rules = ServerRules {
        auto_execute: vec!["*".to_owned()],
        constraints: serde_json::from_value(conditions).expect("conditions"),
        ..ServerRules::default()
    };
    let source = PolicySource { servers: [("fs".to_owned(), rules)].into(), ..PolicySource::default() };
    Policy::compile(source, ["fs"]).expect("a policy")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_does_not_fulfil_its_conditions_reaches_no_server() {
    let dir = TempDir::new().expect("a folder");
    let (tools, record) = (dir.path().join("tools.json"), dir.path().join("record"));
    let schema = json!({"type": "object", "properties": {"path": {}, "n": {}, "repos": {}}});
    fs::write(&tools, json!([{"name": "read", "inputSchema": schema}]).to_string()).expect("a folder");
    let server = fake("fs", &["--tools", &tools.display().to_string(), "--record", &record.display().to_string()]);
    let gateway = SampleGateway::of(vec![server], Limits::default()).await;
    gateway.gateway().set_policy(policy());
    let (mut wrong, mut allowed) = (Vec::new(), 0);
    for (arguments, fulfils) in CALLS {
        let script =
            format!("from wit_world.imports import tools\ntools.call('fs', 'read', {}, 1)", Value::from(*arguments));
        fs::write(&record, "").expect("a folder");
        let report = gateway.run_by(StartedBy::Client, &script).await;
        let received = fs::read_to_string(&record).expect("a record").contains("tools/call");
        allowed += usize::from(received);
        if received != *fulfils {
            wrong.push(format!("{arguments}: {:?}", report.outcome));
        }
    }
    gateway.stop().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(allowed, 2);
}
