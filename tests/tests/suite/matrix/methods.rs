//! Methods of MCP, and what handles notifications.

use exuvia_tests::{KeyClient, modern};
use serde_json::{Value, json};

use super::world::{World, same};
use super::{Row, nothing};

/// Names of what Ada sees, with one beside each that nobody has.
const CRIMSON: (&str, &str) = ("crimson", "crimsun");
const GARNET: (&str, &str) = ("garnet", "garnot");

/// Asks for something hidden and for something that does not exist: the answers are the same.
pub(super) async fn alike(client: &mut KeyClient, method: &str, params: Value, name: (&str, &str)) {
    let unknown = serde_json::from_str(&params.to_string().replace(name.0, name.1)).expect("JSON");
    let hidden = client.ask(method, params).await;
    same(&hidden, &client.ask(method, unknown).await, name);
}

/// Both ask this.
macro_rules! both {
    ($method:literal, $params:expr) => {
        |_, ada, bob| {
            Box::pin(async move {
                for client in [ada, bob] {
                    let answer = client.ask($method, $params).await;
                    assert_eq!(answer.status, 200, "{answer:?}");
                }
            })
        }
    };
}

/// Bob asks for what Ada alone sees, and for what nobody does.
macro_rules! hidden {
    ($method:literal, $($params:expr, $name:expr);+) => {
        |_, _, bob| {
            Box::pin(async move {
                $(alike(bob, $method, $params, $name).await;)+
            })
        }
    };
}

/// A request in a session of the legacy era.
fn legacy(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// The same as [`alike`], in a session.
pub(super) async fn alike_in_session(client: &mut KeyClient, method: &str, params: Value, name: (&str, &str)) {
    let unknown: Value = serde_json::from_str(&params.to_string().replace(name.0, name.1)).expect("JSON");
    let mut answers = Vec::new();
    for params in [params, unknown] {
        // Events of a session are numbered.
        let session = client.session().await;
        answers.push(client.in_session(&session, &legacy(3, method, params)).await);
    }
    same(&answers[0], &answers[1], name);
}

pub(super) fn rows() -> Vec<Row> {
    [lists(), calls(), reads(), subscriptions(), tasks(), notifications()].into_iter().flatten().collect()
}

fn lists() -> Vec<Row> {
    vec![
        Row {
            surface: "method initialize",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    let [_, _] = [ada.session().await, bob.session().await];
                })
            },
            keeps: nothing,
        },
        Row { surface: "method ping", hides: ping, keeps: nothing },
        Row { surface: "method server/discover", hides: both!("server/discover", json!({})), keeps: nothing },
        Row {
            surface: "method tools/list",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    let listed = ada.ask("tools/list", json!({})).await;
                    assert!(
                        listed.text.contains("garnet__crimson_desk") && listed.text.contains("plaza__crimson_stall")
                    );
                    let message = listed.message();
                    assert_eq!(message["result"]["cacheScope"], "private", "no cache gives it to others");
                    let listed = bob.ask("tools/list", json!({})).await;
                    assert!(listed.text.contains("cobalt__navy_desk") && listed.text.contains("plaza__navy_stall"));
                })
            },
            // A cursor of the other one, were there any.
            keeps: hidden!("tools/list", json!({"cursor": "crimson"}), CRIMSON),
        },
        Row {
            surface: "method resources/list",
            hides: both!("resources/list", json!({})),
            keeps: hidden!("resources/list", json!({"cursor": "garnet 0"}), GARNET; json!({"cursor": "garnet:0"}), GARNET),
        },
        Row {
            surface: "method resources/templates/list",
            hides: both!("resources/templates/list", json!({})),
            keeps: hidden!("resources/templates/list", json!({"cursor": "garnet 0"}), GARNET),
        },
        Row {
            surface: "method prompts/list",
            hides: both!("prompts/list", json!({})),
            keeps: hidden!("prompts/list", json!({"cursor": "garnet 0"}), GARNET),
        },
    ]
}

