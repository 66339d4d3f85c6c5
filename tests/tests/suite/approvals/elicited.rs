//! Approvals that clients are asked for in the middle of their calls: in both eras.

use exuvia_server::http::HttpConfig;
use exuvia_tests::{Daemon, Folder, HttpClient, KeyClient, Served, built, key_table};
use serde_json::Value;

use super::*;
use crate::direct_questions::Session;

const ONE: &str = "result = fake.echo(value='o\u{202e}ne')['value']";
/// Of two calls at a time, which are told apart by what they return.
const TWO: &str = "import asyncio\nasync def one(n):\n    try:\n        return (await fake.echo(value=n))['value']\n    \
     except ToolDenied as error:\n        return error.message\n\
     result = await asyncio.gather(one('first'), one('second'))";

/// A gateway over HTTP, whose tool `echo` needs an approval.
struct Asking {
    served: Served,
    store: Arc<MemoryApprovals>,
    _folder: TempDir,
}

impl Asking {
    async fn new(hold_ms: u64) -> Self {
        let (folder, journal) = (TempDir::new().expect("a folder"), Arc::new(TestJournal::for_replays(64 << 20)));
        let store = MemoryApprovals::new(Arc::clone(&journal) as Arc<dyn Journal>);
        let settings = Settings {
            journal,
            repair_age: Some(Duration::from_secs(600)),
            approvals: Some(ApprovalConfig::of(Arc::clone(&store) as Arc<dyn ApprovalStore>)),
            ..Settings::default()
        };
        let limits = Limits { hold_ms, ..Limits::default() };
        let served = Served::over(vec![server(&folder)], HttpConfig::default(), limits, settings).await;
        let rules = ServerRules { on_unlisted: OnUnlisted::AskAtCall, ..ServerRules::default() };
        let source = PolicySource { servers: [("fake".to_owned(), rules)].into(), ..PolicySource::default() };
        served.gateway.gateway().set_policy(Policy::compile(source, ["fake"]).expect("a policy"));
        Self { served, store, _folder: folder }
    }

    async fn in_state(&self, state: ApprovalState) -> Vec<Approval> {
        let filter = ApprovalFilter { state: Some(state), ..ApprovalFilter::default() };
        self.store.list(&filter).await.expect("read")
    }

    /// A client of the modern era that can be asked, with its answer to a script.
    async fn modern(&self, code: &str) -> (HttpClient, Value) {
        let mut client = self.served.client().await;
        let answer = modern(&mut client, call(code)).await;
        (client, answer)
    }

    async fn end(self) {
        self.served.end().await;
    }
}

fn call(code: &str) -> Value {
    json!({"name": "executeToolCode", "arguments": {"code": code}})
}

async fn modern(client: &mut HttpClient, params: Value) -> Value {
    client.ask("/mcp", "tools/call", params, json!({"elicitation": {}})).await.message()
}

/// The call with what the client answers to the result that asked.
fn back(code: &str, asked: &Value, responses: Value) -> Value {
    let mut params = call(code);
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    params["requestState"] = asked["result"]["requestState"].clone();
    params["inputResponses"] = responses;
    params
}

/// The field of a form that decides.
fn field(question: &Value) -> String {
    let schema = &question["params"]["requestedSchema"];
    let field = schema["required"][0].as_str().unwrap_or_else(|| panic!("{question}"));
    assert!(
        field.starts_with("decision_") && schema["properties"][field]["enum"] == json!(["deny", "approve"]),
        "{schema}"
    );
    field.to_owned()
}

fn decide(question: &Value, decision: &str) -> Value {
    json!({"action": "accept", "content": {field(question): decision, "reason": "as I say"}})
}

