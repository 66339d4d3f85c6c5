//! Following issued keys: their roles, and the budgets that are other ones for them.

use std::sync::{Arc, Weak};

use tokio_util::task::AbortOnDropHandle;

use super::Budgets;
use crate::keys::IssuedKeys;

impl Budgets {
    /// Follows issued keys for as long as the handle is kept: a role or an override that changes holds from the next call on. Must be
    /// called on a runtime of tokio.
    #[must_use]
    pub fn follow(self: &Arc<Self>, keys: &Arc<IssuedKeys>) -> AbortOnDropHandle<()> {
        let (budgets, keys) = (Arc::downgrade(self), Arc::clone(keys));
        AbortOnDropHandle::new(tokio::spawn(followed(budgets, keys)))
    }
}

async fn followed(budgets: Weak<Budgets>, keys: Arc<IssuedKeys>) {
    let mut changes = keys.changes();
    loop {
        let Some(budgets) = budgets.upgrade() else { return };
        budgets.set_overrides(keys.overrides());
        budgets.refresh();
        drop(budgets);
        if changes.changed().await.is_err() {
            return;
        }
    }
}
