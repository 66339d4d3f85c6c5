//! What clients see.

use std::sync::Arc;

use exuvia_tool::Namespace;
use tokio::sync::watch;

use super::Gateway;
use crate::view::View;

impl Gateway {
    /// What clients see now that name no profile.
    #[must_use]
    pub fn default_view(&self) -> Arc<View> {
        self.view_store.default_view()
    }

    /// What the clients of this profile see now, if there is such a profile. Without a name: those that name none.
    #[must_use]
    pub fn view(&self, profile: Option<&str>) -> Option<Arc<View>> {
        self.view_store.view(profile)
    }

    /// What those who have this role see now of a profile, if there are both; without a role, what the operator sees. The first use after a
    /// change of servers takes processor time where they list much.
    #[must_use]
    pub fn view_as(&self, profile: Option<&str>, role: Option<&str>) -> Option<Arc<View>> {
        match role {
            None => self.view_store.view(profile),
            Some(role) => self.view_store.role_view(profile, role),
        }
    }

    /// The same, made on a thread of its own where it is not there yet. Of many who ask at a time after a change, as many are served at a time
    /// as there are processors.
    pub async fn view_ready(self: &Arc<Self>, profile: Option<&str>, role: Option<&str>) -> Option<Arc<View>> {
        if role.is_none_or(|role| self.view_store.has_role_view(profile, role)) {
            return self.view_as(profile, role);
        }
        let _turn = self.readers.acquire().await.ok()?;
        let (this, profile, role) = (Arc::clone(self), profile.map(str::to_owned), role.map(str::to_owned));
        let made = tokio::task::spawn_blocking(move || this.view_as(profile.as_deref(), role.as_deref()));
        made.await.ok().flatten()
    }

    /// Notifies of every change of what clients see, even one that results in the same view.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.view_store.changes()
    }

    /// The servers and tools that a script sees that starts now, for clients that name no profile.
    #[must_use]
    pub fn namespace(&self) -> Arc<Namespace> {
        self.default_view().namespace()
    }
}
