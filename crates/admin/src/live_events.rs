//! What happens to runs in flight, as events.

use exuvia_gateway::RunChange;
use exuvia_tool::{CallId, LogStream, RunEvent, ToolName};
use futures_util::stream::{self, Stream};
use serde::Serialize;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::events::ServerEvent;

/// Beginnings and ends of runs. One who reads too slowly misses the oldest, and is sent `lost` with their number.
pub(crate) fn of_all(changes: Receiver<RunChange>) -> impl Stream<Item = ServerEvent> + Send {
    events(changes, |change| match change {
        RunChange::Started(run) => Some(ServerEvent::new("started", run)),
        RunChange::Ended(run) => Some(ServerEvent::new("ended", &json!({"id": run}))),
        _ => None,
    })
}

/// What happens in one run, until it ends. Without the text of the log where something of it is to be hidden: what matches a pattern may come
/// in two parts.
pub(crate) fn of_run(events_of: Receiver<RunEvent>, shows_log: bool) -> impl Stream<Item = ServerEvent> + Send {
    events(events_of, move |event| match event {
        RunEvent::Log { stream, text } => {
            let stream = if *stream == LogStream::Stderr { "stderr" } else { "stdout" };
            let shown = shows_log.then_some(text);
            Some(ServerEvent::new("log", &json!({"stream": stream, "text": shown, "bytes": text.len()})))
        }
        RunEvent::CallEnded(call) => {
            let id = call.id.map(|id| id.0);
            Some(ServerEvent::new("call-ended", &json!({"id": id, "outcome": call.outcome, "ms": call.ms})))
        }
        RunEvent::CallStarted { id, name, .. } => Some(ServerEvent::new("call", &call(*id, name))),
        _ => None,
    })
}

fn call(id: CallId, name: &ToolName) -> impl Serialize {
    json!({"id": id.0, "server": name.server, "tool": name.tool})
}

fn events<T: Clone + Send + 'static>(
    source: Receiver<T>,
    event: impl Fn(&T) -> Option<ServerEvent> + Clone + Send + 'static,
) -> impl Stream<Item = ServerEvent> + Send {
    stream::unfold(source, move |mut source| {
        let event = event.clone();
        async move {
            loop {
                match source.recv().await {
                    Ok(found) => {
                        if let Some(event) = event(&found) {
                            return Some((event, source));
                        }
                    }
                    Err(RecvError::Lagged(lost)) => {
                        return Some((ServerEvent::new("lost", &json!({"events": lost})), source));
                    }
                    Err(RecvError::Closed) => return None,
                }
            }
        }
    })
}
