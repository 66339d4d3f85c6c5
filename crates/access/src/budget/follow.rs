//! Following keys: their roles, and the budgets that are other ones for them.

use std::sync::{Arc, Weak};

use tokio::sync::watch;

use super::Budgets;
use crate::Access;
use crate::keys::IssuedKeys;

/// Puts every change of keys and roles in force: it holds from the next call on. Ends with the budgets, or with what it follows.
pub(super) async fn follow(budgets: Weak<Budgets>, access: Weak<Access>) {
    let Some(mut changes) = access.upgrade().map(|access| access.changes()) else { return };
    loop {
        let (Some(budgets), Some(access)) = (budgets.upgrade(), access.upgrade()) else { return };
        let issued = access.issued().cloned();
        drop(access);
        let mut issued_changes = issued.as_ref().map(|issued| issued.changes());
        take_over(&budgets, issued.as_ref());
        drop((budgets, issued));
        let changed = tokio::select! {
            changed = changes.changed() => changed,
            changed = changed(&mut issued_changes) => changed,
        };
        if changed.is_err() {
            return;
        }
    }
}

fn take_over(budgets: &Budgets, issued: Option<&Arc<IssuedKeys>>) {
    budgets.set_overrides(issued.map(|issued| issued.overrides()).unwrap_or_default());
    budgets.refresh();
}

/// Waits for a change of issued keys: where there are none, for ever.
async fn changed(changes: &mut Option<watch::Receiver<()>>) -> Result<(), watch::error::RecvError> {
    match changes {
        Some(changes) => changes.changed().await,
        None => std::future::pending().await,
    }
}
