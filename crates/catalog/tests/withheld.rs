//! Tools that are withheld: nothing of what their servers say is shown, and no other tool has their names.

use std::sync::Arc;

use exuvia_catalog::build_withholding;
use exuvia_catalog::files::{Layouts, StubFiles};
use exuvia_test_support::descriptor;
use exuvia_tool::{Namespace, ToolDescriptor, Withheld};
use serde_json::json;

fn tool(name: &str) -> ToolDescriptor {
    let schema = json!({"properties": {"kanarie_argument": {"description": "kanarie"}}});
    descriptor(&json!({"name": name, "description": "kanarie", "inputSchema": schema, "outputSchema": schema}))
}

/// `crm` has these tools, and one of them is withheld.
fn namespace(tools: &[&str], withheld: &str) -> Namespace {
    let tools = tools.iter().map(|name| tool(name)).collect();
    let why = |server: &str, tool: &str| (server == "crm" && tool == withheld).then_some(Withheld::Changed);
    build_withholding(vec![("crm".to_owned(), Ok(tools)), ("web".to_owned(), Ok(vec![tool(withheld)]))], why)
}

#[test]
fn a_withheld_tool_is_in_no_text_and_whoever_names_it_is_told() {
    let namespace = Arc::new(namespace(&["get-user", "list_users"], "get-user"));
    let stubs = StubFiles::new(Arc::clone(&namespace), Layouts::default());
    assert_eq!(stubs.list(None, 1 << 20), "2 tools\ncrm.pyi 1\nweb.pyi 1\n");
    assert!(!stubs.read("crm.pyi", 1 << 20).expect("a file").contains("get_user"));
    assert!(!stubs.list(Some("get user"), 1 << 20).contains("crm.get_user"));
    for name in ["crm.get_user", "crm.get-user", "crm/get_user.pyi"] {
        let error = stubs.read(name, 1 << 20).expect_err("withheld").to_string();
        assert!(
            error.starts_with("crm.get-user is withheld: its definition changed") && !error.contains("kanarie"),
            "{error}"
        );
        let error = stubs.docs(None, name, 1 << 20).expect_err("withheld").to_string();
        assert!(error.starts_with("crm.get-user is withheld"), "{error}");
    }
    assert!(stubs.read("web.get_user", 1 << 20).is_ok(), "of another server");
    let crm = namespace.server("crm").expect("a server");
    assert!(crm.find("get_user").is_none() && crm.tool("get-user").is_none());
    let hidden = &crm.find_withheld("get_user").expect("withheld").tool;
    let told = format!("{} {} {:?}", hidden.signature, hidden.documentation, hidden.descriptor);
    assert!(!told.contains("kanarie") && hidden.accepts_other_keywords && hidden.parameters.is_empty(), "{told}");
}

#[test]
fn no_other_tool_of_its_server_has_its_python_name() {
    let names = |withheld: &str| -> Vec<String> {
        let namespace = namespace(&["get-user", "get_user", "get.user"], withheld);
        let tools = namespace.server("crm").expect("a server").tools();
        tools.iter().map(|tool| format!("{} {}", tool.name(), tool.python_name)).collect()
    };
    assert_eq!(names(""), ["get-user get_user_2", "get_user get_user", "get.user get_user_3"]);
    assert_eq!(names("get_user"), ["get-user get_user_2", "get.user get_user_3"]);
    assert_eq!(names("get-user"), ["get_user get_user", "get.user get_user_3"]);
}