fn ping<'a>(_: &'a World, ada: &'a mut KeyClient, bob: &'a mut KeyClient) -> exuvia_tool::BoxFuture<'a, ()> {
    Box::pin(async move {
        for client in [ada, bob] {
            let session = client.session().await;
            assert_eq!(client.in_session(&session, &legacy(2, "ping", json!({}))).await.message()["result"], json!({}));
        }
    })
}

fn calls() -> Vec<Row> {
    vec![Row {
        surface: "method tools/call",
        hides: |_, ada, bob| {
            Box::pin(async move {
                let own = ada.ask("tools/call", json!({"name": "garnet__crimson_desk", "arguments": {}})).await;
                assert!(own.text.contains("crimson_total"), "{own:?}");
                // Hints for a name that nobody has.
                let hints = bob.ask("tools/call", json!({"name": "desk", "arguments": {}})).await;
                assert!(hints.text.contains("unknown tool"), "{hints:?}");
                for name in ["plaza__stall", "__desk", "cobalt__navy_desk"] {
                    let _ = bob.ask("tools/call", json!({"name": name, "arguments": {}})).await;
                }
            })
        },
        keeps: |_, ada, bob| {
            Box::pin(async move {
                for (tool, name) in [
                    ("garnet__crimson_desk", GARNET),
                    ("garnet__echo", GARNET),
                    ("plaza__crimson_stall", CRIMSON),
                    ("plaza__crimson_stall_2", CRIMSON),
                ] {
                    alike(bob, "tools/call", json!({"name": tool, "arguments": {}}), name).await;
                    alike_in_session(bob, "tools/call", json!({"name": tool, "arguments": {}}), name).await;
                }
                one_name_in_the_header_and_another_in_the_body(bob).await;
                parked_questions(ada, bob).await;
                states_of_servers(ada, bob).await;
            })
        },
    }]
}

/// What decides is the body; where they differ, nothing is called.
async fn one_name_in_the_header_and_another_in_the_body(bob: &mut KeyClient) {
    let hidden = modern(1, "tools/call", json!({"name": "garnet__crimson_desk", "arguments": {}}));
    let own = modern(1, "tools/call", json!({"name": "cobalt__navy_desk", "arguments": {}}));
    for (message, name, method) in [
        (&hidden, "cobalt__navy_desk", "tools/call"),
        (&own, "garnet__crimson_desk", "tools/call"),
        (&hidden, "garnet__crimson_desk", "tools/list"),
        (&own, "cobalt__navy_desk", "tools/list"),
    ] {
        let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", method), ("mcp-name", name)];
        let answer = bob.post("/mcp", &headers, message).await;
        assert!(answer.status == 400 && !answer.text.contains("_total"), "{name} {method}: {answer:?}");
    }
    // The legacy era knows no such headers: they say nothing.
    let session = bob.session().await;
    for (tool, header, is_called) in
        [("garnet__crimson_desk", "cobalt__navy_desk", false), ("cobalt__navy_desk", "garnet__crimson_desk", true)]
    {
        let headers = [("mcp-session-id", session.as_str()), ("mcp-name", header), ("mcp-method", "tools/list")];
        let message = legacy(2, "tools/call", json!({"name": tool, "arguments": {}}));
        let answer = bob.post("/mcp", &headers, &message).await;
        assert_eq!(answer.text.contains("_total"), is_called, "{tool}: {answer:?}");
    }
}