/// What stands in the form is what waits.
fn is_the_card(question: &Value, approval: &Approval) {
    let message = question["params"]["message"].as_str().unwrap_or_else(|| panic!("{question}"));
    for part in ["fake", "echo", "{\"value\":\"o⟦U+202E⟧ne\"}", ">    1 │ result = fake.echo", approval.id.as_str()]
    {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_older_era_approves_and_denies_in_the_middle_of_its_call() {
    let asking = Asking::new(LONG_HOLD_MS).await;
    let session = Session::new(&asking.served, json!({})).await;
    for (decision, said, state) in [
        ("approve", "o\u{202e}ne", ApprovalState::Used),
        ("deny", "fake.echo was not called: a person denied it: as I say", ApprovalState::Denied),
    ] {
        let mut call = session.call("executeToolCode", json!({"code": ONE})).await;
        let question = call.question().await;
        let pending = asking.in_state(ApprovalState::Pending).await;
        is_the_card(&question, &pending[0]);
        session.answer(&question, decide(&question, decision)).await;
        let answer = call.said().await;
        assert!(answer.contains(said), "{answer}");
        let answered = asking.in_state(state).await.pop().expect("one").answer.expect("an answer");
        assert_eq!((answered.channel, answered.reason.as_deref()), (ApprovalChannel::Elicitation, Some("as I say")));
        assert_eq!(answered.shown_sha256, pending[0].shown_sha256);
    }
    asking.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_newer_era_approves_and_denies_by_coming_back() {
    let asking = Asking::new(LONG_HOLD_MS).await;
    for (decision, said) in [("approve", "o\u{202e}ne"), ("deny", "a person denied it: as I say")] {
        let (mut client, asked) = asking.modern(ONE).await;
        let question = &asked["result"]["inputRequests"]["question-1"];
        is_the_card(question, &asking.in_state(ApprovalState::Pending).await[0]);
        let params = back(ONE, &asked, json!({"question-1": decide(question, decision)}));
        let answer = modern(&mut client, params.clone()).await;
        assert!(answer["result"]["content"][0]["text"].as_str().is_some_and(|text| text.contains(said)), "{answer}");
        let again = modern(&mut client, params).await;
        assert_eq!(again["error"]["code"], -32602, "a state is used once: {again}");
    }
    let (mut client, asked) = asking.modern(ONE).await;
    let other = back("result = 1", &asked, json!({}));
    assert_eq!(modern(&mut client, other).await["error"]["code"], -32602, "another script");
    let denied =
        back(ONE, &asked, json!({"question-1": decide(&asked["result"]["inputRequests"]["question-1"], "deny")}));
    modern(&mut client, denied).await;
    asking.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_held_calls_are_asked_about_each_and_answered_in_any_order() {
    let asking = Asking::new(LONG_HOLD_MS).await;
    let expected = r#"["fake.echo was not called: a person denied it: as I say","second"]"#;
    let decision = |question: &Value| {
        let message = question["params"]["message"].as_str().expect("a text");
        decide(question, if message.contains("│ {\"value\":\"second\"}") { "approve" } else { "deny" })
    };
    let session = Session::new(&asking.served, json!({})).await;
    let mut call = session.call("executeToolCode", json!({"code": TWO})).await;
    let (one, two) = (call.question().await, call.question().await);
    assert_ne!(field(&one), field(&two));
    session.answer(&two, decision(&two)).await;
    session.answer(&one, decision(&one)).await;
    let said = call.said().await;
    assert!(said.contains(expected), "{said}");

    let (mut client, mut answer) = asking.modern(TWO).await;
    // Both at once, or, where the second was held later, one after the other: each once.
    let mut asked = 0;
    while let Some(questions) = answer["result"]["inputRequests"].as_object().cloned() {
        asked += questions.len();
        let decided = questions.iter().rev().map(|(name, question)| (name.clone(), decision(question)));
        let params = back(TWO, &answer, Value::Object(decided.collect()));
        answer = modern(&mut client, params).await;
    }
    let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!((asked, text.lines().next()), (2, Some(expected)), "{answer}");
    asking.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_declines_by_itself_has_asked_nobody() {
    let asking = Asking::new(LONG_HOLD_MS).await;
    let (session, gateway) = (Session::new(&asking.served, json!({})).await, asking.served.gateway.gateway());
    let approve = async |approval: &Approval| {
        gateway.answer_approval(&approval.id, true, &answer(approval, None)).await.expect("it still waits");
    };
    for action in ["decline", "cancel"] {
        let mut call = session.call("executeToolCode", json!({"code": ONE})).await;
        let question = call.question().await;
        session.answer(&question, json!({"action": action})).await;
        let begun = Instant::now();
        while gateway.asked_clients().unreached().is_empty() {
            assert!(begun.elapsed() < PATIENCE, "nothing is noted");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(gateway.asked_clients().unreached()[0].name, "t");
        approve(&asking.in_state(ApprovalState::Pending).await[0]).await;
        assert!(call.said().await.contains("o\u{202e}ne"));
    }
    // So has one that takes its time, as long as it has never accepted anything.
    let (mut client, asked) = asking.modern(ONE).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    let declined = back(ONE, &asked, json!({"question-1": {"action": "decline"}}));
    let goes_on = tokio::spawn(async move { modern(&mut client, declined).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let pending = asking.in_state(ApprovalState::Pending).await;
    let why = gateway.asked_clients().unreached()[0].why;
    assert_eq!(why, "it declined, and has never accepted anything");
    approve(&pending[0]).await;
    assert!(goes_on.await.expect("no panic").to_string().contains("o\u{202e}ne"));
    asking.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_without_the_decision_of_its_own_card_decides_nothing() {
    let asking = Asking::new(300).await;
    let session = Session::new(&asking.served, json!({})).await;
    for content in [json!({}), json!({"decision": "approve"}), json!({"decision_0000000000000000": "approve"})] {
        let mut call = session.call("executeToolCode", json!({"code": ONE})).await;
        let question = call.question().await;
        session.answer(&question, json!({"action": "accept", "content": content})).await;
        let said = call.said().await;
        assert!(said.contains("awaiting approval"), "{said}");
    }
    assert_eq!(asking.in_state(ApprovalState::Pending).await.len(), 3);
    asking.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_counts_for_a_run_that_is_parked_meanwhile() {
    let asking = Asking::new(100).await;
    let session = Session::new(&asking.served, json!({})).await;
    let mut call = session.call("executeToolCode", json!({"code": ONE})).await;
    let question = call.question().await;
    let said = call.said().await;
    assert!(said.contains("awaiting approval"), "{said}");
    session.answer(&question, decide(&question, "approve")).await;
    let run = asking.in_state(ApprovalState::Pending).await.pop();
    let run = match run {
        Some(approval) => approval.run,
        None => asking.store.list(&ApprovalFilter::default()).await.expect("read")[0].run.clone(),
    };
    let call = session.call("executeToolCode", json!({"run": run.as_str()})).await;
    let said = tokio::time::timeout(PATIENCE, call.said()).await.expect("in time");
    assert!(said.contains("o\u{202e}ne"), "{said}");

    let (mut client, asked) = asking.modern(ONE).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let question = &asked["result"]["inputRequests"]["question-1"];
    let answer = modern(&mut client, back(ONE, &asked, json!({"question-1": decide(question, "approve")}))).await;
    assert_eq!(answer["result"]["content"][0]["text"], "\"o\u{202e}ne\"", "{answer}");
    asking.end().await;
}

/// The run was parked twice: whoever asks for it by its id is asked for what it waits for.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_for_a_parked_run_is_asked_for_what_it_waits_for() {
    const THREE: &str = "result = [fake.echo(value=n)['value'] for n in range(3)]";
    let asking = Asking::new(400).await;
    let gateway = asking.served.gateway.gateway();
    let approve = async |approval: &Approval| {
        gateway.answer_approval(&approval.id, true, &answer(approval, None)).await.expect("it waits");
    };
    let session = Session::new(&asking.served, json!({})).await;
    let mut call = session.call("executeToolCode", json!({"code": THREE})).await;
    call.question().await;
    let said = call.said().await;
    assert!(said.contains("awaiting approval"), "{said}");
    let first = asking.in_state(ApprovalState::Pending).await.pop().expect("one");
    let run = json!({"run": first.run.as_str()});
    approve(&first).await;
    // The client waits, and is asked when the run that came back holds its next call.
    let mut call = session.call("executeToolCode", run.clone()).await;
    let question = call.question().await;
    let second = asking.in_state(ApprovalState::Pending).await.pop().expect("one");
    assert!(question.to_string().contains(second.id.as_str()), "{question}");
    session.answer(&question, decide(&question, "approve")).await;
    let question = call.question().await;
    session.answer(&question, decide(&question, "approve")).await;
    let said = call.said().await;
    assert!(said.contains("[0,1,2]"), "{said}");
    let channels = asking.in_state(ApprovalState::Used).await.into_iter().map(|one| one.answer.expect("one").channel);
    assert_eq!(channels.filter(|channel| *channel == ApprovalChannel::Elicitation).count(), 2);

    // By results, in the modern era; and a client that declined by itself is not asked again.
    let (mut client, asked) = asking.modern(THREE).await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    let first = asking.in_state(ApprovalState::Pending).await.pop().expect("one");
    let question = &asked["result"]["inputRequests"]["question-1"];
    let mut params = back(THREE, &asked, json!({"question-1": decide(question, "approve")}));
    let mut answered = 0;
    let answer = loop {
        let answer = modern(&mut client, params.clone()).await;
        let Some(question) = answer["result"]["inputRequests"].get("question-1") else { break answer };
        answered += 1;
        params = back(THREE, &answer, json!({"question-1": decide(question, "approve")}));
    };
    assert_eq!((answered, &answer["result"]["content"][0]["text"]), (2, &json!("[0,1,2]")), "{answer}");
    let by_name = json!({"name": "executeToolCode", "arguments": {"run": first.run.as_str()}});
    assert_eq!(modern(&mut client, by_name).await["result"]["content"][0]["text"], "[0,1,2]");
    asking.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_withdrawn_when_it_is_answered_elsewhere() {
    let asking = Asking::new(LONG_HOLD_MS).await;
    let session = Session::new(&asking.served, json!({})).await;
    let mut call = session.call("executeToolCode", json!({"code": TWO})).await;
    let (one, two) = (call.question().await, call.question().await);
    let pending = asking.in_state(ApprovalState::Pending).await;
    let of_one = pending.iter().find(|approval| one.to_string().contains(approval.id.as_str())).expect("its approval");
    let gateway = asking.served.gateway.gateway();
    gateway.answer_approval(&of_one.id, false, &answer(of_one, None)).await.expect("answered");
    let mut client = asking.served.client().await;
    let begun = Instant::now();
    while !client.send("GET", "/metrics", &[], "").await.text.contains("exuvia_questions_open 1\n") {
        assert!(begun.elapsed() < PATIENCE, "it stays before the client");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    session.answer(&two, decide(&two, "deny")).await;
    call.said().await;
    asking.end().await;
}

/// A daemon whose keys may answer by their clients, or not.
async fn daemon(folder: &Folder, approve_by: &str) -> Daemon {
    let (fake, journal) = (built("exuvia-fake-upstream"), folder.path("journal"));
    let keys = key_table("ada", "red") + &key_table("bob", "red");
    let text = format!(
        "[servers.fake]\ncommand = {fake:?}\non_unlisted = 'ask-at-call'\n[journal]\npath = {journal:?}\n\
         [limits]\nhold_ms = 2000\n[roles.red]\ntools = ['fake.*']\non_unlisted = 'ask-at-call'\napprove_by = {approve_by}\n{keys}"
    );
    folder.write("exuvia.toml", &text);
    let daemon = Daemon::start(&["--config", &folder.text("exuvia.toml")]);
    daemon.ready().await;
    daemon
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_another_principal_cannot_answer() {
    let folder = Folder::new("");
    let daemon = daemon(&folder, "['operator', 'client']").await;
    let mut ada = KeyClient::of(daemon.address(), "ada").await;
    let mut bob = KeyClient::of(daemon.address(), "bob").await;
    let asked = ada.ask("tools/call", call(ONE)).await.message();
    let question = &asked["result"]["inputRequests"]["question-1"];
    let params = back(ONE, &asked, json!({"question-1": decide(question, "approve")}));
    let answer = bob.ask("tools/call", params.clone()).await.message();
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    let answer = ada.ask("tools/call", params).await.message();
    assert_eq!(answer["result"]["content"][0]["text"], "\"o\u{202e}ne\"", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_not_asked_whose_role_does_not_let_it_answer() {
    let folder = Folder::new("");
    let daemon = daemon(&folder, "['operator']").await;
    let mut ada = KeyClient::of(daemon.address(), "ada").await;
    let said = ada.run(ONE).await;
    assert!(said.contains("awaiting approval"), "{said}");
}
