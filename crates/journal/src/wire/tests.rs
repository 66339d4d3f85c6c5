//! The format, by an example of every kind of record.

use std::path::PathBuf;
use std::time::Duration;

use exuvia_test_support::compared;
use exuvia_tool::{
    ApprovalId, Arguments, CallError, CallId, Cost, DirectCallId, Exhausted, FileEntry, FileError, FileHandle,
    FileKind, FileStat, FileValue, Json, Limits, Origin, Principal, Quantity, RunId, ToolCall, ToolName,
};

use super::*;
use crate::hex::Digest;
use crate::{
    ApprovalChannel, ApprovalState, ClientClaims, Cut, Entry, Event, FunctionUsage, JournalErrorKind, ParentCall,
    Reading, RefusedStart, RunEnd, RunError, RunStart, RunUsage, Seq, SessionScript, Stamped,
};

const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn json(text: &str) -> Json {
    Json::parse(text).expect("JSON")
}

fn call(id: u64, line: Option<u32>) -> ToolCall {
    // The order of members and the spelling of numbers are kept.
    let arguments = Arguments::parse("{ \"b\": 1.50,\"a\":[12345678901234567890123, \"é\\u00e9\\n\"]}").expect("JSON");
    ToolCall { id: CallId(id), name: ToolName::new("crm", "find"), arguments, line }
}

fn start() -> RunStart {
    RunStart {
        source: "result = crm.find(b=1.5)\n".into(),
        source_sha256: DIGEST.into(),
        profile: Some("ci".into()),
        claims: ClientClaims {
            name: Some("agent".into()),
            version: Some("2.1".into()),
            request_id: Some("17".into()),
            model: Some("a-model".into()),
        },
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
        rule: "operator".into(),
        findings: vec!["`crm.find` may return nothing".into()],
        limits: Limits::default(),
        namespace_sha256: DIGEST.into(),
        policy_sha256: DIGEST.into(),
        guest_sha256: DIGEST.into(),
        repairs: Some(RunId::new("01KB0000000000000000000000")),
        session: None,
        parent: None,
    }
}

fn session_start() -> RunStart {
    let session =
        SessionScript { name: "report".into(), index: 2, after: Some(RunId::new("01KB0000000000000000000000")) };
    RunStart { session: Some(session), ..start() }
}

/// The start of a run that answers a call of another one.
fn nested() -> RunStart {
    let parent = ParentCall { run: RunId::new("01KB0000000000000000000000"), call: CallId(3) };
    RunStart { rule: "function report, version 2".into(), repairs: None, parent: Some(parent), ..start() }
}

fn readings() -> Vec<Reading> {
    vec![
        Reading::WallClock(Duration::new(1_764_385_200, 5)),
        Reading::MonotonicClock(Duration::from_nanos(1_500_000_001)),
        Reading::Random(vec![0, 255, 7]),
        Reading::Delivered(vec![CallId(2), CallId(1)]),
        Reading::Delivered(Vec::new()),
        Reading::Failed(CallId(3), CallError::TimedOut(30_000)),
        Reading::Found("crm.find: finds \"things\"".into()),
    ]
}

fn file_readings() -> Vec<Reading> {
    let file = |answer| Reading::File { asked: [7; 16], answer };
    let modified = Duration::new(1_764_385_200, 5);
    let stat = FileStat { kind: FileKind::Other, size: 4, modified, identity: 9 };
    vec![
        file(Ok(FileValue::Opened { file: FileHandle(1), kind: FileKind::File })),
        file(Ok(FileValue::Bytes(vec![0, 255, 7].into()))),
        file(Ok(FileValue::Stat(stat))),
        file(Ok(FileValue::Entries(vec![FileEntry { name: "a".into(), kind: FileKind::Directory }]))),
        file(Err(FileError::Quota)),
    ]
}

fn block_readings() -> Vec<Reading> {
    let block = Reading::FileBlock { asked: [7; 16], sha256: [9; 32], bytes: 4_096 };
    vec![block, Reading::Cut(Cut::Files), Reading::Cut(Cut::Readings), Reading::Cut(Cut::Journal)]
}

