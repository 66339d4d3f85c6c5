//! The column of budgets: what one key has used up, and how much it may, is neither seen nor felt nor of use at any surface by another.
//!
//! Bob asks the same of every surface before and after Ada's budget is exhausted, and is answered the same to the byte. Ada is refused at
//! every surface that reaches a server: none of them is a way around a budget.

use exuvia_tests::{Answer, modern};
use serde_json::{Value, json};

use super::doors::asking;
use super::routes::Stream;
use super::surfaces;
use super::world::{OF_ADA, OF_BOB, World, plain};

/// What Ada may: so little that it is soon used up.
const LIMITS: &str = "[budgets.crimson-day]\nkeys = ['ada']\nperiod = 'month'\nruns = 4\ncalls = 3\nfuel = 73_519_000_000\n\
                      [budgets.navy-day]\nkeys = ['bob']\nperiod = 'month'\nruns = 9_000\ncalls = 9_000\nfuel = 84_623_000_000_000\n";
/// The surfaces that spend something.
const SPENDING: [&str; 19] = [
    "method subscriptions/listen",
    "handler accepted_subscription_filter",
    "method tools/call",
    "method resources/read",
    "method resources/subscribe",
    "method prompts/get",
    "method completion/complete",
    "method tasks/get",
    "method tasks/update",
    "method tasks/cancel",
    "handler get_tool",
    "tool executeToolCode",
    "import call",
    "import start",
    "import take",
    "import id",
    "functions as_script",
    "functions run::answer",
    "functions proposing::propose",
];

/// The names of what one of them sees.
struct Own {
    key: &'static str,
    /// A server for scripts, and one for clients.
    servers: [&'static str; 2],
    word: &'static str,
    profile: &'static str,
    /// A task of theirs.
    task: String,
}

async fn own(world: &World, key: &'static str) -> Own {
    let (servers, word, profile) = match key {
        "ada" => (["ruby", "garnet"], "crimson", "scarlet"),
        _ => (["azure", "cobalt"], "navy", "marine"),
    };
    let task = super::methods::task(&mut world.client(key).await).await;
    Own { key, servers, word, profile, task }
}

/// What one of them does with a surface: the answers, without what differs each time.
async fn used(world: &World, own: &Own, surface: &str) -> Vec<String> {
    let mut client = world.client(own.key).await;
    let Own { servers: [code, direct], word, profile, task, .. } = own;
    let answers: Vec<Answer> = match surface.split_once(' ').expect("a kind and a name") {
        ("route", "/mcp") => {
            let session = client.session().await;
            vec![client.in_session(&session, &legacy("tools/list", json!({}))).await]
        }
        ("route", "/mcp/{profile}") => vec![client.ask_at(&format!("/mcp/{profile}"), "tools/list", json!({})).await],
        // It counts what everybody does; who may read it is asked in another column.
        ("route", path) => vec![client.send("GET", path, &[], "").await],
        ("method", "initialize") => {
            client.session().await;
            Vec::new()
        }
        ("method", method @ ("ping" | "resources/subscribe" | "resources/unsubscribe")) => {
            let session = client.session().await;
            let message = legacy(method, json!({"uri": format!("{word}://ledger")}));
            vec![client.in_session(&session, &message).await]
        }
        ("method", "tools/call") => {
            let mut answers = Vec::new();
            for name in
                [format!("{direct}__echo"), "plaza__echo".into(), "forum__echo".into(), format!("{direct}__none")]
            {
                let params = json!({"name": name, "arguments": {"value": 1}});
                answers.push(client.ask("tools/call", params.clone()).await);
                let session = client.session().await;
                answers.push(client.in_session(&session, &legacy("tools/call", params)).await);
            }
            answers
        }
        ("method", "resources/read") => {
            vec![client.ask("resources/read", json!({"uri": format!("{word}://ledger")})).await]
        }
        ("method", "prompts/get") => {
            vec![client.ask("prompts/get", json!({"name": format!("{direct}__{word}_brief")})).await]
        }
        ("method", "completion/complete") => {
            let prompt = json!({"type": "ref/prompt", "name": format!("{direct}__{word}_brief")});
            vec![
                client.ask("completion/complete", json!({"ref": prompt, "argument": {"name": "a", "value": ""}})).await,
            ]
        }
        ("method" | "handler", "subscriptions/listen" | "accepted_subscription_filter") => {
            let mut stream = Stream::listening(&client, &[&format!("{word}://ledger")]).await;
            return vec![stream.silent().await];
        }
        ("method", method @ ("tasks/get" | "tasks/update" | "tasks/cancel")) => {
            vec![client.ask(method, json!({"taskId": task, "inputResponses": {}})).await]
        }
        ("method", method) => vec![client.ask(method, json!({})).await],
        ("tool", "executeToolCode") => {
            let mut answers = Vec::new();
            for code in [format!("{code}.{word}_ledger()"), "1 + 1".into(), "common.echo(value=1)".into()] {
                answers.push(
                    client.ask("tools/call", json!({"name": "executeToolCode", "arguments": {"code": code}})).await,
                );
            }
            answers
        }
        ("tool", name) => {
            let arguments = match name {
                "readToolFile" => json!({"file": format!("{code}.pyi")}),
                "getToolDocs" => json!({"tool": format!("{code}.{word}_ledger")}),
                _ => json!({}),
            };
            vec![client.ask("tools/call", json!({"name": name, "arguments": arguments})).await]
        }
        ("handler", "on_initialized" | "on_cancelled") => {
            let session = client.session().await;
            let noted = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}});
            vec![client.in_session(&session, &noted).await]
        }
        ("handler", "get_tool") => {
            let name = format!("{direct}__echo");
            let message = modern(1, "tools/call", json!({"name": name, "arguments": {"value": "a"}}));
            let headers = [
                ("mcp-protocol-version", "2026-07-28"),
                ("mcp-method", "tools/call"),
                ("mcp-name", name.as_str()),
                ("mcp-param-value", "a"),
            ];
            vec![client.post("/mcp", &headers, &message).await]
        }
        ("handler", "list_skills") => vec![client.ask("skills/list", json!({})).await],
        ("handler", "get_skill") => {
            vec![client.ask("skills/get", json!({"uri": "skill://functions/garnet/SKILL.md"})).await]
        }
        ("handler", "on_custom_request") => vec![client.ask("tools/find", json!({})).await],
        ("functions", surface) => {
            let mut answers = Vec::new();
            for (method, params) in super::functions::requests(surface, word) {
                answers.push(client.ask(method, params).await);
            }
            answers
        }
        ("import", name) => {
            let expression = match name {
                "list-tools" => "host.list_tools('common')".to_owned(),
                "describe" => "host.describe('common', 'echo')".to_owned(),
                "search" => "host.search('ledger')".to_owned(),
                "call" => format!("host.call('{code}', '{word}_ledger', '{{}}', 0)"),
                "start" => "host.start('common', 'echo', '{}', 0).take()".to_owned(),
                "take" => format!("host.start('{code}', '{word}_ledger', '{{}}', 0).take()"),
                "id" => "host.start('common', 'echo', '{}', 0).id()".to_owned(),
                "wait" => "host.wait(0)".to_owned(),
                other => format!("host.{}()", other.replace('-', "_")),
            };
            let code = asking(&expression);
            vec![client.ask("tools/call", json!({"name": "executeToolCode", "arguments": {"code": code}})).await]
        }
        _ => panic!("{surface}: say what a key does with it, so that budgets are looked at there as well"),
    };
    answers.iter().map(|answer| uncounted(&plain(answer).replace(task.as_str(), "TASK"))).collect()
}

