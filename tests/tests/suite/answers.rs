//! What a model reads beside the result of a script, and what is done for a script without it.

use std::fs;

use exuvia_gateway::answer::{AnswerRoom, render};
use exuvia_policy::{Policy, PolicySource, ServerRules};
use exuvia_runtime::{Limits, Report};
use exuvia_tests::{Client, SampleGateway, fake, returned, rules, sample};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A gateway over a server that has these tools, with what they must be called with.
async fn over(tools: Value) -> (SampleGateway, TempDir) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("tools.json");
    fs::write(&file, tools.to_string()).expect("written");
    let file = file.display().to_string();
    (SampleGateway::of(vec![fake("my-fake", &["--tools", &file])], Limits::default()).await, folder)
}

fn tool(name: &str, schema: Value, annotations: Value) -> Value {
    json!({"name": name, "inputSchema": schema, "annotations": annotations})
}

fn text_of(report: &Report) -> String {
    render(report, AnswerRoom { bytes: 64 << 10, preview_tokens: 2_000 }).text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_that_comes_to_nothing_is_told_what_to_end_with() {
    let gateway = SampleGateway::echo(Limits::default(), &[]).await;
    let ended = "null\nnote: the script ended without a value and without output: end it with `rows`";
    for (source, expected) in [
        ("rows = [1]", ended),
        ("rows = [1]\nprint('x')", "null\n--- log\nx"),
        ("rows = [1]\nresult = None", "null"),
        ("echo.echo(value=None)['value']", "null"),
        ("rows = [2, 1]\nrows.sort()", "null\nnote: rows.sort() gave None: end the script with `rows`"),
        ("def main():\n    rows = 1\nmain()", "null\nnote: main() gave None: let it `return` its value"),
    ] {
        assert_eq!(text_of(&gateway.run(source).await), expected, "{source}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_that_a_script_passes_over_are_told_by_the_names_it_writes() {
    let (gateway, _folder) = over(json!([
        tool("error", json!({"type": "object"}), json!({})),
        tool("answer", json!({"type": "object"}), json!({})),
    ]))
    .await;
    let source = r#"
bad = {"content": [{"type": "text", "text": "Database error: no such table: x\nat y"}]}
for _ in range(3):
    my_fake.answer(result=bad)
    try:
        my_fake.error(error={"code": -32000, "message": "disk full\nsecond line"})
    except ToolError:
        pass
result = "done"
"#;
    let expected = "\"done\"\n\
        note: my_fake.answer answered 3 times \"Database error: no such table: x\"\n\
        note: my_fake.error failed 3 times: \"disk full\"";
    assert_eq!(text_of(&gateway.run(source).await), expected);
    let failed = text_of(&gateway.run(&source.replace("result = \"done\"", "1 / 0")).await);
    let expected = "calls made: my_fake.answer 3 ok, my_fake.error 3 tool-failed\n\
        note: my_fake.answer answered 3 times \"Database error: no such table: x\"";
    assert!(failed.ends_with(expected), "{failed}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_rejected_before_it_is_made_is_told_where_the_script_catches_it() {
    let gateway = SampleGateway::echo(Limits::default(), &[]).await;
    for (call, note) in [
        ("echo.echo(valu=1)", "echo.echo has no argument 'valu'; did you mean 'value'?"),
        ("echo.ecko(value=1)", "echo has no tool 'ecko'; did you mean echo.echo?"),
    ] {
        let source = format!("rows = []\ntry:\n    rows = {call}\nexcept Exception:\n    pass\nrows");
        let expected = format!("note on line 3: this call was refused, and the script caught that: {note}");
        let told = text_of(&gateway.run(&source).await);
        assert!(told.contains(&expected) && !told.contains("note: "), "{told}");
        // What only may come to it is told as well.
        let unreached = source.replace("try:", "try:\n    [][0]");
        let expected = format!("[]\nnote: line 4 fails where it runs, and the script catches that: {note}");
        let told = text_of(&gateway.run(&unreached).await);
        assert!(told.starts_with(&expected), "{told}");
        // What the script says itself is not said again.
        let printed = source.replace("except Exception:\n    pass", "except Exception as error:\n    print(error)");
        let returned = printed.replace("print(error)", "rows = str(error)");
        for source in [printed, returned] {
            let told = text_of(&gateway.run(&source).await);
            assert!(told.contains(note) && !told.contains("note"), "{told}");
        }
        let failed = text_of(&gateway.run(&format!("{source}\n1 / 0")).await);
        assert!(!failed.contains("note"), "{failed}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_without_further_effect_is_made_again_and_every_attempt_is_recorded() {
    let (gateway, _folder) = over(json!([
        tool("error", json!({"type": "object"}), json!({"readOnlyHint": true})),
        tool("answer", json!({"type": "object"}), json!({})),
    ]))
    .await;
    let call = r#"my_fake.error(error={"code": -32000, "message": "HTTP 429: retry in 20 ms"})"#;
    let report = gateway.run(call).await;
    assert_eq!((report.calls.len(), report.calls[0].retries), (1, 3));
    assert!(text_of(&report).ends_with("calls made: my_fake.error 1 tool-failed (3 retries)"), "{}", text_of(&report));
    let kinds: Vec<&str> = gateway.journal().entries().iter().map(|entry| entry.event.kind()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "call-intended").count(), 4, "{kinds:?}");
    // What may change something is not.
    let refused = r#"my_fake.answer(result={"isError": True, "content": [{"type": "text", "text": "HTTP 429"}]})"#;
    assert_eq!(gateway.run(refused).await.calls[0].retries, 0);
    let stays = call.replace("HTTP 429", "no such row");
    assert_eq!(gateway.run(&stays).await.calls[0].retries, 0);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_structure_and_what_is_said_beside_it_are_both_there() {
    let (gateway, _folder) = over(json!([tool("answer", json!({"type": "object"}), json!({}))])).await;
    let answer = |structured: Value, text: &str| {
        let result = json!({"content": [{"type": "text", "text": text}], "structuredContent": structured});
        format!("a = my_fake.answer(result=json.loads({:?}))", result.to_string())
    };
    let said = "result = [type(a) is dict, getattr(a, 'content', None)]";
    for (structured, text, expected) in [
        (json!({"id": 1}), "{\"id\": 1}", json!([true, null])),
        (json!({"id": 1}), "Order 1 is late", json!([false, [{"type": "text", "text": "Order 1 is late"}]])),
        (json!(7), "seven", json!([false, null])),
    ] {
        let source = format!("import json\n{}\n{said}", answer(structured, text));
        assert_eq!(returned(&gateway.run(&source).await), expected, "{text}");
    }
    // It is what it was without that, wherever it goes.
    let source = format!(
        "import json\n{}\n{}\nb = await f()\n{}\nresult = [a, b, c, c.content, sorted(a), a | {{'x': 1}}, isinstance(a, dict)]",
        answer(json!({"rows": [{"id": 1}]}), "one row"),
        "async def f():\n    return await my_fake.answer(result={'structuredContent': [1], 'content': 'list'})",
        "c = my_fake.answer(result={'structuredContent': 'text', 'content': 'other'})",
    );
    let rows = json!({"rows": [{"id": 1}]});
    let content = json!([{"type": "text", "text": "other"}]);
    let expected = json!([rows, [1], "text", content, ["rows"], {"rows": [{"id": 1}], "x": 1}, true]);
    assert_eq!(returned(&gateway.run(&source).await), expected);
    let source = format!("import json\n{}\nresult = a['row']", answer(json!({"rows": []}), "none"));
    let failed = text_of(&gateway.run(&source).await);
    assert!(failed.contains("hint: a is {\"rows\": list}; did you mean 'rows'?"), "{failed}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_made_again_and_how_often_is_for_the_operator_to_say() {
    let (gateway, _folder) = over(json!([
        tool("error", json!({"type": "object"}), json!({"readOnlyHint": true})),
        tool("answer", json!({"type": "object"}), json!({})),
    ]))
    .await;
    let error = r#"my_fake.error(error={"code": -32000, "message": "HTTP 429: retry in 2 ms"})"#;
    let answer =
        r#"my_fake.answer(result={"isError": True, "content": [{"type": "text", "text": "HTTP 429: retry in 2 ms"}]})"#;
    for (repeatable, retries, expected) in [
        (vec![], None, (3, 0)),
        (vec!["ans*".to_owned()], None, (3, 3)),
        (vec!["*".to_owned()], Some(1), (1, 1)),
        (vec![], Some(0), (0, 0)),
    ] {
        let servers = [("my-fake".to_owned(), ServerRules { repeatable, retries, ..rules(&["*"], &[]) })].into();
        let source = PolicySource { servers, ..PolicySource::default() };
        gateway.gateway().set_policy(Policy::compile(source, ["my-fake"]).expect("a policy"));
        let made = (gateway.run(error).await.calls[0].retries, gateway.run(answer).await.calls[0].retries);
        assert_eq!(made, expected, "{retries:?}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arguments_are_sent_as_the_schema_has_them() {
    let schema = json!({
        "type": "object", "additionalProperties": false, "required": ["value"],
        "properties": {"value": {}, "cursor": {"type": "string"}, "limit": {"type": "integer"}, "may": {"type": "string", "nullable": true}},
    });
    let (gateway, _folder) = over(json!([tool("echo", schema, json!({}))])).await;
    // The argument itself is what comes back, so the journal has the rest.
    for source in [
        "result = my_fake.echo(value=1, cursor=None, limit=30.0, may=None)",
        "cursor, limit = None, 60 / 2\nresult = my_fake.echo(value=1, cursor=cursor, limit=limit, may=None)",
    ] {
        assert_eq!(returned(&gateway.run(source).await), json!({"value": 1}));
        let sent = gateway.journal().entries().into_iter().rev().find_map(|entry| match entry.event {
            exuvia_journal::Event::CallIntended { call, .. } => Some(call.arguments.as_str().to_owned()),
            _ => None,
        });
        assert_eq!(sent.as_deref(), Some(r#"{"value":1,"limit":30,"may":null}"#), "{source}");
    }
    let required = text_of(&gateway.run("my_fake.echo(value=1, limit=1.5)").await);
    assert!(required.contains("limit must be integer, not 1.5"), "{required}");
    gateway.stop().await;
}

#[test]
fn a_wrapped_script_runs_and_an_image_is_shown_as_one() {
    for mut client in Client::both_eras() {
        for code in
            ["Here you are:\n```python\nresult = 1 + 1\n```", "    x = 1\n    result = x + 1", "x = 1\\nresult = x + 1"]
        {
            assert_eq!(client.execute(code), ("2".to_owned(), false), "{code}");
        }
        let code = "import base64\ndata = bytes.fromhex('89504e470d0a1a0a') + bytes(range(256))\n\
            result = {'shot': {'type': 'image', 'data': base64.b64encode(data).decode(), 'mimeType': 'image/png'}}";
        let answer = client.call("executeToolCode", json!({"code": code}));
        let content = &answer["result"]["content"];
        assert_eq!(content[0]["text"], "{\"shot\":<image 1: image/png, 264 bytes>}");
        assert_eq!((&content[1]["type"], &content[1]["mimeType"]), (&json!("image"), &json!("image/png")));
        assert!(content[1]["data"].as_str().is_some_and(|data| data.starts_with("iVBORw0KGgo")), "{content}");
        assert_eq!(content.as_array().map(Vec::len), Some(2));
    }
}

#[test]
fn a_large_result_is_shown_in_part_and_says_so() {
    let mut client = Client::both_eras().into_iter().next().expect("a client");
    let (text, is_error) =
        client.execute("result = {'n': 5000, 'rows': [{'id': i, 'name': f'Name {i}'} for i in range(5000)]}");
    assert!(
        !is_error && text.starts_with("{\"n\":5000,\"rows\":[5000 objects, columns id,name:\n0,Name 0\n"),
        "{text}"
    );
    assert!(text.contains("\n… 4980 more]}\n[preview of ") && text.len() < 1_000, "{text}");
}

#[test]
fn a_failure_is_hinted_by_what_the_host_knows_of_servers_and_their_answers() {
    let (crm, dead) = (sample("crm", "crm"), "dead=/nonexistent/program");
    let mut client = Client::modern(&["--server", &crm, "--server", dead, "--auto-execute", "crm.*"]);
    let gone = "the server dead did not start: its command cannot be run; go on without it; the servers: crm";
    for (code, expected) in [
        (
            "from tools import get_contacts",
            "hint: leave the import out: servers are globals, write crm.get_contacts(...)",
        ),
        ("import dead", gone),
        ("dead.x()", gone),
        (
            "crm.get_contacts(limit=1)['contacts']",
            "hint: crm.get_contacts gives a dict with the keys \"items\", \"total\"",
        ),
        ("crm.get_contacts(limit=1).items[0]", "hint: write crm.get_contacts(limit=1)[\"items\"]"),
        ("for c in crm.get_contacts(limit=1): c['id']", "hint: \"items\" is a key: crm.get_contacts gives a dict"),
        ("for c in '{}': c['id']", "hint: c is the text '{': a loop over a text gives its characters"),
        ("x = 1; for y in [x]: print(y)", "hint: begin a new line before `for`"),
    ] {
        let (text, is_error) = client.execute(code);
        assert!(is_error && text.contains(expected), "{code}: {text}");
    }
    // What is meant by a name of the standard library needs no import.
    for (code, expected) in [
        ("x = json.dumps([1])\nx", "\"[1]\""),
        (
            "async def f():\n    return await asyncio.gather(*[crm.get_contact(contact_id=1)])\nlen(asyncio.run(f()))",
            "1",
        ),
        ("json = {'a': 1}\njson.get('a')", "1"),
    ] {
        assert_eq!(client.execute(code), (expected.to_owned(), false), "{code}");
    }
}

#[test]
fn names_are_taken_as_a_list_or_as_a_list_in_a_text_and_fields_are_listed_once() {
    let mut client = Client::modern(&["--server", &sample("crm", "crm")]);
    let mut text = |tool: &str, arguments: Value| {
        let answer = client.call(tool, arguments);
        answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    };
    let names = ["crm.get_contact", "crm.get_orders"];
    for given in [json!(names), json!(names.join(", ")), json!(json!(names).to_string())] {
        let stubs = text("readToolFile", json!({"fileName": given}));
        assert!(stubs.contains("def get_contact(") && stubs.contains("def get_orders("), "{given}: {stubs}");
        let docs = text("getToolDocs", json!({"tool": given}));
        assert!(docs.contains("# crm.get_contact,") && docs.contains("# crm.get_orders,"), "{given}: {docs}");
    }
    let queries = ["one contact", "latest order"];
    for given in [json!(queries), json!(queries.join("; ")), json!(json!(queries).to_string())] {
        let hits = text("listToolFiles", json!({"query": given}));
        assert!(hits.contains("# one contact\n") && hits.contains("# latest order\n"), "{given}: {hits}");
    }
    let unknown = text("executeToolCode", json!({"script": "1"}));
    let expected = "executeToolCode: unknown field `script`; it takes \
        code (string, optional), run (string, optional), part (string, optional)";
    assert_eq!(unknown, expected);
}
