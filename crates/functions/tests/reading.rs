//! Files as functions.

use std::fs;

use exuvia_functions::{
    Approved, Function, FunctionName, FunctionSet, MAX_PARAMETERS, MAX_SOURCE_BYTES, Withdrawn, read_directory, stamp,
};
use serde_json::{Value, json};

fn name(text: &str) -> FunctionName {
    text.parse().expect("a name")
}

fn read(source: &str) -> Result<Function, String> {
    Function::read(name("work"), source).map_err(|error| error.to_string())
}

fn schema(parameters: &str) -> Value {
    let source = format!("from typing import *\n\ndef work({parameters}):\n    'Works.'\n");
    read(&source).expect("a function").descriptor().input_schema.clone()
}

#[test]
fn parameters_are_a_schema() {
    let text = "a: str, b: int = 3, c: float | None = None, *, d: list[dict[str, bool]], e: Literal['x', 2] = 'x', f: Optional[int] = -1";
    let found = schema(text);
    assert_eq!(found["required"], json!(["a", "d"]));
    assert_eq!(found["additionalProperties"], json!(false));
    let expected = json!({
        "a": {"type": "string"},
        "b": {"type": "integer", "default": 3},
        "c": {"anyOf": [{"type": "number"}, {"type": "null"}], "default": null},
        "d": {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "boolean"}}},
        "e": {"enum": ["x", 2], "default": "x"},
        "f": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": -1},
    });
    assert_eq!(found["properties"], expected);
    assert_eq!(schema("**more: int")["additionalProperties"], json!({"type": "integer"}));
    let union = schema("a: str | int | None, b: Union[str, int] = ''");
    assert_eq!(union["properties"]["a"]["anyOf"].as_array().map(Vec::len), Some(3));
}

#[test]
fn typed_dicts_of_the_file_are_objects() {
    let source = "from typing import TypedDict, NotRequired\n\nclass Row(TypedDict):\n    id: int\n    tags: NotRequired[list[str]]\n\n\
                  class Page(TypedDict, total=False):\n    rows: list[Row]\n\n\
                  def work(page: Page) -> list[Row]:\n    'Works.\\n\\n    Args:\\n        page: what to read\\n'\n    return page['rows']\n";
    let function = read(source).expect("a function");
    let row = json!({
        "type": "object", "title": "Row", "required": ["id"],
        "properties": {"id": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}}},
    });
    let page = &function.descriptor().input_schema["properties"]["page"];
    assert_eq!((&page["required"], &page["properties"]["rows"]["items"]), (&json!([]), &row));
    assert_eq!(page["description"], "what to read");
    assert_eq!(function.descriptor().output_schema, Some(json!({"type": "array", "items": row})));
    assert_eq!(function.descriptor().description.as_deref(), Some("Works."));
}

#[test]
fn what_is_no_function_says_what_to_write() {
    let many = (0..=MAX_PARAMETERS).map(|n| format!("a{n}: int")).collect::<Vec<_>>().join(", ");
    let loops = "class A(TypedDict):\n    a: 'A'\ndef work(a: A):\n    'W.'\n";
    for (source, expected) in [
        ("x = 1", "defines no function"),
        ("def _work(): 'W.'", "defines no function"),
        ("def other():\n    'O.'", "line 1: the file defines `other`"),
        ("def work():\n    'W.'\ndef more():\n    'M.'", "line 3: `more` is a second function"),
        ("def work():\n    return 1", "line 1: it has no docstring"),
        ("def work(a):\n    'W.'", "line 1: parameter `a` has no type"),
        ("def work(a: int, /):\n    'W.'", "positional only"),
        ("def work(*a: int):\n    'W.'", "write `a: list[...]`"),
        ("def work(a: datetime):\n    'W.'", "line 1: this type is not understood"),
        ("def work(a: dict[int, str]):\n    'W.'", "this type is not understood"),
        ("\ndef work(:\n    'W.'", "line 3: this is not understood as Python"),
        (&format!("def work({many}):\n    'W.'"), "at most 50 parameters"),
        (loops, "nest too deep"),
        (&"#".repeat(MAX_SOURCE_BYTES + 1), "larger than"),
        ("def work():\n    'W.\0'", "NUL"),
        ("# tools: crm\ndef work():\n    'W.'", "line 1: write `# tools: SERVER.TOOL"),
    ] {
        let error = read(source).expect_err(source);
        assert!(error.contains(expected), "{source}: {error}");
    }
}

