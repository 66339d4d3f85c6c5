//! Questions of direct servers: whose they are, how long they wait, and how they are shown. In both eras on either side.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use exuvia_config::ServerConfig;
use exuvia_gateway::{Mode, Profile, Profiles};
use exuvia_runtime::Limits;
use exuvia_server::http::HttpConfig;
use exuvia_tests::{PATIENCE, Served, Settings, direct_fake, events};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::time::timeout;

/// The fake server under the name `crm`, at `/mcp`, where its tools have their own names, and at `/mcp/other`.
pub(crate) async fn served(era: &str, question_timeout: Duration) -> Served {
    served_by(era, 1, question_timeout).await
}

/// The same with so many servers: `crm`, `crm1` and so on. Names of tools are theirs alone where there is one.
async fn served_by(era: &str, count: usize, question_timeout: Duration) -> Served {
    let server = |n: usize| {
        let name = if n == 0 { "crm".to_owned() } else { format!("crm{n}") };
        ServerConfig { question_timeout, ..direct_fake(&name, &["--era", era]) }
    };
    let servers: Vec<ServerConfig> = (0..count).map(server).collect();
    let all = Profile::new(servers.iter().map(|server| (server.name.clone(), Mode::Direct)));
    let all = if count == 1 { all.with_bare_names() } else { all };
    let profiles = Profiles { default: all.clone(), named: [("other".to_owned(), all)].into() };
    let settings = Settings { profiles: Some(profiles), ..Settings::default() };
    Served::over(servers, HttpConfig::default(), Limits::default(), settings).await
}

static NEXT_CALL: AtomicU64 = AtomicU64::new(1);

/// A client up to 2025-11-25 that can be asked.
pub(crate) struct Session<'a> {
    served: &'a Served,
    id: String,
}

/// A call of such a client, whose stream is read while it is in flight.
pub(crate) struct Call {
    stream: Incoming,
    text: String,
    read: usize,
}

impl<'a> Session<'a> {
    pub(crate) async fn new(served: &'a Served, elicitation: Value) -> Self {
        let id = served.client().await.session("/mcp", json!({"elicitation": elicitation})).await;
        Self { served, id }
    }

    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Call {
        let params = json!({"name": tool, "arguments": arguments});
        // Several are in flight at a time.
        let id = NEXT_CALL.fetch_add(1, Ordering::Relaxed);
        let message = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string();
        let headers = [
            ("mcp-session-id", self.id.as_str()),
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
        ];
        let stream = self.served.client().await.begin("POST", "/mcp", &headers, &message).await.into_body();
        Call { stream, text: String::new(), read: 0 }
    }

    pub(crate) async fn answer(&self, question: &Value, result: Value) {
        let said = json!({"jsonrpc": "2.0", "id": question["id"], "result": result});
        let mut client = self.served.client().await;
        assert_eq!(client.post_to("/mcp", &[("mcp-session-id", &self.id)], &said).await.status, 202);
    }

    pub(crate) async fn end(self) {
        let ended = self.served.client().await.send("DELETE", "/mcp", &[("mcp-session-id", &self.id)], "").await;
        assert_eq!(ended.status, 204);
    }
}

impl Call {
    /// The next message of the stream that is of this kind: a method, or `result`.
    pub(crate) async fn next(&mut self, kind: &str) -> Value {
        let read = async {
            loop {
                let messages = events(&self.text);
                let found = messages
                    .iter()
                    .skip(self.read)
                    .position(|event| event["method"] == kind || event.get(kind).is_some());
                if let Some(place) = found {
                    self.read += place + 1;
                    return messages[self.read - 1].clone();
                }
                let frame = self.stream.frame().await.unwrap_or_else(|| panic!("the stream ends: {}", self.text));
                self.text += &String::from_utf8_lossy(frame.expect("a frame").data_ref().expect("data"));
            }
        };
        timeout(PATIENCE, read).await.expect("in time")
    }

    pub(crate) async fn question(&mut self) -> Value {
        self.next("elicitation/create").await
    }

    /// What the call came to, without the backslashes of texts in texts.
    pub(crate) async fn said(mut self) -> String {
        self.next("result").await["result"].to_string().replace('\\', "")
    }
}

pub(crate) fn accept(word: &str) -> Value {
    json!({"action": "accept", "content": {"word": word}})
}

