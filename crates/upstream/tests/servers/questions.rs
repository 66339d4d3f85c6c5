//! Questions of servers of the older protocol, and whom they are handed to.

use std::time::Duration;

use exuvia_config::UpstreamLimits;
use exuvia_mcp_client::{Abilities, InterimMessage, Question, RelayOptions, Relayed};
use exuvia_tool::{CallContext, CallError};
use exuvia_upstream::Upstreams;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::fake::{self, LIMITS, gone, permit};
use crate::life::{Dir, becomes};

const SOON: Duration = Duration::from_secs(10);

/// A call of a client in flight.
struct Asking {
    answer: JoinHandle<Result<Relayed, CallError>>,
    interim: mpsc::Receiver<InterimMessage>,
}

fn client(name: &str) -> CallContext {
    fake::caller().of_client(name.into())
}

fn ask(upstreams: &Upstreams, name: &str, tool: &str) -> Asking {
    let (told, interim) = mpsc::channel(16);
    let can = Abilities { elicitation: true, ..Abilities::default() };
    let options = RelayOptions { interim: Some(told), can, ..RelayOptions::default() };
    let relayed = upstreams.routes().relay(permit("fake", tool, "{}"), client(name), LIMITS, options);
    Asking { answer: tokio::spawn(relayed), interim }
}

impl Asking {
    /// The question that the client is asked.
    async fn question(&mut self) -> Question {
        match timeout(SOON, self.interim.recv()).await.expect("a question in time") {
            Some(InterimMessage::Question(question)) => question,
            other => panic!("{other:?}"),
        }
    }

    /// What the server said in the end.
    async fn said(self) -> String {
        match timeout(SOON, self.answer).await.expect("an answer in time").unwrap() {
            Ok(Relayed::Result(_, result)) => result.as_str().replace('\\', ""),
            other => panic!("{other:?}"),
        }
    }
}

