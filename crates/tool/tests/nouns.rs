//! Names, texts and codes of the nouns that the other crates share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use exuvia_tool::{
    Absence, Absent, ArgumentCheck, BoxFuture, CallContext, CallError, CallId, Deadline, DirectCallId, DispatchOrder,
    DispatchTicket, Exhausted, Json, LazyText, Limit, Limits, Namespace, Origin, Principal, Quantity, RunId, RunIo,
    Server, Tool, ToolAnnotations, ToolDescriptor, ToolName, TraceContext,
};
use serde_json::{Value, json};

struct Anything;
impl ArgumentCheck for Anything {
    fn check(&self, _: &Value) -> Result<(), String> {
        Ok(())
    }
}

fn tool(name: &str, python_name: &str) -> Tool {
    Tool {
        python_name: python_name.to_owned(),
        descriptor: Arc::new(ToolDescriptor {
            name: name.to_owned(),
            title: None,
            description: None,
            input_schema: json!({}),
            output_schema: None,
            annotations: ToolAnnotations::default(),
        }),
        parameters: vec![],
        accepts_other_keywords: true,
        signature: String::new().into(),
        documentation: String::new().into(),
        arguments: Arc::new(Anything),
    }
}

#[test]
fn calls_are_authorized_in_the_own_name_of_a_tool_alone() {
    let tools =
        vec![tool("get-user", "get_user"), tool("list", "list_"), tool("list_", "list__"), tool("Plain", "Plain")];
    let server = Server::new("crm", "crm_", tools);
    let own = |name: &str| server.tool(name).map(|tool| tool.python_name.as_str());
    let any = |name: &str| server.find(name).map(|tool| tool.name());
    assert_eq!((own("get-user"), own("get_user")), (Some("get_user"), None));
    assert_eq!((any("get-user"), any("get_user")), (Some("get-user"), Some("get-user")));
    // The own name of one goes before the Python name of another.
    assert_eq!((own("list_"), any("list_"), any("list__")), (Some("list__"), Some("list_"), Some("list_")));
    assert_eq!((own("list"), any("list")), (Some("list_"), Some("list")));
    assert_eq!((own("Plain"), own("plain"), any("plain"), any("")), (Some("Plain"), None, None, None));
    let shown: Vec<&str> = server.tools().iter().map(Tool::name).collect();
    assert_eq!(shown, ["get-user", "list", "list_", "Plain"]);
}

#[test]
fn servers_are_found_by_the_name_in_the_configuration_first() {
    let servers = vec![Server::new("a-b", "a_b", vec![]), Server::new("a_b", "a_b_", vec![tool("t", "t")])];
    let namespace = Namespace::new(servers).with_absent(vec![Absent::new("gone", Absence::Late)]);
    let configured = |name: &str| namespace.server(name).map(|server| server.python_name.as_str());
    let any = |name: &str| namespace.find_server(name).map(|server| server.name.as_str());
    assert_eq!((configured("a-b"), configured("a_b"), configured("a_b_")), (Some("a_b"), Some("a_b_"), None));
    assert_eq!((any("a-b"), any("a_b"), any("a_b_"), any("gone")), (Some("a-b"), Some("a_b"), Some("a_b"), None));
    let shown: Vec<&str> = namespace.servers().iter().map(|server| server.name.as_str()).collect();
    assert_eq!(shown, ["a-b", "a_b"]);
    let absent = |name: &str| namespace.find_absent(name).map(|absent| absent.name.as_str());
    assert_eq!((absent("gone"), absent("a_b"), absent("")), (Some("gone"), None, None));
    assert!(Namespace::default().absent().is_empty());
}

#[test]
fn a_server_that_is_absent_says_what_to_do_and_nothing_of_the_host() {
    let told = |why| {
        let absent = Absent { python_name: "my_crm".to_owned(), ..Absent::new("my-crm", why) };
        (absent.is_starting(), absent.trouble())
    };
    assert_eq!(told(Absence::Starting), (true, "is still starting; try again in a few seconds".to_owned()));
    let later = "did not start; go on without it, or try again later".to_owned();
    assert_eq!(told(Absence::Failed), (false, later));
    assert!(told(Absence::Late).1.contains("in time"));
    assert!(
        told(Absence::Unauthorized { login: true })
            .1
            .ends_with("the operator of this gateway must run `exuvia login my-crm`")
    );
    assert!(!told(Absence::Unauthorized { login: false }).1.contains("login"));
}

