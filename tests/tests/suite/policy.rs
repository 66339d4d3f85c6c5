//! Who may call what, on a running gateway: before a script starts, at each call, and when the policy changes meanwhile.

use std::sync::Arc;
use std::time::Duration;

use exuvia_gateway::StartedBy;
use exuvia_policy::{OnUnlisted, Policy, PolicySource, ServerRules};
use exuvia_runtime::{Limits, Outcome, Report, Script};
use exuvia_tests::{Client, Folder, SampleGateway, echo_table, exuvia, returned, rules, sample};
use exuvia_tool::{RunEvent, ToolName};
use serde_json::{Value, json};

fn policy(rules: ServerRules) -> Policy {
    let source = PolicySource { servers: [("echo".to_owned(), rules)].into(), ..PolicySource::default() };
    Policy::compile(source, ["echo"]).expect("a policy")
}

async fn gateway(rules: ServerRules) -> SampleGateway {
    let gateway = SampleGateway::echo(Limits::default(), &[]).await;
    gateway.gateway().set_policy(policy(rules));
    gateway
}

async fn by_client(gateway: &SampleGateway, source: &str) -> Report {
    gateway.run_by(StartedBy::Client, source).await
}

fn outcomes(report: &Report) -> Vec<String> {
    report.calls.iter().map(|call| format!("{} {}", call.tool, call.outcome)).collect()
}

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().expect("a text")
}