/// A question that waits for one key, answered by another.
async fn parked_questions(ada: &mut KeyClient, bob: &mut KeyClient) {
    let call = json!({"name": "plaza__ask", "arguments": {}});
    let asked = ada.ask("tools/call", call.clone()).await.message();
    let state = asked["result"]["requestState"].as_str().unwrap_or_else(|| panic!("{asked}")).to_owned();
    let unknown = format!("exuvia-{}", "0".repeat(state.len() - "exuvia-".len()));
    let mut answers = Vec::new();
    for state in [&state, &unknown] {
        let mut back = call.clone();
        back["requestState"] = json!(state);
        back["inputResponses"] = json!({"question": {"action": "accept", "content": {"word": "bob"}}});
        answers.push(bob.ask("tools/call", back).await);
    }
    same(&answers[0], &answers[1], (&state, &unknown));
    let mut back = call;
    back["requestState"] = json!(state);
    back["inputResponses"] = json!({"question": {"action": "accept", "content": {"word": "ada"}}});
    let said = ada.ask("tools/call", back).await;
    assert!(said.text.contains("the client said") && said.text.contains("ada"), "it waited for its own: {said:?}");
}

/// The state that a server gave to the client of one key, brought back by that of another.
async fn states_of_servers(ada: &mut KeyClient, bob: &mut KeyClient) {
    let question = json!({"method": "elicitation/create",
        "params": {"message": "who?", "requestedSchema": {"type": "object", "properties": {}}}});
    let asks = json!({"resultType": "input_required", "inputRequests": {"q": question}, "requestState": "s"});
    let call = json!({"name": "forum__answer", "arguments": {"result": asks}});
    let asked = ada.ask("tools/call", call.clone()).await.message();
    let state = asked["result"]["requestState"].as_str().unwrap_or_else(|| panic!("{asked}")).to_owned();
    assert_ne!(state, "s", "else it could be guessed");
    let mut unknown = state.clone();
    let place = state.len() - 4;
    unknown.replace_range(place..=place, if &state[place..=place] == "A" { "B" } else { "A" });
    let mut answers = Vec::new();
    for state in [state.as_str(), &unknown, "s"] {
        let mut back = call.clone();
        back["requestState"] = json!(state);
        back["inputResponses"] = json!({"q": {"action": "accept", "content": {}}});
        answers.push(bob.ask("tools/call", back).await);
    }
    assert_eq!(answers[0].message()["error"]["code"], -32602, "{answers:?}");
    assert_eq!(answers[0].message(), answers[1].message());
    assert_eq!(answers[0].message(), answers[2].message());
}

fn reads() -> Vec<Row> {
    vec![
        Row {
            surface: "method resources/read",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    let own = ada.ask("resources/read", json!({"uri": "crimson://ledger"})).await;
                    assert!(own.text.contains("crimson text"), "{own:?}");
                    assert_eq!(own.message()["result"]["cacheScope"], "private", "whatever its server says");
                    let own = bob.ask("resources/read", json!({"uri": "navy://ledger"})).await;
                    assert!(own.text.contains("navy text"), "{own:?}");
                    let _ = bob.ask("resources/read", json!({"uri": "://ledger"})).await;
                })
            },
            keeps: hidden!("resources/read", json!({"uri": "crimson://ledger"}), CRIMSON;
                json!({"uri": "crimson://page/1"}), CRIMSON; json!({"uri": "crimson://page/{n}"}), CRIMSON),
        },
        Row {
            surface: "method prompts/get",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    let own = ada.ask("prompts/get", json!({"name": "garnet__crimson_brief"})).await;
                    assert!(own.text.contains("crimson"), "{own:?}");
                    let _ = bob.ask("prompts/get", json!({"name": "brief"})).await;
                    let _ = bob.ask("prompts/get", json!({"name": "cobalt__navy_brief"})).await;
                })
            },
            keeps: hidden!("prompts/get", json!({"name": "garnet__crimson_brief"}), GARNET),
        },
        Row {
            surface: "method completion/complete",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    let of = |name: &str| json!({"ref": {"type": "ref/prompt", "name": name}, "argument": {"name": "a", "value": ""}});
                    let own = ada.ask("completion/complete", of("garnet__crimson_brief")).await;
                    assert!(own.text.contains("crimson"), "{own:?}");
                    let _ = bob.ask("completion/complete", of("cobalt__navy_brief")).await;
                })
            },
            keeps: hidden!("completion/complete",
                json!({"ref": {"type": "ref/prompt", "name": "garnet__crimson_brief"}, "argument": {"name": "a", "value": ""}}), GARNET;
                json!({"ref": {"type": "ref/resource", "uri": "crimson://page/{n}"}, "argument": {"name": "n", "value": ""}}), CRIMSON),
        },
    ]
}

