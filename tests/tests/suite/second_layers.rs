//! Each layer holds by itself: a gateway that does not read scripts before they start, and calls that no script and no list of
//! tools stands before.

use std::fs;

use exuvia_config::ServerConfig;
use exuvia_gateway::{Client, DirectAnswer, Mode, PrePass, Profile, Profiles, StartedBy};
use exuvia_policy::{OnUnlisted, Policy, PolicySource, ServerRules};
use exuvia_runtime::{Limits, Outcome, Report, Script};
use exuvia_tests::{PATIENCE, SampleGateway, Settings, fake, outcomes, returned, rules};
use exuvia_tool::Json;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

/// A gateway over two servers with names that Python spells otherwise: `my-files` is called by clients themselves and by scripts,
/// `other` is in no profile of clients that call themselves.
struct Guarded {
    gateway: SampleGateway,
    folder: TempDir,
}

impl Guarded {
    async fn new(rules: ServerRules) -> Self {
        let folder = TempDir::new().expect("a folder");
        let text = json!({"type": "object", "properties": {"value": {"type": "string"}, "path": {}}});
        let tool = |name: &str, schema: &Value| json!({"name": name, "inputSchema": schema});
        let object = json!({"type": "object"});
        let tools = json!([
            tool("echo", &object),
            tool("get-user", &object),
            tool("Read.File", &object),
            tool("typed", &text),
            tool("seen", &object),
        ]);
        fs::write(folder.path().join("tools.json"), tools.to_string()).expect("a file");
        let fine = json!({"resultType": "complete", "content": [], "structuredContent": {"fine": true}});
        let answers = json!({"get-user": fine, "Read.File": fine, "typed": fine});
        fs::write(folder.path().join("answers.json"), answers.to_string()).expect("a file");
        let servers = ["my-files", "other"].map(|name| server(&folder, name));
        let both = |mode| Profile::new(["my-files", "other"].map(|name| (name.to_owned(), mode)));
        let direct = Profile::new([("my-files".to_owned(), Mode::Direct), ("other".to_owned(), Mode::Code)]);
        let profiles = Profiles { default: both(Mode::Code), named: [("direct".to_owned(), direct)].into() };
        let settings = Settings { pre_pass: PrePass::Off, profiles: Some(profiles), ..Settings::default() };
        let gateway = SampleGateway::with(servers.into(), Limits::default(), settings).await;
        let others = ServerRules { auto_execute: vec!["*".into()], ..ServerRules::default() };
        let servers = [("my-files".to_owned(), rules), ("other".to_owned(), others)].into();
        let policy = Policy::compile(PolicySource { servers, ..PolicySource::default() }, ["my-files", "other"]);
        gateway.gateway().set_policy(policy.expect("a policy"));
        Self { gateway, folder }
    }

    async fn run(&self, source: &str) -> Report {
        let gateway = self.gateway.gateway();
        let client = Client::new("test");
        let run = gateway.start(&gateway.default_view(), Script::new(source), StartedBy::Client, &client);
        timeout(PATIENCE, run.expect("room").report()).await.expect("an end in time")
    }

    /// Calls a tool as no client could that goes by the list of tools.
    async fn call(&self, server: &str, tool: &str, arguments: Json) -> DirectAnswer {
        self.gateway.proxy_call("direct", server, tool, arguments).await
    }

    /// The calls that reached a server: tools and arguments.
    fn received(&self, server: &str) -> Vec<String> {
        let text = fs::read_to_string(self.folder.path().join(server)).unwrap_or_default();
        let told = |line: &str| {
            let message: Value = serde_json::from_str(line).expect("JSON");
            format!("{} {}", message["params"]["name"].as_str().expect("a name"), message["params"]["arguments"])
        };
        text.lines().map(told).collect()
    }

    /// Nothing reached a server, and the journal has no call that was about to be made.
    fn assert_untouched(&self, what: &str) {
        assert_eq!((self.received("my-files"), self.received("other")), (vec![], vec![]), "{what}");
        let is_intent = |entry: &exuvia_journal::Entry| entry.event.kind() == "call-intended";
        assert!(!self.gateway.journal().entries().iter().any(is_intent), "{what}");
    }
}

fn server(folder: &TempDir, name: &str) -> ServerConfig {
    let file = |name: &str| folder.path().join(name).display().to_string();
    let [record, tools, answers] = [name, "tools.json", "answers.json"].map(file);
    let server = fake(name, &["--record", &record, "--tools", &tools, "--answers", &answers]);
    ServerConfig { direct: name == "my-files", ..server }
}