fn end() -> RunEnd {
    RunEnd {
        outcome: "failed".into(),
        limit: Some("fuel".into()),
        result: Some(json("[1.0, null]")),
        error: Some(RunError {
            kind: "ValueError".into(),
            message: "no".into(),
            line: Some(1),
            traceback: "line 1: result = ...".into(),
            hint: Some("ask for less".into()),
        }),
        log: "printed\n".into(),
        log_dropped_bytes: 12,
        usage: RunUsage {
            fuel: 1 << 40,
            memory_bytes_peak: 33_554_432,
            wall_ms: 45,
            tool_calls: 2,
            ..RunUsage::default()
        },
    }
}

fn approval(number: u64) -> ApprovalId {
    ApprovalId::new(format!("01KB9V3Y1Q000000000000000{number}"))
}

fn answered(call: Option<u64>, reason: Option<&str>) -> Event {
    Event::ApprovalAnswered {
        approval: approval(1),
        call: call.map(CallId),
        allowed: reason.is_none(),
        channel: ApprovalChannel::Cli,
        shown_sha256: DIGEST.into(),
        reason: reason.map(str::to_owned),
    }
}

fn exhausted() -> Exhausted {
    let (budget, quantity) = ("support-day".into(), Quantity::WallMs);
    Exhausted { budget, quantity, retry_after_ms: Some(1_000), is_reserved: true }
}

fn errors() -> Vec<CallError> {
    vec![
        CallError::UnknownTool("no such tool".into()),
        CallError::InvalidArguments("`b` is a number".into()),
        CallError::Denied("not allowed".into()),
        CallError::TimedOut(30_000),
        CallError::ToolFailed { message: "failed".into(), data: Some(json("{\"code\": 7}")) },
        CallError::UpstreamUnavailable("down".into()),
        CallError::LimitReached { limit: "call_result_bytes".into(), allowed: 10, used: 11 },
        CallError::Exhausted(exhausted()),
    ]
}

fn refused_start() -> RefusedStart {
    let RunStart { profile, claims, trace_id, policy_sha256, .. } = start();
    RefusedStart { profile, claims, trace_id, policy_sha256 }
}

