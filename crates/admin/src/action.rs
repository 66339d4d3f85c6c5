//! What the operator does, recorded with who did it.

use exuvia_text::line;

use crate::admin::Admin;
use crate::http::Caller;

impl Admin {
    /// Records what a caller did to something.
    pub(crate) fn record(&self, caller: &Caller, action: &'static str, target: &str) {
        tracing::info!(principal = %caller.principal(), way = caller.way(), action, target = %line(target), "admin action");
    }
}
