//! What a server says that belongs to no request.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Notify;

/// Hears what a server says of its resources.
pub trait ResourceListener: Send + Sync + fmt::Debug {
    /// The parameters of `notifications/resources/updated`.
    fn updated(&self, params: &str);

    /// The parameters of `notifications/subscriptions/acknowledged`.
    fn acknowledged(&self, params: &str);
}

/// Who hears of what belongs to no request.
#[derive(Debug, Clone)]
pub(crate) struct Notes {
    /// Of another list of tools.
    pub(crate) list_changed: Arc<Notify>,
    /// Of resources that have changed.
    pub(crate) resources: Arc<dyn ResourceListener>,
}

/// Nobody hears.
impl ResourceListener for () {
    fn updated(&self, _: &str) {}

    fn acknowledged(&self, _: &str) {}
}
