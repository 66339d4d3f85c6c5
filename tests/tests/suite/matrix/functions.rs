//! Saved functions: each key has a namespace of its own, of which the other sees and calls nothing. What clients are offered of functions, and
//! what a call of one does.

use std::sync::Arc;

use exuvia_functions::Function;
use exuvia_journal::{FunctionAct, FunctionStore as _, NewFunction, SqliteAccessStore};
use exuvia_tests::{DataHome, Folder, KeyClient};
use exuvia_tool::Principal;
use serde_json::{Value, json};

use super::doors::asking;
use super::methods::{alike, alike_in_session};
use super::world::without_runs;
use super::{Row, World, nothing, source};

const CRIMSON: (&str, &str) = ("crimson", "crimsun");

/// What the configuration has of functions.
pub(super) const CONFIGURATION: &str =
    "auto_execute = ['functions.*']\n[functions]\ndir = 'functions'\nexpose = true\npropose = true\n";

/// What a role sees of them.
pub(super) fn tools(word: &str) -> [String; 2] {
    [format!("'functions.{word}.*'"), "'functions.propose'".to_owned()]
}

/// A function of the one who has this word and this server.
fn tally(word: &str, server: &str) -> String {
    format!(
        "def tally(n: int = 1) -> int:\n    \"\"\"Adds up the {word} ledger.\"\"\"\n    \
         return {server}.{word}_ledger()['{word}_total'] * n\n"
    )
}

/// One that reaches for functions by their names.
fn reach(word: &str, server: &str) -> String {
    format!(
        "# tools: functions.*, {server}.*\ndef reach(name: str) -> str:\n    \"\"\"Reaches for {word} functions.\"\"\"\n    \
         try:\n        return str(getattr(functions, name)())\n    \
         except Exception as error:\n        return type(error).__name__ + str(error)\n"
    )
}

/// Writes and promotes the functions of both.
pub(super) async fn save(folder: &Folder, data: &DataHome) {
    let file = data.as_path().join("exuvia/access.db");
    let store: Arc<SqliteAccessStore> =
        tokio::task::spawn_blocking(move || SqliteAccessStore::open(&file)).await.expect("no panic").expect("a store");
    for (word, server) in [("crimson", "ruby"), ("navy", "azure")] {
        std::fs::create_dir_all(folder.path(&format!("functions/{word}"))).expect("a folder");
        for (name, text) in [("tally", tally(word, server)), ("reach", reach(word, server))] {
            folder.write(&format!("functions/{word}/{name}.py"), &text);
            let name = format!("{word}.{name}");
            let function = Function::read(name.parse().expect("a name"), &text).expect("a function");
            let act = FunctionAct { principal: Principal::Operator, at_ms: 1, run: None };
            let new = NewFunction { name, sha256: function.sha256().to_owned(), source: text, act };
            store.promote(&new).await.expect("promoted");
        }
    }
}

/// What clients are offered of functions, and what their calls do.
pub(super) fn surfaces() -> Vec<String> {
    let offered = source("crates/server/src/mcp_handler/functions.rs");
    let offered = offered.lines().filter_map(|line| line.strip_prefix("pub(super) fn ")?.split(['(', '<']).next());
    let provider = source("crates/gateway/src/functions/provider.rs");
    let called = provider.lines().filter_map(|line| line.split_once("=> Box::pin(")?.1.split('(').next());
    let (offered, called): (Vec<_>, Vec<_>) = (offered.collect(), called.collect());
    assert!(offered.len() > 4 && called.len() > 1, "{offered:?} {called:?}");
    offered.into_iter().chain(called).map(|name| format!("functions {name}")).collect()
}

/// What one of them does with a surface: the requests.
pub(super) fn requests(surface: &str, word: &str) -> Vec<(&'static str, Value)> {
    let skill = json!({"uri": format!("skill://functions/{word}-tally/SKILL.md")});
    let script = |code: String| ("tools/call", json!({"name": "executeToolCode", "arguments": {"code": code}}));
    match surface {
        "tools" => vec![("tools/list", json!({}))],
        "as_script" => vec![("tools/call", json!({"name": format!("functions__{word}_tally"), "arguments": {}}))],
        "skills" => vec![("skills/list", json!({}))],
        "skill_of" => vec![("skills/get", skill)],
        "resources" => vec![("resources/list", json!({}))],
        "read" => vec![("resources/read", skill)],
        // It looks at an address.
        "is_skill" => Vec::new(),
        "run::answer" => vec![script(format!("functions.{word}_tally()"))],
        "proposing::propose" => vec![script(proposal(&format!("{word}.draft"), &tally(word, "common")))],
        other => panic!("{other}: say what a key does with it"),
    }
}

fn proposal(name: &str, text: &str) -> String {
    let code = text.replacen("tally", name.rsplit('.').next().unwrap_or(name), 1);
    format!("functions.propose(name={}, code={})", json!(name), json!(code))
}

/// Both use a surface, and each has its own of it.
macro_rules! both {
    ($surface:literal, $shows:literal) => {
        |_, ada, bob| {
            Box::pin(async move {
                for (client, word) in [(ada, "crimson"), (bob, "navy")] {
                    for (method, params) in requests($surface, word) {
                        let answer = client.ask(method, params).await;
                        let shown = $shows.replace("WORD", word);
                        assert!(answer.text.contains(&shown), "{shown}: {answer:?}");
                    }
                }
            })
        }
    };
}

/// Bob asks for a function of Ada's, and for one that nobody has.
macro_rules! hidden {
    ($surface:literal) => {
        |_, _, bob| {
            Box::pin(async move {
                for (method, params) in requests($surface, "crimson") {
                    alike(bob, method, params, CRIMSON).await;
                }
            })
        }
    };
}

