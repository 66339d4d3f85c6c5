//! The span of a call, by the OpenTelemetry conventions for MCP.

use std::borrow::Cow;

use exuvia_config::{ServerConfig, Transport};
use exuvia_mcp_client::{Relayed, ResultKind};
use exuvia_tool::{CallContext, CallError, CallId, ToolName, ToolOutcome};
use exuvia_trace::{KeyValue, Span, SpanKind};

/// Begins the span of a call, below the run or the request that it is made for.
pub(crate) fn begin(server: &ServerConfig, call: CallId, name: &ToolName, context: &CallContext) -> Span {
    let log = tracing::info_span!(
        "upstream.call",
        server.name = %name.server,
        tool.name = %name.tool,
        call.id = call.0,
        outcome = tracing::field::Empty,
    );
    Span::below(context.trace.as_ref(), SpanKind::Client, log, || {
        let mut attributes = about(server, "tools/call");
        attributes.push(KeyValue::new("gen_ai.operation.name", "execute_tool"));
        attributes.push(KeyValue::new("gen_ai.tool.name", name.tool.clone()));
        (format!("tools/call {}", name.tool), attributes)
    })
}

/// The same for a request that is no call.
pub(crate) fn begin_query(server: &ServerConfig, method: &'static str, context: &CallContext) -> Span {
    let describe = || (method.to_owned(), about(server, method));
    Span::below(context.trace.as_ref(), SpanKind::Client, tracing::Span::none(), describe)
}

/// Ends the span of a call.
pub(crate) fn end(span: Span, outcome: &ToolOutcome) {
    span.log().record("outcome", outcome.as_ref().err().map_or("ok", CallError::code));
    span.end(outcome.as_ref().err().map(error_type));
}

/// Ends the span of what is handed through.
pub(crate) fn end_relayed(span: Span, relayed: &Result<Relayed, CallError>) {
    span.log().record("outcome", relayed.as_ref().map_or_else(CallError::code, Relayed::code));
    span.end(relayed_error_type(relayed).as_deref());
}

fn about(server: &ServerConfig, method: &'static str) -> Vec<KeyValue> {
    let mut attributes =
        vec![KeyValue::new("mcp.method.name", method), KeyValue::new("exuvia.server.name", server.name.clone())];
    match &server.transport {
        Transport::Stdio(_) => attributes.push(KeyValue::new("network.transport", "pipe")),
        Transport::Http(http) => {
            attributes.push(KeyValue::new("network.transport", "tcp"));
            attributes.push(KeyValue::new("network.protocol.name", "http"));
            let address = http.url.host_str().unwrap_or_default();
            attributes.push(KeyValue::new("server.address", address.to_owned()));
            let port = http.url.port_or_known_default();
            attributes.extend(port.map(|port| KeyValue::new("server.port", i64::from(port))));
        }
    }
    attributes
}

/// The kind of error, as the conventions name it where they do.
pub(crate) fn error_type(error: &CallError) -> &'static str {
    match error {
        CallError::ToolFailed { .. } => "tool_error",
        CallError::TimedOut(_) => "timeout",
        error => error.code(),
    }
}

/// The same for what is handed through.
fn relayed_error_type(relayed: &Result<Relayed, CallError>) -> Option<Cow<'static, str>> {
    match relayed {
        Ok(Relayed::Error { code, .. }) => Some(code.to_string().into()),
        Ok(Relayed::Result(ResultKind::Failed | ResultKind::Unknown, _)) => Some("tool_error".into()),
        Ok(Relayed::Result(..)) => None,
        Err(error) => Some(error_type(error).into()),
    }
}
