//! What clients send that is no request: each is answered with the error of JSON-RPC that says so, and is no warning.

use exuvia_gateway::{Mode, Profile, Profiles};
use exuvia_runtime::Limits;
use exuvia_server::http::HttpConfig;
use exuvia_tests::{Client, HttpClient, SampleGateway, Served, Settings, direct_fake, exuvia, sample};
use serde_json::{Value, json};

const MCP: [(&str, &str); 2] =
    [("content-type", "application/json"), ("accept", "application/json, text/event-stream")];

/// `/mcp`: `fake` direct and `echo` for scripts; `/mcp/scripts`: `echo` alone.
async fn served() -> Served {
    let fake = direct_fake("fake", &[]);
    let both = Profile::new([("fake".to_owned(), Mode::Direct), ("echo".to_owned(), Mode::Code)]);
    let scripts = Profile::new([("echo".to_owned(), Mode::Code)]);
    let profiles = Profiles { default: both, named: [("scripts".to_owned(), scripts)].into() };
    let settings = Settings { profiles: Some(profiles), ..Settings::default() };
    Served::over(vec![fake, SampleGateway::echo_server(&[])], HttpConfig::default(), Limits::default(), settings).await
}

/// What is no JSON, or no message: with the id and the code that it is answered with.
fn unreadable() -> Vec<(String, Value, i64)> {
    let head = r#"{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"t","arguments":{"a":"#;
    vec![
        (format!("{head}NaN}}}}}}"), json!(77), -32700),
        (format!("{head}[1,"), json!(77), -32700),
        (format!("{head}\"\\ud83d\"}}}}}}"), json!(77), -32700),
        ("garbage".to_owned(), Value::Null, -32700),
        (r#"{"id":77,"method":"ping"}"#.to_owned(), json!(77), -32600),
        (r#"{"jsonrpc":"2.0","id":77,"method":7}"#.to_owned(), json!(77), -32600),
        ("7".to_owned(), Value::Null, -32600),
        ("[]".to_owned(), Value::Null, -32600),
    ]
}

/// Requests with wrong parameters, and those of methods that nobody knows.
fn wrong() -> Vec<(&'static str, Value, i64)> {
    vec![
        ("tools/call", json!({}), -32602),
        ("tools/call", json!({"name": 7, "arguments": {}}), -32602),
        ("tools/call", json!({"name": "executeToolCode", "arguments": [1]}), -32602),
        ("tools/call", json!({"name": "nobody"}), -32602),
        ("tools/list", json!({"cursor": 7}), -32602),
        ("prompts/get", json!({}), -32602),
        ("prompts/list", json!({"cursor": {}}), -32602),
        ("resources/read", json!({"uri": 7}), -32602),
        ("resources/list", json!({"cursor": 7}), -32602),
        ("resources/templates/list", json!({"cursor": 7}), -32602),
        ("completion/complete", json!({"ref": {"type": "ref/prompt", "name": "p"}}), -32602),
        ("tools/fly", json!({}), -32601),
        ("logging/setLevel", json!({"level": 7}), -32601),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_what_is_no_message_is_answered_400_with_an_error_of_json_rpc() {
    let served = served().await;
    let mut client = served.client().await;
    let session = client.session("/mcp", json!({})).await;
    let eras: [&[(&str, &str)]; 3] =
        [&[], &[("mcp-session-id", &session)], &[("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call")]];
    for headers in eras {
        for (body, id, code) in unreadable() {
            let answer = client.send("POST", "/mcp", &[&MCP, headers].concat(), &body).await;
            assert_eq!((answer.status, answer.header("content-type")), (400, "application/json"), "{body}: {answer:?}");
            let message = answer.message();
            assert_eq!((&message["id"], &message["error"]["code"]), (&id, &json!(code)), "{body}: {message}");
        }
    }
    // What is no JSON by its own word is no matter of JSON-RPC.
    let plain = [("content-type", "text/plain"), MCP[1]];
    assert_eq!(client.send("POST", "/mcp", &plain, "garbage").await.status, 415);
    let metrics = client.send("GET", "/metrics", &[], "").await.text;
    for line in ["{error=\"parse-error\"} 12", "{error=\"invalid-request\"} 12"] {
        assert!(metrics.contains(&format!("exuvia_client_mistakes_total{line}\n")), "{metrics}");
    }
    served.end().await;
}

async fn in_session(client: &mut HttpClient, path: &str, method: &str, params: &Value) -> Value {
    let session = client.session(path, json!({})).await;
    let message = json!({"jsonrpc": "2.0", "id": 5, "method": method, "params": params});
    client.post_to(path, &[("mcp-session-id", &session)], &message).await.message()
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_wrong_parameters_are_no_unknown_method() {
    let served = served().await;
    let mut client = served.client().await;
    for (method, params, code) in wrong() {
        let legacy = in_session(&mut client, "/mcp", method, &params).await;
        assert_eq!(legacy["error"]["code"], code, "{method} {params}: {legacy}");
        // Who has no name to repeat in a header is refused for that first: the code is the same kind of mistake.
        let modern = client.ask("/mcp", method, params.clone(), json!({})).await.message();
        let told = modern["error"]["code"].as_i64().unwrap_or_else(|| panic!("{method} {params}: {modern}"));
        assert!(told == code || told == -32020, "{method} {params}: {modern}");
    }
    // Where there are no direct servers, their methods are not known.
    for method in ["prompts/get", "resources/read", "completion/complete", "prompts/list"] {
        let answer = in_session(&mut client, "/mcp/scripts", method, &json!({})).await;
        assert_eq!(answer["error"]["code"], -32601, "{method}: {answer}");
    }
    let opening = json!({"jsonrpc": "2.0", "id": 5, "method": "initialize", "params": {}});
    let answer = client.post(&[], &opening).await;
    assert_eq!((answer.status, &answer.message()["error"]["code"]), (400, &json!(-32602)), "{answer:?}");
    served.end().await;
}

#[test]
fn over_stdio_mistakes_are_answered_by_their_ids() {
    for mut client in Client::both_eras() {
        assert_eq!(client.execute("result = 1").0, "1");
        for (line, id, code) in unreadable() {
            client.send_line(&line);
            let message = client.message();
            assert_eq!((&message["id"], &message["error"]["code"]), (&id, &json!(code)), "{line}: {message}");
        }
        for (method, params, code) in wrong() {
            // Of direct servers there is none. What is no cursor is none whoever would list.
            let is_known = method == "tools/call" || method.ends_with("/list");
            let code = if is_known { code } else { -32601 };
            let answer = client.request(method, params.clone());
            assert_eq!(answer["error"]["code"], code, "{method} {params}: {answer}");
        }
        assert_eq!(client.execute("result = 2").0, "2");
    }
}

#[test]
fn over_stdio_a_modern_client_that_begins_with_initialize_is_told_that_the_method_is_unknown() {
    let mut client = Client::modern(&["--server", &sample("echo", "echo")]);
    let answer = client.request("initialize", json!({}));
    assert_eq!(answer["error"]["code"], -32601, "{answer}");
    assert_eq!(client.execute("result = 1").0, "1");
}

#[test]
fn what_a_client_does_wrong_is_no_warning() {
    let hello =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let hello = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}).to_string();
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {}}).to_string();
    let mut lines = vec![hello, json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string()];
    for (line, ..) in unreadable() {
        lines.extend([line.clone(), line, call.clone()]);
    }
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let ended = exuvia(&["stdio", "--server", &sample("echo", "echo")], &input);
    assert_eq!(ended.stdout.matches("-32700").count(), 8, "{ended:?}");
    assert!(!ended.stderr.contains("WARN") && !ended.stderr.contains("ERROR"), "{}", ended.stderr);
}