fn subscriptions() -> Vec<Row> {
    vec![
        Row {
            surface: "method resources/subscribe",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    for (client, uri) in [(ada, "crimson://ledger"), (bob, "navy://ledger")] {
                        let session = client.session().await;
                        let answer =
                            client.in_session(&session, &legacy(2, "resources/subscribe", json!({"uri": uri}))).await;
                        assert_eq!(answer.message()["result"], json!({}), "{answer:?}");
                    }
                })
            },
            keeps: |_, _, bob| {
                Box::pin(async move {
                    for uri in ["crimson://ledger", "crimson://page/2"] {
                        alike_in_session(bob, "resources/subscribe", json!({"uri": uri}), CRIMSON).await;
                    }
                })
            },
        },
        Row {
            surface: "method resources/unsubscribe",
            hides: nothing,
            keeps: |_, ada, bob| {
                Box::pin(async move {
                    let subscribe = legacy(2, "resources/subscribe", json!({"uri": "square://ledger"}));
                    let session = ada.session().await;
                    assert_eq!(ada.in_session(&session, &subscribe).await.message()["result"], json!({}));
                    let mut stream = super::routes::Stream::of(ada, &session).await;
                    alike_in_session(
                        bob,
                        "resources/unsubscribe",
                        json!({"uri": "square://ledger"}),
                        ("square", "squore"),
                    )
                    .await;
                    let touch = json!({"name": "plaza__touch", "arguments": {"uri": "square://ledger"}});
                    assert_eq!(bob.ask("tools/call", touch).await.status, 200);
                    stream.says("square://ledger").await;
                })
            },
        },
        Row {
            surface: "method subscriptions/listen",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    let mut listening = Vec::new();
                    for (client, uri) in [(&*ada, "crimson://ledger"), (&*bob, "navy://ledger")] {
                        listening.push(super::routes::Stream::listening(client, &[uri]).await);
                    }
                    let touch = json!({"name": "garnet__touch", "arguments": {"uri": "crimson://ledger"}});
                    assert_eq!(ada.ask("tools/call", touch).await.status, 200);
                    listening[0].says("notifications/resources/updated").await;
                    let told = listening[1].silent().await;
                    assert!(!told.contains("crimson") && !told.contains("updated"), "{told}");
                })
            },
            keeps: |_, ada, bob| {
                Box::pin(async move {
                    let mut heard = Vec::new();
                    for uri in ["crimson://ledger", "crimsun://ledger"] {
                        let mut stream = super::routes::Stream::listening(bob, &[uri]).await;
                        let touch = json!({"name": "garnet__touch", "arguments": {"uri": "crimson://ledger"}});
                        assert_eq!(ada.ask("tools/call", touch).await.status, 200);
                        heard.push(stream.silent().await.replace("crimson", "crimsun"));
                    }
                    assert!(!heard[0].contains("updated"), "{heard:?}");
                    assert_eq!(heard[0], heard[1]);
                })
            },
        },
    ]
}

/// A task of Ada's: its name.
pub(super) async fn task(ada: &mut KeyClient) -> String {
    let task = json!({"resultType": "task", "taskId": "t", "status": "working", "createdAt": "2026-07-28T00:00:00Z",
        "lastUpdatedAt": "2026-07-28T00:00:00Z", "ttlMs": null});
    let created =
        ada.ask("tools/call", json!({"name": "forum__answer", "arguments": {"result": task}})).await.message();
    created["result"]["taskId"].as_str().unwrap_or_else(|| panic!("{created}")).to_owned()
}

