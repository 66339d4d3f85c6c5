//! Direct servers whose answers and lists are not quite the protocol's: what can be handed on is, and names and texts of lists show
//! as themselves.

use std::fs;

use exuvia_config::ServerConfig;
use exuvia_gateway::{Mode, Profile, Profiles};
use exuvia_runtime::Limits;
use exuvia_server::http::HttpConfig;
use exuvia_tests::{HttpClient, Served, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

/// `odd`, direct, with these tools and results.
async fn served(folder: &TempDir, tools: Option<Value>, results: Value) -> Served {
    let file = |name: &str, value: Value| {
        let file = folder.path().join(name);
        fs::write(&file, value.to_string()).expect("a file");
        file.display().to_string()
    };
    let mut arguments = vec!["--results".to_owned(), file("results", results)];
    if let Some(tools) = tools {
        arguments.extend(["--tools".to_owned(), file("tools", tools)]);
    }
    let program = exuvia_fake_upstream::program().display().to_string();
    let server = ServerConfig { direct: true, ..ServerConfig::stdio("odd", program, arguments, &|_| None) };
    let default = Profile::new([("odd".to_owned(), Mode::Direct)]);
    let settings = Settings { profiles: Some(Profiles { default, named: Default::default() }), ..Settings::default() };
    Served::over(vec![server], HttpConfig::default(), Limits::default(), settings).await
}

/// Asks in both eras: both are answered alike, but for what says the era.
async fn ask(client: &mut HttpClient, method: &str, params: Value) -> Value {
    let modern = client.ask("/mcp", method, params.clone(), json!({})).await.message()["result"].clone();
    let session = client.session("/mcp", json!({})).await;
    let message = json!({"jsonrpc": "2.0", "id": 5, "method": method, "params": params});
    let legacy = client.post_to("/mcp", &[("mcp-session-id", &session)], &message).await.message()["result"].clone();
    for part in ["content", "messages", "contents", "prompts", "resources", "tools", "isError"] {
        assert_eq!(modern[part], legacy[part], "{modern} {legacy}");
    }
    modern
}

#[tokio::test(flavor = "multi_thread")]
async fn one_part_that_nobody_knows_does_not_cost_the_result() {
    let folder = TempDir::new().expect("a folder");
    let text = json!({"type": "text", "text": "done"});
    let results = json!({
        "prompts/get": {"messages": [{"role": "user", "content": {"type": "chart", "n": 1}}, {"role": "user", "content": text}]},
        "resources/read": {"contents": [{"uri": "x://a", "lines": [1]}, {"uri": "x://b", "text": "b", "size": "x"}]},
    });
    let served = served(&folder, None, results).await;
    let mut client = served.client().await;
    let odd =
        json!({"content": [{"type": "chart", "n": 1}, text], "isError": "true", "structuredContent": {"n": 1.50}});
    let result = ask(&mut client, "tools/call", json!({"name": "odd__answer", "arguments": {"result": odd}})).await;
    assert_eq!((&result["content"][1], &result["isError"]), (&text, &json!(true)), "{result}");
    assert!(result["content"][0]["text"].as_str().expect("a text").contains(r#"{"type":"chart","n":1}"#), "{result}");
    assert_eq!(result["structuredContent"], json!({"n": 1.50}));
    let later = json!({"resultType": "later", "content": [text]});
    let result = ask(&mut client, "tools/call", json!({"name": "odd__answer", "arguments": {"result": later}})).await;
    assert!(result["content"][0]["text"].as_str().expect("a text").contains("\"later\""), "{result}");
    assert_eq!(result["content"][1], text);
    let prompt = ask(&mut client, "prompts/get", json!({"name": "odd__p"})).await;
    assert_eq!(prompt["messages"][1]["content"], text, "{prompt}");
    assert!(prompt["messages"][0]["content"]["text"].as_str().expect("a text").contains("chart"), "{prompt}");
    let read = ask(&mut client, "resources/read", json!({"uri": "x://a"})).await;
    assert_eq!((&read["contents"][0]["uri"], &read["contents"][1]["text"]), (&json!("x://a"), &json!("b")), "{read}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_texts_of_lists_show_as_themselves() {
    let folder = TempDir::new().expect("a folder");
    let hidden = "a\nb\u{202e}c";
    let results = json!({
        "prompts/list": {"prompts": [
            {"name": hidden}, {"name": "p\u{200b}"}, {"name": "q", "arguments": [{"name": hidden}]},
            {"name": "good", "title": hidden, "description": hidden, "arguments": [{"name": "n", "description": hidden}]},
        ]},
        "resources/list": {"resources": [
            {"uri": "x://\u{202e}", "name": "r"}, {"uri": "x://r", "name": hidden, "description": hidden, "size": "large"}, 7,
        ]},
        "prompts/get": {"messages": []},
    });
    let tools = json!([{
        "name": "t", "title": hidden, "description": hidden, "icons": 7, "annotations": {"title": hidden, "readOnlyHint": true},
        "inputSchema": {"type": "object", "properties": {"p": {"description": hidden, "default": hidden}}},
    }]);
    let served = served(&folder, Some(tools), results).await;
    let mut client = served.client().await;
    let (line, text) = ("a\\nb\\u{202e}c", "a\nb\\u{202e}c");
    let listed = ask(&mut client, "prompts/list", json!({})).await;
    let good = json!({
        "name": "odd__good", "title": line, "description": text, "arguments": [{"name": "n", "description": text}],
    });
    assert_eq!(listed["prompts"], json!([good]), "{listed}");
    assert!(
        listed["_meta"]["exuvia/notices"][0].as_str().expect("a notice").contains("odd lists 3 prompts"),
        "{listed}"
    );
    let listed = ask(&mut client, "resources/list", json!({})).await;
    assert_eq!(listed["resources"], json!([{"uri": "x://r", "name": line, "description": text}]), "{listed}");
    assert_eq!(listed["_meta"]["exuvia/notices"].as_array().map(Vec::len), Some(2), "{listed}");
    let listed = ask(&mut client, "tools/list", json!({})).await;
    let tool = &listed["tools"][0];
    assert_eq!((&tool["title"], &tool["description"]), (&json!(line), &json!(text)), "{tool}");
    assert_eq!(tool["annotations"], json!({"title": line, "readOnlyHint": true}));
    assert_eq!(tool["inputSchema"]["properties"]["p"], json!({"description": text, "default": hidden}));
    // What is in no list is not there.
    let refused = client.ask("/mcp", "prompts/get", json!({"name": "odd__p\u{200b}"}), json!({})).await;
    assert!(refused.text.contains("error"), "{refused:?}");
    served.end().await;
}