#[test]
fn a_client_without_an_allowlist_is_told_how_its_script_is_approved() {
    let server = sample("echo", "echo");
    let code = json!({"code": "echo.sleep(ms=1)\nresult = echo.echo(value=7)"});
    let folder = exuvia_tests::Folder::new("");
    folder.write("exuvia.toml", "[limits]\nhold_ms = 0\n[admin]\nenabled = false\n");
    let config = folder.text("exuvia.toml");
    let mut client = Client::with_policy(&["--config", &config, "--server", &server]).speaking_modern();
    let answer = client.call("executeToolCode", code.clone());
    let begins = "awaiting approval; ask the user to answer:\nthe start of the script: exuvia approvals approve ";
    assert!(text(&answer).starts_with(begins), "{answer}");
    assert_eq!(answer["result"]["isError"], false);
    let mut client = Client::with_policy(&["--auto-execute", "echo.[es]*", "--server", &server]).speaking_modern();
    assert_eq!(text(&client.call("executeToolCode", code)), r#"{"value":7}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_hides_what_it_calls_starts_and_is_held_at_the_first_call_outside() {
    let gateway = gateway(rules(&["sleep"], &[])).await;
    let source = "print('begun')\necho.sleep(ms=1)\nname = 'ec' + 'ho'\ntry:\n    getattr(echo, name)(value=[1])\n\
                  except BaseException as error:\n    print('caught', error)\nfinally:\n    print('gone on')\n";
    let report = by_client(&gateway, source).await;
    let Outcome::AwaitingApproval(held) = &report.outcome else { panic!("{:?}", report.outcome) };
    assert_eq!(held.len(), 1);
    assert_eq!(
        (held[0].name.to_string().as_str(), held[0].allow.as_str()),
        ("echo.echo", r#"auto_execute = ["sleep", "echo"]  # in [servers.echo]"#)
    );
    assert_eq!(held[0].arguments.as_ref().expect("arguments").as_str(), r#"{"value":[1]}"#);
    // Nothing of the script runs after the call that waits.
    assert_eq!(report.logs.text, "begun\n");
    assert_eq!(outcomes(&report), ["sleep ok", "echo awaiting-approval"]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unlisted_is_asked_about_at_the_call_or_refused_as_the_policy_says() {
    let source = "echo.sleep(ms=1)\nresult = echo.echo(value=1)";
    for (on_unlisted, outcome, calls) in [
        (OnUnlisted::AskBefore, "awaiting-approval", vec![]),
        (OnUnlisted::AskAtCall, "awaiting-approval", vec!["sleep ok", "echo awaiting-approval"]),
        (OnUnlisted::Deny, "denied", vec![]),
    ] {
        let gateway = gateway(ServerRules { on_unlisted, ..rules(&["sleep"], &[]) }).await;
        let report = by_client(&gateway, source).await;
        assert_eq!(
            (report.outcome.name(), outcomes(&report)),
            (outcome, calls.iter().map(ToString::to_string).collect()),
            "{on_unlisted}"
        );
        // The operator asked for it: only a denial is in the way.
        assert_eq!(returned(&gateway.run(source).await), json!({"value": 1}));
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_call_can_be_caught_and_is_recorded_all_the_same() {
    let gateway = gateway(rules(&["*"], &["ec*"])).await;
    let source = "try:\n    echo.echo(value=1)\nexcept ToolDenied as error:\n    result = [str(error), isinstance(error, PermissionError)]";
    for by in [StartedBy::Client, StartedBy::Operator] {
        let report = gateway.run_by(by, source).await;
        assert_eq!(
            returned(&report),
            json!(["echo.echo may not be called by this script: go on without it, or leave it to the user", true])
        );
        assert_eq!(outcomes(&report), ["echo denied"]);
    }
    let report = by_client(&gateway, "echo.sleep(ms=1)\necho.echo(value=1)").await;
    assert_eq!(
        (report.outcome.name(), outcomes(&report)),
        ("denied", vec!["sleep ok".to_owned(), "echo denied".to_owned()])
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_script_after_its_end_calls_nothing() {
    let gateway = gateway(rules(&["*"], &[])).await;
    let source = "import atexit\n\
        class Late:\n    def __del__(self):\n        try:\n            echo.echo(value='finalizer')\n        except ToolDenied as error:\n            print(error)\n\
        def late():\n    try:\n        echo.echo(value='exit')\n    except ToolDenied as error:\n        print(error)\n\
        atexit.register(late)\nkept = Late()\natexit.register(lambda: globals().pop('kept', None))\n\
        def rows():\n    yield echo.echo(value='in time')\n\
        result = rows()";
    let report = by_client(&gateway, source).await;
    assert_eq!(returned(&report), json!([{"value": "in time"}]), "{}", report.logs.text);
    assert_eq!(outcomes(&report), ["echo ok", "echo denied", "echo denied"]);
    assert!(report.logs.text.contains("the script has ended"), "{}", report.logs.text);
    gateway.stop().await;
}

/// Starts a script that calls `echo` for ever, and waits until it does.
async fn calling(gateway: &SampleGateway, source: &str) -> exuvia_gateway::RunHandle {
    let gateway = gateway.gateway();
    let client = exuvia_gateway::Client::new("test");
    let mut run =
        gateway.start(&gateway.default_view(), Script::new(source), StartedBy::Client, &client).expect("room");
    let first = async {
        while let Some(event) = run.events.recv().await {
            if matches!(event, RunEvent::CallStarted { .. }) {
                return;
            }
        }
        panic!("no call was made");
    };
    tokio::time::timeout(Duration::from_secs(20), first).await.expect("a call in time");
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_shrinks_holds_for_running_scripts_at_once() {
    for (smaller, outcome) in [
        (rules(&["*"], &["echo"]), "denied"),
        (rules(&["sleep"], &[]), "awaiting-approval"),
        (ServerRules { tools: vec!["sleep".into()], ..rules(&["*"], &[]) }, "denied"),
        (ServerRules { on_unlisted: OnUnlisted::Deny, ..rules(&[], &[]) }, "denied"),
    ] {
        let gateway = gateway(rules(&["*"], &[])).await;
        let run = calling(&gateway, "while True:\n    echo.echo(value=1)").await;
        gateway.gateway().set_policy(policy(smaller.clone()));
        let report = run.report().await;
        assert_eq!(report.outcome.name(), outcome, "{smaller:?}: {:?}", report.outcome);
        let (last, before) = report.calls.split_last().expect("calls");
        assert!(last.outcome == outcome && before.iter().all(|call| call.outcome == "ok"), "{last:?}");
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_grows_gives_a_running_script_nothing() {
    let gateway = gateway(ServerRules { on_unlisted: OnUnlisted::AskAtCall, ..rules(&["sleep"], &[]) }).await;
    let run = calling(&gateway, "echo.sleep(ms=500)\nresult = echo.echo(value=1)").await;
    gateway.gateway().set_policy(policy(rules(&["*"], &[])));
    assert_eq!(run.report().await.outcome.name(), "awaiting-approval");
    assert_eq!(returned(&by_client(&gateway, "result = echo.echo(value=1)").await), json!({"value": 1}));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_that_do_not_exist_for_the_gateway_are_seen_nowhere() {
    let gateway = gateway(ServerRules { tools: vec!["e*".into()], ..rules(&["*"], &[]) }).await;
    let stub = gateway.ask("readToolFile", &json!({"fileName": "echo.pyi"})).await;
    assert!(stub.contains("def echo(") && !stub.contains("def sleep("), "{stub}");
    let report = by_client(&gateway, "result = [hasattr(echo, 'sleep'), 'sleep' in dir(echo)]").await;
    assert_eq!(returned(&report), json!([false, false]));
    assert!(gateway.gateway().policy().shows(&ToolName::new("echo", "echo")));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_and_rates_are_bounded_as_the_policy_says() {
    let conditions = json!({"sleep": {"ms": {"at_most": 5}}, "echo": {"value": {"matching": "[a-z]+"}}});
    let bounded = ServerRules {
        constraints: serde_json::from_value(conditions).expect("constraints"),
        calls_per_run: Some(3),
        ..rules(&["*"], &[])
    };
    let gateway = gateway(bounded).await;
    let source = "said = []\nfor call in [lambda: echo.sleep(ms=6), lambda: echo.echo(value='A'), lambda: echo.echo(value=1)] + \
        [lambda: echo.echo(value='a')] * 4:\n    try:\n        call()\n    except ToolDenied as error:\n        said.append(error.message)\n\
        result = said";
    assert_eq!(
        returned(&by_client(&gateway, source).await),
        json!([
            "echo.sleep may not be called with this ms: ms must be a number of at most 5",
            "echo.echo may not be called with this value: value must match [a-z]+",
            "echo.echo may not be called with this value: value must match [a-z]+",
            "echo is limited to 3 calls per script: fetch more with each call, or less",
        ])
    );
    gateway.gateway().set_policy(policy(ServerRules { calls_per_minute: Some(1), ..rules(&["*"], &[]) }));
    assert_eq!(returned(&by_client(&gateway, "result = echo.echo(value=1)").await), json!({"value": 1}));
    let second = by_client(&gateway, "result = echo.echo(value=1)").await;
    let Outcome::Denied(error) = &second.outcome else { panic!("{:?}", second.outcome) };
    assert!(error.message.starts_with("echo is limited to 1 calls per minute: try again in "), "{}", error.message);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_findings_of_a_script_are_reported_at_once_and_it_does_not_run() {
    let gateway = Arc::new(gateway(rules(&["*"], &[])).await);
    let source =
        "print('never')\necho.ecoh(value=1)\necho.sleep(ms='1')\necho.echo(vlaue=2)\necoh.echo(value=3)\necho.sleep(";
    let syntax = by_client(&gateway, source).await;
    let Outcome::Raised(error) = &syntax.outcome else { panic!("{:?}", syntax.outcome) };
    // The sandbox's own verdict on syntax.
    assert_eq!(error.kind, "SyntaxError");
    let wrong = by_client(&gateway, source.trim_end_matches("\necho.sleep(")).await;
    let Outcome::Raised(error) = &wrong.outcome else { panic!("{:?}", wrong.outcome) };
    assert_eq!(
        (error.kind.as_str(), error.line, wrong.logs.text.as_str(), wrong.usage.fuel),
        ("ScriptRejected", Some(2), "", 0)
    );
    let answer = exuvia_gateway::answer::render(&wrong, exuvia_gateway::answer::AnswerRoom::UNLIMITED).text;
    for (line, word) in [(2, "echo"), (3, "integer"), (4, "value"), (5, "echo")] {
        let at = answer.find(&format!("> {line} |")).unwrap_or_else(|| panic!("line {line} is missing: {answer}"));
        assert!(answer[at..].lines().nth(1).is_some_and(|line| line.contains(word)), "{answer}");
    }
    Arc::into_inner(gateway).expect("one owner").stop().await;
}

#[test]
fn a_script_that_needs_a_server_that_did_not_start_gets_an_error_that_says_so() {
    let server = sample("echo", "echo");
    for script in ["gone.search(query='x')", "mcp.gone.search(query='x')"] {
        let arguments = ["run", "--json", "--server", &server, "--server", "gone=no-such-program-anywhere", "-"];
        let told = exuvia(&arguments, script).json();
        assert_eq!(told["error"]["kind"], "ScriptRejected", "{told}");
        let lines = told["error"]["traceback"].as_str().expect("a text");
        assert!(
            lines.contains("the server gone did not start: its command cannot be run; go on without it"),
            "{lines}"
        );
    }
}

#[test]
fn check_shows_the_decision_on_a_script_and_its_rules() {
    let server = sample("echo", "echo");
    let check =
        |flags: &[&str], source: &str| exuvia(&[&["check", "--server", &server], flags, &["-"]].concat(), source);
    let waits = check(&["--auto-execute", "echo.e*"], "def f():\n    return echo.echo(value=1)\nf()\necho.sleep(ms=1)");
    assert_eq!(
        waits.stdout,
        "referenced tools:\n  \
           echo.echo   line 2  allowed: auto_execute: \"echo.e*\"\n  \
           echo.sleep  line 4  needs_approval: servers.echo.on_unlisted is ask-before, and auto_execute has no entry for \"sleep\"\n\
         verdict: needs approval; this setting allows the script without one:\n  \
           auto_execute = [\"echo.e*\", \"echo.sleep\"]  # top-level key\n"
    );
    assert_eq!(waits.status, Some(4));
    let starts =
        check(&["--json", "--auto-execute", "echo.echo"], "x = getattr(echo, input())\nresult = echo.echo(value=1)");
    let told = starts.json();
    assert_eq!((starts.status, &told["verdict"], &told["precise"]), (Some(0), &json!("allowed"), &json!(false)));
    let tools: Vec<_> =
        told["may_call"].as_array().expect("tools").iter().map(|tool| (&tool["tool"], &tool["standing"])).collect();
    assert_eq!(tools[0], (&json!("blob"), &json!("needs_approval")));
    assert_eq!(tools[1], (&json!("echo"), &json!("allowed")));
    let evidence = told["may_call"][1]["evidence"].as_array().expect("evidence");
    assert!(evidence.contains(&json!({"line": 2, "kind": "called"})), "{evidence:?}");
    let wrong = check(&[], "echo.sleep(ms='1')");
    assert!(wrong.status == Some(1) && wrong.stdout.contains("errors:\n  line 1: "), "{wrong:?}");
    let json = exuvia(&["run", "--json", "--server", &server, "-"], "echo.sleep(ms='1')").json();
    assert_eq!(
        (&json["outcome"], &json["error"]["kind"], &json["awaiting"]),
        (&json!("raised"), &json!("ScriptRejected"), &json!([]))
    );
}

#[test]
fn check_as_json_names_each_verdict() {
    let table = echo_table().replace("[\"*\"]", "[\"echo\"]\ndeny = [\"blob\"]");
    for (on_unlisted, source, verdict, standing, status) in [
        ("ask-before", "echo.echo(value=1)", "allowed", Some("allowed"), 0),
        ("ask-before", "echo.sleep(ms=1)", "needs_approval", Some("needs_approval"), 4),
        ("deny", "echo.sleep(ms=1)", "denied", Some("denied"), 4),
        // It is denied when it is called, and the script may do without.
        ("ask-before", "echo.blob(bytes=1)", "allowed", Some("denied"), 0),
        ("ask-before", "echo.sleep(ms='1')", "invalid", Some("needs_approval"), 1),
        ("ask-before", "x = 1\n".repeat(20).as_str(), "too_large", None, 3),
    ] {
        let folder = Folder::new(&format!("[limits]\nsource_bytes = 100\n{table}on_unlisted = {on_unlisted:?}\n"));
        let ended = exuvia(&["check", "--json", "--config", &folder.text("exuvia.toml"), "-"], source);
        let json = ended.json();
        let found = (json["verdict"].as_str(), json["may_call"][0]["standing"].as_str(), ended.status);
        assert_eq!(found, (Some(verdict), standing, Some(status)), "{source}: {json}");
    }
}
