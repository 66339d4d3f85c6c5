//! Budgets over every way to a server: scripts, direct calls, reads; for each key and for all together.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use exuvia_access::secret_hash;
use exuvia_tests::identity_provider::{IdentityProvider, SigningKey};
use exuvia_tests::{Answer, Daemon, DataHome, Folder, HttpClient, built, exuvia};
use serde_json::{Value, json};

/// How long a changed configuration may take to be in force.
const PATIENCE: Duration = Duration::from_secs(20);

/// `[keys.NAME]` with a secret that is the name itself.
fn key(name: &str, labels: &str) -> String {
    let hash: String = secret_hash(name).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("[keys.{name}]\nrole = 'agent'\nhash = 'sha256:{hash}'\nlabels = {{ {labels} }}\n")
}

/// A server for scripts and one for clients, two keys, and these budgets.
fn configuration(budgets: &str) -> String {
    let fake = built("exuvia-fake-upstream");
    let server = |name: &str, more: &str| {
        format!("[servers.{name}]\ncommand = {fake:?}\nauto_execute = ['*']\ncost_per_call = 0.1\n{more}\n")
    };
    let servers = server("ruby", "costs = { error = 0.25 }") + &server("plain", "mode = 'direct'");
    let keys = key("ada", "team = 'billing'") + &key("bob", "team = 'sales'") + &key("mon", "");
    format!("{servers}[roles.agent]\nmetrics = true\n{keys}{budgets}")
}

/// A budget of ada's alone.
fn of_ada(limits: &str) -> String {
    format!("[budgets.ada-month]\nkeys = ['ada']\nperiod = 'month'\n{limits}\n")
}

struct Client {
    http: HttpClient,
    bearer: String,
    budget: Option<Value>,
}

impl Client {
    async fn of(address: SocketAddr, secret: &str) -> Self {
        Self { http: HttpClient::connect(address).await, bearer: format!("Bearer {secret}"), budget: None }
    }

    /// A request of the modern era.
    async fn ask(&mut self, method: &str, mut params: Value) -> Answer {
        params["_meta"] = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        if let Some(budget) = &self.budget {
            params["_meta"]["exuvia/budget"] = budget.clone();
        }
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let name = ["name", "uri"].iter().find_map(|key| params[*key].as_str()).unwrap_or_default().to_owned();
        let mut headers = vec![
            ("authorization", self.bearer.as_str()),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", method),
        ];
        if !name.is_empty() {
            headers.push(("mcp-name", name.as_str()));
        }
        self.http.post(&headers, &message).await
    }

    async fn result(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await;
        answer.message()["result"].clone()
    }

    /// What a script comes to, for the model.
    async fn run(&mut self, code: &str) -> String {
        let result = self.result("executeToolCode", json!({"code": code})).await;
        let text = result["content"][0]["text"].as_str().unwrap_or_default();
        // Without notes on calls that failed.
        text.split("\nnote: ").next().unwrap_or_default().trim_matches('"').to_owned()
    }
}

