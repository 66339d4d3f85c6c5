//! Calls that a suggestion would have allowed.

use exuvia_journal::{Entry, Event, Journal as _, MemoryJournal, RunStart};
use exuvia_tool::{Arguments, CallId, Cost, Origin, Principal, RunId, ToolCall, ToolName};

use exuvia_approvals::{MAX_PAST_CALLS, MAX_RUNS_READ, PastCalls, Scope, past_calls};

fn call(id: u64, tool: &str, arguments: &str) -> ToolCall {
    let (name, arguments) = (ToolName::new("crm", tool), Arguments::parse(arguments).expect("JSON"));
    ToolCall { id: CallId(id), name, arguments, line: None }
}

fn intended(call: ToolCall) -> Event {
    Event::CallIntended { call, written: None, rule: String::new(), cost: Cost::ZERO }
}

fn refused(call: ToolCall) -> Event {
    Event::CallRefused { call, code: "awaiting-approval".into(), error: None, rule: String::new() }
}

#[tokio::test]
async fn what_would_have_been_allowed_is_told_of_each_suggestion() {
    let journal = MemoryJournal::new(1 << 24, || 50);
    let append = |run: &str, event| {
        let origin = Origin::Run(RunId::new(run));
        journal.enqueue(Entry { principal: Principal::Key("ci".into()), origin, event }).expect("kept");
    };
    append("01A", Event::RunStarted(Box::<RunStart>::default()));
    append("01A", refused(call(1, "send", "{\"to\":\"a\"}")));
    append("01A", intended(call(1, "send", "{\"to\":\"a\"}")));
    append("01A", intended(call(2, "send", "{\"to\":\"b\"}")));
    append("01A", intended(call(3, "other", "{\"to\":\"a\"}")));
    let tool = ToolName::new("crm", "send");
    let wanted = serde_json::from_str("{\"to\":\"a\"}").expect("an object");
    let scopes = [Scope::Arguments(tool.clone(), wanted), Scope::Tool(tool)];
    let found = past_calls(&journal, &scopes.each_ref(), 0).await.expect("read");
    let numbers = |calls: &PastCalls| calls.calls.iter().map(|call| (call.call, call.was_sent)).collect::<Vec<_>>();
    assert_eq!(numbers(&found[0]), [(1, false)]);
    assert_eq!(numbers(&found[1]), [(1, false), (2, true)]);
    assert!(found[0].is_whole && found[1].count == 2);
    assert_eq!(past_calls(&journal, &scopes.each_ref(), 51).await.expect("read")[1].count, 0, "that was before");
}

#[tokio::test]
async fn what_is_read_and_listed_is_bounded_and_says_so() {
    let journal = MemoryJournal::new(1 << 26, || 50);
    for run in 0..=MAX_RUNS_READ {
        let origin = Origin::Run(RunId::new(format!("{run:04}")));
        let event = intended(call(1, "send", "{}"));
        journal.enqueue(Entry { principal: Principal::Operator, origin, event }).expect("kept");
    }
    let scope = Scope::Tool(ToolName::new("crm", "send"));
    let found = past_calls(&journal, &[&scope], 0).await.expect("read").remove(0);
    assert_eq!((found.calls.len(), found.count, found.is_whole), (MAX_PAST_CALLS, MAX_RUNS_READ as u64, false));
}