/// An example of every kind, by the name of its file.
fn examples() -> Vec<(String, Event)> {
    let ended =
        |outcome, code: &str| Event::CallEnded { id: CallId(1), code: code.into(), outcome, value_bytes: 17, ms: 3 };
    let usage = RunUsage { cost: Cost::from_micros(1_500_000), ..end().usage };
    let with_functions = RunUsage { functions: FunctionUsage { fuel: 7_000_000, tool_calls: 3 }, ..end().usage };
    let with_cost = RunEnd { usage, ..end() };
    let mut examples = vec![
        (
            "run-refused".to_owned(),
            Event::RunRefused {
                outcome: "denied".into(),
                source_bytes: 25,
                source_sha256: DIGEST.into(),
                reason: "no grant for `crm.find`".into(),
                start: None,
            },
        ),
        (
            "run-refused-start".to_owned(),
            Event::RunRefused {
                outcome: "denied".into(),
                source_bytes: 25,
                source_sha256: DIGEST.into(),
                reason: "no grant for `crm.find`".into(),
                start: Some(Box::new(refused_start())),
            },
        ),
        ("run-started".to_owned(), Event::RunStarted(Box::new(start()))),
        ("run-started-session".to_owned(), Event::RunStarted(Box::new(session_start()))),
        ("run-started-nested".to_owned(), Event::RunStarted(Box::new(nested()))),
        ("run-started-least".to_owned(), Event::RunStarted(Box::default())),
        ("run-readings".to_owned(), Event::RunReadings(readings())),
        ("run-readings-files".to_owned(), Event::RunReadings(file_readings())),
        ("run-readings-blocks".to_owned(), Event::RunReadings(block_readings())),
        (
            "call-intended".to_owned(),
            Event::CallIntended {
                call: call(1, Some(4)),
                written: Some(json("{\"b\":1.5}")),
                rule: "crm.*".into(),
                cost: Cost::ZERO,
            },
        ),
        (
            "call-intended-cost".to_owned(),
            Event::CallIntended {
                call: call(1, None),
                written: None,
                rule: "crm.*".into(),
                cost: Cost::from_micros(2_000),
            },
        ),
        (
            "call-intended-direct".to_owned(),
            Event::CallIntended { call: call(1, None), written: None, rule: String::new(), cost: Cost::ZERO },
        ),
        (
            "call-refused".to_owned(),
            Event::CallRefused {
                call: call(2, Some(5)),
                code: "denied".into(),
                error: Some(CallError::Denied("not allowed".into())),
                rule: "deny crm.*".into(),
            },
        ),
        (
            "call-refused-budget".to_owned(),
            Event::CallRefused {
                call: call(2, None),
                code: "budget-exhausted".into(),
                error: Some(CallError::Exhausted(Exhausted {
                    retry_after_ms: None,
                    is_reserved: false,
                    ..exhausted()
                })),
                rule: "budgets.support-day".into(),
            },
        ),
        (
            "call-reused".to_owned(),
            Event::CallReused { call: call(3, None), of: RunId::new("01KB0000000000000000000000"), reused: CallId(2) },
        ),
        ("call-ended".to_owned(), ended(Some(Ok(json("{\"rows\": [1]}"))), "ok")),
        ("call-ended-dropped".to_owned(), ended(None, "dropped")),
        ("run-parked".to_owned(), Event::RunParked { held: vec![approval(1), approval(2)], usage }),
        ("run-parked-with-functions".to_owned(), Event::RunParked { held: vec![approval(1)], usage: with_functions }),
        (
            "run-resumed".to_owned(),
            Event::RunResumed {
                approvals: vec![(approval(1), ApprovalState::Approved), (approval(2), ApprovalState::Pending)],
                monotonic_ns: 1_500_000_001,
            },
        ),
        ("approval-answered".to_owned(), answered(Some(2), Some("not on a Friday"))),
        ("approval-answered-least".to_owned(), answered(None, None)),
        ("run-ended".to_owned(), Event::RunEnded(Box::new(end()))),
        ("run-ended-cost".to_owned(), Event::RunEnded(Box::new(with_cost))),
        ("run-ended-least".to_owned(), Event::RunEnded(Box::default())),
        ("erased".to_owned(), Event::Erased),
        ("erased-direct".to_owned(), Event::Erased),
    ];
    examples.extend(errors().into_iter().map(|error| {
        let code = error.code();
        (format!("call-ended-{code}"), ended(Some(Err(error)), code))
    }));
    examples
}

fn written(name: &str, event: Event) -> (Vec<u8>, Option<Vec<u8>>, Entry) {
    let id = "01KB9V3Y1Q0000000000000000";
    let is_direct = name.ends_with("direct");
    let origin = if is_direct { Origin::Direct(DirectCallId::new(id)) } else { Origin::Run(RunId::new(id)) };
    let body = body(&event).expect("a body");
    let head = Head {
        v: version_of(&event),
        seq: 0,
        at_ms: 1_764_385_200_000,
        principal: if is_direct { Principal::Operator } else { Principal::Key("ci".into()) },
        run: (!is_direct).then(|| id.to_owned()),
        direct: is_direct.then(|| id.to_owned()),
        event: head_event(&event),
        key_sha256: name.starts_with("run-started").then(|| Digest::of(b"key")),
        body: body.as_ref().map(|body| BodyRef { bytes: body.len() as u64, sha256: Digest::of(body) }),
    };
    let bytes = at_seq(&head.without_seq().expect("a head"), head.v, 7);
    (bytes, body, Entry { principal: head.principal, origin, event })
}

/// The record of retention, which is of no run.
fn retention() -> (&'static str, Vec<u8>) {
    let head = expired((1, 5), 2, ExpiredBy::Age, 1_764_385_200_000).expect("a head");
    ("expired", at_seq(&head, REMOVALS, 7))
}

