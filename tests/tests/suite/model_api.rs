//! The example that drives a suite with a model: against an API that is made up, in both protocols.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::thread::{JoinHandle, spawn};

use exuvia_tests::{DataHome, built, exuvia};
use serde_json::{Value, json};

use crate::tokens;

/// An API that gives these replies, one for each request: its address, and what it was asked, the key first.
fn api(replies: Vec<Value>) -> (String, JoinHandle<Vec<(String, Value)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let asked = spawn(move || replies.iter().map(|reply| answer(&listener, reply)).collect());
    (url, asked)
}

fn answer(listener: &TcpListener, reply: &Value) -> (String, Value) {
    let (mut stream, _) = listener.accept().expect("a client");
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a head");
        head.extend(byte);
    }
    let head = String::from_utf8(head).expect("ASCII").to_lowercase();
    let header =
        |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned();
    let mut body = vec![0; header("content-length:").parse().expect("a length")];
    stream.read_exact(&mut body).expect("a body");
    let text = reply.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(format!("{head}{text}").as_bytes()).expect("an answer");
    let key = header("authorization:") + &header("x-api-key:");
    (key, serde_json::from_slice(&body).expect("JSON"))
}

fn drive(api: &str, replies: Vec<Value>) -> (tokens::Suite, String, Vec<(String, Value)>) {
    let suite = tokens::Suite::new();
    let (url, asked) = self::api(replies);
    let mut command = Command::new(built("examples/model_api"));
    let _data = DataHome::of(&mut command);
    let output = command
        .args(["--api", api, "--url", &url, "--model", "made-up", "--round", "small", "--suite"])
        .arg(suite.path())
        .arg("--out")
        .arg(suite.path().join("transcripts"))
        .arg("--exuvia")
        .arg(built("exuvia"))
        .env("MODEL_API_KEY", "a-key")
        .output()
        .expect("the example starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (suite, String::from_utf8(output.stdout).expect("UTF-8"), asked.join().expect("all requests"))
}

/// What the model did is a transcript that can be played again.
fn assert_played_again(suite: &tokens::Suite) {
    suite.without_tasks();
    let ended = exuvia(&["tokens", &suite.path().display().to_string(), "--json"], "");
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let task = &ended.json()["rounds"][0]["tasks"][0];
    assert_eq!((&task["name"], &task["steps"]), (&json!("close-urgent-made-up"), &json!(["ask", "run"])));
}

#[test]
fn chat_completions_are_driven_to_their_end() {
    let call = |id: &str, tool: &str, arguments: Value| {
        let function = json!({"name": tool, "arguments": arguments.to_string()});
        let message = json!({"role": "assistant", "content": null, "tool_calls": [{"id": id, "type": "function", "function": function}]});
        json!({"choices": [{"message": message}], "usage": {"prompt_tokens": 100, "completion_tokens": 10}})
    };
    let end = json!({"choices": [{"message": {"role": "assistant", "content": "Six."}}], "usage": {"prompt_tokens": 300, "completion_tokens": 2}});
    let code = json!({"code": "result = len(desk.list_tickets(queue='chat'))"});
    let replies =
        vec![call("1", "readToolFile", json!({"fileName": "desk.pyi"})), call("2", "executeToolCode", code), end];
    let (suite, printed, asked) = drive("openai", replies);
    assert_eq!(printed, "close-urgent: 3 requests, 500 input and 22 output tokens: Six.\n");
    assert!(asked.iter().all(|(key, _)| key == "bearer a-key"), "{asked:?}");
    let (first, last) = (&asked[0].1, &asked[2].1["messages"]);
    assert_eq!(first["tools"][3]["function"]["name"], "executeToolCode");
    assert!(last[2]["content"].as_str().is_some_and(|text| text.contains("list_tickets")), "{last}");
    assert_eq!(last[4], json!({"role": "tool", "tool_call_id": "2", "content": "20"}));
    assert_played_again(&suite);
}

#[test]
fn messages_are_driven_to_their_end() {
    let call = |id: &str, tool: &str, input: Value| {
        let content =
            json!([{"type": "text", "text": "I look."}, {"type": "tool_use", "id": id, "name": tool, "input": input}]);
        json!({"content": content, "usage": {"input_tokens": 50, "cache_read_input_tokens": 50, "output_tokens": 10}})
    };
    let end =
        json!({"content": [{"type": "text", "text": "Done."}], "usage": {"input_tokens": 10, "output_tokens": 2}});
    let code = json!({"code": "desk.close_ticket(ticket_id=500)"});
    let replies =
        vec![call("1", "readToolFile", json!({"fileName": "desk.pyi"})), call("2", "executeToolCode", code), end];
    let (_, printed, asked) = drive("anthropic", replies);
    assert_eq!(printed, "close-urgent: 3 requests, 210 input and 22 output tokens: Done.\n");
    assert!(asked.iter().all(|(key, _)| key == "bearer a-key"), "{asked:?}");
    let result = &asked[2].1["messages"][4]["content"][0];
    assert_eq!((&result["tool_use_id"], &result["is_error"]), (&json!("2"), &json!(true)), "{result}");
}