fn answer(question: Question, word: &str) {
    question
        .answer(exuvia_tool::Json::parse(format!(r#"{{"action":"accept","content":{{"word":"{word}"}}}}"#)).unwrap());
}

async fn started(dir: &Dir, limits: UpstreamLimits) -> Upstreams {
    dir.write("args", "--era legacy");
    let mut config = dir.server("fake");
    config.direct = true;
    Upstreams::start(vec![config], limits).await
}

fn pids(dir: &Dir) -> Vec<i64> {
    dir.lines("starts").iter().map(|pid| pid.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_question_goes_to_the_client_whose_call_it_is_or_to_nobody() {
    let dir = Dir::new("questions");
    let upstreams = started(&dir, UpstreamLimits::default()).await;
    // Whoever is alone with the server is asked.
    let mut a = ask(&upstreams, "a", "ask");
    answer(a.question().await, "first");
    assert!(a.said().await.contains(r#""word":"first""#));
    let mut a = ask(&upstreams, "a", "ask");
    let open = a.question().await;
    // Another client's question is not for the one who has one open.
    let mut b = ask(&upstreams, "b", "ask");
    assert!(timeout(SOON, &mut b.answer).await.unwrap().unwrap().is_ok());
    assert!(b.interim.try_recv().is_err() && a.interim.try_recv().is_err());
    answer(open, "of a");
    assert!(a.said().await.contains(r#""word":"of a""#));
    assert_eq!(pids(&dir).len(), 1);
    // From then on each has a connection of its own, and waits for nobody else.
    let mut b = ask(&upstreams, "b", "ask");
    let open = b.question().await;
    let mut a = ask(&upstreams, "a", "ask");
    answer(a.question().await, "again of a");
    assert!(a.said().await.contains(r#""word":"again of a""#));
    answer(open, "of b");
    assert!(b.said().await.contains(r#""word":"of b""#));
    let started = pids(&dir);
    assert_eq!(started.len(), 3);
    upstreams.routes().client_gone(&"b".into());
    assert!(gone(&started[1..2], SOON).await);
    assert!(fake::runs(started[0]) && fake::runs(started[2]));
    upstreams.shutdown().await;
}

#[tokio::test]
async fn late_calls_of_a_client_that_is_gone_share_a_connection_that_does_not_stay() {
    let dir = Dir::new("late");
    // Idle connections are looked for four times in this time.
    let idle = Duration::from_secs(8);
    let limits = UpstreamLimits { key_idle_ms: 8_000, ..UpstreamLimits::default() };
    let upstreams = started(&dir, limits).await;
    let calls = async |client| {
        for _ in 0..2 {
            let mut call = ask(&upstreams, client, "ask");
            answer(call.question().await, client);
            assert!(call.said().await.contains(client));
        }
    };
    // With a question open, everybody else has a connection of their own.
    let mut first = ask(&upstreams, "a", "ask");
    let open = first.question().await;
    ask(&upstreams, "b", "ask").answer.await.unwrap().unwrap();
    for client in ["b", "c"] {
        upstreams.routes().client_gone(&client.into());
    }
    upstreams.routes().client_returned(&"c".into());
    calls("b").await;
    calls("c").await;
    let started = pids(&dir);
    assert_eq!(started.len(), 3);
    assert!(gone(&started[1..2], idle * 3 / 4).await);
    assert!(fake::runs(started[0]) && fake::runs(started[2]));
    answer(open, "of a");
    assert!(first.said().await.contains("of a"));
    upstreams.shutdown().await;
}

#[tokio::test]
async fn the_calls_of_one_client_that_is_asked_go_one_by_one() {
    let dir = Dir::new("one-by-one");
    let upstreams = started(&dir, UpstreamLimits::default()).await;
    for name in ["a", "b"] {
        ask(&upstreams, name, "ask").answer.abort();
        let mut asking = ask(&upstreams, name, "ask");
        let asked = timeout(Duration::from_millis(500), asking.interim.recv()).await;
        drop(asked);
    }
    let mut first = ask(&upstreams, "b", "ask");
    let open = first.question().await;
    let mut second = ask(&upstreams, "b", "ask");
    // It waits, and says for what.
    match timeout(SOON, second.interim.recv()).await.expect("word of it in time") {
        Some(InterimMessage::Progress(told)) => assert!(told.as_str().contains("another call of yours"), "{told:?}"),
        other => panic!("{other:?}"),
    }
    assert!(timeout(Duration::from_millis(300), second.interim.recv()).await.is_err());
    // Nobody else waits.
    let mut other = ask(&upstreams, "c", "ask");
    answer(other.question().await, "of c");
    assert!(other.said().await.contains("of c"));
    answer(open, "one");
    assert!(first.said().await.contains("one"));
    answer(second.question().await, "two");
    assert!(second.said().await.contains("two"));
    upstreams.shutdown().await;
}

#[tokio::test]
async fn while_a_client_is_asked_its_call_holds_no_place_that_others_wait_for() {
    let served = fake::Served::new(&["--era", "legacy"]);
    let mut config = served.config("fake");
    config.direct = true;
    let limits = UpstreamLimits { calls_in_flight: 1, ..UpstreamLimits::default() };
    let upstreams = Upstreams::start(vec![config], limits).await;
    // On the stream of a request it is certain whose question it is.
    let mut asked = Vec::new();
    for name in ["a", "b", "c"] {
        let mut asking = ask(&upstreams, name, "ask");
        asked.push((asking.question().await, asking));
    }
    assert!(fake::call(&upstreams, "echo", r#"{"value": 1}"#).await.is_ok());
    for (question, asking) in asked {
        drop(question);
        assert!(asking.said().await.contains("decline"));
    }
    upstreams.shutdown().await;
}

#[tokio::test]
async fn connections_of_clients_are_bounded_and_end_when_they_are_idle() {
    let dir = Dir::new("bounded");
    let limits = UpstreamLimits { connections: 1, key_idle_ms: 400, ..UpstreamLimits::default() };
    let upstreams = started(&dir, limits).await;
    let hanging = ask(&upstreams, "a", "hang");
    becomes(|| pids(&dir).len() == 1).await;
    ask(&upstreams, "b", "ask").said().await;
    // Both tools may have asked now. For the one that did there is one connection.
    let mut b = ask(&upstreams, "b", "ask");
    answer(b.question().await, "of b");
    assert!(b.said().await.contains("of b"));
    let mut b = ask(&upstreams, "b", "ask");
    let open = b.question().await;
    let refused = timeout(SOON, ask(&upstreams, "c", "ask").answer).await.unwrap().unwrap();
    assert!(matches!(&refused, Err(CallError::LimitReached { limit, .. }) if limit == "connections"), "{refused:?}");
    // The one that did not is not kept from its server by that.
    let mut beside = ask(&upstreams, "d", "hang");
    assert!(timeout(Duration::from_millis(500), &mut beside.answer).await.is_err());
    answer(open, "of b");
    assert!(b.said().await.contains("of b"));
    let started = pids(&dir);
    assert!(gone(&started[1..], SOON).await, "{started:?}");
    assert!(fake::runs(started[0]));
    hanging.answer.abort();
    beside.answer.abort();
    upstreams.shutdown().await;
}