#[test]
fn erasing_is_recorded_as_the_examples_have_it() {
    for (name, is_direct, principal) in
        [("erased", false, Principal::Key("ci".into())), ("erased-direct", true, Principal::Operator)]
    {
        let (head, _, _) = written(name, Event::Erased);
        let erasure = crate::Erasure { principal, at_ms: 1_764_385_200_000 };
        let made = erased("01KB9V3Y1Q0000000000000000", is_direct, &erasure).expect("a head");
        assert_eq!(String::from_utf8_lossy(&at_seq(&made, REMOVALS, 7)), String::from_utf8_lossy(&head));
    }
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/wire").join(format!("{name}.json"))
}

#[test]
fn every_kind_is_written_as_its_example_and_read_again() {
    let mut names = Vec::new();
    for (name, event) in examples() {
        let (head, body, entry) = written(&name, event);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
        let shown = body.as_deref().map_or("null".to_owned(), text);
        let found = format!("{{\"head\":\n{},\n\"body\":\n{shown}}}\n", text(&head));
        compared(&file(&name), &found).expect("as the example");

        let read = stamped(Head::parse(&head).expect("a head"), body.as_deref()).expect("an entry");
        let same = Stamped { seq: Seq(7), at_ms: 1_764_385_200_000, entry };
        assert_eq!(format!("{read:?}"), format!("{same:?}"), "{name}");
        names.push(format!("{name}.json"));
    }
    let (name, head) = retention();
    compared(&file(name), &format!("{{\"head\":\n{},\n\"body\":\nnull}}\n", String::from_utf8_lossy(&head)))
        .expect("the same");
    let read = Head::parse(&head).expect("a head");
    assert_eq!(read.event, HeadEvent::Expired { first: 1, last: 5, runs: 2, by: ExpiredBy::Age });
    assert!(read.id().is_empty() && stamped(read, None).is_err(), "it belongs to no run");
    names.push(format!("{name}.json"));
    let mut files: Vec<_> = std::fs::read_dir(file("x").with_file_name("")).expect("folder").collect();
    files.retain(|file| !names.contains(&file.as_ref().expect("file").file_name().into_string().expect("name")));
    assert!(files.is_empty(), "examples of nothing: {files:?}");
}

#[test]
fn the_head_of_a_record_has_nothing_of_its_private_part() {
    for (name, event) in examples() {
        let (head, _, _) = written(&name, event);
        let head = String::from_utf8(head).expect("text");
        for private in [
            "1.50",
            "result = ",
            "printed",
            "rows",
            "ValueError",
            "may return nothing",
            "no grant",
            "not allowed",
            "Friday",
        ] {
            assert!(!head.contains(private), "{name}: {private}");
        }
    }
}

#[test]
fn what_was_erased_is_empty_and_the_rest_is_there() {
    for (name, event) in examples() {
        let (head, _, entry) = written(&name, event);
        let read = stamped(Head::parse(&head).expect("a head"), None).expect("an entry");
        assert_eq!(read.entry.event.kind(), entry.event.kind());
        assert_eq!(read.entry.event.call_id(), entry.event.call_id());
    }
}

#[test]
fn a_newer_version_is_refused_as_such_and_anything_else_as_malformed() {
    let kind = |text: &str| Head::parse(text.as_bytes()).map_err(|error| error.kind());
    let (head, _, _) = written("run-refused", examples().remove(0).1);
    let head = String::from_utf8(head).expect("text");
    assert!(kind(&head).is_ok());
    // What the oldest version holds is written in it, and read in every later one.
    assert!(head.starts_with("{\"v\":1,") && kind(&head.replacen("\"v\":1", "\"v\":2", 1)).is_ok());
    for newer in [head.replacen("\"v\":1", "\"v\":6", 1), "{\"v\":6,\"other\":[]}".to_owned()] {
        assert_eq!(kind(&newer), Err(JournalErrorKind::Newer), "{newer}");
    }
    for malformed in [
        head.replacen("\"v\":1,", "", 1),
        head.replacen("run-refused", "run-unknown", 1),
        head.replacen("\"at_ms\"", "\"more\":1,\"at_ms\"", 1),
        head.replacen("\"run\"", "\"direct\":\"x\",\"run\"", 1),
        head[..head.len() - 1].to_owned(),
    ] {
        assert_eq!(kind(&malformed), Err(JournalErrorKind::Malformed), "{malformed}");
    }
}
