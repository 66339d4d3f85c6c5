//! What is removed when it was not used for long.

use std::sync::Arc;
use std::time::Duration;

use super::Gateway;

/// How often unused directories are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// How often sessions are looked at.
const SESSIONS_INTERVAL: Duration = Duration::from_secs(60);

impl Gateway {
    /// Removes directories of workspaces that were not used for as long as they are kept: now, and then every hour.
    pub fn sweep_workspaces(self: &Arc<Self>) {
        let (gateway, stopped) = (Arc::downgrade(self), self.stopped.clone());
        self.threads.spawn(stopped.run_until_cancelled_owned(async move {
            while let Some(gateway) = gateway.upgrade() {
                let config = Arc::clone(&gateway.default_view().scripts().settings.workspaces);
                let workspaces = Arc::clone(&gateway.workspaces);
                drop(gateway);
                match tokio::task::spawn_blocking(move || workspaces.remove_unused(&config)).await {
                    Ok(0) | Err(_) => {}
                    Ok(directories) => tracing::info!(directories, "unused workspaces removed"),
                }
                tokio::time::sleep(SWEEP_INTERVAL).await;
            }
        }));
    }

    /// Gives up interpreters of sessions that are idle, and forgets old sessions: now, and then every minute.
    pub fn sweep_sessions(self: &Arc<Self>) {
        let (gateway, stopped) = (Arc::downgrade(self), self.stopped.clone());
        self.threads.spawn(stopped.run_until_cancelled_owned(async move {
            while let Some(gateway) = gateway.upgrade() {
                let config = gateway.default_view().scripts().settings.sessions.clone();
                let sessions = Arc::clone(&gateway.sessions);
                drop(gateway);
                if let Some(config) = config {
                    sessions.drop_idle(config.idle);
                    match tokio::task::spawn_blocking(move || sessions.forget_old(config.keep)).await {
                        Ok(Ok(0)) | Err(_) => {}
                        Ok(Ok(forgotten)) => tracing::info!(sessions = forgotten, "unused sessions forgotten"),
                        Ok(Err(error)) => tracing::warn!(%error, "unused sessions cannot be forgotten"),
                    }
                }
                tokio::time::sleep(SESSIONS_INTERVAL).await;
            }
        }));
    }
}
