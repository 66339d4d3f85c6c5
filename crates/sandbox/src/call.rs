//! What a tool may read of the call that it answers.

use std::any::Any;
use std::sync::Arc;

use exuvia_tool::{CallId, Deadline, ToolName};

/// The data of one run, of any type.
pub(crate) type Data = Option<Arc<dyn Any + Send + Sync>>;

/// One call, as its tool sees it.
#[derive(Debug, Clone)]
pub struct Call {
    /// Which call of the run this is, from 1.
    pub id: CallId,
    /// The tool.
    pub name: ToolName,
    /// The line of the script that made it, as the script says: for display.
    pub line: Option<u32>,
    /// When it is answered for the tool, and its future dropped.
    pub deadline: Deadline,
    pub(crate) data: Data,
}

impl Call {
    /// What the run [carries](crate::SandboxRun::data), if it is of this type.
    #[must_use]
    pub fn data<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.data.as_deref()?.downcast_ref()
    }
}
