//! Subscriptions to resources: one for each address on the connection that all share, however many clients are subscribed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use exuvia_gateway::{Mode, Profile, Profiles};
use exuvia_policy::{Policy, PolicySource, ServerRules};
use exuvia_runtime::Limits;
use exuvia_server::http::HttpConfig;
use exuvia_tests::{
    Client, Folder, HttpClient, PATIENCE, Served, Settings, built, direct_fake, events, initialize, modern_meta,
};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::time::timeout;

const ACCEPT: (&str, &str) = ("accept", "application/json, text/event-stream");
/// Longer than it takes to be told of a change.
const A_WHILE: Duration = Duration::from_millis(600);
const UPDATED: &str = "notifications/resources/updated";

/// `fake`, direct, under bare names.
async fn served(arguments: &[&str]) -> Served {
    let fake = direct_fake("fake", arguments);
    let profile = Profile::new([("fake".to_owned(), Mode::Direct)]).with_bare_names();
    let profiles = Some(Profiles { default: profile, named: Default::default() });
    let settings = Settings { profiles, ..Settings::default() };
    Served::over(vec![fake], HttpConfig::default(), Limits::default(), settings).await
}

/// A client up to 2025-11-25 that listens.
struct Session {
    client: HttpClient,
    /// What names of tools begin with.
    prefix: &'static str,
    id: String,
    stream: Incoming,
    read: String,
}

impl Session {
    async fn of(served: &Served) -> Self {
        Self::at(served.address, "").await
    }

    async fn at(address: SocketAddr, prefix: &'static str) -> Self {
        let mut client = HttpClient::connect(address).await;
        let id = client.session("/mcp", json!({})).await;
        let headers = [ACCEPT, ("mcp-session-id", id.as_str())];
        let stream = HttpClient::connect(address).await.begin("GET", "/mcp", &headers, "").await.into_body();
        Self { client, prefix, id, stream, read: String::new() }
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        let message = json!({"jsonrpc": "2.0", "id": 5, "method": method, "params": params});
        self.client.post_to("/mcp", &[("mcp-session-id", &self.id)], &message).await.message()
    }

    async fn subscribe(&mut self, address: &str) -> Value {
        self.ask("resources/subscribe", json!({ "uri": address })).await
    }

    async fn touch(&mut self, address: &str, times: u64) {
        let params = json!({"name": format!("{}touch", self.prefix), "arguments": {"uri": address, "times": times}});
        let answer = self.ask("tools/call", params).await;
        assert_eq!(answer["result"]["structuredContent"]["value"], "touched", "{answer}");
    }

