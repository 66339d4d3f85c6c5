//! What would make an approval unnecessary.

use exuvia_approvals::{Scope, suggestions};
use exuvia_journal::Approval;
use exuvia_tool::ToolName;
use serde_json::Value;

use crate::asked;

fn tool() -> ToolName {
    ToolName::new("crm", "send")
}

fn object(json: &str) -> serde_json::Map<String, Value> {
    serde_json::from_str(json).expect("an object")
}

/// The suggestions for such a call, by their names.
async fn suggested(arguments: &str, tool: &str, role: Option<&str>, read_only: &[&str]) -> Vec<(&'static str, String)> {
    let (approval, content) = asked(arguments, "", tool).await;
    let approval = Approval { role: role.map(str::to_owned), ..approval };
    let read_only: Vec<String> = read_only.iter().map(|tool| (*tool).to_owned()).collect();
    let all = suggestions(&approval, Some(&content), &read_only);
    all.into_iter().map(|suggestion| (suggestion.scope.name(), suggestion.toml)).collect()
}

#[tokio::test]
async fn a_tool_is_listed_where_the_list_of_the_role_is() {
    let of_server = "[servers.crm]\nauto_execute = [\"send\"]  # beside what is there\n".to_owned();
    assert_eq!(suggested("{}", "send", None, &[]).await, [("tool", of_server)]);
    let of_role = "[roles.\"a b\"]\nauto_execute = [\"crm.x[*]\\U0000202E\\\"\"]  # beside what is there\n".to_owned();
    assert_eq!(suggested("{}", "x*\u{202e}\"", Some("a b"), &[]).await, [("tool", of_role)]);
}

#[tokio::test]
async fn arguments_become_conditions_where_a_condition_can_say_so() {
    let all = suggested("{\"to\": \"a\\n\", \"n\": 5, \"is it\": true}", "send", None, &[]).await;
    assert_eq!(all.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["arguments", "tool"]);
    let lines: Vec<&str> = all[0].1.lines().collect();
    assert_eq!(
        lines[..4],
        [
            "[servers.crm]",
            "auto_execute = [\"send\"]  # beside what is there",
            "",
            "[servers.crm.constraints.\"send\"]"
        ]
    );
    for line in ["to = { one_of = [\"a\\U0000000A\"] }", "n = { one_of = [5] }", "\"is it\" = { one_of = [true] }"] {
        assert!(lines[4..].contains(&line), "{lines:?}");
    }
    for other in ["{}", "{\"a\": 1.5}", "{\"a\": null}", "{\"a\": [1]}", "{\"a\": {}}"] {
        assert_eq!(suggested(other, "send", None, &[]).await.len(), 1, "{other}");
    }
}

#[tokio::test]
async fn read_only_tools_are_suggested_where_the_tool_is_one() {
    let all = suggested("{}", "get", None, &["get", "list"]).await;
    let both = "[servers.crm]\nauto_execute = [\"get\", \"list\"]  # beside what is there\n".to_owned();
    assert_eq!(all.last(), Some(&("read-only-tools", both)));
    assert_eq!(suggested("{}", "send", None, &["get", "list"]).await.len(), 1);
}

#[tokio::test]
async fn the_start_of_a_script_has_no_line_of_its_own() {
    let (approval, content) = asked("{}", "", "send").await;
    assert!(suggestions(&Approval { tool: None, ..approval }, Some(&content), &[]).is_empty());
}

#[test]
fn a_scope_allows_what_it_says_and_nothing_else() {
    let arguments = Scope::Arguments(tool(), object("{\"to\": \"a\"}"));
    assert!(arguments.allows(&tool(), "{\"to\":\"a\"}"));
    assert!(!arguments.allows(&tool(), "{\"to\":\"b\"}"));
    assert!(!arguments.allows(&tool(), "{}") && !arguments.allows(&tool(), "no JSON"));
    assert!(!arguments.allows(&ToolName::new("crm", "other"), "{\"to\":\"a\"}"));
    assert!(Scope::Tool(tool()).allows(&tool(), "no JSON"));
    let reads = Scope::ReadOnlyTools("crm".into(), vec!["get".into()]);
    assert!(reads.allows(&ToolName::new("crm", "get"), "{}") && !reads.allows(&tool(), "{}"));
    assert!(!reads.allows(&ToolName::new("other", "get"), "{}"));
}
