//! What a reload replaces.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use exuvia_config::{ServerConfig, UpstreamLimits};
use exuvia_policy::Policy;
use exuvia_upstream::Change;

use super::Gateway;
use crate::settings::Settings;

impl Gateway {
    /// Replaces the policy. It applies from the next call, to running scripts as well, and never grants a running script more.
    ///
    /// What clients see is made anew before this returns, which takes processor time where servers list much.
    pub fn set_policy(&self, policy: Policy) {
        let policy = Arc::new(policy);
        self.authority.replace(Arc::clone(&policy));
        self.view_store.set_policy(policy);
    }

    /// Puts other servers and settings in the place of those in force.
    ///
    /// When this returns, the new policy holds for the calls of running scripts; for servers that the new configuration does
    /// not have, what the last policy said that knew them, and the new `deny`. The future does the rest: it starts servers
    /// that are new or configured otherwise beside the old ones, and when each of them is ready or has failed, scripts that
    /// start from then on have the new servers, names and limits, all at once. Running scripts, and those that wait for their
    /// turn, keep theirs; the servers that they alone still use end with the last of them.
    ///
    /// Dropped before it is over, the future leaves everything as it was but the policy. None: the servers are shut down. Must be
    /// called on the runtime on which the servers were started; one at a time, or the later one waits for the earlier.
    pub fn reconfigure(
        &self,
        servers: Vec<ServerConfig>,
        limits: UpstreamLimits,
        settings: Settings,
    ) -> impl Future<Output = Option<Change>> + Send + '_ {
        let names: BTreeSet<String> = servers.iter().map(|server| server.name.clone()).collect();
        let mut used: BTreeSet<String> = self.upstreams.retiring().into_iter().collect();
        used.extend(self.servers().iter().map(|server| server.name.clone()));
        self.authority.reconfigure(settings.policies(), names, |server| used.contains(server));
        async move {
            let drain = self.longest_run();
            let prepared_servers = self.upstreams.prepare(servers, limits, drain).await?;
            self.queue.set_limits(settings.queue);
            if let (Some(library), Some(functions)) = (&self.functions, &settings.functions) {
                library.refresh(functions).await;
            }
            let (change, changed) = self.view_store.change(|current| {
                *current = settings;
                prepared_servers.take_over()
            });
            // Completes even if the caller has dropped its future: the servers are already replaced.
            let view_store = Arc::clone(&self.view_store);
            let shown = tokio::task::spawn_blocking(move || view_store.show(changed));
            if shown.await.is_err() {
                tracing::error!("catalog rebuild failed; the previous catalog stays in use");
            }
            Some(change)
        }
    }

    /// How long a script may be in flight: its own time and the time of all that may be queued before it.
    fn longest_run(&self) -> Duration {
        let view = self.default_view();
        let Settings { limits, queue, .. } = &*view.scripts().settings;
        let together = self.engine.runs_at_limit(limits.memory_bytes);
        let rounds = queue.runs.div_ceil(together.max(1) as usize).saturating_add(1);
        Duration::from_millis(limits.wall_ms).saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }
}
