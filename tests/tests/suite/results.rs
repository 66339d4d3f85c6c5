//! What a script sees of each form of a tool's result, as guest/python/README.md has it.

use std::fmt::Write as _;

use exuvia_runtime::Limits;
use exuvia_tests::{SampleGateway, fake, returned};
use serde_json::{Value, json};

async fn over_fake(limits: Limits) -> SampleGateway {
    SampleGateway::of(vec![fake("fake", &[])], limits).await
}

/// The script's expression for a call that is answered with exactly these bytes as `part` (`result` or `error`).
fn answered(part: &str, bytes: &str) -> String {
    let line = format!(r#"{{"jsonrpc":"2.0","id":$ID,"{part}":{bytes}}}"#);
    format!("fake.lines(lines=[{}])", Value::from(line))
}

/// What `repr` says of each value.
async fn seen(results: &[String]) -> Vec<String> {
    let gateway = over_fake(Limits::default()).await;
    let calls = results.iter().map(|result| format!("    {},\n", answered("result", result)));
    let report = gateway.run(&format!("result = list(map(repr, [\n{}]))", calls.collect::<String>())).await;
    gateway.stop().await;
    serde_json::from_value(returned(&report)).expect("a list of texts")
}

/// Each of these results has this value, in Python's own words.
async fn holds(table: &[(&str, &str)]) {
    let results: Vec<String> = table.iter().map(|(result, _)| (*result).to_owned()).collect();
    for ((result, expected), found) in table.iter().zip(seen(&results).await) {
        assert_eq!(found, *expected, "{result}");
    }
}

fn texts(texts: &[&str]) -> String {
    let blocks: Vec<Value> = texts.iter().map(|text| json!({"type": "text", "text": text})).collect();
    json!({"content": blocks}).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn structured_content_is_the_value_whatever_else_there_is() {
    holds(&[
        (
            r#"{"content":[{"type":"text","text":"no"}],"structuredContent":{"b":1,"a":[2.50,null,true]}}"#,
            "{'b': 1, 'a': [2.5, None, True]}",
        ),
        (r#"{"structuredContent":{"result":[1]}}"#, "{'result': [1]}"),
        (r#"{"content":[],"structuredContent":[]}"#, "[]"),
        (r#"{"content":[],"structuredContent":"text"}"#, "'text'"),
        (r#"{"content":[],"structuredContent":"[1]"}"#, "[1]"),
        (
            r#"{"content":[{"type":"text","text":"x"},{"type":"image","data":"aGk="}],"structuredContent":{"a":1}}"#,
            "{'a': 1, 'content': [{'type': 'image', 'data': 'aGk='}]}",
        ),
        (r#"{"content":[],"structuredContent":0}"#, "0"),
        (r#"{"content":[{"type":"text","text":"yes"}],"structuredContent":null}"#, "'yes'"),
        (r#"{"isError":false,"resultType":"complete","_meta":{"x":1},"structuredContent":{}}"#, "{}"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_boxed_result_is_taken_out_of_its_box() {
    let gateway = over_fake(Limits::default()).await;
    let source = r#"
def boxed(value):
    return fake.boxed(result={"content": [], "structuredContent": value})
result = [repr(boxed(value)) for value in ({"result": [1, 2]}, {"result": None}, {"result": {"result": 3}}, {"other": 4})]
"#;
    let expected = json!(["[1, 2]", "None", "{'result': 3}", "{'other': 4}"]);
    assert_eq!(returned(&gateway.run(source).await), expected);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_is_a_string_unless_the_whole_of_it_is_an_object_or_a_list() {
    let table = [
        (vec!["plain \"words\"\n"], r#"'plain "words"\n'"#),
        (vec![""], "''"),
        (vec![" {\"a\": [1, 2.0]}\n"], "{'a': [1, 2.0]}"),
        (vec!["42"], "'42'"),
        (vec!["1.10"], "'1.10'"),
        (vec!["null"], "'null'"),
        (vec!["\"quoted\""], "'\"quoted\"'"),
        (vec!["{not json}"], "'{not json}'"),
        (vec!["[1] and more"], "'[1] and more'"),
        (vec!["NaN"], "'NaN'"),
        (vec!["a", "b", ""], r"'a\nb\n'"),
        (vec!["[1,", "2]"], "[1, 2]"),
        (vec!["{\"a\": 1}", "{\"a\": 2}"], "[{'a': 1}, {'a': 2}]"),
        (vec!["{\"a\": 1}", "and more"], r#"'{"a": 1}\nand more'"#),
        (vec!["é 😀 \u{2028}"], "'é 😀 \\u2028'"),
    ];
    let results: Vec<String> = table.iter().map(|(blocks, _)| texts(blocks)).collect();
    for ((blocks, expected), found) in table.iter().zip(seen(&results).await) {
        assert_eq!(found, *expected, "{blocks:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_blocks_are_plain_dicts_as_they_were_sent() {
    holds(&[
        (
            r#"{"content":[{"type":"image","data":"aGk=","mimeType":"image/png","x-more":1.0}]}"#,
            "[{'type': 'image', 'data': 'aGk=', 'mimeType': 'image/png', 'x-more': 1.0}]",
        ),
        (
            r#"{"content":[{"type":"audio","data":"","mimeType":"audio/wav"}]}"#,
            "[{'type': 'audio', 'data': '', 'mimeType': 'audio/wav'}]",
        ),
        (
            r#"{"content":[{"type":"text","text":"see"},{"type":"resource_link","uri":"a:b","name":"b","size":5}]}"#,
            "[{'type': 'text', 'text': 'see'}, {'type': 'resource_link', 'uri': 'a:b', 'name': 'b', 'size': 5}]",
        ),
        (
            r#"{"content":[{"type":"resource","resource":{"uri":"a:b","mimeType":"text/plain","text":"[1]"}}]}"#,
            "[{'type': 'resource', 'resource': {'uri': 'a:b', 'mimeType': 'text/plain', 'text': '[1]'}}]",
        ),
        (
            r#"{"content":[{"type":"resource","resource":{"uri":"a:b","blob":"aGk="}},{"type":"text","text":"[1]"}]}"#,
            "[{'type': 'resource', 'resource': {'uri': 'a:b', 'blob': 'aGk='}}, {'type': 'text', 'text': '[1]'}]",
        ),
        (r#"{"content":[{"type":"of_next_year","x":[1]}]}"#, "[{'type': 'of_next_year', 'x': [1]}]"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_none() {
    let table = [r#"{"content":[]}"#, "{}", r#"{"content":[],"structuredContent":null}"#];
    holds(&table.map(|result| (result, "None"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn integers_are_exact_and_other_numbers_are_floats() {
    for wrap in [r#"{"structuredContent":$}"#, r#"{"content":[{"type":"text","text":"$"}]}"#] {
        let table = [
            ("[9007199254740993,-9007199254740993]", "[9007199254740993, -9007199254740993]"),
            ("[18446744073709551616,-9223372036854775809]", "[18446744073709551616, -9223372036854775809]"),
            ("[123456789012345678901234567890123456789]", "[123456789012345678901234567890123456789]"),
            ("[1.0,1.50,-0.0,0.1,5e-324,1E3,1e+2]", "[1.0, 1.5, -0.0, 0.1, 5e-324, 1000.0, 100.0]"),
            ("[0.1000000000000000055511151231257827,1e400]", "[0.1, inf]"),
        ];
        let results: Vec<String> = table.iter().map(|(json, _)| wrap.replace('$', json)).collect();
        for ((json, expected), found) in table.iter().zip(seen(&results).await) {
            assert_eq!(found, *expected, "{json} in {wrap}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_key_that_comes_twice_the_last_counts() {
    holds(&[
        (r#"{"structuredContent":{"a":1,"b":2,"a":3}}"#, "{'a': 3, 'b': 2}"),
        (r#"{"content":[{"type":"text","text":"{\"a\":1,\"a\":[2]}"}]}"#, "{'a': [2]}"),
        (r#"{"content":[{"type":"image","type":"audio","x":{"y":1,"y":2}}]}"#, "[{'type': 'audio', 'x': {'y': 2}}]"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_may_nest_as_deep_as_the_readme_says_and_no_deeper() {
    let gateway = over_fake(Limits::default()).await;
    let nested = |levels: usize| format!(r#"{{"structuredContent":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    let source = format!(
        "
def levels(value):
    return 1 + levels(value[0]) if value else 1
deepest = levels({})
try:
    {}
except ToolUnavailable as error:
    result = [deepest, str(error)]
",
        answered("result", &nested(126)),
        answered("result", &nested(127)),
    );
    let told = "fake.lines answered with a value that nests too deep";
    assert_eq!(returned(&gateway.run(&source).await), json!([126, told]));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_megabytes_are_a_value_like_any_other() {
    let limits = Limits { call_arguments_bytes: 32 << 20, memory_bytes: 1 << 30, ..Limits::default() };
    let gateway = over_fake(limits).await;
    let source = r#"
rows = [{"id": 2 ** 53 + n, "name": f"row {n}", "tags": ["a", "é"]} for n in range(200_000)]
seen = fake.answer(result={"content": [], "structuredContent": {"rows": rows}})
text = fake.long(bytes=10_000_000)
result = [seen == {"rows": rows}, text == "x" * 10_000_000]
"#;
    assert_eq!(returned(&gateway.run(source).await), json!([true, true]));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_has_the_text_as_its_message_and_structure_as_its_data() {
    let table = [
        ("result", r#"{"isError":true,"content":[{"type":"text","text":"disk full"}]}"#, "disk full", "None"),
        ("result", r#"{"isError":true,"content":[{"type":"text","text":"{\"a\":1}"}]}"#, r#"{"a":1}"#, "None"),
        (
            "result",
            r#"{"isError":true,"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"structuredContent":{"n":9007199254740993}}"#,
            "a\nb",
            "{'n': 9007199254740993}",
        ),
        (
            "result",
            r#"{"isError":true,"content":[{"type":"image","data":"","mimeType":"image/png"},{"type":"text","text":"look"}]}"#,
            "look",
            "None",
        ),
        ("result", r#"{"isError":true,"content":[]}"#, "fake.lines failed without a message", "None"),
        ("error", r#"{"code":-32000,"message":"no"}"#, "no", "None"),
        ("error", r#"{"code":-32000,"message":"no","data":{"row":[7]}}"#, "no", "{'row': [7]}"),
    ];
    let mut source = "result = []\n".to_owned();
    for (part, bytes, _, _) in &table {
        let call = answered(part, bytes);
        let _ = writeln!(source, "try:\n    {call}\nexcept ToolError as error:");
        let _ = writeln!(source, "    result.append([type(error).__name__, error.tool, str(error), repr(error.data)])");
    }
    let gateway = over_fake(Limits::default()).await;
    let expected: Value =
        table.iter().map(|(_, _, message, data)| json!(["ToolError", "lines", message, data])).collect();
    assert_eq!(returned(&gateway.run(&source).await), expected);
    gateway.stop().await;
}
