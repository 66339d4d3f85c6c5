//! The recorded catalogs, served by a real process each: listed, searched, read, and every tool called.

use std::path::Path;
use std::sync::Arc;

use exuvia_catalog::files::{Layout, Layouts, StubFiles};
use exuvia_catalog::stub;
use exuvia_runtime::{Limits, Outcome};
use exuvia_tests::catalog::{Breadth, Catalog, Form, call, catalogs, fitting, recorded, widest_choice};
use exuvia_tests::{SampleGateway, data, returned};
use exuvia_tool::{Namespace, Server, Tool};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

const TOOLS: usize = 508;

/// A gateway with all these catalogs behind it. The calls that arrive are recorded in the folder.
pub(crate) async fn serving(catalogs: &[Catalog]) -> (SampleGateway, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let servers = catalogs.iter().map(|one| one.served(&one.answers(), folder.path())).collect();
    let limits = Limits { fuel: 1 << 40, ..Limits::default() };
    (SampleGateway::of(servers, limits).await, folder)
}

pub(crate) fn server(gateway: &SampleGateway, catalog: &Catalog) -> Server {
    gateway.gateway().namespace().server(&catalog.name).expect("the server is ready").clone()
}

/// One call of a script, and what has to come of it.
struct Expected {
    expression: String,
    /// The tool's own name, and the arguments as the server has to get them.
    received: (String, String),
    value: Value,
}

/// Calls of each tool: with everything and with the least, all branches of its unions, in all forms.
fn calls(catalog: &Catalog, server: &Server) -> Vec<Expected> {
    let mut calls = Vec::new();
    for tool in server.tools() {
        let schema = catalog.input_schema(tool);
        let validator = jsonschema::options().offline().build(schema).expect("a recorded schema compiles");
        let mut expect = |arguments: &Map<String, Value>, form| {
            let arguments = Value::from(arguments.clone());
            assert!(validator.is_valid(&arguments), "{}.{}: {arguments}", server.name, tool.name());
            let received = (tool.name().to_owned(), arguments.to_string());
            let expression = call(server, tool, arguments.as_object().expect("an object"), form);
            calls.push(Expected { expression, received, value: catalog.value(tool) });
        };
        expect(&fitting(schema, 0, Breadth::Least), Form::Keywords);
        for variant in 0..widest_choice(schema).max(3) {
            let form = [Form::Keywords, Form::Positions, Form::OwnNames][variant % 3];
            expect(&fitting(schema, variant, Breadth::Most), form);
        }
    }
    calls
}

fn one_after_the_other(calls: &[Expected]) -> String {
    let lines = calls.iter().map(|call| format!("result.append({})\n", call.expression));
    format!("result = []\n{}", lines.collect::<String>())
}

fn in_parallel(calls: &[Expected]) -> String {
    let lines = calls.iter().map(|call| format!("    {},\n", call.expression));
    format!("import asyncio\nresult = await asyncio.gather(\n{})\n", lines.collect::<String>())
}

/// Runs the script and holds that it saw these values, as text: no digit may get lost.
async fn sees_the_values(gateway: &SampleGateway, script: &str, calls: &[Expected]) {
    let report = gateway.run(script).await;
    let Outcome::Returned(result) = &report.outcome else { panic!("{:?}", report.outcome) };
    let values: Value = calls.iter().map(|call| call.value.clone()).collect();
    assert_eq!(result.as_str(), values.to_string());
}

