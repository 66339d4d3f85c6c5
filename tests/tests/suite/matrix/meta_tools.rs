//! The meta-tools.

use serde_json::json;

use super::Row;
use super::world::{run_of, same, without_runs};

const RUBY: (&str, &str) = ("ruby", "rubi");
const CRIMSON: (&str, &str) = ("crimson", "crimsun");

/// Bob asks a meta-tool for what Ada alone sees, and for what nobody does.
macro_rules! hidden {
    ($tool:literal, $($arguments:expr, $name:expr);+) => {
        |_, _, bob| {
            Box::pin(async move {
                $({
                    let arguments = $arguments;
                    let unknown: serde_json::Value =
                        serde_json::from_str(&arguments.to_string().replace($name.0, $name.1)).expect("JSON");
                    let hidden = bob.ask("tools/call", json!({"name": $tool, "arguments": arguments})).await;
                    same(&hidden, &bob.ask("tools/call", json!({"name": $tool, "arguments": unknown})).await, $name);
                })+
            })
        }
    };
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            surface: "tool listToolFiles",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    for client in [ada, bob] {
                        client.call("listToolFiles", json!({})).await;
                        client.call("listToolFiles", json!({"query": "ledger"})).await;
                        client.call("listToolFiles", json!({"query": "report total"})).await;
                    }
                })
            },
            keeps: hidden!("listToolFiles", json!({"query": "crimson"}), CRIMSON; json!({"query": "ruby ledger"}), RUBY),
        },
        Row {
            surface: "tool readToolFile",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    // What answers of one key look like is not shown to the other.
                    let learned = ada
                        .run("common.answer(result={'structuredContent': {'crimson_field': 1}, 'content': []})")
                        .await;
                    assert!(learned.contains("crimson_field"), "{learned}");
                    let shown = async |client: &mut exuvia_tests::KeyClient| {
                        let stub = client.call("readToolFile", json!({"file": "common.pyi"})).await;
                        stub + &client.call("getToolDocs", json!({"tool": "common.answer"})).await
                    };
                    let mut own = String::new();
                    for _ in 0..100 {
                        own = shown(ada).await;
                        if own.contains("crimson_field") {
                            break;
                        }
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    }
                    assert!(own.contains("crimson_field"), "who has seen one is shown its shape: {own}");
                    shown(bob).await;
                    bob.call("readToolFile", json!({"file": "azure.pyi"})).await;
                    bob.call("readToolFile", json!({"file": "none.pyi"})).await;
                })
            },
            keeps: hidden!("readToolFile", json!({"file": "ruby.pyi"}), RUBY; json!({"file": "ruby/crimson_ledger.pyi"}), RUBY),
        },
        Row {
            surface: "tool getToolDocs",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    assert!(ada.call("getToolDocs", json!({"tool": "ruby.crimson_ledger"})).await.contains("crimson"));
                    for tool in ["azure.navy_ledger", "azure.ledger", "ledger", "common.report"] {
                        bob.call("getToolDocs", json!({"tool": tool})).await;
                    }
                })
            },
            keeps: hidden!("getToolDocs", json!({"tool": "ruby.crimson_ledger"}), RUBY;
                json!({"tool": "common.crimson_report"}), CRIMSON; json!({"tool": "ruby"}), RUBY),
        },
        Row {
            surface: "tool executeToolCode",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    assert_eq!(ada.run("ruby.crimson_ledger()['crimson_total']").await, "7");
                    assert_eq!(bob.run("azure.navy_ledger()['navy_total']").await, "7");
                    for code in [
                        "report = common.report()",
                        "common.ledger()",
                        "ledger.get()",
                        "import common\ncommon.report_of()",
                        "from common import report",
                        "azure.ledger()",
                        "nobody",
                        "mcp.nobody",
                        "raise ValueError(str(globals()) + str(vars()))",
                        "import sys\nstr(sys.modules)",
                        "import gc\n[str(type(o)) for o in gc.get_objects() if 'ervers' in type(o).__name__ or 'erver' in repr(type(o))]",
                    ] {
                        bob.run(code).await;
                    }
                })
            },
            keeps: |world, ada, bob| {
                Box::pin(async move {
                    for (code, name) in [
                        ("ruby.crimson_ledger()", RUBY),
                        ("mcp.ruby.echo(value=1)", RUBY),
                        ("import ruby", RUBY),
                        ("from ruby import echo", RUBY),
                        ("getattr(mcp, 'ruby')", RUBY),
                        ("globals()['ruby']", RUBY),
                        ("common.crimson_report()", CRIMSON),
                        ("common['crimson_report']()", CRIMSON),
                        ("getattr(common, 'crimson_' + 'report')()", CRIMSON),
                        ("help('ruby.echo')", RUBY),
                    ] {
                        let hidden = without_runs(&bob.run(code).await);
                        assert_eq!(
                            hidden.replace(name.0, name.1),
                            without_runs(&bob.run(&code.replace(name.0, name.1)).await),
                            "{code}"
                        );
                    }
                    // A run that is kept for its own client, and the result of one.
                    let failed = run_of(&ada.run("common.echo(value='ada')\nraise ValueError('crimson')").await);
                    let large = run_of(&ada.run("[{'crimson': n, 'text': 'x' * 50} for n in range(2000)]").await);
                    let other = run_of(
                        &world.client("mon").await.run("[{'n': n, 'text': 'x' * 50} for n in range(2000)]").await,
                    );
                    let unknown = "0".repeat(other.len());
                    for arguments in [json!({}), json!({"part": "[0]"}), json!({"code": "common.echo(value='ada')\n1"})]
                    {
                        let mut answers = Vec::new();
                        for run in [&failed, &large, &other, &unknown] {
                            let mut arguments = arguments.clone();
                            arguments["run"] = json!(run);
                            answers.push(
                                bob.ask("tools/call", json!({"name": "executeToolCode", "arguments": arguments})).await,
                            );
                        }
                        for answer in &answers[1..] {
                            same(&answers[0], answer, ("", ""));
                        }
                        assert!(answers[0].text.contains("no run of this id is kept"), "{answers:?}");
                    }
                    let own = ada.call("executeToolCode", json!({"run": large, "part": "[1]"})).await;
                    assert!(own.contains("crimson"), "{own}");
                })
            },
        },
    ]
}
