//! Runs one mode of misbehavior, again and again, beside a server that behaves.

pub(crate) mod http;
pub(crate) mod values;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use exuvia_config::{ServerConfig, UpstreamLimits};
use exuvia_tool::{BoxFuture, CallError, ToolOutcome};
use exuvia_upstream::{CallLimits, ServerState, Upstreams};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::fake::{Served, caller, config, permit, process};

/// What is left behind can only be counted where nothing else is going on.
static ALONE: Mutex<()> = Mutex::new(());
/// An answer as it should be.
pub(crate) const ANSWER: &str = r#"{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"right"}]}}"#;
/// How much larger this process may be after the last repeat than after the first. The allocator keeps some of what messages
/// of 17 MiB took, in each of its arenas; what is leaked shows when there are many repeats.
const GROWTH_BYTES: usize = 256 << 20;
/// How long what is dropped may take to be gone.
const CLEARED: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Over {
    Stdio,
    Http,
}

/// How the server is started.
pub(crate) struct Plan {
    pub(crate) over: Over,
    pub(crate) args: Vec<String>,
    pub(crate) limits: UpstreamLimits,
    pub(crate) start_timeout: Duration,
    /// Over stdio: SIGTERM is ignored.
    pub(crate) ignores_term: bool,
}

impl Plan {
    pub(crate) fn new(over: Over, args: &str) -> Self {
        Self {
            over,
            args: args.split_whitespace().map(str::to_owned).collect(),
            limits: UpstreamLimits { message_bytes: 10 << 20, ..UpstreamLimits::default() },
            start_timeout: Duration::from_secs(20),
            ignores_term: false,
        }
    }

    /// Starts, lets `scenario` look at the server, ends, and looks at what is left: as often as it is to be.
    pub(crate) fn run(self, scenario: impl AsyncFn(&Fake)) {
        // Before there is a runtime: that of a test that waits would be counted.
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        Runtime::new().unwrap().block_on(async {
            // What the process opens once, and keeps.
            Upstreams::start(vec![config("first", &[])], self.limits).await.shutdown().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            let (before, mut first) = (Left::now(), None);
            for _ in 0..repeats() {
                self.once(&scenario).await;
                before.again().await;
                let now = resident_bytes();
                let first = *first.get_or_insert(now);
                assert!(now < first + GROWTH_BYTES, "grew from {first} to {now} bytes");
            }
        });
    }

    async fn once(&self, scenario: &impl AsyncFn(&Fake)) {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let served = (self.over == Over::Http).then(|| Served::new(&args));
        let mut fake = match &served {
            Some(served) => served.config("fake"),
            None => config("fake", &args),
        };
        fake.start_timeout = self.start_timeout;
        if self.ignores_term {
            ignore_term(&mut fake);
        }
        let upstreams = Arc::new(Upstreams::start(vec![fake, config("beside", &[])], self.limits).await);
        let beside = Beside::call(upstreams.clone());
        let fake = Fake { upstreams };
        scenario(&fake).await;
        beside.ended().await;
        tokio::time::timeout(Duration::from_secs(8), fake.upstreams.shutdown()).await.unwrap();
    }
}

/// An ignored signal stays ignored across exec.
fn ignore_term(config: &mut ServerConfig) {
    let stdio = process(config);
    let command = std::mem::replace(&mut stdio.command, "/bin/sh".to_owned());
    let script = format!("trap '' TERM; exec {command} {}", stdio.args.join(" "));
    stdio.args = vec!["-c".to_owned(), script];
}

fn repeats() -> usize {
    std::env::var("EXUVIA_REPEATS").map_or(3, |repeats| repeats.parse().unwrap())
}

/// The server that misbehaves.
pub(crate) struct Fake {
    pub(crate) upstreams: Arc<Upstreams>,
}

impl Fake {
    /// What is said of its start: nothing when it went well.
    pub(crate) fn failed(&self) -> Option<String> {
        match &self.upstreams.servers()[0].state {
            ServerState::Starting | ServerState::Ready { .. } => None,
            ServerState::Failed { message, .. } => Some(message.clone()),
        }
    }

