//! What comes of a call, over a real process and both eras.

use std::time::{Duration, Instant};

use crate::fake::{LIMITS, call, limited, start, start_with, value};
use crate::life::Dir;
use exuvia_config::{Era, UpstreamLimits};
use exuvia_tool::{CallError, Json};
use exuvia_upstream::{CallLimits, Upstreams};
use serde_json::json;

#[tokio::test]
async fn both_eras_are_spoken() {
    for (era, expected) in [("modern", Era::Modern), ("legacy", Era::Legacy), ("both", Era::Modern)] {
        let upstreams = start(&["--era", era]).await;
        assert_eq!(crate::fake::era(&upstreams), expected);
        assert_eq!(call(&upstreams, "echo", r#"{"value": 7}"#).await.unwrap().as_str(), r#"{"value":7}"#);
        upstreams.shutdown().await;
    }
}

#[tokio::test]
async fn numbers_keep_their_digits_both_ways() {
    for era in ["modern", "legacy"] {
        let upstreams = start(&["--era", era]).await;
        let arguments = r#"{"value":[12345678901234567890123,-9007199254740993,0.1000000000000000000001,1.50,18446744073709551616]}"#;
        assert_eq!(call(&upstreams, "echo", arguments).await.unwrap().as_str(), arguments);
        // As text, too, and in the data of an error.
        let text = r#"{"result":{"content":[{"type":"text","text":"[12345678901234567890123]"}]}}"#;
        assert_eq!(call(&upstreams, "answer", text).await.unwrap().as_str(), "[12345678901234567890123]");
        let error = r#"{"error":{"code":-32000,"message":"no","data":{"n":12345678901234567890123}}}"#;
        let Err(CallError::ToolFailed { message, data }) = call(&upstreams, "error", error).await else { panic!() };
        assert_eq!((message.as_str(), data.unwrap().as_str()), ("no", r#"{"n":12345678901234567890123}"#));
    }
}

#[tokio::test]
async fn each_form_of_a_result_has_its_value() {
    let upstreams = start(&[]).await;
    let image = r#"{"type":"image","data":"aGk=","mimeType":"image/png","x-more":1.0}"#;
    let link = r#"{"type":"resource_link","uri":"a:b","name":"b","size":5}"#;
    for (result, expected) in [
        (
            r#"{"content":[{"type":"text","text":"no"}],"structuredContent":{"b":1,"a":[2.50]}}"#.to_owned(),
            r#"{"\u0000value":{"b":1,"a":[2.50]},"\u0000content":[{"type":"text","text":"no"}]}"#,
        ),
        (r#"{"content":[],"structuredContent":[1]}"#.to_owned(), "[1]"),
        (
            r#"{"content":[{"type":"text","text":" {\"a\": 1e2} "}],"structuredContent":null}"#.to_owned(),
            r#"{"a": 1e2}"#,
        ),
        (r#"{"content":[{"type":"text","text":"plain \"words\"\n"}]}"#.to_owned(), r#""plain \"words\"\n""#),
        (r#"{"content":[{"type":"text","text":"{not json"}]}"#.to_owned(), r#""{not json""#),
        (r#"{"content":[{"type":"text","text":"1.10"}]}"#.to_owned(), r#""1.10""#),
        (r#"{"content":[{"type":"text","text":"\"quoted\""}]}"#.to_owned(), r#""\"quoted\"""#),
        (r#"{"content":[{"type":"text","text":"null"}]}"#.to_owned(), r#""null""#),
        (r#"{"content":[{"type":"text","text":"1234e567"}]}"#.to_owned(), r#""1234e567""#),
        (
            r#"{"content":[{"type":"text","text":"{\"a\":1}"},{"type":"text","text":"[2]"}]}"#.to_owned(),
            r#"[{"a":1},[2]]"#,
        ),
        (r#"{"content":[{"type":"text","text":"{}"},{"type":"text","text":"7"}]}"#.to_owned(), r#""{}\n7""#),
        (r#"{"content":[],"structuredContent":"[1.50]"}"#.to_owned(), "[1.50]"),
        (r#"{"content":[],"structuredContent":"1.50"}"#.to_owned(), r#""1.50""#),
        (
            format!(r#"{{"content":[{{"type":"text","text":"image"}},{image}],"structuredContent":{{"a":1}}}}"#),
            &format!(r#"{{"a":1,"content":[{image}]}}"#),
        ),
        (
            format!(r#"{{"content":[{image}],"structuredContent":{{"content":1}}}}"#),
            &format!(r#"{{"\u0000value":{{"content":1}},"\u0000content":[{image}]}}"#),
        ),
        (
            r#"{"content":[{"type":"text","text":"an image and a resource"}],"structuredContent":{}}"#.to_owned(),
            r#"{"\u0000value":{},"\u0000content":[{"type":"text","text":"an image and a resource"}]}"#,
        ),
        (r#"{"content":[{"type":"text","text":""}]}"#.to_owned(), r#""""#),
        (r#"{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#.to_owned(), r#""a\nb""#),
        (r#"{"content":[{"type":"text","text":"[1,"},{"type":"text","text":"2]"}]}"#.to_owned(), "[1,\n2]"),
        (format!(r#"{{"content":[{image}]}}"#), &format!("[{image}]")),
        (
            format!(r#"{{"content":[{{"type":"text","text":"see"}},{link}]}}"#),
            &format!(r#"[{{"type":"text","text":"see"}},{link}]"#),
        ),
        (r#"{"content":[]}"#.to_owned(), "null"),
        ("{}".to_owned(), "null"),
    ] {
        let value = call(&upstreams, "answer", &format!(r#"{{"result":{result}}}"#)).await;
        // The fake server rebuilds the result, which takes white space between the tokens away.
        assert_eq!(value.unwrap().as_str(), expected, "{result}");
    }
    let boxed = r#"{"result":{"content":[],"structuredContent":{"result":[12345678901234567890123]}}}"#;
    assert_eq!(call(&upstreams, "boxed", boxed).await.unwrap().as_str(), "[12345678901234567890123]");
    let unboxed = call(&upstreams, "answer", boxed).await.unwrap();
    assert_eq!(unboxed.as_str(), r#"{"result":[12345678901234567890123]}"#);
    let json = r#"{"result":{"content":[],"structuredContent":{"result":"{\"a\": 1.50}"}}}"#;
    assert_eq!(call(&upstreams, "boxed", json).await.unwrap().as_str(), r#"{"a": 1.50}"#);
    assert_eq!(call(&upstreams, "answer", json).await.unwrap().as_str(), r#"{"result":"{\"a\": 1.50}"}"#);
}

#[tokio::test]
async fn a_tool_that_fails_says_why() {
    let upstreams = start(&[]).await;
    for (result, message, data) in [
        (r#"{"isError":true,"content":[{"type":"text","text":"disk full"}]}"#, "disk full", None),
        (
            r#"{"isError":true,"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"structuredContent":{"n":1}}"#,
            "a\nb",
            Some(r#"{"n":1}"#),
        ),
        (r#"{"isError":true,"content":[]}"#, "fake.answer failed without a message", None),
        (r#"{"isError":true}"#, "fake.answer failed without a message", None),
    ] {
        let failed = call(&upstreams, "answer", &format!(r#"{{"result":{result}}}"#)).await.unwrap_err();
        let data = data.map(|data| exuvia_tool::Json::parse(data).unwrap());
        assert_eq!(failed, CallError::ToolFailed { message: message.to_owned(), data });
    }
    let failed = call(&upstreams, "unheard_of", "{}").await.unwrap_err();
    assert_eq!(failed.to_string(), "there is no tool unheard_of");
}

#[tokio::test]
async fn a_call_without_a_response_times_out_and_is_cancelled_at_the_server() {
    for era in ["modern", "legacy"] {
        let upstreams = start(&["--era", era]).await;
        let limits = CallLimits { timeout: Duration::from_millis(100), ..LIMITS };
        let begun = Instant::now();
        assert_eq!(limited(&upstreams, "hang", "{}", limits).await, Err(CallError::TimedOut(100)));
        assert!(begun.elapsed() < Duration::from_millis(350));
        // Dropped by the caller.
        let dropped = tokio::time::timeout(Duration::from_millis(50), limited(&upstreams, "hang", "{}", LIMITS)).await;
        assert!(dropped.is_err());
        tokio::time::sleep(Duration::from_millis(50)).await;
        let seen = value(&upstreams, "seen", "{}").await;
        let seen: Vec<&str> = seen["seen"].as_array().unwrap().iter().map(|x| x.as_str().unwrap()).collect();
        assert_eq!(seen.iter().filter(|method| method.starts_with("cancelled ")).count(), 2, "{seen:?}");
    }
}

#[tokio::test]
async fn calls_run_side_by_side() {
    let upstreams = start(&[]).await;
    let hanging = limited(&upstreams, "hang", "{}", CallLimits { timeout: Duration::from_secs(2), ..LIMITS });
    let hanging = tokio::spawn(hanging);
    let calls: Vec<_> =
        (0..500).map(|n| tokio::spawn(limited(&upstreams, "echo", &json!({"value": n}).to_string(), LIMITS))).collect();
    for (n, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.unwrap().unwrap().to_value().unwrap(), json!({"value": n}));
    }
    assert_eq!(hanging.await.unwrap(), Err(CallError::TimedOut(2000)));
}

#[tokio::test]
async fn a_result_over_its_limit_ends_only_its_call() {
    let limits = UpstreamLimits { message_bytes: 10 << 20, ..UpstreamLimits::default() };
    let upstreams = start_with(&[], limits).await;
    let failed = call(&upstreams, "long", r#"{"bytes": 2000000}"#).await.unwrap_err();
    assert_eq!(
        failed,
        CallError::LimitReached { limit: "call_result_bytes".into(), allowed: 1 << 20, used: 2_000_002 }
    );
    // A line beyond what is read at all; the id stands at either end of it.
    for id_last in [true, false] {
        let hanging =
            tokio::spawn(limited(&upstreams, "hang", "{}", CallLimits { timeout: Duration::from_secs(1), ..LIMITS }));
        let failed = call(&upstreams, "long", &json!({"bytes": 17 << 20, "id_last": id_last}).to_string()).await;
        let Err(CallError::LimitReached { allowed, used, .. }) = failed else { panic!("{failed:?}") };
        // Known by its head, the call ends at once: by then no more was read.
        assert!(allowed == 1 << 20 && used > 10 << 20, "{used}");
        assert_eq!(hanging.await.unwrap(), Err(CallError::TimedOut(1000)));
    }
    assert_eq!(value(&upstreams, "echo", r#"{"value": 1}"#).await, json!({"value": 1}));
}

#[tokio::test]
async fn fifty_megabytes_pass_under_a_raised_limit() {
    let upstreams = start(&[]).await;
    let limits = CallLimits { timeout: Duration::from_secs(30), result_bytes: 64 << 20 };
    let value = limited(&upstreams, "long", r#"{"bytes": 50000000}"#, limits).await.unwrap();
    assert_eq!(value.size_bytes(), 50_000_002);
    let arguments = format!(r#"{{"value":"{}"}}"#, "y".repeat(20_000_000));
    assert_eq!(limited(&upstreams, "echo", &arguments, limits).await.unwrap().size_bytes(), arguments.len());
}

#[tokio::test]
async fn lines_that_are_no_answer_do_no_harm() {
    let upstreams = start(&["--garbage"]).await;
    let answer = r#"{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"right"}]}}"#;
    for before in [
        "garbage",
        "{",
        "[]",
        "null",
        r#"{"jsonrpc":"2.0","id":99999,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":"x","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":123456789012345678901234567890,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":$ID}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/unheard_of"}"#,
        r#"{"jsonrpc":"2.0","method":7}"#,
    ] {
        let arguments = json!({"lines": [before, answer, answer]}).to_string();
        assert_eq!(call(&upstreams, "lines", &arguments).await.unwrap().as_str(), r#""right""#, "{before}");
    }
}

#[tokio::test]
async fn odd_answers_reach_the_call_they_answer() {
    let upstreams = start(&[]).await;
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (line, code) in [
        (r#"{"jsonrpc":"2.0","id":"$ID","result":{"content":[]}}"#.to_owned(), "ok"),
        (r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what?"}}"#.to_owned(), "tool-failed"),
        (r#"{"jsonrpc":"2.0","id":$ID,"result":7}"#.to_owned(), "ok"),
        (r#"{"jsonrpc":"2.0","id":$ID,"error":"no"}"#.to_owned(), "tool-failed"),
        (format!(r#"{{"jsonrpc":"2.0","id":$ID,"result":{{"structuredContent":{deep}}}}}"#), "upstream-unavailable"),
        (format!(r#"{{"jsonrpc":"2.0","id":$ID,"result":{{"content":[{{"type":"text","text":"{deep}"}}]}}}}"#), "ok"),
        (r#"{"jsonrpc":"2.0","id":$ID,"result":{"structuredContent":{"a":1,"a":2}}}"#.to_owned(), "ok"),
        (r#"{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"\ud800"}]}}"#.to_owned(), "ok"),
        (r#"{"jsonrpc":"2.0","id":$ID,"result":{"resultType":"task","task":{}}}"#.to_owned(), "upstream-unavailable"),
    ] {
        let outcome = call(&upstreams, "lines", &json!({"lines": [line]}).to_string()).await;
        assert_eq!(outcome.as_ref().map_or_else(CallError::code, |_| "ok"), code, "{line:.120} {outcome:.200?}");
    }
    let outcome = call(&upstreams, "not_utf8", "{}").await.unwrap_err();
    assert_eq!(outcome, CallError::UpstreamUnavailable("fake.not_utf8 answered with bytes that are not UTF-8".into()));
}

#[tokio::test]
async fn a_server_that_asks_for_input_fails_its_call() {
    for era in ["modern", "legacy"] {
        let upstreams = start(&["--era", era]).await;
        for (method, words) in [("elicitation/create", "for input"), ("sampling/createMessage", "for a completion")] {
            let failed = call(&upstreams, "ask", &json!({"method": method}).to_string()).await.unwrap_err();
            assert_eq!(failed.code(), "tool-failed");
            assert!(failed.to_string().contains(words) && failed.to_string().contains("-32601"), "{failed}");
        }
        let result = r#"{"result":{"resultType":"input_required","requestState":"s","inputRequests":{}}}"#;
        let failed = call(&upstreams, "answer", result).await.unwrap_err();
        assert!(
            matches!(&failed, CallError::ToolFailed { message, .. } if message.contains("for input")),
            "{failed:?}"
        );
        let error = r#"{"error":{"code":-32042,"message":"go there","data":{}}}"#;
        let failed = call(&upstreams, "error", error).await.unwrap_err();
        assert!(failed.to_string().contains("a visit to a web page"), "{failed}");
        // A ping is answered, and a call that succeeds although it asked has succeeded.
        let lines = json!({"lines": [r#"{"jsonrpc":"2.0","id":"q","method":"elicitation/create"}"#, r#"{"jsonrpc":"2.0","id":$ID,"result":{"content":[]}}"#]});
        assert_eq!(call(&upstreams, "lines", &lines.to_string()).await.unwrap().as_str(), "null");
    }
}

#[tokio::test]
async fn floods_are_swallowed() {
    let upstreams = start(&[]).await;
    let flooded = value(&upstreams, "flood", r#"{"notifications": 20000, "stderr_bytes": 20000000}"#).await;
    assert_eq!(flooded, json!({"value": "flooded"}));
}

#[tokio::test]
async fn arguments_that_are_no_object_are_refused_here() {
    let upstreams = start(&[]).await;
    assert_eq!(call(&upstreams, "echo", "[1]").await.unwrap_err().code(), "invalid-arguments");
}

#[tokio::test]
async fn a_box_of_the_official_sdk_is_taken_off() {
    let dir = Dir::new("boxes");
    let schema = |title: &str| json!({"type": "object", "title": title, "properties": {"result": {"title": "Result"}}, "required": ["result"]});
    let tool = |name: &str, title: &str| json!({"name": name, "inputSchema": {"type": "object"}, "outputSchema": schema(title)});
    dir.write("tools", &json!([tool("answer", "answerOutput"), tool("boxed", "Found")]).to_string());
    let upstreams = Upstreams::start(vec![dir.listing("fake")], UpstreamLimits::default()).await;
    let boxed = r#"{"result":{"content":[],"structuredContent":{"result":[7]}}}"#;
    assert_eq!(call(&upstreams, "answer", boxed).await.unwrap().as_str(), "[7]");
    assert_eq!(
        call(&upstreams, "boxed", boxed).await.unwrap().as_str(),
        r#"{"result":[7]}"#,
        "a model of the tool's own"
    );
    upstreams.shutdown().await;
}

#[tokio::test]
async fn progress_gives_a_call_more_time_where_the_operator_lets_it() {
    let limits = CallLimits { timeout: Duration::from_millis(900), ..LIMITS };
    for (era, most, expected) in [
        ("modern", None, Err(CallError::TimedOut(900))),
        ("modern", Some(20_000), Ok("done")),
        ("legacy", Some(20_000), Ok("done")),
        ("legacy", Some(1_400), Err(CallError::TimedOut(1_400))),
    ] {
        let mut config = crate::fake::config("fake", &["--era", era]);
        config.max_call_timeout = most.map(Duration::from_millis);
        let upstreams = Upstreams::start(vec![config], UpstreamLimits::default()).await;
        let outcome = limited(&upstreams, "work", r#"{"steps": 6, "step_ms": 400}"#, limits).await;
        assert_eq!(
            outcome,
            expected.map(|value| Json::parse(format!(r#"{{"value":"{value}"}}"#)).unwrap()),
            "{era} {most:?}"
        );
        upstreams.shutdown().await;
    }
}