/// Without how often a shape of an answer was seen, which grows with every use of one's own.
fn uncounted(text: &str) -> String {
    let mut parts = text.split("# seen ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "# seen" + part.trim_start_matches(|c: char| c != '\\'))
}

fn legacy(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
}

/// How much of each budget is used.
async fn counted(world: &World, budget: &str, quantity: &str) -> u64 {
    let listed = world.does(&["budgets", "list", "--json"]).await.json();
    let of_it = |one: &&Value| one["budget"] == budget && one["quantity"] == quantity;
    let found = listed["budgets"].as_array().expect("budgets").iter().find(of_it).unwrap_or_else(|| panic!("{listed}"));
    found["used"].as_u64().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_of_one_key_is_neither_seen_nor_felt_by_another() {
    let world = World::with(LIMITS).await;
    let (ada, bob) = (own(&world, "ada").await, own(&world, "bob").await);
    let mut before = Vec::new();
    for surface in surfaces() {
        before.push((used(&world, &bob, &surface).await, surface));
    }
    // Her task was a call; a third one is made and a fourth one is not.
    let mut client = world.client("ada").await;
    for _ in 0..2 {
        let answer = client.run("ruby.crimson_ledger()").await;
        assert!(answer.contains("crimson_total"), "{answer}");
    }
    assert!(client.run("ruby.crimson_ledger()").await.contains("budget `crimson-day` has not enough calls left"));
    client.run("1").await;
    assert!(client.run("1").await.contains("budget `crimson-day` has not enough runs left"));
    let spent = [counted(&world, "crimson-day", "calls").await, counted(&world, "crimson-day", "runs").await];
    assert_eq!(spent, [3, 4]);

    for (expected, surface) in &before {
        assert_eq!(&used(&world, &bob, surface).await, expected, "Bob notices at {surface} that Ada has nothing left");
        let seen = used(&world, &bob, surface).await.concat().to_lowercase();
        let found: Vec<_> = OF_ADA.iter().chain(&["73519", "budget"]).filter(|word| seen.contains(**word)).collect();
        assert!(found.is_empty(), "{surface}: {found:?} in {seen}");
    }
    // It is refused wherever it is spent, and says nothing of another one.
    for (_, surface) in &before {
        let answers = used(&world, &ada, surface).await;
        let refused = answers.iter().filter(|answer| answer.contains("crimson-day")).count();
        // One of a name that nobody has is refused for that.
        let unknown = answers.iter().filter(|answer| answer.contains("none")).count();
        match SPENDING.contains(&surface.as_str()) {
            true => assert_eq!(refused, answers.len() - unknown, "{surface}: {answers:?}"),
            false => assert_eq!(refused, usize::from(surface.starts_with("import ")), "{surface}: {answers:?}"),
        }
        let seen = answers.concat().to_lowercase();
        let found: Vec<_> = OF_BOB.iter().chain(&["84623"]).filter(|word| seen.contains(**word)).collect();
        assert!(found.is_empty(), "{surface}: {found:?} in {seen}");
    }
    let again = [counted(&world, "crimson-day", "calls").await, counted(&world, "crimson-day", "runs").await];
    assert_eq!(again, spent, "Bob has used nothing of hers");
    // A request names quantities, and never a budget: there is none to be asked for.
    let mut bob = world.client("bob").await;
    let mut answers = Vec::new();
    for budget in ["crimson-day", "crimsun-day"] {
        let params =
            json!({"name": "executeToolCode", "arguments": {"code": "1"}, "_meta": {"exuvia/budget": {budget: 1}}});
        answers.push(bob.ask("tools/call", params).await);
    }
    super::world::same(&answers[0], &answers[1], ("crimson", "crimsun"));
    assert_eq!(answers[0].message()["error"]["code"], -32602, "{answers:?}");
}
