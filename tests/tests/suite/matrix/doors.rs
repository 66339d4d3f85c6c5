//! What a script can ask of its host, past what Python shows.

use exuvia_tests::KeyClient;
use serde_json::json;

use super::world::without_runs;
use super::{Row, nothing};

const RUBY: (&str, &str) = ("ruby", "rubi");
const CRIMSON: (&str, &str) = ("crimson", "crimsun");

/// A script that has the host's functions as `host`, and tells what one of them says or raises.
pub(super) fn asking(expression: &str) -> String {
    format!(
        "import sys\nhost = sys.modules['wit_world.imports.tools']\ntry:\n    result = repr({expression})\n\
         except BaseException as e:\n    result = repr(e) + repr(getattr(e, 'value', None))"
    )
}

/// What the host says of something hidden and of something that does not exist.
async fn alike(client: &mut KeyClient, expression: &str, name: (&str, &str)) -> String {
    let hidden = without_runs(&client.run(&asking(expression)).await);
    let unknown = without_runs(&client.run(&asking(&expression.replace(name.0, name.1))).await);
    assert_eq!(hidden.replace(name.0, name.1), unknown, "{expression}");
    unknown
}

/// Both ask the host this.
macro_rules! both {
    ($($expression:expr),+) => {
        |_, ada, bob| {
            Box::pin(async move {
                for client in [ada, bob] {
                    $(client.run(&asking($expression)).await;)+
                }
            })
        }
    };
}

macro_rules! hidden {
    ($($expression:expr, $name:expr);+) => {
        |_, _, bob| {
            Box::pin(async move {
                $(alike(bob, $expression, $name).await;)+
            })
        }
    };
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            surface: "import servers",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    let seen = ada.run(&asking("host.servers()")).await;
                    assert!(seen.contains("ruby") && seen.contains("common"), "the host is asked: {seen}");
                    bob.run(&asking("host.servers()")).await;
                    bob.run("dir() + dir(mcp)").await;
                    bob.run("help()").await;
                })
            },
            keeps: nothing,
        },
        Row {
            surface: "import list-tools",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    for client in [ada, bob] {
                        client.run(&asking("host.list_tools('common')")).await;
                        client.run("dir(common)").await;
                        client.run("help(common)").await;
                    }
                })
            },
            keeps: hidden!("host.list_tools('ruby')", RUBY),
        },
        Row {
            surface: "import describe",
            hides: both!("host.describe('common', 'echo')", "host.describe('common', 'report')"),
            keeps: hidden!("host.describe('ruby', 'echo')", RUBY; "host.describe('common', 'crimson_report')", CRIMSON),
        },
        Row {
            surface: "import search",
            hides: both!("host.search('ledger')", "host.search('report')", "mcp.search('total desk stall')"),
            keeps: hidden!("host.search('crimson')", CRIMSON; "host.search('ruby echo')", RUBY),
        },
        Row {
            surface: "import call",
            hides: both!("host.call('common', 'report', '{}', 0)", "host.call('nobody', 'report', '{}', 0)"),
            keeps: hidden!("host.call('ruby', 'crimson_ledger', '{}', 0)", RUBY; "host.call('ruby', 'echo', '{}', 0)", RUBY;
                "host.call('common', 'crimson_report', '{}', 0)", CRIMSON; "host.call('garnet', 'echo', '{}', 0)", ("garnet", "garnot")),
        },
        Row {
            surface: "import start",
            hides: both!("host.start('common', 'report', '{}', 0).take()"),
            keeps: hidden!("host.start('ruby', 'crimson_ledger', '{}', 0).take()", RUBY;
                "host.start('common', 'crimson_report', '{}', 0).take()", CRIMSON),
        },
        // Numbers of calls are those of one run.
        Row { surface: "import id", hides: both!("host.start('common', 'echo', '{}', 0).id()"), keeps: nothing },
        Row { surface: "import take", hides: both!("host.start('common', 'echo', '{}', 0).take()"), keeps: nothing },
        Row { surface: "import wait", hides: both!("host.wait(0)"), keeps: nothing },
        Row { surface: "import script-ended", hides: both!("host.script_ended()"), keeps: nothing },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_can_be_asked_past_what_python_shows() {
    let world = super::World::new().await;
    let mut ada = world.client("ada").await;
    let answer =
        ada.call("executeToolCode", json!({"code": asking("host.call('ruby', 'crimson_ledger', '{}', 0)")})).await;
    assert!(answer.contains("crimson_total"), "else the rows above show nothing: {answer}");
}
