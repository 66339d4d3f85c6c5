//! Parts of answers that are not there, where a script takes them from a call itself: `crm.get_contacts()["rows"]`. Where a value has a
//! name, the error of the sandbox says more.

use exuvia_runtime::ScriptError;
use exuvia_tool::{Server, Tool};
use serde_json::Value;

use super::{Seen, marked_line};

/// How many keys are named.
const KEYS: usize = 16;
/// How the hints of the sandbox begin that take a key for a method.
const CALL_IT: &str = "call it: ";

/// The hint for an exception in a line with one call of a tool.
pub(super) fn hint(error: &ScriptError, seen: Seen<'_>) -> Option<String> {
    let (name, server, tool) = only_call(marked_line(&error.traceback), seen)?;
    let answer = Answer::of(server, tool, seen)?;
    match (error.kind.as_str(), error.hint.as_deref()) {
        ("KeyError", None) => {
            let key = error.message.trim_matches(['\'', '"']);
            (!answer.has(key)).then(|| format!("{name} gives {}", answer.told))
        }
        (_, Some(hint)) => {
            if let Some(method) = hint.strip_prefix(CALL_IT) {
                let (of, key) = method.strip_suffix("()")?.rsplit_once('.')?;
                let is_answer = of.starts_with(&name) && of.ends_with(')') && answer.has(key);
                return is_answer.then(|| format!("write {of}[{key:?}]"));
            }
            let key = hint.split_once(" is the text '")?.1.strip_suffix('\'')?;
            answer.has(key).then(|| format!("{key:?} is a key: {name} gives {}", answer.told))
        }
        _ => None,
    }
}

/// What a tool answers.
struct Answer {
    keys: Vec<String>,
    told: String,
}

impl Answer {
    /// As its schema has it, or as was seen.
    fn of(server: &Server, tool: &Tool, seen: Seen<'_>) -> Option<Self> {
        let declared = tool.descriptor.output_schema.as_ref().filter(|_| !tool.descriptor.is_boxed());
        let properties = declared.and_then(|schema| schema.get("properties")).and_then(Value::as_object);
        if let Some(properties) = properties.filter(|properties| !properties.is_empty()) {
            let keys: Vec<String> = properties.keys().cloned().collect();
            let named: Vec<String> = keys.iter().take(KEYS).map(|key| exuvia_text::quoted(key, 60)).collect();
            let more = if keys.len() > KEYS { ", ..." } else { "" };
            return Some(Self { told: format!("a dict with the keys {}{more}", named.join(", ")), keys });
        }
        let shape = seen.learned?.shape(&server.name, tool)?;
        let shape = shape.split(" # ").next().filter(|shape| shape.starts_with('{'))?;
        // Keys stand in it between quotes, those of what is further inside as well.
        let keys = shape.split('"').skip(1).step_by(2).map(str::to_owned).collect();
        Some(Self { keys, told: exuvia_text::one_line(shape, 300) })
    }

    fn has(&self, key: &str) -> bool {
        self.keys.iter().any(|known| known == key)
    }
}

/// The tool that a line calls, if it is only one.
fn only_call<'n>(line: &str, seen: Seen<'n>) -> Option<(String, &'n Server, &'n Tool)> {
    let mut found = None;
    for server in seen.namespace.servers() {
        let start = format!("{}.", server.python_name);
        for (at, _) in line.match_indices(&start) {
            let is_name = !line[..at].ends_with(|before: char| before.is_alphanumeric() || matches!(before, '_' | '.'));
            let Some((name, _)) = line[at + start.len()..].split_once('(').filter(|_| is_name) else { continue };
            let Some(tool) = server.find(name.trim()) else { continue };
            if found.is_some() {
                return None;
            }
            found = Some((format!("{start}{}", tool.python_name), server, tool));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use exuvia_catalog::LearnedAnswers;
    use exuvia_tool::{ToolAnnotations, ToolDescriptor};
    use serde_json::json;

    use super::*;

    #[derive(Debug)]
    struct Learned;

    impl LearnedAnswers for Learned {
        fn shape(&self, _: &str, tool: &Tool) -> Option<String> {
            (tool.name() == "find").then(|| r#"{"rows": [{"id": int}]} # seen once"#.to_owned())
        }

        fn version(&self) -> u64 {
            0
        }
    }

    fn tool(name: &str, output_schema: Option<Value>) -> Arc<ToolDescriptor> {
        let (input_schema, annotations) = (json!({"type": "object"}), ToolAnnotations::default());
        let (title, description) = (None, None);
        Arc::new(ToolDescriptor { name: name.into(), title, description, input_schema, output_schema, annotations })
    }

    fn hint_of(kind: &str, message: &str, line: &str, hint: Option<&str>) -> Option<String> {
        let schema = json!({"type": "object", "properties": {"items": {"type": "array"}, "total": {}}});
        let tools = vec![tool("list", Some(schema)), tool("find", None), tool("other", None)];
        let namespace = exuvia_catalog::build(vec![("crm".to_owned(), tools)]);
        let error = ScriptError {
            kind: kind.to_owned(),
            message: message.to_owned(),
            line: Some(1),
            traceback: format!("> 1 | {line}"),
            hint: hint.map(str::to_owned),
        };
        super::hint(&error, Seen { namespace: &namespace, learned: Some(&Learned), begins_session: false })
    }

    #[test]
    fn what_a_call_gives_is_told_where_the_script_takes_what_it_does_not() {
        let (list, find) =
            (r#"crm.list gives a dict with the keys "items", "total""#, r#"crm.find gives {"rows": [{"id": int}]}"#);
        for (key, line, expected) in [
            ("rows", "n = crm.list()['rows']", Some(list)),
            ("items", "n = crm.find(a=1)['items']", Some(find)),
            // What it has is not at fault, and of others nothing is known.
            ("items", "n = x[crm.list()['total']]['items']", None),
            ("x", "crm.other()['x']", None),
            ("x", "crm.list(a=crm.find())['x']", None),
            ("x", "my.crm.list()['x'] + acrm.list()", None),
        ] {
            let told = hint_of("KeyError", &format!("'{key}'"), line, None);
            assert_eq!(told.as_deref(), expected, "{line}");
        }
        assert_eq!(hint_of("KeyError", "'x'", "crm.list()['x']", Some("known")), None);
    }

    #[test]
    fn a_key_that_is_taken_for_a_method_or_a_row_is_told() {
        let error = "'builtin_function_or_method' object is not subscriptable";
        let line = "a = crm.list(n=1).items[0]";
        let told = hint_of("TypeError", error, line, Some("call it: crm.list(n=1).items()"));
        assert_eq!(told.as_deref(), Some("write crm.list(n=1)[\"items\"]"));
        assert_eq!(hint_of("TypeError", error, line, Some("call it: crm.list(n=1).keys()")), None);
        let line = "for c in crm.list(): c['id']";
        let told = hint_of("TypeError", "string indices must be integers", line, Some("c is the text 'items'"));
        let expected = r#""items" is a key: crm.list gives a dict with the keys "items", "total""#;
        assert_eq!(told.as_deref(), Some(expected));
        assert_eq!(hint_of("TypeError", "string indices", line, Some("c is the text 'other'")), None);
    }
}