    /// What the server was sent, as far as it has to do with subscriptions.
    async fn sent(&mut self) -> Vec<String> {
        let answer = self.ask("tools/call", json!({"name": format!("{}seen", self.prefix), "arguments": {}})).await;
        let seen = answer["result"]["structuredContent"]["seen"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let seen = seen.iter().filter_map(Value::as_str);
        seen.filter(|seen| ["subscri", "cancelled"].iter().any(|word| seen.contains(word))).map(str::to_owned).collect()
    }

    /// Waits until the server was sent this.
    async fn has_sent(&mut self, what: &str) {
        let begun = Instant::now();
        loop {
            let sent = self.sent().await;
            if sent.iter().any(|sent| sent.starts_with(what)) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {sent:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The changes that it is told of in a while.
    async fn told(&mut self) -> Vec<String> {
        let read = async {
            while let Some(Ok(frame)) = self.stream.frame().await {
                self.read.extend(frame.data_ref().map(|data| String::from_utf8_lossy(data).into_owned()));
            }
        };
        let _ = timeout(A_WHILE, read).await;
        updated(&std::mem::take(&mut self.read))
    }
}

fn updated(text: &str) -> Vec<String> {
    let updated = events(text).into_iter().filter(|event| event["method"] == UPDATED);
    updated.map(|event| event["params"]["uri"].as_str().expect("an address").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_is_notified_of_its_own_and_the_server_is_asked_once() {
    for era in ["legacy", "modern"] {
        let served = served(&["--subscribe", "--era", era]).await;
        let mut client = served.client().await;
        let opened = client.post_to("/mcp", &[], &initialize(json!({}))).await.message();
        assert_eq!(opened["result"]["capabilities"]["resources"]["subscribe"], true, "{opened}");
        let (mut a, mut b) = (Session::of(&served).await, Session::of(&served).await);
        for (is_a, address) in [(true, "x://a"), (false, "x://a"), (true, "x://b"), (true, "x://a")] {
            let answer = if is_a { &mut a } else { &mut b }.subscribe(address).await;
            assert_eq!(answer["result"], json!({}), "{era}: {answer}");
        }
        let sent = a.sent().await;
        let asked = |what: &str| sent.iter().filter(|sent| sent.starts_with(what)).count();
        match era {
            "legacy" => assert_eq!((asked("resources/subscribe x://a"), asked("resources/subscribe x://b")), (1, 1)),
            _ => assert_eq!(asked("subscriptions/listen"), 2, "{sent:?}"),
        }
        a.touch("x://b", 1).await;
        assert_eq!((a.told().await, b.told().await), (vec!["x://b".to_owned()], Vec::new()), "{era}");
        a.touch("x://a", 1).await;
        assert_eq!((a.told().await, b.told().await), (vec!["x://a".to_owned()], vec!["x://a".to_owned()]), "{era}");
        // A flood is told as what it is: one change after the other, and not each of them.
        let begun = Instant::now();
        a.touch("x://a", 20_000).await;
        let told = a.told().await.len();
        let most = usize::try_from(begun.elapsed().as_millis() / 100).expect("seconds") + 2;
        assert!((1..=most).contains(&told), "{era}: {told} in {:?}", begun.elapsed());
        b.told().await;
        // The remaining subscriber is still notified.
        assert_eq!(a.ask("resources/unsubscribe", json!({"uri": "x://a"})).await["result"], json!({}));
        a.touch("x://a", 1).await;
        assert_eq!((a.told().await, b.told().await), (Vec::new(), vec!["x://a".to_owned()]), "{era}");
        if era == "legacy" {
            assert!(!a.sent().await.iter().any(|sent| sent.starts_with("resources/unsubscribe x://a")));
        }
        // With the last one the server's goes as well.
        let headers = [("mcp-session-id", b.id.as_str())];
        assert_eq!(b.client.send("DELETE", "/mcp", &headers, "").await.status, 204);
        a.has_sent(if era == "legacy" { "resources/unsubscribe x://a" } else { "cancelled" }).await;
        a.touch("x://b", 1).await;
        assert_eq!(a.told().await, ["x://b"], "{era}");
        served.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_the_newer_era_is_notified_for_as_long_as_it_listens() {
    let served = served(&["--subscribe", "--era", "legacy"]).await;
    let mut other = Session::of(&served).await;
    let params = json!({"_meta": modern_meta(), "notifications": {"resourceSubscriptions": ["x://a"], "toolsListChanged": true}});
    let message = json!({"jsonrpc": "2.0", "id": 9, "method": "subscriptions/listen", "params": params}).to_string();
    let headers = [
        ACCEPT,
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "subscriptions/listen"),
    ];
    let mut client = served.client().await;
    let mut stream = client.begin("POST", "/mcp", &headers, &message).await.into_body();
    other.has_sent("resources/subscribe x://a").await;
    for address in ["x://b", "x://a"] {
        other.touch(address, 1).await;
    }
    let mut read = String::new();
    let told = async {
        while !read.contains(UPDATED) {
            let frame = stream.frame().await.expect("it goes on").expect("no error");
            read += &String::from_utf8_lossy(frame.data_ref().expect("data"));
        }
    };
    timeout(PATIENCE, told).await.expect("in time");
    let accepted = json!({"resourceSubscriptions": ["x://a"], "toolsListChanged": true});
    assert_eq!(events(&read)[0]["params"]["notifications"], accepted, "{read}");
    assert_eq!(updated(&read), ["x://a"]);
    assert_eq!(other.told().await, Vec::<String>::new());
    drop((stream, client));
    other.has_sent("resources/unsubscribe x://a").await;
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_impossible_subscription_is_an_error() {
    let without = served(&[]).await;
    let mut client = without.client().await;
    let opened = client.post_to("/mcp", &[], &initialize(json!({}))).await.message();
    assert_eq!(opened["result"]["capabilities"]["resources"], json!({}), "{opened}");
    let refused = Session::of(&without).await.subscribe("x://a").await;
    assert_eq!(refused["error"]["code"], -32601, "{refused}");
    assert!(refused["error"]["message"].to_string().contains("fake does not offer subscriptions"), "{refused}");
    without.end().await;

    let served = served(&["--subscribe", "--era", "legacy"]).await;
    let mut session = Session::of(&served).await;
    let refused = session.subscribe("x://refused").await;
    assert_eq!((&refused["error"]["code"], &refused["error"]["message"]), (&json!(-32002), &json!("no such resource")));
    let long = session.subscribe(&"x".repeat(3_000)).await;
    assert!(long["error"]["message"].to_string().contains("limited to 2048 bytes"), "{long}");
    for number in 0..128 {
        let answer = session.subscribe(&format!("x://{number}")).await;
        assert_eq!(answer["result"], json!({}), "{answer}");
    }
    let full = session.subscribe("x://128").await;
    assert!(full["error"]["message"].to_string().contains("subscriptions of one client"), "{full}");
    assert_eq!(session.subscribe("x://0").await["result"], json!({}), "what it has it may ask for again");
    // Others have their own.
    assert_eq!(Session::of(&served).await.subscribe("x://0").await["result"], json!({}));
    served.end().await;
}

/// What may be asked of `fake`.
fn under(served: &Served, auto_execute: &[&str], deny: &[&str]) {
    let list = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    let rules = ServerRules { auto_execute: list(auto_execute), deny: list(deny), ..ServerRules::default() };
    let source = PolicySource { servers: [("fake".to_owned(), rules)].into(), ..PolicySource::default() };
    served.gateway.gateway().set_policy(Policy::compile(source, ["fake"]).expect("a policy"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_permitted_like_a_read_and_ends_when_it_is_not_any_more() {
    let served = served(&["--subscribe"]).await;
    let mut session = Session::of(&served).await;
    under(&served, &["seen", "touch", "resources/read"], &[]);
    let held = session.subscribe("x://a").await;
    assert!(held["error"]["message"].to_string().contains("awaiting approval"), "{held}");
    under(&served, &["*"], &["resources/subscribe"]);
    let denied = session.subscribe("x://a").await;
    assert!(denied["error"]["message"].to_string().contains("may not be called"), "{denied}");
    assert!(session.sent().await.is_empty());
    under(&served, &["*"], &[]);
    assert_eq!(session.subscribe("x://a").await["result"], json!({}));
    session.touch("x://a", 1).await;
    assert_eq!(session.told().await, ["x://a"]);
    under(&served, &["seen", "touch"], &["resources/subscribe"]);
    // It is notified once, and never again.
    assert_eq!(session.told().await, ["x://a"]);
    session.touch("x://a", 1).await;
    assert_eq!(session.told().await, Vec::<String>::new());
    served.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovered_server_is_asked_again_and_clients_are_notified() {
    for era in ["legacy", "modern"] {
        let served = served(&["--subscribe", "--era", era]).await;
        let mut session = Session::of(&served).await;
        assert_eq!(session.subscribe("x://a").await["result"], json!({}), "{era}");
        session.ask("tools/call", json!({"name": "exit", "arguments": {}})).await;
        let begun = Instant::now();
        while session.told().await != ["x://a"] {
            assert!(begun.elapsed() < PATIENCE, "{era}");
        }
        session.has_sent(if era == "legacy" { "resources/subscribe x://a" } else { "subscriptions/listen" }).await;
        session.touch("x://a", 1).await;
        assert_eq!(session.told().await, ["x://a"], "{era}");
        served.end().await;
    }
}

/// The table of `fake`, direct. Another `trial` makes it another server.
fn table(trial: u32) -> String {
    let program = built("exuvia-fake-upstream");
    format!(
        "[servers.fake]\ncommand = {program:?}\nargs = ['--subscribe', '--era', 'legacy']\nmode = 'direct'\nauto_execute = ['*']\n\
         env = {{ TRIAL = '{trial}' }}\n"
    )
}

#[test]
fn over_stdio_a_client_is_notified_on_its_pipe_and_no_other_is() {
    let folder = Folder::new(&table(1));
    let start = || Client::legacy(&["--config", &folder.text("exuvia.toml")]);
    let mut clients = [start(), start()];
    for client in &mut clients {
        let subscribed = client.request("resources/subscribe", json!({"uri": "x://a"}));
        assert_eq!(subscribed["result"], json!({}), "{subscribed}");
    }
    clients[0].ask("tools/call", json!({"name": "fake__touch", "arguments": {"uri": "x://a"}}));
    let came = [clients[0].message(), clients[0].message()];
    let told = came.iter().find(|message| message["method"] == UPDATED).unwrap_or_else(|| panic!("{came:?}"));
    assert_eq!(told["params"]["uri"], "x://a", "{told}");
    let answer = clients[0].request("resources/unsubscribe", json!({"uri": "x://a"}));
    assert_eq!(answer["result"], json!({}), "{answer}");
    for address in ["x://a", "x://b"] {
        clients[0].call("fake__touch", json!({ "uri": address }));
    }
    std::thread::sleep(A_WHILE);
    let ids = clients.each_mut().map(|client| client.ask("ping", json!({})));
    for (client, id) in clients.iter_mut().zip(ids) {
        // Nothing else has come.
        assert_eq!(client.message()["id"], id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_follow_to_the_server_that_replaces_theirs() {
    let folder = Folder::new(&table(1));
    let daemon = folder.serve(&[]).await;
    let mut session = Session::at(daemon.address(), "fake__").await;
    assert_eq!(session.subscribe("x://a").await["result"], json!({}));
    folder.write("exuvia.toml", &table(2));
    let begun = Instant::now();
    // It is notified, since the resource may have changed meanwhile; then the other server notifies it.
    while session.told().await != ["x://a"] {
        assert!(begun.elapsed() < PATIENCE, "{:?}", daemon.said());
    }
    session.has_sent("resources/subscribe x://a").await;
    session.touch("x://a", 1).await;
    assert_eq!(session.told().await, ["x://a"]);
}
