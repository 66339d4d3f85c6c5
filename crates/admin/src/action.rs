//! What the operator does, recorded with who did it before it is done.

use exuvia_text::line;

use crate::admin::Admin;
use crate::http::{ApiError, Caller};

impl Admin {
    /// Records what a caller is about to do to something.
    ///
    /// # Errors
    ///
    /// It cannot be recorded: it must not be done.
    pub(crate) async fn record(&self, caller: &Caller, action: &'static str, target: &str) -> Result<(), ApiError> {
        tracing::info!(principal = %caller.principal(), way = caller.way(), action, target = %line(target), "admin action");
        Ok(())
    }
}
