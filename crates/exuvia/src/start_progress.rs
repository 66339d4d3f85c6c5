//! The start of the servers as the operator sees it: which are still starting, and which failed.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use exuvia_policy::Policy;
use exuvia_text::{indented, line};
use exuvia_tool::ToolName;
use exuvia_upstream::{ServerState, ServerStatus, Upstreams};
use tokio_util::task::AbortOnDropHandle;

use crate::terminal::Terminal;

/// How long a service waits for its servers before it answers clients with what is ready. Most are up by then, and many clients never ask
/// again.
pub(crate) const OPENING: Duration = Duration::from_secs(2);
/// How long a command gives those that it may not need, so that it can tell what became of them.
pub(crate) const GLANCE: Duration = Duration::from_secs(1);

/// The first start of a set of servers. When dropped, it reports no further progress.
pub(crate) struct StartProgress {
    report: Arc<ProgressReport>,
    following: AbortOnDropHandle<()>,
}

struct ProgressReport {
    /// The servers of which nothing is known yet.
    missing: Mutex<HashSet<String>>,
    /// Who is missing is what goes on, and nothing else is.
    is_shown: AtomicBool,
    terminal: Terminal,
}

impl StartProgress {
    /// Follows it until no server is starting any more.
    pub(crate) fn follow(upstreams: &Upstreams, policy: Arc<Policy>, terminal: Terminal) -> Self {
        let mut changes = upstreams.changes();
        let missing = changes.borrow().iter().map(|server| server.name.clone()).collect();
        let report =
            Arc::new(ProgressReport { missing: Mutex::new(missing), is_shown: AtomicBool::new(true), terminal });
        let reporter = Arc::clone(&report);
        let following = tokio::spawn(async move {
            loop {
                let servers = changes.borrow_and_update().clone();
                reporter.report(&servers);
                if !servers.iter().any(ServerStatus::is_starting) {
                    report_rules(&policy, &servers, &reporter.terminal);
                    return reporter.terminal.started();
                }
                if changes.changed().await.is_err() {
                    return;
                }
            }
        });
        Self { report, following: AbortOnDropHandle::new(following) }
    }

    /// Waits until it is over, or for this long.
    pub(crate) async fn within(&mut self, patience: Duration) {
        let _ = tokio::time::timeout(patience, &mut self.following).await;
    }

    /// From here on something else goes on beside it.
    pub(crate) fn hide(&self) {
        self.report.is_shown.store(false, Ordering::Relaxed);
    }

    /// Tells what is known by now.
    pub(crate) fn report(&self, servers: &[ServerStatus]) {
        self.report.report(servers);
    }
}

impl ProgressReport {
    /// Reports servers that started or failed since the last call, and shows which are still starting.
    fn report(&self, servers: &[ServerStatus]) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let settled = servers.iter().filter(|server| !server.is_starting());
        report_servers(settled.filter(|server| missing.remove(&server.name)), &self.terminal);
        missing.retain(|name| servers.iter().any(|server| server.name == *name));
        if !missing.is_empty() && self.is_shown.load(Ordering::Relaxed) {
            let starting = servers.iter().filter(|server| missing.contains(&server.name));
            self.terminal.show_progress(named(starting.map(|server| server.name.as_str()).collect()));
        }
    }
}

/// The servers that are starting, by name, as many as fit on a line.
fn named(mut names: Vec<&str>) -> String {
    const NAMES: usize = 8;
    let more = names.len().saturating_sub(NAMES);
    names.truncate(NAMES);
    let and = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("starting {}{and}", names.join(", "))
}

/// Tells of servers that did not start, and of what was left out of lists.
pub(crate) fn report_servers<'a>(servers: impl IntoIterator<Item = &'a ServerStatus>, terminal: &Terminal) {
    for server in servers {
        if let ServerState::Failed { message, .. } = &server.state {
            terminal.print(&format!("{} did not start: {}", line(&server.name), indented(message, "  ")));
        }
        for warning in &server.warnings {
            terminal.print(&line(&format!("{}: {warning}", server.name)));
        }
    }
}

/// Tells which entries of a policy's lists match nothing of what these servers have.
pub(crate) fn report_rules(policy: &Policy, servers: &[ServerStatus], terminal: &Terminal) {
    let tools = |server: &ServerStatus| {
        server.tools.iter().map(|tool| ToolName::new(server.name.as_str(), tool.name.as_str())).collect::<Vec<_>>()
    };
    let tools: Vec<ToolName> = servers.iter().flat_map(tools).collect();
    for rule in policy.idle_rules(&tools) {
        terminal.print(&line(&format!("{rule} matches no tool")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_are_counted() {
        assert_eq!(named(vec!["a", "b"]), "starting a, b");
        assert_eq!(named((0..11).map(|_| "s").collect()), "starting s, s, s, s, s, s, s, s and 3 more");
    }
}