/// Bob has the name of Ada's task.
macro_rules! of_task {
    ($method:literal) => {
        |_, ada, bob| {
            Box::pin(async move {
                let name = task(ada).await;
                let mut unknown = name.clone();
                let place = name.len() - 4;
                unknown.replace_range(place..=place, if &name[place..=place] == "A" { "B" } else { "A" });
                let params = |name: &str| json!({"taskId": name, "inputResponses": {}});
                let hidden = bob.ask($method, params(&name)).await;
                same(&hidden, &bob.ask($method, params(&unknown)).await, (&name, &unknown));
                assert_eq!(hidden.message()["error"]["code"], -32602, "{hidden:?}");
                // The server's own name of it.
                assert_eq!(bob.ask($method, params("t")).await.message()["error"]["code"], -32602);
                let own = ada.ask($method, params(&name)).await.message();
                assert!(own["result"].is_object(), "{own}");
            })
        }
    };
}

fn tasks() -> Vec<Row> {
    vec![
        Row { surface: "method tasks/get", hides: nothing, keeps: of_task!("tasks/get") },
        Row { surface: "method tasks/update", hides: nothing, keeps: of_task!("tasks/update") },
        Row { surface: "method tasks/cancel", hides: nothing, keeps: of_task!("tasks/cancel") },
    ]
}

fn notifications() -> Vec<Row> {
    vec![
        // Notifies a pipe; over HTTP it does nothing.
        Row { surface: "handler on_initialized", hides: nothing, keeps: nothing },
        // What they find is in `functions.rs`.
        Row { surface: "handler list_skills", hides: both!("skills/list", json!({})), keeps: nothing },
        Row {
            surface: "handler get_skill",
            hides: nothing,
            keeps: hidden!("skills/get", json!({"uri": "skill://functions/crimson-tally/SKILL.md"}), CRIMSON;
                json!({"uri": "crimson"}), CRIMSON),
        },
        Row {
            surface: "handler on_cancelled",
            hides: nothing,
            keeps: |_, ada, bob| {
                Box::pin(async move {
                    let mut running = ada.again().await;
                    let work = tokio::spawn(async move {
                        running.run("import time\nfor _ in range(8):\n    common.echo(value=1)\n    time.sleep(0.1)\n'done'").await
                    });
                    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
                    let session = bob.session().await;
                    for id in 0..5 {
                        let cancel =
                            json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
                        assert_eq!(bob.in_session(&session, &cancel).await.status, 202);
                        let headers =
                            [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "notifications/cancelled")];
                        let _ = bob.post("/mcp", &headers, &cancel).await;
                    }
                    assert!(work.await.expect("no panic").contains("done"), "it is not cancelled");
                })
            },
        },
        Row {
            surface: "handler accepted_subscription_filter",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    for client in [ada, bob] {
                        let mut stream = super::routes::Stream::listening(client, &[]).await;
                        stream.says("acknowledged").await;
                    }
                })
            },
            keeps: nothing,
        },
        // The schema of a tool, by which headers are checked that repeat arguments.
        Row {
            surface: "handler get_tool",
            hides: nothing,
            keeps: |_, _, bob| {
                Box::pin(async move {
                    let mut answers = Vec::new();
                    for tool in ["garnet__crimson_desk", "garnot__crimson_desk"] {
                        let message = modern(1, "tools/call", json!({"name": tool, "arguments": {"value": "b"}}));
                        let headers = [
                            ("mcp-protocol-version", "2026-07-28"),
                            ("mcp-method", "tools/call"),
                            ("mcp-name", tool),
                            ("mcp-param-value", "a"),
                        ];
                        answers.push(bob.post("/mcp", &headers, &message).await);
                    }
                    same(&answers[0], &answers[1], GARNET);
                })
            },
        },
        Row {
            surface: "handler on_custom_request",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    for client in [ada, bob] {
                        let answer = client.ask("tools/find", json!({})).await;
                        assert_eq!(answer.message()["error"]["code"], -32601, "{answer:?}");
                    }
                })
            },
            keeps: hidden!("crimson/list", json!({"name": "garnet"}), GARNET),
        },
    ]
}