fn parsed(text: &str) -> Json {
    Json::parse(text).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_decided_on_when_no_script_is_read_before_it_starts() {
    // What every script does before it is stopped shows that nobody read it.
    for (on_unlisted, outcome) in [
        (OnUnlisted::AskBefore, "awaiting-approval"),
        (OnUnlisted::AskAtCall, "awaiting-approval"),
        (OnUnlisted::Deny, "denied"),
    ] {
        let guarded = Guarded::new(ServerRules { on_unlisted, ..rules(&["echo"], &[]) }).await;
        let report = guarded.run("my_files.echo(value=1)\nmy_files.seen()\nmy_files.echo(value=2)").await;
        let calls = ["my-files.echo ok".to_owned(), format!("my-files.seen {outcome}")];
        assert_eq!((report.outcome.name(), outcomes(&report)), (outcome, calls.into()), "{on_unlisted}");
        assert_eq!(guarded.received("my-files"), [r#"echo {"value":1}"#], "{on_unlisted}");
        guarded.gateway.stop().await;
    }
    let guarded = Guarded::new(rules(&["*"], &["get-user", "Read.File"])).await;
    let report = guarded.run("my_files.echo()\nmy_files.get_user()").await;
    assert_eq!((report.outcome.name(), outcomes(&report).len()), ("denied", 2), "{:?}", report.outcome);
    let report = guarded.run("my_files.echo()\nmy_files['Read.File']()").await;
    assert_eq!((report.outcome.name(), outcomes(&report).len()), ("denied", 2), "{:?}", report.outcome);
    // What cannot work fails where it stands.
    let report = guarded.run("my_files.echo()\nmy_files.typed(value=1)").await;
    let calls = ["my-files.echo ok", "my-files.typed invalid-arguments"].map(str::to_owned);
    assert_eq!((report.outcome.name(), outcomes(&report)), ("raised", calls.into()), "{:?}", report.outcome);
    let report = guarded.run("my_files.echo()\nmy_files.nothing()").await;
    assert_eq!((report.outcome.name(), outcomes(&report).len()), ("raised", 1), "{:?}", report.outcome);
    assert_eq!(guarded.received("my-files"), vec!["echo {}"; 4]);
    guarded.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_is_called_by_its_own_name_alone_and_only_where_it_belongs() {
    let tools = ["echo", "get-user", "Read.File", "seen"].map(str::to_owned).into();
    let guarded = Guarded::new(ServerRules { tools, ..rules(&["*"], &["get-user"]) }).await;
    for (server, tool, code) in [
        ("my-files", "get-user", "denied"),
        // The spelling of scripts is not the name that the policy knows.
        ("my-files", "get_user", "unknown-tool"),
        ("my-files", "GET-USER", "unknown-tool"),
        ("my-files", "Read_File", "unknown-tool"),
        ("my-files", "read_file", "unknown-tool"),
        ("my-files", "get-user ", "unknown-tool"),
        ("my-files", "", "unknown-tool"),
        ("my_files", "echo", "unknown-tool"),
        ("My-Files", "echo", "unknown-tool"),
        ("", "my-files.echo", "unknown-tool"),
        // The policy does not show it.
        ("my-files", "typed", "unknown-tool"),
        // It is for scripts.
        ("other", "echo", "unknown-tool"),
        ("nowhere", "echo", "unknown-tool"),
    ] {
        let answer = guarded.call(server, tool, parsed("{}")).await;
        assert_eq!(answer.code(), code, "{server}.{tool}: {answer:?}");
    }
    guarded.assert_untouched("names");
    assert_eq!(guarded.call("my-files", "Read.File", parsed("{}")).await.code(), "ok");
    assert_eq!(guarded.received("my-files"), ["Read.File {}"]);
    guarded.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_cannot_be_read_do_not_pass_a_constraint() {
    let conditions = json!({"echo": {"path": {"under": "/exports"}}, "typed": {"value": {"one_of": ["good"]}}});
    let constraints = serde_json::from_value(conditions).expect("constraints");
    let guarded = Guarded::new(ServerRules { constraints, ..rules(&["*"], &[]) }).await;
    let mut deep = Value::Null;
    for _ in 0..200 {
        deep = json!([deep]);
    }
    let unreadable = [
        parsed("[]"),
        parsed(r#"["/exports/a"]"#),
        parsed(r#"[{"path":"/exports/a"}]"#),
        parsed(r#""/exports/a""#),
        parsed("null"),
        parsed("7"),
        parsed("true"),
        parsed("{}"),
        parsed(r#"{"path":null}"#),
        parsed(r#"{"path":["/exports/a"],"path":"/etc"}"#),
        parsed(r#"{"path":"/exports/a","path":"/etc/passwd"}"#),
        parsed(r#"{"path":"/exports/a","\u0070ath":"/etc/passwd"}"#),
        parsed(r#"{"PATH":"/exports/a"}"#),
        parsed(r#"{"path ":"/exports/a"}"#),
        Json::from_value(&json!({"path": "/exports/a", "deep": deep})),
    ];
    for arguments in unreadable {
        let answer = guarded.call("my-files", "echo", arguments.clone()).await;
        assert!(matches!(answer.code(), "denied" | "invalid-arguments"), "{arguments:?}: {answer:?}");
    }
    guarded.assert_untouched("unreadable");
    // Of a key that comes twice the last counts, for the condition and for the server.
    let twice = parsed(r#"{"path":"/etc/passwd","value":1,"path":"/exports/a"}"#);
    assert_eq!(guarded.call("my-files", "echo", twice).await.code(), "ok");
    assert!(!format!("{:?}", guarded.received("my-files")).contains("passwd"));
    assert_eq!(guarded.received("my-files").len(), 1);
    guarded.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_is_too_long_never_starts_although_nobody_reads_it() {
    let guarded = Guarded::new(rules(&["*"], &[])).await;
    let long = format!("my_files.echo()\n#{}", "x".repeat(Limits::default().source_bytes));
    let report = guarded.run(&long).await;
    assert!(matches!(report.outcome, Outcome::Stopped(_)), "{:?}", report.outcome);
    guarded.assert_untouched("a long script");
    assert_eq!(returned(&guarded.run("result = 1").await), json!(1));
    guarded.gateway.stop().await;
}
