//! Two of everything: what holds for one server, run, client or profile is nothing to the other.

use std::fs;
use std::time::Duration;

use exuvia_config::ServerConfig;
use exuvia_gateway::{Client, DirectAnswer, Mode, Profile, Profiles, RunHandle, StartedBy};
use exuvia_mcp_client::RelayOptions;
use exuvia_policy::{OnUnlisted, Policy, PolicySource, ServerRules};
use exuvia_runtime::{Limits, Outcome, Report, Script};
use exuvia_tests::{PATIENCE, SampleGateway, Settings, direct_fake, outcomes, returned, rules};
use exuvia_tool::{Json, RunEvent};
use serde_json::json;
use tempfile::TempDir;
use tokio::time::timeout;

/// A gateway over the fake server twice, as `left` of the legacy era and as `right` of the modern era. `/left` and `/right` are
/// profiles in which clients call the one or the other themselves.
struct Pair {
    gateway: SampleGateway,
    folder: TempDir,
}

impl Pair {
    async fn new(left: ServerRules, right: ServerRules) -> Self {
        let folder = TempDir::new().expect("a folder");
        let servers = [("left", "legacy"), ("right", "modern")].map(|(name, era)| server(&folder, name, era));
        let scripts = Profile::new(["left", "right"].map(|name| (name.to_owned(), Mode::Code)));
        let alone = |name: &str| (name.to_owned(), Profile::new([(name.to_owned(), Mode::Direct)]).with_bare_names());
        let profiles = Profiles { default: scripts, named: [alone("left"), alone("right")].into() };
        let settings = Settings { profiles: Some(profiles), ..Settings::default() };
        let gateway = SampleGateway::with(servers.into(), Limits::default(), settings).await;
        let pair = Self { gateway, folder };
        pair.set_policy(left, right);
        pair
    }

    /// All tools of both may be called.
    async fn open() -> Self {
        Self::new(rules(&["*"], &[]), rules(&["*"], &[])).await
    }

    fn set_policy(&self, left: ServerRules, right: ServerRules) {
        let servers = [("left".to_owned(), left), ("right".to_owned(), right)].into();
        let source = PolicySource { servers, ..PolicySource::default() };
        self.gateway.gateway().set_policy(Policy::compile(source, ["left", "right"]).expect("a policy"));
    }

    fn start(&self, client: &str, source: &str) -> RunHandle {
        let gateway = self.gateway.gateway();
        let client = Client::new(client);
        gateway.start(&gateway.default_view(), Script::new(source), StartedBy::Client, &client).expect("room")
    }

    async fn run(&self, source: &str) -> Report {
        ended(self.start("test", source)).await
    }

    async fn call(&self, profile: &str, server: &str, tool: &str) -> DirectAnswer {
        self.gateway.proxy_call(profile, server, tool, Json::parse("{}").expect("JSON")).await
    }

    /// How many calls reached a server.
    fn received(&self, server: &str) -> usize {
        fs::read_to_string(self.folder.path().join(server)).unwrap_or_default().lines().count()
    }

