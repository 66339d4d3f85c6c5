//! Notifications to systemd (`Type=notify`).

use sd_notify::NotifyState;

/// Clients can connect.
pub(crate) fn listening() {
    tell(NotifyState::Ready);
}

/// It has been asked to end, and does.
pub(crate) fn ending() {
    tell(NotifyState::Stopping);
}

fn tell(state: NotifyState<'_>) {
    // Does nothing unless systemd asked for notifications.
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "sd_notify failed");
    }
}
