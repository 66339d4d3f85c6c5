//! Tools as they are, and the profiles that show them: over real servers and HTTP, in both eras on either side.

use std::fs;
use std::time::Duration;

use exuvia_gateway::{Mode, Profile, Profiles};
use exuvia_policy::{Policy, PolicySource, ServerRules};
use exuvia_runtime::Limits;
use exuvia_server::http::{HttpConfig, Shutdown};
use exuvia_tests::{Answer, HttpClient, PATIENCE, SampleGateway, Served, Settings, direct_fake, events};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

/// What a client can do that can be asked.
fn can_be_asked() -> Value {
    json!({"elicitation": {}})
}

/// `/mcp`: `fake` direct, `echo` for scripts; `/mcp/one`: `fake` alone, direct; `/mcp/scripts`: `echo` alone.
async fn served(arguments: &[&str]) -> Served {
    let both = [("fake".to_owned(), Mode::Direct), ("echo".to_owned(), Mode::Code)];
    let one = Profile::new([("fake".to_owned(), Mode::Direct)]).with_bare_names();
    let scripts = Profile::new([("echo".to_owned(), Mode::Code)]);
    let named = [("one".to_owned(), one), ("scripts".to_owned(), scripts)].into();
    let settings = Settings { profiles: Some(Profiles { default: Profile::new(both), named }), ..Settings::default() };
    let servers = vec![direct_fake("fake", arguments), SampleGateway::echo_server(&[])];
    Served::over(servers, HttpConfig::default(), Limits::default(), settings).await
}

/// A call of a client of 2026-07-28.
async fn call(client: &mut HttpClient, path: &str, tool: &str, arguments: Value) -> Answer {
    client.ask(path, "tools/call", json!({"name": tool, "arguments": arguments}), json!({})).await
}

async fn tools(client: &mut HttpClient, path: &str) -> Vec<Value> {
    let listed = client.ask(path, "tools/list", json!({}), json!({})).await.message();
    listed["result"]["tools"].as_array().unwrap_or_else(|| panic!("{listed}")).clone()
}

