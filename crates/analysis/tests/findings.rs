//! What is found in a call: unless the script catches what it raises, and by the type that a parameter has.

use exuvia_analysis::analyze;
use exuvia_test_support::descriptor;
use exuvia_tool::Namespace;
use serde_json::{Value, json};

fn namespace(schema: &Value) -> Namespace {
    let tool = json!({"name": "get", "inputSchema": {"type": "object", "properties": {"x": schema, "y": {}}, "required": ["x"]}});
    exuvia_catalog::build(vec![("crm".to_owned(), vec![descriptor(&tool)])])
}

fn is_found(script: &str, schema: &Value) -> bool {
    !analyze(script, &namespace(schema)).findings.is_empty()
}

#[test]
fn a_handler_hides_findings_of_its_own_exception_only() {
    let wrong =
        [("NameError", "crmm.get(x=1)"), ("AttributeError", "crm.gett(x=1)"), ("TypeError", "crm.get(x=1, z=2)")];
    for (raised, call) in wrong {
        for caught in
            ["NameError", "AttributeError", "TypeError", "KeyError", "builtins.NameError", "Whatever", "Exception"]
        {
            let script = format!("try:\n    {call}\nexcept {caught}:\n    pass\n");
            // What is not known may be any exception.
            let hides = caught.ends_with(raised) || ["Whatever", "Exception"].contains(&caught);
            assert_eq!(is_found(&script, &json!({})), !hides, "{script}");
            let several = format!("try:\n    {call}\nexcept (KeyError, {caught}):\n    pass\n");
            assert_eq!(is_found(&several, &json!({})), !hides, "{several}");
        }
    }
}

#[test]
fn a_literal_is_found_unless_it_is_of_the_type_of_its_parameter() {
    let literals = [
        ("null", "None"),
        ("boolean", "True"),
        ("integer", "7"),
        ("number", "7.5"),
        ("string", "'seven'"),
        ("array", "[7]"),
        ("object", "{'seven': 7}"),
    ];
    for (ty, _) in literals {
        for (of, literal) in literals {
            // Beside an argument that is not known, so that the call as a whole cannot be checked.
            let script = format!("crm.get(x={literal}, y=len(''))\n");
            // None for a parameter is another question: it may be left out.
            if of == "null" {
                continue;
            }
            let fits = ty == of || (ty, of) == ("number", "integer");
            assert_eq!(is_found(&script, &json!({"type": ty})), !fits, "{script} for {ty}");
            assert!(!is_found(&script, &json!({"type": [ty, of]})), "{script} for {ty} or {of}");
        }
    }
    assert!(!is_found("crm.get(x=7.0, y=len(''))\n", &json!({"type": "integer"})));
    assert!(is_found("crm.get(x=7.5, y=len(''))\n", &json!({"type": "integer"})));
}