#[test]
fn errors_have_stable_codes_and_say_what_happened() {
    let text = || "what happened".to_owned();
    for (error, code, said) in [
        (CallError::UnknownTool(text()), "unknown-tool", "what happened"),
        (CallError::InvalidArguments(text()), "invalid-arguments", "what happened"),
        (CallError::Denied(text()), "denied", "what happened"),
        (
            CallError::TimedOut(250),
            "timed-out",
            "no answer within 250 ms; raise `call_timeout_ms` in [limits] or of the server",
        ),
        (CallError::ToolFailed { message: text(), data: None }, "tool-failed", "what happened"),
        (CallError::UpstreamUnavailable(text()), "upstream-unavailable", "what happened"),
        (
            CallError::LimitReached { limit: "buffered_bytes".to_owned(), allowed: 5, used: 7 },
            "limit-reached",
            "buffered_bytes is 5, this call would use 7",
        ),
        (
            CallError::Exhausted(Exhausted {
                budget: "day".to_owned(),
                quantity: Quantity::Calls,
                retry_after_ms: Some(1),
                is_reserved: false,
            }),
            "budget-exhausted",
            "not called: budget `day` has not enough calls left: try again in 1 s",
        ),
    ] {
        assert_eq!((error.code(), error.to_string().as_str()), (code, said));
    }
    assert_eq!(ToolName::new("crm", "a/b.c").to_string(), "crm.a/b.c");
    assert_eq!(RunId::new("run-7").to_string(), "run-7");
}

#[test]
fn a_lazy_text_is_made_once_and_reads_as_what_was_made() {
    let made = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    let text = LazyText::new(move || format!("text {}", counted.fetch_add(1, Ordering::Relaxed)));
    let other = text.clone();
    assert_eq!((format!("{text:?}"), made.load(Ordering::Relaxed)), ("LazyText".to_owned(), 0));
    assert_eq!((&*text, other.to_string().as_str(), made.load(Ordering::Relaxed)), ("text 0", "text 0", 1));
    assert!(text == "text 0" && text != "text 1");
    assert_eq!((&*LazyText::from("a"), &*LazyText::from("b".to_owned())), ("a", "b"));
}

#[test]
fn a_check_that_says_nothing_else_reads_each_byte_once() {
    assert_eq!([0, 1, 7].map(|bytes| Anything.most_steps(bytes)), [0, 1, 7]);
}