    /// Waits until a server was called as often.
    async fn receives(&self, server: &str, calls: usize) {
        let received = async {
            while self.received(server) < calls {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, received).await.unwrap_or_else(|_| panic!("{server} got {}", self.received(server)));
    }
}

fn server(folder: &TempDir, name: &str, era: &str) -> ServerConfig {
    let record = folder.path().join(name).display().to_string();
    direct_fake(name, &["--era", era, "--record", &record])
}

async fn ended(run: RunHandle) -> Report {
    timeout(PATIENCE, run.report()).await.expect("an end in time")
}

/// Calls each of these and tells which were made.
fn trying(calls: &str) -> String {
    format!(
        "made = ''\nfor name in '{calls}':\n    try:\n        (left if name == 'l' else right).echo(value=name)\n        made += name\n    \
         except ToolDenied:\n        made += '-'\nresult = made"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_reaches_its_own_server_in_its_own_era() {
    let pair = Pair::open().await;
    let source = "result = [server.environment()['arguments'][1] for server in (left, right, left)]";
    assert_eq!(returned(&pair.run(source).await), json!(["legacy", "modern", "legacy"]));
    assert_eq!((pair.received("left"), pair.received("right")), (2, 1));
    let counted = pair.gateway.gateway().metrics();
    for (server, calls) in [("left", 2), ("right", 1)] {
        let line = format!("exuvia_calls_total{{server=\"{server}\",outcome=\"ok\"}} {calls}\n");
        assert!(counted.contains(&line), "{line}{counted}");
    }
    pair.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_server_has_its_own_count_of_calls_in_a_run_and_each_run_its_own() {
    let most = |calls| ServerRules { calls_per_run: Some(calls), ..rules(&["*"], &[]) };
    let pair = Pair::new(most(2), most(3)).await;
    for _ in 0..2 {
        assert_eq!(returned(&pair.run(&trying("lrrlrlrl")).await), json!("lrrlr---"));
    }
    let (one, other) = (pair.start("a", &trying("lllrrrr")), pair.start("a", &trying("rrrrlll")));
    assert_eq!(returned(&ended(one).await), json!("ll-rrr-"));
    assert_eq!(returned(&ended(other).await), json!("rrr-ll-"));
    assert_eq!((pair.received("left"), pair.received("right")), (8, 12));
    pair.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_server_has_its_own_rate_and_all_runs_and_clients_share_it() {
    let rate = |calls| ServerRules { calls_per_minute: Some(calls), ..rules(&["*"], &[]) };
    let pair = Pair::new(rate(2), rate(3)).await;
    assert_eq!(returned(&ended(pair.start("ada", &trying("lr"))).await), json!("lr"));
    assert_eq!(returned(&ended(pair.start("bob", &trying("llrrr"))).await), json!("l-rr-"));
    assert_eq!(pair.call("left", "left", "echo").await.code(), "denied");
    assert_eq!(pair.call("right", "right", "echo").await.code(), "denied");
    assert_eq!((pair.received("left"), pair.received("right")), (2, 3));
    pair.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_that_allows_a_call_is_that_of_its_server() {
    let pair = Pair::new(rules(&["seen"], &[]), rules(&["process"], &[])).await;
    let report = pair.run("left.echo()\nright.echo()\nleft.hang()\nleft.seen()\nright.process()").await;
    let Outcome::AwaitingApproval(held) = &report.outcome else { panic!("{:?}", report.outcome) };
    let lines: Vec<String> = held.iter().map(|held| format!("{}: {}", held.name, held.allow)).collect();
    assert_eq!(
        lines,
        [
            r#"left.echo: auto_execute = ["seen", "echo", "hang"]  # in [servers.left]"#,
            r#"left.hang: auto_execute = ["seen", "echo", "hang"]  # in [servers.left]"#,
            r#"right.echo: auto_execute = ["process", "echo"]  # in [servers.right]"#,
        ]
    );
    assert_eq!((pair.received("left"), pair.received("right")), (0, 0));
    pair.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_names_a_refused_and_a_held_tool_is_refused() {
    let unlisted = |on_unlisted| ServerRules { on_unlisted, ..rules(&[], &[]) };
    for (left, right, refused) in
        [(OnUnlisted::Deny, OnUnlisted::AskBefore, "left"), (OnUnlisted::AskBefore, OnUnlisted::Deny, "right")]
    {
        let pair = Pair::new(unlisted(left), unlisted(right)).await;
        let report = pair.run("left.echo()\nright.echo()\nleft.seen()\nright.seen()").await;
        let Outcome::Denied(error) = &report.outcome else { panic!("{:?}", report.outcome) };
        assert_eq!(error.message, format!("{refused}.echo, {refused}.seen: not allowed here, the script was not run"));
        assert_eq!((pair.received("left"), pair.received("right")), (0, 0));
        pair.gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_denied_of_one_server_may_be_called_of_the_other() {
    let denying = ServerRules { deny: vec!["echo".into()], ..rules(&["*"], &[]) };
    for (left, right, made) in [(denying.clone(), rules(&["*"], &[]), "-r"), (rules(&["*"], &[]), denying, "l-")] {
        let pair = Pair::new(left, right).await;
        assert_eq!(returned(&pair.run(&trying("lr")).await), json!(made));
        pair.gateway.stop().await;
    }
}

/// Two scripts of `ada` and one of `bob`, each in a call that nobody answers.
async fn three_waiting(pair: &Pair) -> [RunHandle; 3] {
    let runs = [("ada", "left"), ("ada", "right"), ("bob", "right")]
        .map(|(client, server)| pair.start(client, &format!("{server}.hang()")));
    pair.receives("left", 1).await;
    pair.receives("right", 2).await;
    runs
}

/// Still in flight after a while in which it could have ended.
async fn assert_runs_on(pair: &Pair, runs: &mut [&mut RunHandle]) {
    let rest = async {
        while pair.gateway.gateway().runs() != runs.len() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, rest).await.expect("the others end in time");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(pair.gateway.gateway().runs(), runs.len());
    for run in runs {
        assert!(!run.cancellation().is_cancelled(), "{run:?}");
        while let Ok(event) = run.events.try_recv() {
            assert!(!matches!(event, RunEvent::CallEnded(_)), "{run:?}: {event:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_one_script_is_nothing_to_another_of_the_same_client() {
    let pair = Pair::open().await;
    let [first, mut second, mut other] = three_waiting(&pair).await;
    // One that is dropped.
    drop(first);
    assert_runs_on(&pair, &mut [&mut second, &mut other]).await;
    // One that comes to its end by itself.
    assert_eq!(returned(&ended(pair.start("ada", "result = 1")).await), json!(1));
    assert_runs_on(&pair, &mut [&mut second, &mut other]).await;
    // One that is cancelled.
    let third = pair.start("ada", "left.hang()");
    pair.receives("left", 2).await;
    third.cancellation().cancel();
    assert!(matches!(ended(third).await.outcome, Outcome::Cancelled));
    assert_runs_on(&pair, &mut [&mut second, &mut other]).await;
    // One that fails, and one that is never started.
    assert_eq!(ended(pair.start("ada", "1 / 0")).await.outcome.name(), "raised");
    assert_eq!(ended(pair.start("ada", "left.nothing()")).await.outcome.name(), "raised");
    assert_runs_on(&pair, &mut [&mut second, &mut other]).await;
    // All of a client.
    pair.gateway.gateway().cancel_client(&Client::new("ada"));
    assert!(matches!(ended(second).await.outcome, Outcome::Cancelled));
    assert_runs_on(&pair, &mut [&mut other]).await;
    // Who comes back begins anew.
    assert_eq!(returned(&ended(pair.start("ada", "result = left.echo(value=1)")).await), json!({"value": 1}));
    // All.
    pair.gateway.gateway().cancel_runs();
    assert!(matches!(ended(other).await.outcome, Outcome::Cancelled));
    pair.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_calls_nothing_of_the_server_of_another_profile() {
    let pair = Pair::open().await;
    for (profile, other) in [("left", "right"), ("right", "left")] {
        let view = pair.gateway.gateway().view(Some(profile)).expect("a profile");
        assert!(view.tools().iter().all(|tool| tool.tool.server == profile), "{profile}");
        assert_eq!(pair.call(profile, other, "echo").await.code(), "unknown-tool", "{profile}");
        let query = exuvia_mcp_client::Query::ReadResource { uri: "a://b".into() };
        let asked = pair
            .gateway
            .gateway()
            .proxy_query(&view, &Client::new("test"), other, &query, RelayOptions::default())
            .answer;
        assert_eq!(timeout(PATIENCE, asked).await.expect("in time").code(), "unknown-tool", "{profile}");
        assert_eq!(pair.received(other), if profile == "left" { 0 } else { 1 });
        assert_eq!(pair.call(profile, profile, "echo").await.code(), "ok", "{profile}");
        assert_eq!(pair.received(profile), 1);
        // Neither do scripts: these profiles have none.
        assert!(view.namespace().servers().is_empty(), "{profile}");
    }
    pair.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_that_goes_away_takes_nothing_of_the_other_with_it() {
    let pair = Pair::open().await;
    let report = pair.run("kept = []\nfor server in (left, right, left, right):\n    try:\n        server.exit() if server is left else server.echo(value=1)\n        kept.append('ok')\n    except ToolUnavailable:\n        kept.append('away')\nresult = kept").await;
    assert_eq!(returned(&report), json!(["away", "ok", "away", "ok"]), "{:?}", outcomes(&report));
    assert_eq!(returned(&pair.run("result = left.echo(value=2)").await), json!({"value": 2}));
    pair.gateway.stop().await;
}