fn received(calls: &[Expected]) -> Vec<(String, String)> {
    calls.iter().map(|call| call.received.clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tool_gets_exactly_the_arguments_that_a_script_wrote() {
    let catalogs = catalogs();
    let (gateway, folder) = serving(&catalogs).await;
    let mut tools = 0;
    for catalog in &catalogs {
        let server = &server(&gateway, catalog);
        let calls = calls(catalog, server);
        sees_the_values(&gateway, &one_after_the_other(&calls), &calls).await;
        assert_eq!(recorded(server, folder.path()), received(&calls), "{}", server.name);
        tools += server.tools().iter().filter(|tool| calls.iter().any(|call| call.received.0 == tool.name())).count();
    }
    assert_eq!(tools, TOOLS);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_parallel_carry_the_same_arguments() {
    let catalogs: Vec<_> =
        catalogs().into_iter().filter(|one| ["notion", "mongodb", "github"].contains(&one.name.as_str())).collect();
    let (gateway, folder) = serving(&catalogs).await;
    for catalog in &catalogs {
        let server = &server(&gateway, catalog);
        let calls = calls(catalog, server);
        sees_the_values(&gateway, &in_parallel(&calls), &calls).await;
        // Which of two calls in flight arrives first is nobody's promise.
        let (mut arrived, mut sent) = (recorded(server, folder.path()), received(&calls));
        arrived.sort();
        sent.sort();
        assert_eq!(arrived, sent, "{}", server.name);
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn odd_names_are_accepted_as_the_stub_shows_them_and_as_the_server_has_them() {
    let odd = Catalog::read(&data("odd_names.json"));
    let (gateway, folder) = serving(std::slice::from_ref(&odd)).await;
    let server = &server(&gateway, &odd);
    let calls = calls(&odd, server);
    sees_the_values(&gateway, &one_after_the_other(&calls), &calls).await;
    assert_eq!(recorded(server, folder.path()), received(&calls));
    let stub = gateway.ask("readToolFile", &json!({"fileName": "odd_names.pyi"})).await;
    let signatures: Vec<&str> = stub.lines().filter(|line| line.starts_with("def ")).collect();
    let expected = [
        "def get_user(id: int) -> Any: ...",
        "def get_user_2(id: int) -> Any: ...",
        "def get_user_3(id: int) -> Any: ...",
        "def _2fa(_1st: str, from_: str, async_: bool, max_rows_2: int, max_rows: int, filter: str = ...) -> Any: ...",
        "def class_(self: str, class_: str = ..., größe: float = ..., ユーザー: str = ...) -> Any: ...",
        "def a_b_c(cls: str = ..., *, a_b: int, **others: Any) -> Any: ...",
    ];
    assert_eq!(signatures, expected, "{stub}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_layouts_list_what_can_be_read() {
    let catalogs = catalogs();
    let (gateway, _folder) = serving(&catalogs).await;
    let namespace = gateway.gateway().namespace();
    let listed = gateway.ask("listToolFiles", &json!({})).await;
    assert!(listed.starts_with("508 tools\n"), "{listed}");
    let by_tool = catalogs.iter().fold(Layouts::default(), |all, one| all.with(&one.name, Layout::Tool));
    for catalog in &catalogs {
        let server = &server(&gateway, catalog);
        let (name, tools) = (&server.python_name, server.tools());
        assert!(listed.contains(&format!("\n{name}.pyi {}\n", tools.len())), "{listed}");
        // Alone, so that there is room for the names of all its tools.
        let alone = Namespace::new(vec![server.clone()]);
        let names: String = tools.iter().map(|tool| format!(" {}", tool.python_name)).collect();
        let expected = format!("{0} tools\n{name}/*.pyi {0}:{names}\n", tools.len());
        assert_eq!(StubFiles::new(Arc::new(alone), by_tool.clone()).list(None, 64 << 10), expected);
        read_by_lines(&gateway, &format!("{name}.pyi")).await;
        for tool in tools {
            let stub = gateway.ask("readToolFile", &json!({"fileName": format!("{name}.{}", tool.python_name)})).await;
            assert!(stub.contains(&format!("def {}(", tool.python_name)), "{stub}");
            reads_docs(&gateway, catalog, server, tool).await;
        }
    }
    assert_eq!(namespace.servers().iter().map(|server| server.tools().len()).sum::<usize>(), TOOLS);
    gateway.stop().await;
}

/// Two halves make the whole.
async fn read_by_lines(gateway: &SampleGateway, file: &str) {
    let whole = gateway.ask("readToolFile", &json!({"fileName": format!("{file}:1")})).await;
    let count = whole.lines().count();
    let half = count / 2;
    let head = gateway.ask("readToolFile", &json!({"fileName": format!("{file}:-{half}")})).await;
    let tail = gateway.ask("readToolFile", &json!({"fileName": format!("{file}:{}", half + 1)})).await;
    let head = head.strip_prefix(&format!("# lines 1 to {half} of {count}\n")).expect("a head");
    let tail = tail.strip_prefix(&format!("# lines {} to {count} of {count}\n", half + 1)).expect("a tail");
    assert_eq!(format!("{head}{tail}"), whole);
}

/// The stub and the documentation together have all that the server says of the tool and of its parameters.
async fn reads_docs(gateway: &SampleGateway, catalog: &Catalog, server: &Server, tool: &Tool) {
    let docs = gateway.ask("getToolDocs", &json!({"server": server.name, "tool": tool.name()})).await;
    let name = format!("{}.{}", server.python_name, tool.python_name);
    assert!(docs.starts_with(&format!("# {name}")), "{docs}");
    let docs = exuvia_catalog::docs::tool_docs(server, tool);
    assert!(docs.starts_with(&format!("{}.{}\n", server.python_name, tool.signature)), "{docs}");
    let one_line = docs.split_whitespace().collect::<Vec<_>>().join(" ");
    let schema = catalog.input_schema(tool);
    let described =
        schema["properties"].as_object().into_iter().flatten().filter_map(|(_, one)| one.get("description"));
    for description in described.chain(tool.descriptor.description.as_ref().map(|text| json!(text)).as_ref()) {
        // Without the selectors of emoji, which are not seen.
        let shown = description.as_str().expect("a text").replace('\u{fe0f}', "");
        let words: Vec<&str> = shown.split_whitespace().collect();
        assert!(one_line.contains(&words.join(" ")), "{words:?} is not in\n{docs}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_for_what_a_tool_is_called_finds_it() {
    let catalogs = catalogs();
    let (gateway, _folder) = serving(&catalogs).await;
    for catalog in &catalogs {
        let server = &server(&gateway, catalog);
        let (name, tool) = (&server.python_name, server.tools().last().expect("a tool"));
        let query = format!("{} {}", server.name, tool.name());
        let line = format!("{name}.{}(", tool.python_name);
        let found = gateway.ask("listToolFiles", &json!({"query": query})).await;
        let mut signatures = found.lines().filter(|line| line.contains(") -> ") && !line.starts_with([' ', '#']));
        assert!(signatures.next().is_some_and(|found| found.starts_with(&line)), "{query}:\n{found}");
    }
    gateway.stop().await;
}

/// All catalogs in one server, four times: 2,032 tools.
fn two_thousand(folder: &Path) -> Catalog {
    let recorded: Vec<Value> = catalogs().into_iter().flat_map(|one| one.tools).collect();
    let renamed = |copy: usize, number: usize, tool: &Value| {
        let mut tool = tool.clone();
        tool["name"] = format!("{}_{copy}_{number}", tool["name"].as_str().expect("a name")).into();
        tool
    };
    let copies =
        (0..4).flat_map(|copy| recorded.iter().enumerate().map(move |(number, tool)| renamed(copy, number, tool)));
    let file = folder.join("large.json");
    std::fs::write(&file, Value::from_iter(copies).to_string()).expect("a folder");
    Catalog::read(&file)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listing_two_thousand_tools_costs_under_1500_tokens_and_says_how_to_narrow_down() {
    let folder = tempfile::tempdir().expect("a folder");
    let large = two_thousand(folder.path());
    let mut servers: Vec<_> = catalogs().iter().map(|one| one.served(&Map::new(), folder.path())).collect();
    servers.push(large.served(&Map::new(), folder.path()));
    let gateway = SampleGateway::of(servers, Limits::default()).await;
    let by_tool = Layouts::default().with("large", Layout::Tool);
    let by_tool = StubFiles::new(gateway.gateway().namespace(), by_tool);
    for (answer, narrow) in [
        (gateway.ask("listToolFiles", &json!({})).await, None),
        (by_tool.list(None, 64 << 10), Some("use a query")),
        (
            gateway.ask("listToolFiles", &json!({"query": "get list create update delete"})).await,
            Some("# less likely: "),
        ),
        (by_tool.list(Some("file"), 64 << 10), Some("# less likely: ")),
    ] {
        let whole = json!({"content": [{"type": "text", "text": answer}], "isError": false}).to_string();
        let tokens = tiktoken_rs::o200k_base().expect("embedded").encode_ordinary(&whole).len();
        assert!(tokens < 1_500, "{tokens} tokens:\n{answer}");
        assert!(narrow.is_none_or(|narrow| answer.contains(narrow)), "{answer}");
    }
    gateway.stop().await;
}

/// A server whose tools answer with the stub files, each under the name of its file.
fn library(gateway: &SampleGateway, folder: &Path) -> Catalog {
    let mut tools = Vec::new();
    for server in gateway.gateway().namespace().servers() {
        tools.push(format!("{}.pyi", server.python_name));
        tools.extend(server.tools().iter().map(|tool| format!("{}/{}.pyi", server.python_name, tool.python_name)));
    }
    let list: Value = tools.iter().map(|name| json!({"name": name, "inputSchema": {"type": "object"}})).collect();
    let file = folder.join("library.json");
    std::fs::write(&file, list.to_string()).expect("a folder");
    Catalog::read(&file)
}

/// The stub that is called so.
fn stub_of(namespace: &Namespace, file: &str) -> String {
    let name = file.strip_suffix(".pyi").expect("a file");
    let (server, tool) = name.split_once('/').map_or((name, None), |(server, tool)| (server, Some(tool)));
    let server = namespace.find_server(server).expect("a server");
    match tool {
        None => stub::server_stub(server),
        Some(tool) => stub::tool_stub(server, server.find(tool).expect("a tool")),
    }
}

/// Parses every stub by the Python that scripts run on, and holds that each name in it is defined and that each function
/// has the parameters that its tool takes.
const PARSES: &str = r#"
import ast, builtins, inspect
files = functions = 0
def check(file, tools):
    global files, functions
    tree = ast.parse(library[file](), file)
    compile(tree, file, "exec")
    known, used = set(dir(builtins)), set()
    for node in ast.walk(tree):
        match node:
            case ast.alias(name=name) | ast.ClassDef(name=name) | ast.Name(id=name, ctx=ast.Store()):
                known.add(name)
            case ast.Name(id=name):
                used.add(name)
    assert used <= known, (file, used - known)
    defined = {node.name: node.args for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert list(defined) == [tool.__name__ for tool in tools], file
    for tool in tools:
        arguments = defined[tool.__name__]
        names = {one.arg for one in arguments.args + arguments.kwonlyargs + [arguments.kwarg] if one}
        assert names == set(inspect.signature(tool).parameters), (file, names)
    files += 1
    functions += len(defined)
for server in mcp:
    if server != "library":
        tools = [mcp[server][name] for name in mcp[server]]
        check(f"{server}.pyi", tools)
        for tool in tools:
            check(f"{server}/{tool.__name__}.pyi", [tool])
result = [files, functions]
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_stub_is_python_and_names_what_its_tools_take() {
    let catalogs = catalogs();
    let (gateway, folder) = serving(&catalogs).await;
    let library = library(&gateway, folder.path());
    let mut answers = Map::new();
    for tool in &library.tools {
        let file = tool["name"].as_str().expect("a name");
        let stub = stub_of(&gateway.gateway().namespace(), file);
        answers.insert(file.to_owned(), json!({"content": [{"type": "text", "text": stub}]}));
    }
    gateway.stop().await;
    let mut servers: Vec<_> = catalogs.iter().map(|one| one.served(&one.answers(), folder.path())).collect();
    servers.push(library.served(&answers, folder.path()));
    let limits = Limits { fuel: 1 << 40, ..Limits::default() };
    let gateway = SampleGateway::of(servers, limits).await;
    let report = gateway.run(PARSES).await;
    assert_eq!(returned(&report), json!([TOOLS + catalogs.len(), 2 * TOOLS]));
    gateway.stop().await;
}