    /// Calls a tool, and checks that the answer comes within the deadline.
    pub(crate) async fn call(&self, tool: &str, arguments: &str, timeout_ms: u64) -> ToolOutcome {
        let limits = CallLimits { timeout: Duration::from_millis(timeout_ms), result_bytes: 32 << 20 };
        let begun = Instant::now();
        let outcome = call(&self.upstreams, "fake", tool, arguments, limits).await;
        assert!(begun.elapsed() < limits.timeout + Duration::from_secs(2), "{tool}: {:?}", begun.elapsed());
        outcome
    }

    /// Calls a tool that misbehaves; the answer should come long before any timeout.
    pub(crate) async fn try_call(&self, tool: &str, arguments: &str) -> ToolOutcome {
        self.call(tool, arguments, 10_000).await
    }

    /// The server is as good as new.
    pub(crate) async fn works(&self) {
        let outcome = self.try_call("echo", r#"{"value":[1.50]}"#).await;
        assert_eq!(outcome.unwrap().as_str(), r#"{"value":[1.50]}"#);
    }

    /// The server is as good as new, at the second try at the latest: it may have ended just now.
    pub(crate) async fn works_again(&self) {
        if self.try_call("echo", "{}").await.is_err() {
            self.works().await;
        }
    }

    /// The call ends as `upstream-unavailable`, and says this.
    pub(crate) async fn unavailable(&self, tool: &str, arguments: &str, says: &str) {
        let outcome = self.try_call(tool, arguments).await;
        let Err(CallError::UpstreamUnavailable(message)) = &outcome else { panic!("{outcome:.200?}") };
        assert!(message.contains(says) && !message.contains("127.0.0.1"), "{message:?} should say {says:?}");
    }
}

fn call(
    upstreams: &Upstreams,
    server: &str,
    tool: &str,
    arguments: &str,
    limits: CallLimits,
) -> BoxFuture<'static, ToolOutcome> {
    upstreams.call(permit(server, tool, arguments), caller(), limits)
}

/// Calls to the other server, until they are enough.
struct Beside {
    enough: Arc<AtomicBool>,
    calls: JoinHandle<usize>,
}

impl Beside {
    fn call(upstreams: Arc<Upstreams>) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let until = enough.clone();
        let limits = CallLimits { timeout: Duration::from_secs(5), result_bytes: 1000 };
        let calls = tokio::spawn(async move {
            let mut calls = 0;
            while calls == 0 || !until.load(Ordering::Relaxed) {
                let outcome = call(&upstreams, "beside", "echo", r#"{"value":7}"#, limits).await;
                assert_eq!(outcome.unwrap().as_str(), r#"{"value":7}"#);
                calls += 1;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            calls
        });
        Self { enough, calls }
    }

    async fn ended(self) {
        self.enough.store(true, Ordering::Relaxed);
        assert!(self.calls.await.expect("the server beside is not disturbed") > 0);
    }
}

/// What this process holds of the system.
#[derive(Debug, PartialEq, Eq, Clone)]
struct Left {
    descriptors: usize,
    children: usize,
}

impl Left {
    fn now() -> Self {
        let own = std::process::id().to_string();
        let parent = |stat: String| stat.rsplit(')').next()?.split_whitespace().nth(1).map(str::to_owned);
        let stats = std::fs::read_dir("/proc").unwrap().flatten();
        let stats = stats.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
        Self {
            descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(),
            children: stats.filter_map(parent).filter(|parent| *parent == own).count(),
        }
    }

    /// Waits until nothing more is held than at this time.
    async fn again(&self) {
        let begun = Instant::now();
        loop {
            let now = Self::now();
            if now.descriptors <= self.descriptors && now.children <= self.children {
                return;
            }
            assert!(begun.elapsed() < CLEARED, "{now:?} is left, it was {self:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 4096
}