/// The arguments of a call that asks this.
fn asking(message: &str) -> Value {
    json!({"params": {"message": message, "requestedSchema": {"type": "object", "properties": {}}}})
}

pub(crate) const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn what_one_client_is_asked_another_does_not_see_and_cannot_answer() {
    let served = served("legacy", LONG).await;
    let (a, b) = (Session::new(&served, json!({})).await, Session::new(&served, json!({})).await);
    let mut of_a = a.call("ask", asking("about a")).await;
    let open = of_a.question().await;
    // Whose question it is cannot be told, so nobody is asked.
    let said = b.call("ask", asking("secret of b")).await.said().await;
    assert!(said.contains("the client to ask is unknown; call the tool again"), "{said}");
    assert!(!said.contains("not offered"), "{said}");
    // From then on each has a connection of its own, and an open question holds up nobody.
    let mut of_b = b.call("ask", asking("secret of b")).await;
    let question = of_b.question().await;
    assert_eq!(question["params"]["message"], "crm asks:\n  secret of b");
    b.answer(&question, accept("of b")).await;
    let said = of_b.said().await;
    assert!(said.contains(r#""word":"of b""#), "{said}");
    a.answer(&open, accept("of a")).await;
    let said = timeout(PATIENCE, of_a.said()).await.expect("an answer in time");
    assert!(said.contains(r#""word":"of a""#) && !said.contains("secret"), "{said}");
    // Nobody answers for another: what A says to B's next question is no answer to it.
    let mut of_b = b.call("ask", asking("again of b")).await;
    let question = of_b.question().await;
    a.answer(&question, accept("of a")).await;
    assert!(timeout(Duration::from_millis(300), of_b.next("result")).await.is_err());
    b.answer(&question, accept("of b")).await;
    assert!(of_b.said().await.contains(r#""word":"of b""#));
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_ends_by_its_clock_and_with_its_client() {
    let served = served("legacy", Duration::from_millis(1500)).await;
    let a = Session::new(&served, json!({})).await;
    // A client of the legacy era: its user made no choice.
    let mut of_a = a.call("ask", json!({})).await;
    let question = of_a.question().await;
    let said = of_a.said().await;
    assert!(said.contains(r#""action":"cancel""#), "{said}");
    a.answer(&question, accept("too late")).await;
    // One of the modern era has the same time, and no more by coming back without an answer.
    let mut modern = served.client().await;
    let params = json!({"name": "ask", "arguments": {}});
    let can = json!({"elicitation": {}});
    modern.ask("/mcp", "tools/call", params.clone(), can.clone()).await;
    let asked = modern.ask("/mcp", "tools/call", params.clone(), can.clone()).await.message();
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    tokio::time::sleep(Duration::from_millis(700)).await;
    let mut back = params.clone();
    back["requestState"] = asked["result"]["requestState"].clone();
    let again = modern.ask("/mcp", "tools/call", back.clone(), can.clone()).await.message();
    assert_eq!(again["result"]["resultType"], "input_required", "{again}");
    tokio::time::sleep(Duration::from_millis(1300)).await;
    back["requestState"] = again["result"]["requestState"].clone();
    back["inputResponses"] = json!({"question": accept("too late")});
    let late = modern.ask("/mcp", "tools/call", back, can.clone()).await.message();
    assert_eq!(late["error"]["code"], -32602, "{late}");
    served.end().await;
}

/// The most questions that a client has before it.
const MOST: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_a_session_has_so_many_questions_before_it_and_another_has_its_own() {
    let served = served_by("legacy", MOST + 1, LONG).await;
    let tool = |n: usize| if n == 0 { "crm__ask".to_owned() } else { format!("crm{n}__ask") };
    let a = Session::new(&served, json!({})).await;
    let mut open = Vec::new();
    for n in 0..MOST {
        let mut call = a.call(&tool(n), json!({})).await;
        let question = call.question().await;
        open.push((call, question));
    }
    let last = tool(MOST);
    let said = a.call(&last, json!({})).await.said().await;
    assert!(said.contains(r#""action":"decline""#), "{said}");
    // What is asked first on a connection that others use as well is declined: whose question it is cannot be told.
    let b = Session::new(&served, json!({})).await;
    b.call(&last, json!({})).await.said().await;
    let mut of_b = b.call(&last, json!({})).await;
    let question = of_b.question().await;
    b.answer(&question, accept("of b")).await;
    assert!(of_b.said().await.contains(r#""word":"of b""#));
    let (call, question) = open.pop().expect("a call");
    a.answer(&question, accept("of a")).await;
    assert!(call.said().await.contains(r#""word":"of a""#));
    a.end().await;
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_session_has_so_many_questions_before_it_and_another_has_its_own() {
    let served = served_by("legacy", MOST + 1, LONG).await;
    let can = json!({"elicitation": {}});
    let (mut a, mut b) = (served.client().await, served.client().await);
    for n in 0..=MOST {
        let name = if n == 0 { "crm__ask".to_owned() } else { format!("crm{n}__ask") };
        let call = json!({"name": name, "arguments": {}});
        let answer = a.ask("/mcp", "tools/call", call.clone(), can.clone()).await.message();
        if n < MOST {
            assert_eq!(answer["result"]["resultType"], "input_required", "{n}: {answer}");
            continue;
        }
        assert!(answer.to_string().contains("too many requests wait"), "{answer}");
        // The first to ask on a connection that others use as well may be declined: whose question it is cannot be told.
        b.ask("/mcp", "tools/call", call.clone(), can.clone()).await;
        let answer = b.ask("/mcp", "tools/call", call, can.clone()).await.message();
        assert_eq!(answer["result"]["resultType"], "input_required", "{answer}");
    }
    let metrics = b.send("GET", "/metrics", &[], "").await.text;
    assert!(metrics.contains(&format!("exuvia_questions_open {}\n", MOST + 1)), "{metrics}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_asks_by_its_answers_so_often_and_so_many_at_a_time() {
    let served = served("modern", LONG).await;
    let question = json!({"method": "elicitation/create", "params": asking("which?")["params"]});
    let asks =
        json!({"result": {"resultType": "input_required", "requestState": "s", "inputRequests": {"q": question}}});
    let a = Session::new(&served, json!({})).await;
    // It asks on and on, whatever it is answered.
    let mut call = a.call("answer", asks.clone()).await;
    let mut open = Vec::new();
    for _ in 0..10 {
        let question = call.question().await;
        a.answer(&question, accept("x")).await;
    }
    let said = call.said().await;
    assert!(said.contains("asked 10 times for input and did not answer"), "{said}");
    for _ in 0..MOST {
        let mut call = a.call("answer", asks.clone()).await;
        call.question().await;
        open.push(call);
    }
    let said = a.call("answer", asks.clone()).await.said().await;
    assert!(said.contains("which this client does not support"), "{said}");
    let b = Session::new(&served, json!({})).await;
    b.call("answer", asks).await.question().await;
    a.end().await;
    b.end().await;
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_question_to_a_disconnected_client_is_withdrawn() {
    let served = served("legacy", LONG).await;
    let a = Session::new(&served, json!({})).await;
    let mut of_a = a.call("ask", json!({})).await;
    of_a.question().await;
    a.end().await;
    let b = Session::new(&served, json!({})).await;
    let seen = async {
        while !b.call("seen", json!({})).await.said().await.contains("cancelled") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, seen).await.expect("the server is told in time");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_names_its_server_and_a_visit_is_for_clients_that_declare_visits() {
    let form = json!({"message": "bank asks:\nyes\u{202e}?", "requestedSchema": {"type": "object", "properties": {}}});
    let visit = json!({"mode": "url", "message": "go", "url": "https://crm.example/x", "elicitationId": "7"});
    let hidden =
        json!({"mode": "url", "message": "go", "url": "https://crm.example@evil.example/", "elicitationId": "7"});
    let both = json!({"form": {}, "url": {}});
    let cases = [
        (&form, json!({}), Some("crm asks:\n  bank asks:\n  yes\\u{202e}?")),
        (&form, both.clone(), Some("crm asks:\n  bank asks:\n  yes\\u{202e}?")),
        (&visit, json!({}), None),
        (&visit, json!({"form": {}}), None),
        (&visit, both.clone(), Some("crm asks:\n  go")),
        (&hidden, both, None),
    ];
    for era in ["legacy", "modern"] {
        for (params, elicitation, message) in &cases {
            let arguments = json!({"params": params, "result": {"resultType": "input_required", "requestState": "s",
                "inputRequests": {"q": {"method": "elicitation/create", "params": params}}}});
            let tool = if era == "legacy" { "ask" } else { "answer" };
            let params_of =
                |question: &Value| (question["message"].as_str().map(str::to_owned), question["url"].clone());
            // In the middle of a call of the legacy era.
            let served_one = served(era, LONG).await;
            let session = Session::new(&served_one, elicitation.clone()).await;
            let mut call = session.call(tool, arguments.clone()).await;
            match message {
                Some(message) => {
                    let asked = params_of(&call.question().await["params"]);
                    assert_eq!(asked, (Some((*message).to_owned()), params["url"].clone()), "{era} {params}");
                }
                None => {
                    let said = call.next("result").await.to_string();
                    assert!(!said.contains("accept"), "{said}");
                }
            }
            session.end().await;
            served_one.end().await;
            // By the answer of one of the modern era.
            let served_other = served(era, LONG).await;
            let call = json!({"name": tool, "arguments": arguments});
            let mut client = served_other.client().await;
            let answer = client.ask("/mcp", "tools/call", call, json!({"elicitation": elicitation})).await.message();
            let requests = answer["result"]["inputRequests"].as_object();
            let asked =
                requests.and_then(|requests| requests.values().next()).map(|request| params_of(&request["params"]));
            let expected = message.map(|message| (Some(message.to_owned()), params["url"].clone()));
            assert_eq!(asked, expected, "{era} {params}: {answer}");
            served_other.end().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_asks_for_a_visit_is_shown_like_one() {
    let served = served("modern", LONG).await;
    let mut client = served.client().await;
    let visit = json!({"mode": "url", "message": "go", "url": "https://crm.example/x", "elicitationId": "7"});
    let error = json!({"code": -32042, "message": "visit", "data": {"elicitations": [visit]}});
    let call = json!({"name": "error", "arguments": {"error": error}});
    let can = json!({"elicitation": {"url": {}}});
    let answer = client.ask("/mcp", "tools/call", call.clone(), can).await.message();
    assert_eq!(answer["error"]["data"]["elicitations"][0]["message"], "crm asks:\n  go", "{answer}");
    let answer = client.ask("/mcp", "tools/call", call, json!({"elicitation": {}})).await.message();
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert!(!answer.to_string().contains("crm.example"), "{answer}");
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_nobody_elses_and_its_own_name_is_never_taken() {
    let served = served("modern", LONG).await;
    let mut client = served.client().await;
    let can = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let task = json!({"resultType": "task", "taskId": "t-1", "status": "working", "createdAt": "2026-07-28T00:00:00Z",
        "lastUpdatedAt": "2026-07-28T00:00:00Z", "ttlMs": null});
    let call = json!({"name": "answer", "arguments": {"result": task}});
    let answer = client.ask("/mcp", "tools/call", call, can.clone()).await.message();
    let name = answer["result"]["taskId"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    assert!(!answer.to_string().contains("t-1"), "{answer}");
    // A client that guesses the server's own name of it, and one at another door that has got hold of ours.
    let mut other = served.client().await;
    for method in ["tasks/get", "tasks/cancel", "tasks/update"] {
        for (path, name, is_known) in
            [("/mcp", name.as_str(), true), ("/mcp", "t-1", false), ("/mcp/other", &name, false)]
        {
            let params = json!({"taskId": name, "inputResponses": {}});
            let who = if is_known { &mut client } else { &mut other };
            let answer = who.ask(path, method, params, can.clone()).await.message();
            // The fake server knows no tasks: what reaches it is a method that it does not have.
            let code = if is_known { -32601 } else { -32602 };
            assert_eq!(answer["error"]["code"], code, "{method} {path} {name}: {answer}");
        }
    }
    // What reached it is the client's own alone, under the server's name of it.
    let seen = client.ask("/mcp", "tools/call", json!({"name": "seen", "arguments": {}}), json!({})).await.message();
    let seen = seen["result"]["structuredContent"]["seen"].to_string();
    assert_eq!(seen.matches("tasks/").count(), 3, "{seen}");
    for method in ["get", "cancel", "update"] {
        assert!(seen.contains(&format!("tasks/{method} t-1")), "{seen}");
    }
    served.end().await;
}
