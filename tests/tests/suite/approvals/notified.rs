//! Notifications of approvals that wait: what a webhook and the desktop of a daemon receive, and what becomes of runs meanwhile.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use exuvia_tests::{Daemon, HttpClient, built};
use exuvia_tool::locked;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use ring::hmac;
use serde_json::Value;
use tokio::net::TcpListener;

use super::served::{Place, one_pending, pending, run_in};
use super::*;

/// 30 bytes of base64 behind the prefix, which say `s3cret` over and over.
const SECRET: &str = "whsec_czNjcmV0czNjcmV0czNjcmV0czNjcmV0czNjcmV0";
const KEY: &[u8] = b"s3crets3crets3crets3crets3cret";
const LOST: &str = "exuvia_approval_notifications_lost_total";

struct Received {
    headers: HeaderMap,
    body: String,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("{name}")).to_str().expect("ASCII")
    }

    fn verify(&self) {
        use base64::Engine as _;
        let (id, timestamp) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let age_s = now_ms() / 1_000 - timestamp.parse::<u64>().expect("seconds");
        assert!(age_s < 60, "{age_s}");
        let signature = self.header("webhook-signature").strip_prefix("v1,").expect("a version");
        let signature = base64::prelude::BASE64_STANDARD.decode(signature).expect("base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, KEY);
        let signed = format!("{id}.{timestamp}.{}", self.body);
        hmac::verify(&key, signed.as_bytes(), &signature).expect("the signature of this message");
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A receiver of messages.
struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// Answers the n-th request with this status. None: never.
    async fn new(answer: fn(usize) -> Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (address, received) = (listener.local_addr().expect("an address"), Arc::default());
        let kept: Arc<Mutex<Vec<Received>>> = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                let service = service_fn(move |request| receive(request, Arc::clone(&kept), answer));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, received }
    }

    fn config(&self) -> String {
        format!("[approvals]\nwebhook = 'http://{}/path-t0ken?t0ken'\nwebhook_secret = '{SECRET}'\n", self.address)
    }

    async fn has(&self, count: usize) -> usize {
        let begun = Instant::now();
        loop {
            let has = locked(&self.received).len();
            if has >= count {
                return has;
            }
            assert!(begun.elapsed() < PATIENCE, "{has} of {count} messages");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn receive(
    request: Request<Incoming>,
    kept: Arc<Mutex<Vec<Received>>>,
    answer: fn(usize) -> Option<u16>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    assert_eq!((request.method().as_str(), request.uri().to_string().as_str()), ("POST", "/path-t0ken?t0ken"));
    let headers = request.headers().clone();
    let body = request.into_body().collect().await.expect("a body").to_bytes();
    let body = String::from_utf8(body.to_vec()).expect("UTF-8");
    let index = {
        let mut kept = locked(&kept);
        kept.push(Received { headers, body });
        kept.len() - 1
    };
    let Some(status) = answer(index) else { return std::future::pending().await };
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status.try_into().expect("a status");
    Ok(response)
}

async fn execute(daemon: &Daemon, code: &str) -> String {
    HttpClient::connect(daemon.address()).await.execute(code).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_gets_a_signed_message_until_it_takes_it_with_nothing_private_in_it() {
    let receiver = Receiver::new(|index| Some(if index < 2 { 500 } else { 204 })).await;
    let place = Place::new(&receiver.config());
    let daemon = place.serve().await;
    let run = run_in(&execute(&daemon, "# comm3nt\nresult = fake.echo(value='argum3nt')['value']").await);
    receiver.has(3).await;
    let approval = one_pending(&place.store()).await;
    daemon.says("notification of an approval failed", 1).await;
    let clock_of = |ms: u64| {
        let seconds = ms / 1_000;
        (seconds % 60, seconds / 60 % 60, seconds / 3_600 % 24)
    };
    for message in locked(&receiver.received).iter() {
        message.verify();
        assert_eq!(message.header("webhook-id"), approval.id.as_str());
        assert_eq!(message.header("content-type"), "application/json");
        let mut body = message.json();
        let (second, minute, hour) = clock_of(approval.expires_ms);
        let expires = body["data"]["expires"].take();
        let clock = format!("T{hour:02}:{minute:02}:{second:02}Z");
        assert!(expires.as_str().is_some_and(|expires| expires.ends_with(&clock)), "{expires} {clock}");
        assert!(body["timestamp"].take().as_str().is_some_and(|time| time.len() == 20 && time.ends_with('Z')));
        let link = body["data"]["link"].take();
        let page = format!("/approve/{}#t={run}.", approval.id);
        assert!(link.as_str().is_some_and(|link| link.contains(&page)), "{link}");
        let data = json!({"approval": approval.id.as_str(), "run": run.as_str(), "principal": "operator",
            "server": "fake", "tool": "echo", "expires": null, "link": null});
        assert_eq!(body, json!({"type": "approval.waiting", "timestamp": null, "data": data}));
        for private in ["argum3nt", "comm3nt", "s3cret", "czNjcmV0"] {
            assert!(!message.body.contains(private), "{}", message.body);
        }
    }
    let metrics = daemon.metrics().await;
    assert!(metrics.contains(&format!("{LOST} 0")), "{metrics}");
    let log = daemon.said().join("\n");
    assert!(log.contains("HTTP 500"), "{log}");
    for private in ["argum3nt", "comm3nt", "s3cret", "czNjcmV0", "t0ken", "v1,"] {
        assert!(!log.contains(private), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_refused_is_not_sent_again_and_counted() {
    let receiver = Receiver::new(|_| Some(403)).await;
    let place = Place::new(&receiver.config());
    let daemon = place.serve().await;
    execute(&daemon, "fake.echo(value='x')").await;
    receiver.has(1).await;
    daemon.says("HTTP 403", 1).await;
    // The second attempt would come after 500 ms.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(receiver.has(1).await, 1);
    let metrics = daemon.metrics().await;
    assert!(metrics.contains(&format!("{LOST} 1")), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_hangs_holds_up_no_run() {
    let receiver = Receiver::new(|_| None).await;
    let place = Place::new(&receiver.config());
    let daemon = place.serve().await;
    let (store, begun) = (place.store(), Instant::now());
    for round in 0..8 {
        let run = run_in(&execute(&daemon, &format!("result = fake.echo(value='{round}')['value']")).await);
        let approval = one_pending(&store).await;
        store.answer(&approval.id, true, &answer(&approval, None)).await.expect("answered");
        let result = place.ends(&run).await.result.map(|result| result.as_str().to_owned());
        assert_eq!(result, Some(format!("\"{round}\"")));
    }
    receiver.has(4).await;
    // One request takes 10 s until it is given up.
    assert!(begun.elapsed() < Duration::from_secs(10 * 8 / 2), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_approval_is_notified_of_once_also_when_its_run_comes_back_and_waits_further() {
    let receiver = Receiver::new(|_| Some(200)).await;
    let place = Place::new(&receiver.config());
    let daemon = place.serve().await;
    let store = place.store();
    let code = "import asyncio\nasync def one(n):\n    try:\n        return (await fake.echo(value=n))['value']\n    \
                except ToolDenied:\n        return 'denied'\nresult = await asyncio.gather(one('a'), one('b'))";
    let run = run_in(&execute(&daemon, code).await);
    assert_eq!(receiver.has(2).await, 2);
    let both = pending(&store).await;
    store.answer(&both[0].id, false, &answer(&both[0], None)).await.expect("answered");
    let begun = Instant::now();
    // The run comes back for the denial, and waits for the other one again.
    while !daemon.metrics().await.contains("exuvia_runs_parked_total 2") {
        assert!(begun.elapsed() < PATIENCE, "{}", daemon.metrics().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    store.answer(&both[1].id, true, &answer(&both[1], None)).await.expect("answered");
    place.ends(&run).await;
    let ids: Vec<_> = locked(&receiver.received).iter().map(|one| one.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), both.iter().map(|one| one.id.to_string()).collect());
}

/// A script whose server asks something in the middle of a call, and a page where that is answered.
const ASKS: &str = "fake.ask(params={'message': 'm3ssage?', 'requestedSchema': {'type': 'object', 'properties': {'size': {'type': 'string'}}}})";

#[tokio::test(flavor = "multi_thread")]
async fn a_question_of_a_server_reaches_the_webhook_and_the_desktop_without_what_it_asks() {
    let receiver = Receiver::new(|_| Some(200)).await;
    let place = Place::new(&format!("{}desktop = true\n", receiver.config()));
    place.lists(&["ask"]);
    let shown = place.path("shown");
    let daemon = place.serve_by(shows_in(&place, &shown)).await;
    let script = tokio::spawn(daemon.run(ASKS));
    receiver.has(1).await;
    let text = read_when_there(&shown).await;
    {
        let received = locked(&receiver.received);
        received[0].verify();
        let body = received[0].json();
        assert_eq!(
            (&body["type"], &body["data"]["server"], &body["data"]["tool"], &body["data"]["principal"]),
            (&json!("question.waiting"), &json!("fake"), &json!("ask"), &json!("operator")),
            "{body}"
        );
        let question = received[0].header("webhook-id");
        assert_eq!(body["data"]["question"], question);
        let link = body["data"]["link"].as_str().expect("a link");
        assert!(link.contains(&format!("/question/{question}#t=")), "{link}");
        assert!(!received[0].body.contains("m3ssage"), "{body}");
    }
    assert!(text.contains("fake.ask asks a person, until 20") && !text.contains("m3ssage"), "{text}");
    script.abort();
}

/// The program in the place of the system's that shows notifications: writes what it is given to a file.
fn shows_in(place: &Place, shown: &Path) -> Command {
    let programs = place.path("programs");
    fs::create_dir(&programs).expect("a folder");
    let program = programs.join("notify-send");
    let source =
        format!("#!/bin/sh\n{{ printf '%s\\n' \"$@\"; env; }} > {shown:?}.part\nmv {shown:?}.part {shown:?}\n");
    fs::write(&program, source).expect("a program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("executable");
    let mut command = Command::new(built("exuvia"));
    let path = std::env::var("PATH").expect("a path");
    command.env("PATH", format!("{}:{path}", programs.display())).env("CRM_TOKEN", "s3cret");
    command
}

async fn read_when_there(file: &Path) -> String {
    let begun = Instant::now();
    loop {
        match fs::read_to_string(file) {
            Ok(text) => return text,
            Err(_) => assert!(begun.elapsed() < PATIENCE, "nothing is shown"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desktop_shows_what_waits_by_a_program_that_gets_text_and_no_secret() {
    let place = Place::new("[approvals]\ndesktop = true\n");
    let shown = place.path("shown");
    let daemon = place.serve_by(shows_in(&place, &shown)).await;
    execute(&daemon, "fake.echo(value='argum3nt')").await;
    let text = read_when_there(&shown).await;
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..3], ["--app-name=Exuvia", "--", "Exuvia: a call waits for a person"], "{text}");
    assert!(lines[3].starts_with("fake.echo, until 20") && lines[3].ends_with("Z, asked by operator"), "{text}");
    assert!(!text.contains("s3cret") && !text.contains("argum3nt"), "{text}");
}