struct Io;
impl RunIo for Io {
    fn wall_clock(&mut self) -> Duration {
        Duration::ZERO
    }
    fn monotonic_clock(&mut self) -> Duration {
        Duration::ZERO
    }
    fn fill_random(&mut self, _: &mut [u8]) {}
    fn sleep_until(&mut self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

#[test]
fn a_live_run_reports_all_answers_as_they_come() {
    assert_eq!(Io.deliver(vec![CallId(2), CallId(1)]), [CallId(2), CallId(1)]);
}

#[test]
fn json_is_kept_as_it_is_written() {
    let text = " {\"a\": 1.0, \"a\": [\"]}\", 1e400]} ";
    let json = Json::parse(text).unwrap();
    assert_eq!((json.as_str(), json.size_bytes()), (text, text.len()));
    assert_eq!(json.clone().into_string(), text);
    assert_eq!(Json::from_value(&json!({"b": [1, null]})).as_str(), r#"{"b":[1,null]}"#);
    assert_eq!(Json::parse("[1,\"x\"]").unwrap().to_value().unwrap(), json!([1, "x"]));
    for text in ["", "{", "[1,]", "1 2", "nul", "'a'"] {
        let error = Json::parse(text).unwrap_err();
        assert!(!error.to_string().is_empty(), "{text}");
    }
    assert!(Json::parse("[1,]").unwrap_err().to_string().contains("column"));
}

#[test]
fn brackets_count_as_levels_outside_of_strings_only() {
    let nested = |levels: usize, inside: &str| format!("{}{inside}{}", "[".repeat(levels), "]".repeat(levels));
    for inside in ["\"]]]\"", "\"}\"", "\"\\\"]\"", "\"\\\\\",[1],{\"]\":\"}\"}", "\"[{\"", "\"\\\"[\""] {
        assert!(Json::parse(nested(126, inside)).is_ok(), "{inside}");
        assert!(Json::parse(nested(128, inside)).unwrap_err().to_string().contains("127 levels"), "{inside}");
    }
    // Levels, not brackets, and the deepest place counts wherever it stands.
    let row = "[[1],[2],{\"a\":{}}]";
    assert!(Json::parse(format!("[{}]", [row; 200].join(","))).is_ok());
    assert!(Json::parse(format!("[{},{}]", nested(127, ""), row)).is_err());
    assert!(Json::parse(format!("[{},{}]", row, nested(127, ""))).is_err());
    assert!(Json::parse(format!("[{},{}]", nested(126, ""), nested(126, ""))).is_ok());
    let objects = format!("{}1{}", "{\"a\":".repeat(128), "}".repeat(128));
    assert!(Json::parse(objects).is_err());
}

#[test]
fn ids_are_their_names_and_an_unknown_principal_says_what_one_is() {
    let (run, call) = (RunId::new("01J9"), DirectCallId::new("01JA"));
    assert_eq!((run.as_str(), run.to_string().as_str()), ("01J9", "01J9"));
    assert_eq!((call.as_str(), call.to_string().as_str()), ("01JA", "01JA"));
    let unknown = "ci".parse::<Principal>().unwrap_err();
    assert_eq!(unknown.to_string(), "a principal is `operator`, `key:NAME` or `user:PROVIDER/SUBJECT`");
}

#[test]
fn a_context_keeps_what_it_is_bounded_by() {
    let start = Instant::now();
    let deadline = |seconds| Deadline::after(start, Duration::from_secs(seconds));
    let context = || CallContext::new(Principal::Operator, Origin::Run(RunId::new("r")));
    assert_eq!((context().result_bytes, context().deadline), (u64::MAX, None));
    assert_eq!(context().bounded(7).result_bytes, 7);
    assert_eq!(context().until(deadline(1)).deadline, Some(deadline(1)));
    assert_eq!(context().of_client("c".into()).client.as_deref(), Some("c"));
    let trace = TraceContext { trace_id: [1; 16], span_id: [2; 8], flags: 1, state: None };
    assert_eq!(context().below(Some(trace.clone())).trace, Some(trace));
    assert_ne!(deadline(1), deadline(2));
    assert_ne!(deadline(1), Deadline::after(start + Duration::from_secs(1), Duration::ZERO), "the same moment");
}

#[test]
fn times_are_in_the_unit_that_their_names_say() {
    assert_eq!(Limits { call_timeout_ms: 1_500, ..Limits::default() }.call_timeout(), Duration::from_millis(1_500));
}

#[test]
fn an_origin_is_a_run_or_a_call_of_a_client() {
    let (run, call) = (RunId::new("r"), DirectCallId::new("c"));
    let (of_run, of_client) = (Origin::Run(run.clone()), Origin::Direct(call.clone()));
    assert_eq!((of_run.run(), of_run.direct()), (Some(&run), None));
    assert_eq!((of_client.run(), of_client.direct()), (None, Some(&call)));
}

#[test]
fn a_value_is_boxed_where_the_schema_says_so() {
    let boxed = |schema: Option<Value>| {
        ToolDescriptor { output_schema: schema, ..(*tool("get", "get").descriptor).clone() }.is_boxed()
    };
    let class = |title: &str, result: Value, required: Value| {
        Some(json!({"title": title, "properties": {"result": result}, "required": required}))
    };
    let result = || json!({"title": "Result", "type": "string"});
    assert!(boxed(Some(json!({"x-fastmcp-wrap-result": true}))));
    assert!(boxed(class("getOutput", result(), json!(["result"]))));
    for plain in [
        None,
        Some(json!({})),
        Some(json!({"x-fastmcp-wrap-result": false})),
        class("getOutput", json!({"type": "string"}), json!(["result"])),
        class("otherOutput", result(), json!(["result"])),
        class("getOutput", result(), json!([])),
        Some(json!({"title": "getOutput", "properties": {"result": result(), "more": {}}, "required": ["result"]})),
        Some(json!({"title": "getOutput", "properties": {"value": result()}, "required": ["result"]})),
    ] {
        assert!(!boxed(plain.clone()), "{plain:?}");
    }
}

#[test]
fn absent_servers_are_listed_in_their_order() {
    let absent = ["b", "a"].map(|name| Absent::new(name, Absence::Late)).to_vec();
    let namespace = Namespace::default().with_absent(absent);
    let names: Vec<&str> = namespace.absent().iter().map(|absent| absent.name.as_str()).collect();
    assert_eq!(names, ["b", "a"]);
}

#[test]
fn tickets_of_one_order_stand_behind_each_other_and_others_nowhere() {
    let order = DispatchOrder::default();
    let (first, second, other) = (order.ticket(), order.clone().ticket(), DispatchTicket::default());
    let places = |ticket: &DispatchTicket| [ticket.admission.is_first(), ticket.leaving.is_first()];
    assert_eq!([places(&first), places(&second), places(&other)], [[true; 2], [false; 2], [true; 2]]);
    assert!(first.admission.is_in_line() && first.leaving.is_in_line() && !other.leaving.is_in_line());
    drop(first);
    assert_eq!(places(&second), [true; 2]);
}

#[test]
fn a_limit_is_named_as_its_field() {
    let limits = [
        (Limit::Fuel, "fuel"),
        (Limit::WallMs, "wall_ms"),
        (Limit::MemoryBytes, "memory_bytes"),
        (Limit::ToolCalls, "tool_calls"),
        (Limit::StackBytes, "stack_bytes"),
        (Limit::ResultBytes, "result_bytes"),
        (Limit::SourceBytes, "source_bytes"),
    ];
    for (limit, name) in limits {
        assert_eq!(limit.name(), name);
    }
}