/// The journal of a daemon whose data directory is this.
fn recorded(data: &DataHome, arguments: &[&str]) -> String {
    let mut command = Command::new(built("exuvia"));
    let output = command.args(arguments).env("XDG_DATA_HOME", data).output().expect("exuvia starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

async fn served(folder: &Folder, data: &DataHome) -> Daemon {
    let mut command = Command::new(built("exuvia"));
    command.env("XDG_DATA_HOME", data);
    let daemon = Daemon::start_by(command, &["--config", &folder.text("exuvia.toml")]);
    daemon.ready().await;
    daemon
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_handles_the_call_that_its_budget_refuses_and_other_keys_go_on() {
    let (folder, data) = (Folder::new(&configuration(&of_ada("calls = 3"))), DataHome::shared());
    let daemon = served(&folder, &data).await;
    let mut ada = Client::of(daemon.address(), "ada").await;
    let code = "made = 0\ntry:\n    while True:\n        ruby.echo(value=made)\n        made += 1\nexcept ToolDenied as error:\n    \
                told = error.message\nresult = [made, told]";
    let answer = ada.run(code).await;
    assert!(answer.starts_with("[3,"), "{answer}");
    assert!(answer.contains("budget `ada-month` has not enough calls left: try again in"), "{answer}");
    // A direct call and a read go the same way, and a client learns more than the model.
    let refused = ada.result("plain__echo", json!({"value": 1})).await;
    let told = &refused["_meta"]["exuvia/exhausted"];
    assert_eq!(
        (&refused["isError"], &told["budget"], &told["quantity"]),
        (&json!(true), &json!("ada-month"), &json!("calls"))
    );
    assert!(told["retry_after_ms"].as_u64().is_some_and(|ms| ms > 0), "{told}");
    let read = ada.ask("resources/read", json!({"uri": "test://any"})).await.message();
    assert_eq!(read["error"]["data"]["exuvia/exhausted"]["budget"], "ada-month", "{read}");
    let mut bob = Client::of(daemon.address(), "bob").await;
    assert_eq!(bob.run("ruby.echo(value=7)['value']").await, "7");
    assert_eq!(bob.result("plain__echo", json!({"value": 1})).await["structuredContent"]["value"], 1);
    daemon.says("budget exhausted", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_refused_before_it_starts_and_one_that_meets_the_end_of_a_budget_names_it() {
    let (folder, data) = (Folder::new(&configuration(&of_ada("runs = 3\nfuel = 3_000_000_000"))), DataHome::shared());
    let daemon = served(&folder, &data).await;
    let mut ada = Client::of(daemon.address(), "ada").await;
    assert_eq!(ada.run("1 + 1").await, "2");
    let stopped = ada.run("while True: pass").await;
    assert!(stopped.starts_with("stopped by fuel: budget `ada-month` had no more than this fuel left"), "{stopped}");
    let result = ada.result("executeToolCode", json!({"code": "1 + 1"})).await;
    let text = result["content"][0]["text"].as_str().expect("a text");
    assert!(text.starts_with("not run: budget `ada-month` has not enough fuel left: try again in"), "{text}");
    assert_eq!(result["_meta"]["exuvia/exhausted"]["quantity"], "fuel");
    let mut bob = Client::of(daemon.address(), "bob").await;
    assert_eq!(bob.run("1 + 1").await, "2");
    let listed: Value = serde_json::from_str(&recorded(&data, &["runs", "list", "--json"])).expect("JSON");
    let outcomes: Vec<_> = listed["runs"].as_array().expect("runs").iter().map(|run| &run["outcome"]).collect();
    assert_eq!(outcomes, ["returned", "budget-exhausted", "stopped", "returned"]);
    let export = recorded(&data, &["runs", "export", "--outcome", "stopped"]);
    let stopped: Value = serde_json::from_str(export.trim()).expect("JSON");
    let (limit, used) = (&stopped["start"]["limits"]["fuel"], &stopped["end"]["usage"]["fuel"]);
    assert!(limit == used && limit.as_u64().is_some_and(|fuel| fuel < 3_000_000_000), "{limit} {used}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_lowers_its_budget_for_one_request_and_never_raises_it() {
    let (folder, data) = (Folder::new(&configuration(&of_ada("calls = 4"))), DataHome::shared());
    let daemon = served(&folder, &data).await;
    let mut ada = Client::of(daemon.address(), "ada").await;
    let many = "made = 0\ntry:\n    for n in range(20):\n        ruby.echo(value=n)\n        made += 1\nexcept ToolDenied:\n    pass\nmade";
    ada.budget = Some(json!({"calls": 1}));
    assert_eq!(ada.run(many).await, "1");
    ada.budget = Some(json!({"cost": 0.2}));
    assert_eq!(ada.run(many).await, "2");
    ada.budget = Some(json!({"calls": 1_000_000, "cost": 1e9, "fuel": 9_000_000_000_000_000_000_u64}));
    assert_eq!(ada.run(many).await, "1", "the fourth of her own budget");
    ada.budget = Some(json!({"fuel": 2_000_000}));
    let stopped = ada.run("while True: pass").await;
    assert!(stopped.starts_with("stopped by fuel: the script used up its 2000000 units"), "{stopped}");
    for wrong in [json!(7), json!({"runs": 5}), json!({"calls": -1}), json!({"cost": "1"})] {
        ada.budget = Some(wrong.clone());
        for (method, params) in [
            ("tools/call", json!({"name": "executeToolCode", "arguments": {"code": "1"}})),
            ("tools/call", json!({"name": "plain__echo", "arguments": {"value": 1}})),
            ("resources/read", json!({"uri": "test://any"})),
        ] {
            let error = ada.ask(method, params).await.message()["error"].clone();
            assert_eq!(error["code"], -32602, "{wrong}: {error}");
            assert!(error["message"].as_str().is_some_and(|text| text.contains("exuvia/budget")), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn costs_are_counted_recorded_and_summed_to_the_last_digit() {
    let budget =
        "[budgets.billing]\nlabels = { team = 'billing' }\nperiod = 'day'\ncost = 1.0\ntime_zone = 'Asia/Tokyo'\n";
    let (folder, data) = (Folder::new(&configuration(budget)), DataHome::shared());
    let daemon = served(&folder, &data).await;
    let mut ada = Client::of(daemon.address(), "ada").await;
    // 0.1 each, and 0.25 for the one that fails.
    let code = "for n in range(4):\n    ruby.echo(value=n)\ntry:\n    ruby.error(error={'code': -32000, 'message': 'no'})\nexcept ToolDenied: raise\nexcept ToolError: pass\n'made'";
    assert_eq!(ada.run(code).await, "made");
    assert_eq!(ada.result("plain__echo", json!({"value": 1})).await["structuredContent"]["value"], 1);
    let refused = ada
        .run("ruby.error(error={'code': -32000, 'message': 'no'})\nruby.error(error={'code': -32000, 'message': 'no'})")
        .await;
    assert!(!refused.contains("budget"), "0.25 are left: {refused}");
    let refused = ada.run("ruby.echo(value=1)").await;
    assert!(refused.contains("budget `billing` has not enough cost left"), "{refused}");
    let mut bob = Client::of(daemon.address(), "bob").await;
    assert_eq!(bob.run("ruby.echo(value=7)['value']").await, "7");

    let stats: Value = serde_json::from_str(&recorded(&data, &["runs", "stats", "--json"])).expect("JSON");
    let costs = |list: &str| -> Vec<String> {
        stats[list].as_array().expect("sums").iter().map(|sum| sum["cost"].to_string()).collect()
    };
    assert_eq!(costs("principals"), ["1", "0.1"]);
    assert_eq!(costs("tools"), ["0.1", "0.4", "0.5", "0.1"]);
    let table = recorded(&data, &["runs", "list"]);
    assert!(table.contains("COST") && table.contains("0.65"), "{table}");
    let shown = recorded(&data, &["runs", "show", "--calls", "9"]);
    assert!(shown.contains("cost 0.1") && shown.contains("1 tool calls, cost 0.1"), "{shown}");

    // Leases that are not needed come back within seconds.
    let begun = Instant::now();
    loop {
        let listed = recorded(&data, &["budgets", "list", "--json", "--config", &folder.text("exuvia.toml")]);
        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        let of_cost = listed["budgets"][0].clone();
        if of_cost["used"] == json!(1) {
            assert_eq!(
                (&of_cost["budget"], &of_cost["quantity"], &of_cost["limit"]),
                (&json!("billing"), &json!("cost"), &json!(1))
            );
            assert!(of_cost["until"].as_str().is_some_and(|until| until.contains("T15:00:00")), "{of_cost}");
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{listed}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut http = HttpClient::connect(daemon.address()).await;
    let metrics = http.send("GET", "/metrics", &[("authorization", "Bearer mon")], "").await.text;
    for line in [
        "exuvia_budget_used{budget=\"billing\",of=\"cost\"} 1.0",
        "exuvia_budget_limit{budget=\"billing\",of=\"cost\"} 1.0",
        "exuvia_budget_exceeded_total{budget=\"billing\",of=\"cost\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_with_one_store_never_make_more_calls_than_one_budget_allows() {
    let (folder, data) = (Folder::new(&configuration(&of_ada("calls = 60"))), DataHome::shared());
    let daemons = [served(&folder, &data).await, served(&folder, &data).await];
    let code = "made = 0\ntry:\n    for n in range(100):\n        ruby.echo(value=n)\n        made += 1\nexcept ToolDenied:\n    pass\nmade";
    let mut running = Vec::new();
    for daemon in &daemons {
        for _ in 0..2 {
            let mut ada = Client::of(daemon.address(), "ada").await;
            running.push(tokio::spawn(async move { ada.run(code).await.parse::<u64>().expect("a number") }));
        }
    }
    let mut made = 0;
    for run in running {
        made += run.await.expect("it ends");
    }
    assert!((50..=60).contains(&made), "{made}");
    // What one had leased and did not need is there for the other.
    let begun = Instant::now();
    let mut ada = Client::of(daemons[0].address(), "ada").await;
    while made < 60 {
        assert!(begun.elapsed() < PATIENCE, "{made}");
        tokio::time::sleep(Duration::from_millis(500)).await;
        made += ada.run(code).await.parse::<u64>().expect("a number");
    }
    assert_eq!(ada.run(code).await, "0");
    let mut other = Client::of(daemons[1].address(), "ada").await;
    assert_eq!((other.run(code).await, made), ("0".to_owned(), 60));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_is_put_in_force_holds_for_a_script_that_runs() {
    let (folder, data) = (Folder::new(&configuration("")), DataHome::shared());
    let daemon = served(&folder, &data).await;
    let mut ada = Client::of(daemon.address(), "ada").await;
    let code = "import time\nfor n in range(400):\n    ruby.echo(value=n)\n    time.sleep(0.05)\n'all'";
    let running = tokio::spawn(async move { ada.run(code).await });
    let mut bob = Client::of(daemon.address(), "bob").await;
    let others = tokio::spawn(async move { bob.run(&code.replace("400", "100")).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    folder.write("exuvia.toml", &configuration(&of_ada("calls = 2")));
    let answer = tokio::time::timeout(PATIENCE, running).await.expect("in time").expect("no panic");
    assert!(answer.contains("budget `ada-month` has not enough calls left"), "{answer}");
    assert_eq!(others.await.expect("no panic"), "all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_reports_lets_everything_pass_and_logs_it_once() {
    let (folder, data) = (Folder::new(&configuration(&of_ada("calls = 3\naction = 'report'"))), DataHome::shared());
    let daemon = served(&folder, &data).await;
    let mut ada = Client::of(daemon.address(), "ada").await;
    let code = "[ruby.echo(value=n)['value'] for n in range(20)][-1]";
    assert_eq!((ada.run(code).await, ada.run(code).await), ("19".to_owned(), "19".to_owned()));
    daemon.says("budget exceeded, action is report", 1).await;
    let told = daemon.said().iter().filter(|line| line.contains("budget exceeded")).count();
    assert_eq!(told, 1, "{:?}", daemon.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_identity_providers_are_listed_with_what_they_used() {
    let signing = SigningKey::new("k1", "ES256");
    let provider = IdentityProvider::start(&[&signing]);
    let each = "[budgets.each-month]\nroles = ['agent']\neach = 'key'\nperiod = 'month'\ncalls = 100\nruns = 50\n";
    let users = format!(
        "[identity_providers.okta]\nissuer = '{}'\naudience = 'https://exuvia.example/mcp'\ndefault_role = 'agent'\n",
        provider.issuer()
    );
    let (folder, data) = (Folder::new(&configuration(&format!("{each}{users}"))), DataHome::shared());
    let daemon = served(&folder, &data).await;
    let token = |subject: &str| {
        let mut claims = provider.claims("https://exuvia.example/mcp");
        claims["sub"] = subject.into();
        signing.token(&claims)
    };
    let script = "for n in range(3):\n    ruby.echo(value=n)\n'made'";
    for secret in [token("carl"), token("d/e f"), "ada".to_owned()] {
        assert_eq!(Client::of(daemon.address(), &secret).await.run(script).await, "made");
    }
    // Leases that are not needed come back within seconds.
    let expected = ["key:ada 3", "user:okta/carl 3", "user:okta/d%2Fe%20f 3"];
    let begun = Instant::now();
    loop {
        let listed = recorded(&data, &["budgets", "list", "--json", "--config", &folder.text("exuvia.toml")]);
        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        let calls = listed["budgets"].as_array().expect("budgets").iter().filter(|one| one["quantity"] == "calls");
        let used: Vec<String> =
            calls.map(|one| format!("{} {}", one["principal"].as_str().unwrap_or_default(), one["used"])).collect();
        if used == expected {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{listed}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[test]
fn budgets_that_are_counted_in_memory_are_not_to_be_found() {
    let folder = Folder::new(&format!("[journal]\nstore = 'memory'\n{}", configuration(&of_ada("calls = 1"))));
    let ended = exuvia(&["budgets", "list", "--config", &folder.text("exuvia.toml")], "");
    assert!(ended.stderr.contains("memory of each process"), "{ended:?}");
}
