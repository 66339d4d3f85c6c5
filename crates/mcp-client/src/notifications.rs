//! What a server says that belongs to no request.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Notify;

/// Receives the notifications of a server about its resources.
pub trait ResourceListener: Send + Sync + fmt::Debug {
    /// The parameters of `notifications/resources/updated`.
    fn updated(&self, params: &str);

    /// The parameters of `notifications/subscriptions/acknowledged`.
    fn acknowledged(&self, params: &str);
}

/// The listeners for notifications that belong to no request.
#[derive(Debug, Clone)]
pub(crate) struct NotificationListeners {
    /// Of another list of tools.
    pub(crate) list_changed: Arc<Notify>,
    /// Of resources that have changed.
    pub(crate) resources: Arc<dyn ResourceListener>,
}

/// Ignores them.
impl ResourceListener for () {
    fn updated(&self, _: &str) {}

    fn acknowledged(&self, _: &str) {}
}
