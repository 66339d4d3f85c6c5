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
fn what_other_environments_write_is_told_in_the_words_of_this_one() {
    let said = |script: &str| {
        let findings = analyze(script, &namespace(&json!({}))).findings;
        findings.into_iter().map(|finding| finding.message).collect::<Vec<_>>().join("\n")
    };
    for (script, expected) in [
        ("tools.crm.get(x=1)", "there is no tools: servers are globals, write `crm` for `tools.crm`"),
        (
            "client.call_tool('get', {})",
            "there is no client.call_tool: servers are globals, write `crm.get(name=value)`",
        ),
        ("datetime.now()", "datetime is not imported; add `from datetime import datetime`"),
        ("datetime.date.today()", "datetime is not imported; add `import datetime`"),
    ] {
        assert_eq!(said(script), expected, "{script}");
    }
}

#[test]
fn a_failure_that_the_script_catches_is_kept_apart() {
    use exuvia_analysis::FindingCode as Code;
    for (call, code) in [
        ("crmm.get(x=1)", Some(Code::UnknownServer)),
        ("json.dumps(1)", Some(Code::NotImported)),
        ("crm.gett(x=1)", Some(Code::UnknownTool)),
        ("crm.get(x=1, z=2)", Some(Code::UnknownArgument)),
        ("crm.get(1, x=2)", Some(Code::RepeatedArgument)),
        ("crm.get()", Some(Code::MissingArgument)),
        // The host tells of it, and may take it.
        ("crm.get(x='a')", None),
        ("crm.get(x=1)", None),
    ] {
        for script in [
            format!("try:\n    a = {call}\nexcept Exception:\n    a = None\na"),
            format!("import contextlib\nwith contextlib.suppress(Exception):\n    {call}\n"),
        ] {
            let analysis = analyze(&script, &namespace(&json!({"type": "integer"})));
            assert_eq!(analysis.findings, [], "{script}");
            assert_eq!(analysis.caught.first().map(|finding| finding.code), code, "{script}");
        }
    }
    // Who looks first knows what may fail.
    let script = "try:\n    a = crm.gett(x=1) if hasattr(crm, 'gett') else None\nexcept Exception:\n    a = None\na";
    assert_eq!(analyze(script, &namespace(&json!({}))).caught, []);
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
