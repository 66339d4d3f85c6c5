//! Servers that scripts start, callers of any kind, and waiting for what comes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use exuvia_config::ServerConfig;
use exuvia_tool::{BoxFuture, CallContext, Origin, Principal, RunId, ToolOutcome};
use exuvia_upstream::{CallLimits, Upstreams};

use crate::fake::{LIMITS, config, permit};

/// A directory of one test's own.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("exuvia-life-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Puts a file in place as a whole.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path("new"), text).unwrap();
        std::fs::rename(self.path("new"), self.path(name)).unwrap();
    }

    /// How many lines a file has; none without the file.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        std::fs::read_to_string(self.path(name)).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// The fake server, whose processes write their ids to `starts`, with the arguments that stand in `args` when it starts.
    pub(crate) fn server(&self, name: &str) -> ServerConfig {
        let program = exuvia_fake_upstream::program();
        let Self(dir) = self;
        let script = format!("echo $$ >> {0}/starts; exec {1} $(cat {0}/args)", dir.display(), program.display());
        let args = ["-c".to_owned(), script];
        let mut config = ServerConfig::stdio(name, "/bin/sh", args, &|name| std::env::var(name).ok());
        config.start_timeout = Duration::from_secs(20);
        config
    }

    /// The fake server with the tools that stand in `tools` when it is asked for them.
    pub(crate) fn listing(&self, name: &str) -> ServerConfig {
        config(name, &["--tools", self.path("tools").to_str().unwrap()])
    }

    /// Puts these tools into `tools`.
    pub(crate) fn tools(&self, names: &[&str]) {
        let tools: Vec<_> =
            names.iter().map(|name| serde_json::json!({"name": name, "inputSchema": {"type": "object"}})).collect();
        self.write("tools", &serde_json::Value::from(tools).to_string());
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(AsRef::<Path>::as_ref(&self.0));
    }
}

/// Somebody with this key, or the operator, in this run.
pub(crate) fn who(key: Option<&str>, run: &str) -> CallContext {
    let principal = key.map_or(Principal::Operator, |key| Principal::Key(key.into()));
    CallContext::new(principal, Origin::Run(RunId::new(run)))
}

/// A call of `server.tool`.
pub(crate) fn call_as(
    upstreams: &Upstreams,
    caller: &CallContext,
    tool: &str,
    arguments: &str,
    limits: CallLimits,
) -> BoxFuture<'static, ToolOutcome> {
    let (server, tool) = tool.split_once('.').unwrap();
    upstreams.call(permit(server, tool, arguments), caller.clone(), limits)
}

/// The process that answers this caller.
pub(crate) async fn pid(upstreams: &Upstreams, caller: &CallContext) -> i64 {
    let found = call_as(upstreams, caller, "fake.process", "{}", LIMITS).await.unwrap();
    found.to_value().unwrap()["pid"].as_i64().unwrap()
}

/// The methods that the process which answers this caller was sent.
pub(crate) async fn seen(upstreams: &Upstreams, caller: &CallContext) -> Vec<String> {
    let found = call_as(upstreams, caller, "fake.seen", "{}", LIMITS).await.unwrap().to_value().unwrap();
    found["seen"].as_array().unwrap().iter().map(|method| method.as_str().unwrap().to_owned()).collect()
}

/// Waits until it is so.
pub(crate) async fn becomes(mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not come");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The names of a server's tools as they are shown now.
pub(crate) fn tools(upstreams: &Upstreams, place: usize) -> Vec<String> {
    upstreams.servers()[place].tools.iter().map(|tool| tool.name.clone()).collect()
}
