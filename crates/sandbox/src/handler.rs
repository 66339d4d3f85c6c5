//! Tools as one type of function, whatever they were written as.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use exuvia_tool::{Arguments, BoxFuture, CallError, ToolName, ToolOutcome};
#[cfg(feature = "schemars")]
use exuvia_tool::{Json, JsonError};
#[cfg(feature = "schemars")]
use serde::{Serialize, de::DeserializeOwned};

use crate::Call;

/// Answers a call whose arguments fit the schema.
pub(crate) type Handler = Arc<dyn Fn(Call, Arguments) -> BoxFuture<'static, ToolOutcome> + Send + Sync>;

/// The arguments as the application's own type. From a tree where there is one: of text, serde could read no number inside an untagged
/// enum or a flattened struct, because serde_json keeps numbers as they are written.
#[cfg(feature = "schemars")]
pub(crate) fn read<A: DeserializeOwned>(name: &ToolName, mut arguments: Arguments) -> Result<A, CallError> {
    let read = match arguments.tree() {
        Ok(tree) => A::deserialize(tree),
        Err(_) => serde_json::from_str(arguments.as_str()),
    };
    read.map_err(|error| CallError::InvalidArguments(format!("{name}: {error}")))
}

/// A value of the application's as the script gets it.
#[cfg(feature = "schemars")]
pub(crate) fn written(name: &ToolName, value: &impl Serialize) -> ToolOutcome {
    let text = serde_json::to_string(value).map_err(JsonError::from);
    // The message of the error would describe types of the application.
    text.and_then(Json::parse).map_err(|_| CallError::ToolFailed {
        message: format!("{name}: the tool's answer cannot be written as JSON"),
        data: None,
    })
}

/// What `answer` comes to. A panic in it is an error of this call, and nothing else of the run.
pub(crate) async fn unpanicking(
    name: &ToolName,
    answer: impl FnOnce() -> BoxFuture<'static, ToolOutcome>,
) -> ToolOutcome {
    let panicked = || CallError::ToolFailed { message: format!("{name}: the tool panicked"), data: None };
    let mut answer = catch_unwind(AssertUnwindSafe(answer)).map_err(|_| panicked())?;
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context)));
        polled.unwrap_or_else(|_| Poll::Ready(Err(panicked())))
    })
    .await
}