/// The answer to a script about something hidden is that to one about something that does not exist.
async fn alike_for(bob: &mut KeyClient, code: &str) {
    let hidden = without_runs(&bob.run(code).await);
    let unknown = without_runs(&bob.run(&code.replace(CRIMSON.0, CRIMSON.1)).await);
    assert_eq!(hidden.replace(CRIMSON.0, CRIMSON.1), unknown, "{code}");
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row { surface: "functions tools", hides: both!("tools", "functions__WORD_tally"), keeps: nothing },
        Row {
            surface: "functions as_script",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    let call = |name: &str| json!({"name": format!("functions__{name}"), "arguments": {"n": 2}});
                    assert!(ada.ask("tools/call", call("crimson_tally")).await.text.contains("14"));
                    assert!(bob.ask("tools/call", call("navy_tally")).await.text.contains("14"));
                    for name in ["tally", "nobody_tally", "", "propose"] {
                        let _ = bob.ask("tools/call", call(name)).await;
                    }
                })
            },
            keeps: |_, _, bob| {
                Box::pin(async move {
                    for arguments in [json!({}), json!({"n": "x"})] {
                        let call = json!({"name": "functions__crimson_tally", "arguments": arguments});
                        alike(bob, "tools/call", call.clone(), CRIMSON).await;
                        alike_in_session(bob, "tools/call", call, CRIMSON).await;
                    }
                })
            },
        },
        Row { surface: "functions skills", hides: both!("skills", "WORD-tally"), keeps: nothing },
        Row { surface: "functions skill_of", hides: both!("skill_of", "WORD-tally"), keeps: hidden!("skill_of") },
        Row { surface: "functions resources", hides: both!("resources", "WORD-tally"), keeps: nothing },
        Row { surface: "functions read", hides: both!("read", "def WORD_tally"), keeps: hidden!("read") },
        Row { surface: "functions is_skill", hides: nothing, keeps: nothing },
        Row { surface: "functions run::answer", hides: called, keeps: not_called },
        Row {
            surface: "functions proposing::propose",
            hides: both!("proposing::propose", "WORD.draft"),
            keeps: not_proposed,
        },
    ]
}

fn called<'a>(_: &'a World, ada: &'a mut KeyClient, bob: &'a mut KeyClient) -> exuvia_tool::BoxFuture<'a, ()> {
    Box::pin(async move {
        assert_eq!(ada.run("functions.crimson_tally(n=2)").await, "14");
        assert_eq!(bob.run("functions.navy_tally(n=2)").await, "14");
        assert!(ada.run("functions.crimson_reach(name='crimson_tally')").await.contains('7'));
        for code in [
            "functions.tally()",
            "functions.nobody_tally()",
            "dir(functions)",
            "help(functions)",
            "mcp.search('adds up the ledger')",
            "functions.navy_reach(name='tally')",
        ] {
            bob.run(code).await;
        }
        bob.call("readToolFile", json!({"file": "functions.pyi"})).await;
        bob.call("listToolFiles", json!({"query": "adds up the ledger"})).await;
        bob.call("getToolDocs", json!({"tool": "functions.tally"})).await;
    })
}

fn not_called<'a>(_: &'a World, _: &'a mut KeyClient, bob: &'a mut KeyClient) -> exuvia_tool::BoxFuture<'a, ()> {
    Box::pin(async move {
        for code in [
            "functions.crimson_tally()",
            "functions['crimson_tally']()",
            "functions['crimson.tally']()",
            "getattr(functions, 'crimson_' + 'tally')()",
            "from functions import crimson_tally",
            "help('functions.crimson_tally')",
            // A function of Bob's has no more than he has.
            "functions.navy_reach(name='crimson_tally')",
        ] {
            alike_for(bob, code).await;
        }
        for expression in [
            "host.call('functions', 'crimson.tally', '{}', 0)",
            "host.start('functions', 'crimson.tally', '{}', 0).take()",
            "host.describe('functions', 'crimson.tally')",
        ] {
            alike_for(bob, &asking(expression)).await;
        }
        alike(
            bob,
            "tools/call",
            json!({"name": "getToolDocs", "arguments": {"tool": "functions.crimson_tally"}}),
            CRIMSON,
        )
        .await;
    })
}

/// Who knows a function of another key to the byte is not told that it is there, and proposes nothing beside it.
fn not_proposed<'a>(world: &'a World, _: &'a mut KeyClient, bob: &'a mut KeyClient) -> exuvia_tool::BoxFuture<'a, ()> {
    Box::pin(async move {
        let text = tally("crimson", "ruby");
        let answers =
            [bob.run(&proposal("crimson.tally", &text)).await, bob.run(&proposal("crimsun.tally", &text)).await];
        assert_eq!(
            without_runs(&answers[0]).replace(CRIMSON.0, CRIMSON.1),
            without_runs(&answers[1]).replace(CRIMSON.0, CRIMSON.1)
        );
        assert!(answers[0].contains("functions.propose"), "{answers:?}");
        alike_for(bob, &proposal("crimson.more", &tally("navy", "azure"))).await;
        let listed = world.does(&["functions", "list", "--json"]).await.json();
        let of_bob = |one: &&Value| {
            one["note"].as_str().is_some_and(|note| note.contains("key:bob"))
                && !one["name"].as_str().is_some_and(|name| name.starts_with("navy."))
        };
        let found: Vec<_> = listed["functions"].as_array().expect("functions").iter().filter(of_bob).collect();
        assert!(found.is_empty(), "{found:?}");
    })
}