#[test]
fn a_call_is_a_script_with_the_lines_of_the_file() {
    let source = "async def work(text: str) -> str:\n    'Works.'\n    return text";
    let function = read(source).expect("a function");
    let script = function.script(r#"{"text": "a\"b\\c\n"}"#);
    let call = r#"result = await work(**__import__("json").loads("{\"text\": \"a\\\"b\\\\c\\n\"}"))"#;
    assert_eq!(script, format!("{source}\n{call}\n"));
    assert_eq!(function.sha256(), read(source).expect("the same").sha256());
    assert_ne!(function.sha256(), read(&format!("{source}\n")).expect("another").sha256());
}

#[test]
fn a_function_is_a_tool_of_the_catalog() {
    let function = read("def work(n: int, note: str = 'x') -> list[int]:\n    'Counts to n.'\n    return []\n")
        .expect("a function");
    let namespace = exuvia_catalog::build(vec![("functions".to_owned(), vec![function.descriptor().clone()])]);
    let server = namespace.server("functions").expect("a server");
    let stub = exuvia_catalog::stub::server_stub(server);
    assert!(
        stub.contains("def work(n: int, note: str = \"x\") -> list[int]:") && stub.contains("Counts to n"),
        "{stub}"
    );
}

#[test]
fn a_directory_has_functions_and_namespaces() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| {
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::write(file, text).expect("written");
    };
    let of = |name: &str| format!("def {name}() -> int:\n    'One.'\n    return 1\n");
    write("one.py", &of("one"));
    write("sales/report.py", &of("report"));
    write("sales/deep/more.py", &of("more"));
    write("_helper.py", "x = 1");
    write("Wrong.py", &of("Wrong"));
    write("note.txt", "no function");
    let files = read_directory(folder.path()).expect("read");
    let told: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.function.is_ok())).collect();
    assert_eq!(told, [("Wrong", false), ("one", true), ("sales.report", true)]);
    let before = stamp(folder.path()).expect("looked at");
    assert_eq!(before, stamp(folder.path()).expect("looked at"));
    write("one.py", &format!("{}# more", of("one")));
    assert_ne!(before, stamp(folder.path()).expect("looked at"));
}

#[test]
fn what_may_be_called_is_what_was_promoted_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let of = |name: &str, value: u32| format!("def {name}() -> int:\n    'A number.'\n    return {value}\n");
    for name in ["same", "changed", "broken", "new"] {
        fs::write(folder.path().join(format!("{name}.py")), of(name, 1)).expect("written");
    }
    let approved = |name: &str, source: String, is_of_directory| {
        let sha256 = Function::read(self::name(name), &source).expect("a function").sha256().to_owned();
        Approved { name: name.to_owned(), sha256, source: source.into(), version: 1, is_of_directory }
    };
    let mut promoted = vec![
        approved("same", of("same", 1), true),
        approved("changed", of("changed", 2), true),
        approved("broken", of("broken", 1), true),
        approved("gone", of("gone", 1), true),
        approved("stored", of("stored", 1), false),
    ];
    fs::write(folder.path().join("broken.py"), "def broken(").expect("written");
    // Somebody changed the store without knowing its digest.
    promoted.push(Approved { source: of("forged", 2).into(), ..approved("forged", of("forged", 1), false) });
    let set = FunctionSet::of(&read_directory(folder.path()).expect("read"), &promoted);
    let callable: Vec<_> = set.callable().map(|callable| callable.function.name().to_string()).collect();
    assert_eq!(callable, ["same", "stored"]);
    let withdrawn: Vec<_> = set.withdrawn().collect();
    let expected = [
        ("broken", Withdrawn::Invalid),
        ("changed", Withdrawn::Changed),
        ("forged", Withdrawn::Invalid),
        ("gone", Withdrawn::Removed),
    ];
    assert_eq!(withdrawn, expected);
    let unknown = set.without_store();
    assert_eq!((unknown.callable().count(), unknown.withdrawn().count()), (0, 6));
    assert_eq!(unknown.why_withdrawn("same"), Some(Withdrawn::Unknown));
    assert_eq!(unknown.why_withdrawn("changed"), Some(Withdrawn::Changed));
}