fn names(tools: &[Value]) -> Vec<&str> {
    tools.iter().map(|tool| tool["name"].as_str().expect("a name")).collect()
}

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_shows_its_servers_in_their_modes() {
    let folder = TempDir::new().expect("a folder");
    let listed = folder.path().join("tools.json");
    let tool = json!({
        "name": "paint", "title": "Paint", "description": "Paints", "annotations": {"idempotentHint": true},
        "icons": [{"src": "data:,x"}], "_meta": {"k": {"n": 12345678901234567890_u64}},
        "inputSchema": {"type": "object", "properties": {"z": {"type": "string"}, "a": {"maximum": 2.50}}},
        "outputSchema": {"type": "object"},
    });
    fs::write(&listed, json!([tool]).to_string()).expect("a file");
    let served = served(&["--tools", listed.to_str().expect("UTF-8")]).await;
    let mut client = served.client().await;
    let meta = ["listToolFiles", "readToolFile", "getToolDocs", "executeToolCode"];
    assert_eq!(names(&tools(&mut client, "/mcp").await), [&meta[..], &["fake__paint"]].concat());
    assert_eq!(names(&tools(&mut client, "/mcp/scripts").await), meta);
    // Everything that the server says of it, but for a name that would not be unique.
    assert_eq!(tools(&mut client, "/mcp/one").await, [tool]);
    let nowhere = client.ask("/mcp/nowhere", "tools/list", json!({}), json!({})).await;
    assert_eq!(nowhere.status, 404, "{nowhere:?}");
    // A session belongs to the profile in which it began.
    let session = client.session("/mcp/one", json!({})).await;
    let list = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/list"});
    assert_eq!(client.post_to("/mcp/scripts", &[("mcp-session-id", &session)], &list).await.status, 404);
    assert_eq!(client.post_to("/mcp/one", &[("mcp-session-id", &session)], &list).await.status, 200);
    // Prompts and resources are only where there is a direct server.
    let refused = client.ask("/mcp/scripts", "prompts/list", json!({}), json!({})).await.message();
    assert_eq!(refused["error"]["code"], -32601, "{refused}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_handed_on_as_it_was_written() {
    let served = served(&[]).await;
    let mut client = served.client().await;
    let result = json!({
        "resultType": "complete", "isError": false, "_meta": {"vendor": [1, {"x": null}]},
        "content": [
            {"type": "text", "text": "\u{e9}", "annotations": {"priority": 0.5}},
            {"type": "resource_link", "uri": "file:///x", "name": "x", "size": 7},
            {"type": "image", "data": "AA==", "mimeType": "image/png"},
        ],
        "structuredContent": {"z": 12345678901234567890_u64, "a": [1.50, null]},
    });
    let answer = call(&mut client, "/mcp", "fake__answer", json!({"result": result})).await;
    assert_eq!(answer.message()["result"], result, "{answer:?}");
    let error = json!({"code": -32050, "message": "no", "data": {"why": [1]}});
    let answer = call(&mut client, "/mcp/one", "error", json!({"error": error})).await;
    assert_eq!(answer.message()["error"], error, "{answer:?}");
    // A client of the legacy era gets nothing of the modern one.
    let session = client.session("/mcp/one", json!({})).await;
    let message = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call",
        "params": {"name": "answer", "arguments": {"result": {"resultType": "complete", "content": []}}}});
    let answer = client.post_to("/mcp/one", &[("mcp-session-id", &session)], &message).await;
    assert_eq!(answer.message()["result"], json!({"content": []}), "{answer:?}");
    // Structured content is an object there, however long, and any other is a text.
    let long = vec![json!(7); 4_000];
    for structured in [json!({"z": long, "a": 1}), json!(long)] {
        let result = json!({"content": [], "structuredContent": structured});
        let message = json!({"jsonrpc": "2.0", "id": 6, "method": "tools/call",
            "params": {"name": "answer", "arguments": {"result": result}}});
        let answer = client.post_to("/mcp/one", &[("mcp-session-id", &session)], &message).await.message();
        let text = json!([{"type": "text", "text": structured.to_string()}]);
        let expected = if structured.is_object() { result } else { json!({ "content": text }) };
        assert!(answer["result"] == expected, "{answer:.400}");
    }
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_call_is_validated_authorized_and_counted_like_one_of_a_script() {
    let folder = TempDir::new().expect("a folder");
    let record = folder.path().join("record");
    let listed = folder.path().join("tools.json");
    let schema = json!({"type": "object", "properties": {"value": {"type": "integer"}}, "required": ["value"]});
    let tool = |name, schema: &Value| json!({"name": name, "inputSchema": schema});
    let all = ["hang", "seen"].map(|name| tool(name, &json!({"type": "object"})));
    fs::write(&listed, json!([tool("echo", &schema), all[0], all[1]]).to_string()).expect("a file");
    let [listed, record_to] = [&listed, &record].map(|file| file.to_str().expect("UTF-8"));
    let served = served(&["--record", record_to, "--tools", listed]).await;
    let mut client = served.client().await;
    let answer = call(&mut client, "/mcp", "fake__echo", json!({})).await.message();
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert!(text(&answer).contains("value"), "{answer}");
    let answer = call(&mut client, "/mcp", "fake__ecko", json!({})).await.message();
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert!(answer["error"]["message"].as_str().expect("words").contains("did you mean fake__echo"), "{answer}");
    // A tool of a server that is for scripts is not there for clients.
    let answer = call(&mut client, "/mcp", "echo__echo", json!({"value": 1})).await.message();
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    let rules = ServerRules {
        auto_execute: vec!["echo".into()],
        deny: vec!["hang".into()],
        calls_per_minute: Some(1),
        ..ServerRules::default()
    };
    let source = PolicySource { servers: [("fake".to_owned(), rules)].into(), ..PolicySource::default() };
    served.gateway.gateway().set_policy(Policy::compile(source, ["fake", "echo"]).expect("a policy"));
    for (tool, arguments, said) in [
        ("fake__hang", json!({}), "fake.hang may not be called"),
        ("fake__seen", json!({}), r#"auto_execute = ["echo", "seen"]"#),
        ("fake__echo", json!({"value": 7}), r#"{"value":7}"#),
        ("fake__echo", json!({"value": 8}), "fake is limited to 1 calls per minute"),
    ] {
        let answer = call(&mut client, "/mcp", tool, arguments).await.message();
        let all = answer["result"].to_string();
        assert!(all.replace("\\\"", "\"").contains(said), "{tool}: {answer}");
    }
    let sent = fs::read_to_string(&record).expect("a record");
    assert_eq!(sent.lines().count(), 1, "{sent}");
    let counted = served.gateway.gateway().metrics();
    for counted_as in ["invalid-arguments", "denied", "awaiting-approval", "ok"] {
        let line = format!("exuvia_calls_total{{server=\"fake\",outcome=\"{counted_as}\"}}");
        assert!(counted.contains(&line), "{line}: {counted}");
    }
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_comes_under_the_name_that_the_client_gave_it() {
    let served = served(&[]).await;
    let mut client = served.client().await;
    let lines = [
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$TOKEN,"progress":0.5,"total":2,"message":"half"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"another's","progress":1}}"#,
        r#"{"jsonrpc":"2.0","id":$ID,"result":{"resultType":"complete","content":[]}}"#,
    ];
    let params = json!({"name": "lines", "arguments": {"lines": lines}, "_meta": {"progressToken": "mine"}});
    let answer = client.ask("/mcp/one", "tools/call", params, json!({})).await;
    let messages = events(&answer.text);
    assert_eq!(messages.len(), 2, "{answer:?}");
    let params = json!({"progressToken": "mine", "progress": 0.5, "total": 2.0, "message": "half"});
    assert_eq!((&messages[0]["method"], &messages[0]["params"]), (&json!("notifications/progress"), &params));
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_older_era_is_asked_in_the_middle_of_its_call() {
    for (arguments, tool, called) in
        [(["--era", "legacy"], "ask", json!({})), (["--era", "modern"], "answer", json!({"result": asks()}))]
    {
        let folder = TempDir::new().expect("a folder");
        let record = folder.path().join("record");
        let served = served(&[&arguments[..], &["--record", record.to_str().expect("UTF-8")]].concat()).await;
        let (mut client, mut aside) = (served.client().await, served.client().await);
        let session = client.session("/mcp/one", can_be_asked()).await;
        let headers = [("mcp-session-id", session.as_str())];
        let message = json!({"jsonrpc": "2.0", "id": 5, "method": "tools/call",
            "params": {"name": tool, "arguments": called}});
        let accept = ("accept", "application/json, text/event-stream");
        let sent = [&headers[..], &[("content-type", "application/json"), accept]].concat();
        let mut answer = client.begin("POST", "/mcp/one", &sent, &message.to_string()).await.into_body();
        let mut read = String::new();
        let asked = loop {
            let frame = timeout(PATIENCE, answer.frame()).await.expect("in time").expect("more").expect("a frame");
            read += &String::from_utf8_lossy(frame.data_ref().expect("data"));
            if let Some(asked) = events(&read).into_iter().find(|event| event["method"] == "elicitation/create") {
                break asked;
            }
        };
        assert_eq!(asked["params"]["message"], "fake asks:\n  who?", "{asked}");
        let said = json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"action": "accept", "content": {"a": 1}}});
        assert_eq!(aside.post_to("/mcp/one", &headers, &said).await.status, 202);
        if arguments[1] == "legacy" {
            let rest = timeout(PATIENCE, answer.collect()).await.expect("in time").expect("a body").to_bytes();
            let last = events(&(read + &String::from_utf8_lossy(&rest))).pop().expect("an answer");
            assert!(text(&last).contains(r#""action":"accept","content":{"a":1}"#), "{last}");
        } else {
            // The fake asks again and again: its second call bears the answer and what it gave to bring back.
            let again = async {
                loop {
                    let sent = fs::read_to_string(&record).expect("a record");
                    if let Some(second) = sent.lines().nth(1) {
                        return serde_json::from_str::<Value>(second).expect("JSON");
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            let second = timeout(PATIENCE, again).await.expect("a second call in time");
            assert_eq!(second["params"]["requestState"], "s", "{second}");
            assert_eq!(second["params"]["inputResponses"]["q"]["content"], json!({"a": 1}), "{second}");
        }
        assert_eq!(aside.send("DELETE", "/mcp/one", &headers, "").await.status, 204);
        served.end().await;
    }
}

/// The result of a server that asks.
fn asks() -> Value {
    let question = json!({"method": "elicitation/create", "params": {
        "message": "who?", "requestedSchema": {"type": "object", "properties": {"a": {"type": "integer"}}},
    }});
    json!({"resultType": "input_required", "inputRequests": {"q": question}, "requestState": "s"})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_newer_era_is_asked_by_an_answer_and_comes_back() {
    let served = served(&["--era", "legacy"]).await;
    let mut client = served.client().await;
    let params = json!({"name": "ask", "arguments": {}});
    let asked = client.ask("/mcp/one", "tools/call", params.clone(), can_be_asked()).await.message();
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    let (name, request) = asked["result"]["inputRequests"].as_object().expect("requests").iter().next().expect("one");
    assert_eq!(request["params"]["message"], "fake asks:\n  who?", "{asked}");
    let mut back = params.clone();
    back["requestState"] = asked["result"]["requestState"].clone();
    back["inputResponses"] = json!({name: {"action": "accept", "content": {"a": 1}}});
    // With other arguments it is another call.
    let mut other = back.clone();
    other["arguments"] = json!({"method": "elicitation/create"});
    let refused = client.ask("/mcp/one", "tools/call", other, can_be_asked()).await.message();
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
    let answer = client.ask("/mcp/one", "tools/call", back.clone(), can_be_asked()).await.message();
    assert!(text(&answer).contains(r#""action":"accept","content":{"a":1}"#), "{answer}");
    let late = client.ask("/mcp/one", "tools/call", back, can_be_asked()).await.message();
    assert_eq!(late["error"]["code"], -32602, "{late}");
    // A client that cannot be asked is not asked, and the server gets a decline.
    let answer = client.ask("/mcp/one", "tools/call", params, json!({})).await.message();
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_prompts_and_tasks_are_those_of_their_servers() {
    let folder = TempDir::new().expect("a folder");
    let results = folder.path().join("results.json");
    let task = json!({"taskId": "t1", "status": "working", "createdAt": "2026-07-28T00:00:00Z",
        "lastUpdatedAt": "2026-07-28T00:00:00Z", "ttlMs": null});
    let mut created = task.clone();
    created["resultType"] = json!("task");
    let mut got = task;
    got["resultType"] = json!("complete");
    let said = json!({
        "resources/list": {"resources": [{"uri": "x://a", "name": "a", "size": 3}]},
        "resources/templates/list": {"resourceTemplates": [{"uriTemplate": "x://{b}", "name": "b"}]},
        "resources/read": {"contents": [{"uri": "x://a", "text": "holds"}]},
        "prompts/list": {"prompts": [{"name": "greet", "arguments": [{"name": "who", "required": true}]}]},
        "prompts/get": {"messages": [{"role": "user", "content": {"type": "text", "text": "hi"}}]},
        "completion/complete": {"completion": {"values": ["ada"]}},
        "tasks/get": got,
        "tasks/cancel": {"resultType": "complete"},
    });
    fs::write(&results, said.to_string()).expect("a file");
    let served = served(&["--results", results.to_str().expect("UTF-8")]).await;
    let mut client = served.client().await;
    let tasks = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let call = json!({"name": "fake__answer", "arguments": {"result": created}});
    for (method, params, pointer, expected) in [
        ("resources/list", json!({}), "/resources/0/size", json!(3)),
        ("resources/templates/list", json!({}), "/resourceTemplates/0/uriTemplate", json!("x://{b}")),
        ("resources/read", json!({"uri": "x://a"}), "/contents/0/text", json!("holds")),
        ("prompts/list", json!({}), "/prompts/0/name", json!("fake__greet")),
        (
            "prompts/get",
            json!({"name": "fake__greet", "arguments": {"who": "ada"}}),
            "/messages/0/content/text",
            json!("hi"),
        ),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/prompt", "name": "fake__greet"}, "argument": {"name": "who", "value": "a"}}),
            "/completion/values/0",
            json!("ada"),
        ),
    ] {
        let answer = client.ask("/mcp", method, params, tasks.clone()).await.message();
        assert_eq!(answer["result"].pointer(pointer), Some(&expected), "{method}: {answer}");
    }
    // A task is known to its client alone, by a name that cannot be guessed: the server's own says nothing.
    let mut created = Vec::new();
    for _ in 0..2 {
        let answer = client.ask("/mcp", "tools/call", call.clone(), tasks.clone()).await.message();
        assert_eq!(answer["result"]["status"], "working", "{answer}");
        created.push(answer["result"]["taskId"].as_str().expect("a name").to_owned());
    }
    assert!(created[0] != created[1] && created.iter().all(|name| name.len() > 40), "{created:?}");
    for (method, pointer, expected) in [
        ("tasks/get", "/status", json!("working")),
        ("tasks/get", "/taskId", json!(created[0])),
        ("tasks/cancel", "/resultType", json!("complete")),
    ] {
        let answer = client.ask("/mcp", method, json!({"taskId": created[0]}), tasks.clone()).await.message();
        assert_eq!(answer["result"].pointer(pointer), Some(&expected), "{method}: {answer}");
    }
    let own = json!({"taskId": "t1"});
    for (method, params) in
        [("prompts/get", json!({"name": "greet"})), ("tasks/get", own.clone()), ("tasks/cancel", own)]
    {
        let answer = client.ask("/mcp", method, params, tasks.clone()).await.message();
        assert_eq!(answer["error"]["code"], -32602, "{method}: {answer}");
    }
    served.end().await;
}

/// Lists every tool of `fake`, or those that have these names.
fn showing(tools: &str) -> Policy {
    let rules = ServerRules { tools: vec![tools.to_owned()], ..ServerRules::default() };
    let source = PolicySource { servers: [("fake".to_owned(), rules)].into(), ..PolicySource::default() };
    Policy::compile(source, ["fake", "echo"]).expect("a policy")
}

/// The messages of a stream of events, as far as to the first of this method.
async fn until(stream: &mut Incoming, method: &str) -> Vec<Value> {
    let mut text = String::new();
    let read = async {
        while !text.contains(method) {
            let frame = stream.frame().await.expect("the stream goes on").expect("no error");
            text.push_str(&String::from_utf8_lossy(frame.data_ref().expect("data")));
        }
    };
    timeout(PATIENCE, read).await.expect("it is told in time");
    events(&text)
}

#[tokio::test(flavor = "multi_thread")]
async fn listening_clients_are_notified_of_changed_tools_and_of_the_end() {
    const CHANGED: &str = "notifications/tools/list_changed";
    let served = served(&[]).await;
    let accept = ("accept", "application/json, text/event-stream");
    let mut legacy = served.client().await;
    let session = legacy.session("/mcp/one", json!({})).await;
    let headers = [accept, ("mcp-session-id", session.as_str())];
    let mut first = legacy.begin("GET", "/mcp/one", &headers, "").await.into_body();
    let mut again = served.client().await;
    let mut legacy = again.begin("GET", "/mcp/one", &headers, "").await.into_body();
    let listen = |path: &'static str| {
        let (address, served) = (path, &served);
        async move {
            let params = json!({"_meta": exuvia_tests::modern_meta(), "notifications": {"toolsListChanged": true, "promptsListChanged": true}});
            let message =
                json!({"jsonrpc": "2.0", "id": 9, "method": "subscriptions/listen", "params": params}).to_string();
            let headers = [
                accept,
                ("content-type", "application/json"),
                ("mcp-protocol-version", "2026-07-28"),
                ("mcp-method", "subscriptions/listen"),
            ];
            served.client().await.begin("POST", address, &headers, &message).await
        }
    };
    let mut modern = listen("/mcp/one").await.into_body();
    let told = until(&mut modern, "acknowledged").await;
    assert_eq!(told[0]["params"]["notifications"], json!({"toolsListChanged": true}), "{told:?}");
    // The names of the servers that scripts see come from the configuration: no policy changes them.
    let mut scripts = listen("/mcp/scripts").await.into_body();
    until(&mut scripts, "acknowledged").await;
    served.gateway.gateway().set_policy(showing("echo"));
    until(&mut legacy, CHANGED).await;
    until(&mut modern, CHANGED).await;
    // One stream of a session is told, not each of them.
    let told = timeout(Duration::from_millis(300), until(&mut first, CHANGED)).await;
    assert!(told.is_err(), "{told:?}");
    drop(legacy);
    // The one that is left is told from then on.
    tokio::time::sleep(Duration::from_millis(200)).await;
    served.gateway.gateway().set_policy(showing("*"));
    until(&mut first, CHANGED).await;
    until(&mut modern, CHANGED).await;
    served.gateway.gateway().set_policy(showing("echo"));
    until(&mut modern, CHANGED).await;
    let mut client = served.client().await;
    assert_eq!(names(&tools(&mut client, "/mcp/one").await), ["echo"]);
    // What comes to the same is not told.
    served.gateway.gateway().set_policy(showing("ech*"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    served.stop.ask();
    for listener in [&mut modern, &mut scripts] {
        let told = until(listener, "\"result\":").await;
        assert!(told.len() == 1 && told[0]["id"] == 9, "{told:?}");
    }
    let drained = timeout(PATIENCE, served.drained).await.expect("an end in time").expect("no panic");
    assert_eq!(drained, Shutdown::Clean);
    served.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_takes_its_call_with_it() {
    let served = served(&[]).await;
    let (mut lost, mut client) = (served.client().await, served.client().await);
    let params = json!({"name": "hang", "arguments": {}});
    tokio::select! {
        answer = lost.ask("/mcp/one", "tools/call", params, json!({})) => panic!("it hangs: {answer:?}"),
        () = tokio::time::sleep(Duration::from_millis(300)) => {}
    }
    drop(lost);
    let cancelled = async {
        loop {
            let seen = call(&mut client, "/mcp/one", "seen", json!({})).await.message();
            if seen["result"]["structuredContent"]["seen"].to_string().contains("cancelled") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, cancelled).await.expect("the server hears of it");
    served.end().await;
}
