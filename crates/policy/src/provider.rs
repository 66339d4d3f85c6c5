//! Where permitted calls are answered.

use std::sync::Arc;

use exuvia_tool::{Absence, BoxFuture, CallContext, DispatchTicket, ToolDescriptor, ToolOutcome};

use crate::Permit;

/// What a provider has under the name of one server.
#[derive(Debug, Clone)]
pub struct Offered {
    /// The server's name, which the names of its tools begin with.
    pub server: String,
    /// Its tools, or why they are not there.
    pub tools: Result<Arc<[Arc<ToolDescriptor>]>, Absence>,
}

/// A source of tools: lists them, and answers calls that are permitted. The only way to a tool is by a permit, which it uses up.
pub trait Provider: Send + Sync {
    /// What it offers now.
    fn list(&self) -> Vec<Offered>;

    /// Makes the call that is permitted, after those of its run that got their tickets before it. At most once. Dropping the
    /// future cancels it. What the call may take and bring is in its context.
    fn call(&self, permit: Permit, context: CallContext, ticket: DispatchTicket) -> BoxFuture<'static, ToolOutcome>;
}
