//! Many clients of both eras with direct servers that ask, change, lie, hang and crash. Each answer that a client gets must be
//! its own, and in the end everything must be as it was at the start.

mod legacy;
mod modern;

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{Daemon, Folder, WebServer, built, children, measured};

/// How long anything may take that is waited for at the end: the longest call, and the closing of servers.
const SETTLING: Duration = Duration::from_secs(60);
/// How long a question waits, and a call.
const CLOCKS: &str = "question_timeout_ms = 2000\ncall_timeout_ms = 6000\n";
/// Descriptors that may differ at the end: sockets of the last requests that are closing.
const DESCRIPTORS: usize = 8;
/// What the daemon counts of its clients, and is nothing without them.
const OPEN: [&str; 4] =
    ["exuvia_http_sessions", "exuvia_questions_open", "exuvia_direct_requests_in_flight", "exuvia_runs_in_flight"];
/// What clients do to each of these servers.
const SERVERS: [(&str, &str); 5] = [
    ("old", "\"--era\", \"legacy\""),
    ("crashing", "\"--era\", \"legacy\", \"--crash-every\", \"61\""),
    ("changing", "\"--era\", \"legacy\", \"--change-every\", \"900\""),
    ("new", "\"--era\", \"modern\""),
    ("loud", "\"--garbage\", \"--malformed\", \"--stderr\", \"e\""),
];
/// The same over HTTP, started by the trial.
const WEB: [(&str, &[&str]); 2] = [("web", &["--era", "legacy"]), ("webnew", &["--era", "modern"])];

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct DirectLoad {
    /// Requests that were answered, each with what belongs to its client.
    pub answers: usize,
    /// Questions that clients were asked, each by their own calls.
    pub questions: usize,
    /// What the daemon's memory grew by in the second half of the time.
    pub growth_bytes: i64,
    /// What the daemon holds when all clients are gone, beyond what it held before the first came.
    pub left_bytes: i64,
    /// The most sessions, questions and requests that were open at a time, as far as somebody looked.
    pub most_open: [usize; OPEN.len()],
}

/// Chance that is the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit
    }
}

/// One client: what is its own, and what it has seen.
struct Seat {
    number: usize,
    turn: usize,
    requests: usize,
    dice: Dice,
    seen: DirectLoad,
}

impl Seat {
    /// A text that only this client sends, another one each time.
    fn tag(&mut self) -> String {
        self.turn += 1;
        format!("tag-{}-{}.", self.number, self.turn)
    }

    /// A number for a request.
    fn number_of_request(&mut self) -> usize {
        self.requests += 1;
        self.requests
    }

    /// Looks at everything that came back: nothing of it may be of another client.
    fn look(&self, text: &str) {
        for rest in text.split("tag-").skip(1) {
            let whose = rest.split('-').next().unwrap_or_default();
            assert_eq!(whose, self.number.to_string(), "client {} was shown: {text:.2000}", self.number);
        }
    }

    /// Looks at an answer to a call that was made with this tag: it is this call's, or a failure.
    fn answered(&mut self, tag: &str, has_tag: bool, answer: &Value) {
        let text = answer.to_string();
        self.look(&text);
        self.seen.answers += 1;
        let has_failed = answer.get("error").is_some() || answer["result"]["isError"] == true;
        assert!(!has_tag || has_failed || text.contains(tag), "client {} got for {tag}: {text:.2000}", self.number);
    }

    /// Looks at a question: it is about the call with this tag, and names its server.
    fn asked(&mut self, tag: &str, server: &str, params: &Value) {
        let text = params.to_string();
        self.look(&text);
        self.seen.questions += 1;
        let message = params["message"].as_str().unwrap_or_default();
        assert!(message.starts_with(&format!("{server} asks:\n")), "{text}");
        assert!(message.contains(tag), "client {} was asked for {tag}: {text:.2000}", self.number);
    }

    /// Looks at what became of a call that was asked about: what was accepted was accepted by this client, for this call.
    fn said(&mut self, tag: &str, answer: &Value) {
        self.answered(tag, false, answer);
        let text = answer.to_string().replace('\\', "");
        assert!(
            !text.contains(r#""action":"accept""#) || text.contains(tag),
            "client {} for {tag}: {text}",
            self.number
        );
    }

    /// One of the servers.
    fn server(&mut self) -> &'static str {
        let all: Vec<_> = SERVERS.iter().map(|(name, _)| *name).chain(WEB.iter().map(|(name, _)| *name)).collect();
        all[self.dice.below(all.len())]
    }

