//! Routes of HTTP.

use std::time::Duration;

use exuvia_tests::{HttpClient, KeyClient, modern};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::json;
use tokio::time::timeout;

use super::world::same;
use super::{Row, nothing};

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            surface: "route /healthz",
            hides: |world, ada, bob| {
                Box::pin(async move {
                    let [ada, bob] =
                        [ada.send("GET", "/healthz", &[], "").await, bob.send("GET", "/healthz", &[], "").await];
                    let mut nobody = HttpClient::connect(world.daemon().address()).await;
                    let nobody = nobody.send("GET", "/healthz", &[], "").await;
                    assert!(ada.text == "ok\n" && bob.text == ada.text && nobody.text == ada.text);
                })
            },
            keeps: nothing,
        },
        // There is no identity provider: it is as if there were no such path, for whomever.
        Row {
            surface: "route /.well-known/oauth-protected-resource",
            hides: |world, ada, bob| {
                Box::pin(async move {
                    let path = "/.well-known/oauth-protected-resource/mcp";
                    let mut nobody = HttpClient::connect(world.daemon().address()).await;
                    let nobody = nobody.send("GET", path, &[], "").await;
                    assert_eq!(nobody.status, 404);
                    for client in [ada, bob] {
                        assert_eq!(client.send("GET", path, &[], "").await.text, nobody.text);
                    }
                })
            },
            keeps: nothing,
        },
        Row {
            surface: "route /readyz",
            hides: |world, ada, bob| {
                Box::pin(async move {
                    let mut nobody = HttpClient::connect(world.daemon().address()).await;
                    let nobody = nobody.send("GET", "/readyz", &[], "").await;
                    for client in [ada, bob] {
                        assert_eq!(client.send("GET", "/readyz", &[], "").await.text, nobody.text);
                    }
                })
            },
            keeps: nothing,
        },
        Row {
            surface: "route /metrics",
            hides: |world, ada, bob| {
                Box::pin(async move {
                    for client in [ada, bob] {
                        let refused = client.send("GET", "/metrics", &[], "").await;
                        assert_eq!(refused.status, 403, "{refused:?}");
                    }
                    let metrics = world.client("mon").await.send("GET", "/metrics", &[], "").await;
                    assert!(metrics.status == 200 && metrics.text.contains("ruby"), "whose role may read them");
                })
            },
            keeps: nothing,
        },
        Row {
            surface: "route /mcp",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    // A stream of one is silent about what the other does.
                    let (session, other) = (ada.session().await, bob.session().await);
                    let mut stream = bob.listen(&other).await.into_body();
                    let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call",
                        "params": {"name": "garnet__echo", "arguments": {"value": "crimson"}, "_meta": {"progressToken": 1}}});
                    assert_eq!(ada.in_session(&session, &call).await.status, 200);
                    let told = timeout(Duration::from_millis(500), async {
                        while let Some(Ok(frame)) = stream.frame().await {
                            let text = String::from_utf8_lossy(frame.data_ref().expect("data")).into_owned();
                            assert!(!text.contains("jsonrpc"), "{text}");
                        }
                    });
                    assert!(told.await.is_err(), "the stream is open, and silent");
                })
            },
            keeps: |_, ada, bob| {
                Box::pin(async move {
                    let (session, unknown) = (ada.session().await, "00000000-0000-0000-0000-000000000000");
                    assert_eq!(session.len(), unknown.len());
                    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}).to_string();
                    let message =
                        [("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
                    let events = [("accept", "text/event-stream")];
                    let resumed = [("accept", "text/event-stream"), ("last-event-id", "0/0")];
                    let latest = [("accept", "text/event-stream"), ("last-event-id", "0")];
                    for (method, headers, body) in [
                        ("POST", &message[..], list.as_str()),
                        ("GET", &events, ""),
                        ("GET", &resumed, ""),
                        ("GET", &latest, ""),
                        ("DELETE", &[], ""),
                    ] {
                        let mut answers = Vec::new();
                        for session in [session.as_str(), unknown] {
                            let headers = [headers, &[("mcp-session-id", session)]].concat();
                            answers.push(bob.send(method, "/mcp", &headers, body).await);
                        }
                        assert_eq!(answers[0].status, 404, "{method}: {answers:?}");
                        same(&answers[0], &answers[1], (&session, unknown));
                    }
                    let list = json!({"jsonrpc": "2.0", "id": 3, "method": "tools/list"});
                    assert_eq!(ada.in_session(&session, &list).await.status, 200, "it is there");
                })
            },
        },
        Row {
            surface: "route /mcp/{profile}",
            hides: |_, ada, bob| {
                Box::pin(async move {
                    assert_eq!(ada.ask_at("/mcp/scarlet", "tools/list", json!({})).await.status, 200);
                    assert_eq!(bob.ask_at("/mcp/marine", "tools/list", json!({})).await.status, 200);
                })
            },
            keeps: |_, _, bob| {
                Box::pin(async move {
                    // A profile in which a key sees nothing.
                    let hidden = bob.ask_at("/mcp/scarlet", "tools/list", json!({})).await;
                    assert_eq!(hidden.status, 404, "{hidden:?}");
                    same(&hidden, &bob.ask_at("/mcp/scarlot", "tools/list", json!({})).await, ("scarlet", "scarlot"));
                })
            },
        },
    ]
}

/// A stream of events that a client reads.
pub(super) struct Stream {
    body: Incoming,
    read: String,
}

impl Stream {
    /// That of a session.
    pub(super) async fn of(client: &KeyClient, session: &str) -> Self {
        let answer = client.listen(session).await;
        assert_eq!(answer.status(), 200);
        Self { body: answer.into_body(), read: String::new() }
    }

    /// That of a request of the modern era, which listens to changes of tools and of these resources.
    pub(super) async fn listening(client: &KeyClient, resources: &[&str]) -> Self {
        let wanted = json!({"toolsListChanged": true, "resourceSubscriptions": resources});
        let message = modern(9, "subscriptions/listen", json!({"notifications": wanted})).to_string();
        let headers = [
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "subscriptions/listen"),
        ];
        let answer = client.begin("POST", "/mcp", &headers, &message).await;
        Self { body: answer.into_body(), read: String::new() }
    }

    /// Reads until this has been said.
    pub(super) async fn says(&mut self, word: &str) {
        let read = async {
            while !self.read.contains(word) {
                let frame = self.body.frame().await.unwrap_or_else(|| panic!("the stream ends: {}", self.read));
                self.read += &String::from_utf8_lossy(frame.expect("a frame").data_ref().expect("data"));
            }
        };
        timeout(Duration::from_secs(20), read).await.unwrap_or_else(|_| panic!("no {word}"));
    }

    /// What has been said, and is said in a while.
    pub(super) async fn silent(&mut self) -> String {
        let read = async {
            while let Some(Ok(frame)) = self.body.frame().await {
                self.read.extend(frame.data_ref().map(|data| String::from_utf8_lossy(data).into_owned()));
            }
        };
        let _ = timeout(Duration::from_millis(600), read).await;
        self.read.clone()
    }
}
