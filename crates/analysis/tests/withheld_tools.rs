//! Tools that are withheld until the operator accepts them.

use exuvia_analysis::{FindingCode, analyze};
use exuvia_catalog::build_withholding;
use exuvia_test_support::descriptor;
use exuvia_tool::{ToolName, Withheld};
use serde_json::json;

#[test]
fn a_script_that_names_a_withheld_tool_is_told_before_it_runs() {
    let tool = |name: &str| descriptor(&json!({"name": name, "inputSchema": {"type": "object"}}));
    let tools = vec![tool("get-user"), tool("get_order")];
    let why = |_: &str, tool: &str| (tool == "get-user").then_some(Withheld::New);
    let namespace = build_withholding(vec![("crm".to_owned(), Ok(tools))], why);
    for script in ["crm.get_user()", "f = mcp.crm['get-user']", "result = [crm.get_user(id=id) for id in [1]]"] {
        let analysis = analyze(script, &namespace);
        let found: Vec<_> = analysis.findings.iter().map(|finding| (finding.code, finding.message.as_str())).collect();
        let [(FindingCode::ToolWithheld, message)] = found.as_slice() else { panic!("{script}: {found:?}") };
        assert!(message.starts_with("crm.get-user is withheld: it is new on its server"), "{message}");
        assert!(!analysis.may_call.contains(&ToolName::new("crm", "get-user")), "{script}");
    }
    assert!(analyze("crm.get_order()", &namespace).findings.is_empty());
    assert!(analyze("try:\n    crm.get_user()\nexcept Exception:\n    pass", &namespace).findings.is_empty());
}