    /// A call that no question comes of: its tool's name and arguments, and whether its tag is in the answer.
    fn plain_call(&mut self, tag: &str) -> (String, Value, bool) {
        let server = self.server();
        let text = json!({"type": "text", "text": tag});
        let progress = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":1,"message":"TAG"}}"#;
        let result =
            r#"{"jsonrpc":"2.0","id":$ID,"result":{"resultType":"complete","content":[{"type":"text","text":"TAG"}]}}"#;
        // What a server says twice, to nobody, or to requests that nobody made.
        let lines: Vec<String> =
            [progress, "[]", "{", r#"{"jsonrpc":"2.0","id":999999999,"result":{"content":[]}}"#, result, result]
                .iter()
                .map(|line| line.replace("TAG", tag))
                .collect();
        let (tool, arguments, has_tag) = match self.dice.below(12) {
            0 => ("answer", json!({"result": {"resultType": "complete", "isError": true, "content": [text]}}), true),
            1 => ("answer", json!({"result": {"resultType": "later", "tag": tag}}), false),
            2 => ("error", json!({"error": {"code": -32050, "message": tag}}), true),
            3 => ("lines", json!({"lines": lines}), true),
            4 => ("flood", json!({"notifications": 50, "tag": tag}), false),
            5 => ("change", json!({"tag": tag}), false),
            6 => ("long", json!({"bytes": 100_000, "tag": tag}), false),
            7 if self.dice.below(4) == 0 => ("half", json!({"tag": tag}), false),
            _ => ("echo", json!({"value": tag}), true),
        };
        (format!("{server}__{tool}"), arguments, has_tag)
    }
}

/// The arguments of a call that asks about this tag.
fn asking(tag: &str) -> Value {
    let schema = json!({"type": "object", "properties": {"tag": {"type": "string", "default": tag}}});
    json!({"params": {"message": format!("about {tag}"), "requestedSchema": schema}})
}

fn accept(tag: &str) -> Value {
    json!({"action": "accept", "content": {"tag": tag}})
}

/// Has `clients` clients, half of each era, do what they like for this long.
///
/// # Panics
///
/// A client gets what is not its own, or something is left in the end.
pub async fn direct_load(clients: usize, time: Duration) -> DirectLoad {
    let web: Vec<WebServer> = WEB.iter().map(|(_, arguments)| WebServer::start(arguments)).collect();
    let mut config = "auto_execute = [\"*.*\"]\n".to_owned();
    let program = built("exuvia-fake-upstream");
    for (name, arguments) in SERVERS {
        let _ = write!(
            config,
            "[servers.{name}]\nmode = \"direct\"\ncommand = {program:?}\nargs = [{arguments}]\n{CLOCKS}"
        );
    }
    for ((name, _), server) in WEB.iter().zip(&web) {
        let url = server.url();
        let _ = write!(config, "[servers.{name}]\nmode = \"direct\"\nurl = {url:?}\n{CLOCKS}");
    }
    let folder = Folder::new(&config);
    let daemon = folder.serve(&[]).await;
    let (calm, descriptors) = (children(daemon.id()).len(), descriptors(daemon.id()));
    let at_first = memory(daemon.id());
    assert_eq!(open(&daemon).await, [0; OPEN.len()]);
    let over = CancellationToken::new();
    let seats: Vec<_> = (0..clients)
        .map(|number| {
            let seat = Seat {
                number,
                turn: 0,
                requests: 0,
                dice: Dice((number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
                seen: DirectLoad::default(),
            };
            let (address, over) = (daemon.address(), over.clone());
            tokio::spawn(async move {
                match number % 2 {
                    0 => legacy::client(address, seat, &over).await,
                    _ => modern::client(address, seat, &over).await,
                }
            })
        })
        .collect();
    let mut load = DirectLoad::default();
    let begun = Instant::now();
    let mut at_half = None;
    while begun.elapsed() < time {
        if begun.elapsed() >= time / 2 {
            at_half.get_or_insert_with(|| memory(daemon.id()));
        }
        for (most, now) in load.most_open.iter_mut().zip(open(&daemon).await) {
            *most = now.max(*most);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    over.cancel();
    for seat in seats {
        let seen = seat.await.expect("every client gets what is its own");
        load.answers += seen.answers;
        load.questions += seen.questions;
    }
    load.growth_bytes = memory(daemon.id()) - at_half.expect("the time has a second half");
    settles(&daemon, calm, descriptors).await;
    load.left_bytes = memory(daemon.id()) - at_first;
    load
}

/// Waits until servers and descriptors are as many as they were, and nothing of a client is open.
async fn settles(daemon: &Daemon, calm: usize, at_first: usize) {
    let begun = Instant::now();
    loop {
        let open = open(daemon).await;
        let (servers, files) = (children(daemon.id()).len(), descriptors(daemon.id()));
        if servers <= calm && files <= at_first + DESCRIPTORS && open == [0; OPEN.len()] {
            return;
        }
        let left = format!(
            "{servers} processes instead of {calm}, {files} descriptors instead of {at_first}, {open:?} of {OPEN:?}"
        );
        assert!(begun.elapsed() < SETTLING, "{left}:\n{}", daemon.said().join("\n"));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What is open of clients, in the order of [`OPEN`].
async fn open(daemon: &Daemon) -> [usize; OPEN.len()] {
    let metrics = daemon.metrics().await;
    OPEN.map(|name| measured(&metrics, name).unwrap_or_else(|| panic!("no {name} in {metrics}")))
}

fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

fn memory(pid: u32) -> i64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<i64>().map_or(0, |kib| kib << 10)
}
