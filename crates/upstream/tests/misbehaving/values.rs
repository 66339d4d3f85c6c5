//! Answers that almost are what they should be: one bad value costs only itself.

use exuvia_tool::CallError;
use serde_json::json;

use super::{ANSWER, Fake, Over, Plan};

async fn line(fake: &Fake, line: &str) -> exuvia_tool::ToolOutcome {
    fake.try_call("lines", &json!({"lines": [line]}).to_string()).await
}

async fn result(fake: &Fake, result: &str) -> exuvia_tool::ToolOutcome {
    line(fake, &format!(r#"{{"jsonrpc":"2.0","id":$ID,"result":{result}}}"#)).await
}

pub(crate) fn writes_half_characters(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        for (written, value) in [
            (r#"{"content":[{"type":"text","text":"cut \ud83d"}]}"#, r#""cut �""#),
            (r#"{"content":[{"type":"text","text":"\ude00 cut"}]}"#, r#""� cut""#),
            (
                r#"{"content":[],"structuredContent":{"k\ud83d":1,"t":"\ud83d\ude00"}}"#,
                r#"{"k\ufffd":1,"t":"\ud83d\ude00"}"#,
            ),
            (r#"{"content":[{"type":"text","text":"{\"t\":\"cut \\ud83d\"}"}]}"#, r#"{"t":"cut \ufffd"}"#),
        ] {
            assert_eq!(result(fake, written).await.unwrap().as_str(), value, "{written}");
        }
        let failed = result(fake, r#"{"isError":true,"content":[{"type":"text","text":"no such \ud83d"}]}"#).await;
        assert_eq!(failed.unwrap_err().to_string(), "no such �");
        let error = r#"{"jsonrpc":"2.0","id":$ID,"error":{"code":-32000,"message":"no such \uD83D thing"}}"#;
        assert_eq!(line(fake, error).await.unwrap_err().to_string(), "no such � thing");
        fake.works().await;
    });
}

pub(crate) fn writes_no_numbers(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        for (written, value) in [
            (r#"{"content":[],"structuredContent":{"mean":NaN,"n":0}}"#, r#"{"mean":null,"n":0}"#),
            (
                r#"{"structuredContent":{"max":Infinity,"min":-Infinity,"t":"NaN"}}"#,
                r#"{"max":null,"min":null,"t":"NaN"}"#,
            ),
            (r#"{"content":[{"type":"text","text":"{\"mean\": NaN}"}]}"#, r#""{\"mean\": NaN}""#),
        ] {
            assert_eq!(result(fake, written).await.unwrap().as_str(), value, "{written}");
        }
        let batch = format!(r#"[{{"jsonrpc":"2.0","method":"x","params":[NaN]}}, {ANSWER}]"#);
        assert_eq!(line(fake, &batch).await.unwrap().as_str(), r#""right""#);
        fake.works().await;
    });
}

pub(crate) fn lists_no_numbers(over: Over) {
    let file = std::env::temp_dir().join(format!("exuvia-no-numbers-{over:?}-{}", std::process::id()));
    let tool = |name: &str, schema: &str| {
        format!(r#"{{"name":"{name}","description":"cut \ud83d","inputSchema":{{"type":"object"{schema}}}}}"#)
    };
    let tools = [
        tool("a", r#","properties":{"q":{"type":"number","default":Infinity}}"#),
        tool("echo", ""),
        tool("b", ",\"x\":7"),
    ];
    let list = format!(r#"{{"jsonrpc":"2.0","id":$ID,"result":{{"tools":[{}]}}}}"#, tools.join(","));
    std::fs::write(&file, list).unwrap();
    let plan = Plan::new(over, &format!("--raw-list {}", file.display()));
    plan.run(async |fake: &Fake| {
        assert_eq!(fake.failed(), None);
        let status = &fake.upstreams.servers()[0];
        let names: Vec<&str> = status.tools.iter().map(|tool| &*tool.name).collect();
        assert_eq!(names, ["a", "echo", "b"]);
        assert_eq!(status.tools[0].input_schema["properties"]["q"]["default"], json!(null));
        assert_eq!(status.tools[0].description.as_deref(), Some("cut �"));
        assert_eq!(status.warnings, ["its tool list contains NaN or Infinity 1 times, read as null"]);
        fake.works().await;
    });
    std::fs::remove_file(file).unwrap();
}

pub(crate) fn writes_a_byte_order_mark(over: Over) {
    for era in ["modern", "legacy"] {
        let plan = Plan::new(over, &format!("--mark --era {era}"));
        plan.run(async |fake: &Fake| {
            assert_eq!(fake.failed(), None);
            fake.works().await;
        });
    }
}

pub(crate) fn writes_no_json(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        fake.unavailable("lines", &json!({"lines": [ANSWER.replace("\"right\"", "'wrong'")]}).to_string(), "not JSON")
            .await;
        fake.works().await;
    });
}

pub(crate) fn writes_a_log(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        let log = [
            r#"{"level":"info","id":$ID,"result":"ok"}"#,
            r#"{"level":"error","id":$ID,"error":"slow"}"#,
            r#"{"method":"POST","id":$ID}"#,
            r#"{"jsonrpc":"1.0","id":$ID,"result":"old"}"#,
            ANSWER,
        ];
        let outcome = fake.try_call("lines", &json!({"lines": log}).to_string()).await;
        assert_eq!(outcome.unwrap().as_str(), r#""right""#);
        fake.works().await;
    });
}

pub(crate) fn answers_in_other_forms(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        for (written, value) in [
            (r#"{"content":"right"}"#, r#""right""#),
            (r#"{"content":["a","b"]}"#, r#""a\nb""#),
            (r#"{"content":{"type":"text","text":"right"}}"#, r#""right""#),
            (r#"{"toolResult":{"n":1.50}}"#, r#"{"n":1.50}"#),
            (r#"{"n":1.50}"#, r#"{"n":1.50}"#),
            (r#""right""#, r#""right""#),
            ("[1,2]", "[1,2]"),
        ] {
            assert_eq!(result(fake, written).await.unwrap().as_str(), value, "{written}");
        }
        let error = line(fake, r#"{"jsonrpc":"2.0","id":$ID,"error":"disk full"}"#).await;
        assert!(matches!(&error, Err(CallError::ToolFailed { message, .. }) if message == "disk full"), "{error:?}");
        let failed = result(fake, r#"{"content":"disk full","isError":true}"#).await;
        assert_eq!(failed.unwrap_err().to_string(), "disk full");
        fake.works().await;
    });
}

pub(crate) fn answers_under_other_forms_of_its_id(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        for id in ["\"$ID\"", "$ID.0", "\"$ID.0\"", "$IDe0"] {
            assert_eq!(line(fake, &ANSWER.replace("$ID", id)).await.unwrap().as_str(), r#""right""#, "{id}");
        }
        fake.works().await;
    });
}

pub(crate) fn answers_with_nothing(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        // Of a result that is undefined some languages leave nothing.
        let outcome = line(fake, r#"{"jsonrpc":"2.0","id":$ID,"error":null}"#).await;
        assert_eq!(outcome.unwrap().as_str(), "null");
        fake.works().await;
    });
}

/// What the tool `http` is to write.
fn response(kind: &str, body: &str) -> String {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n");
    json!({"bytes": head + body, "then": "hang"}).to_string()
}

pub(crate) fn ends_lines_with_carriage_returns(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        let events = format!(": hello\r\rid: 7\rdata: {ANSWER}\r\r");
        let outcome = fake.try_call("http", &response("text/event-stream", &events)).await;
        assert_eq!(outcome.unwrap().as_str(), r#""right""#);
        fake.works().await;
    });
}

pub(crate) fn answers_without_an_envelope(over: Over) {
    let plan = Plan::new(over, "");
    plan.run(async |fake: &Fake| {
        let body = r#"{"content":[{"type":"text","text":"right"}]}"#;
        let bytes = response("application/json", body).replace(r#""then":"hang""#, r#""then":"close""#);
        assert_eq!(fake.try_call("http", &bytes).await.unwrap().as_str(), r#""right""#);
        fake.works().await;
    });
}
