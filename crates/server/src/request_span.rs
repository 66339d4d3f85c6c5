//! A span for each request of a client, in the words of the OpenTelemetry conventions for MCP.

use std::future::Future;

use exuvia_trace::{KeyValue, RemoteParent, Span, redacted};
use http::request::Parts;
use rmcp::ErrorData;
use rmcp::model::ConstString;
use rmcp::service::{RequestContext, RoleServer};

use crate::client::{Peer, identity_of, is_modern, session_of};
use crate::client_span;

/// The target of a request, as in the name of its span.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    Nothing,
    Tool(&'a str),
    Prompt(&'a str),
    /// An address, which goes into no name: there are too many of them.
    Resource(&'a str),
}

/// Answers a request in a span of its own.
pub(crate) async fn answer<M: ConstString, T>(
    target: Target<'_>,
    context: &RequestContext<RoleServer>,
    work: impl Future<Output = Result<T, ErrorData>>,
) -> Result<T, ErrorData> {
    over(begin(M::VALUE, target, context), work, |_| false).await
}

/// Begins the span of a request, below the span of the client that sent it.
///
/// Log events within a tool call carry the client's name.
pub(crate) fn begin(method: &'static str, target: Target<'_>, context: &RequestContext<RoleServer>) -> Span {
    let log = if matches!(target, Target::Tool(_)) { client_span::span(context) } else { tracing::Span::none() };
    let head = context.extensions.get::<Parts>();
    let message = RemoteParent::read(|key| context.meta.get(key)?.as_str());
    let transport = head.and_then(|head| RemoteParent::read(|key| head.headers.get(key)?.to_str().ok()));
    Span::answering(message, transport, log, || {
        let mut attributes =
            vec![KeyValue::new("mcp.method.name", method), KeyValue::new("jsonrpc.request.id", context.id.to_string())];
        let version = context.protocol_version();
        attributes.extend(version.map(|version| KeyValue::new("mcp.protocol.version", version.as_str().to_owned())));
        attributes.extend(transport_of(head));
        // In the modern era the header is not validated.
        let session = head.and_then(|head| session_of(&head.headers)).filter(|_| !is_modern(context));
        attributes.extend(session.map(|session| KeyValue::new("mcp.session.id", session.to_owned())));
        let name = match target {
            Target::Nothing => method.to_owned(),
            Target::Tool(tool) => {
                attributes.push(KeyValue::new("gen_ai.operation.name", "execute_tool"));
                attributes.push(KeyValue::new("gen_ai.tool.name", tool.to_owned()));
                format!("{method} {tool}")
            }
            Target::Prompt(prompt) => {
                attributes.push(KeyValue::new("gen_ai.prompt.name", prompt.to_owned()));
                format!("{method} {prompt}")
            }
            Target::Resource(uri) => {
                attributes.push(KeyValue::new("mcp.resource.uri", redacted("uri", uri)));
                method.to_owned()
            }
        };
        (name, attributes)
    })
}

/// Answers the request in its span. `is_failed` recognizes responses that are tool errors.
pub(crate) async fn over<T>(
    span: Span,
    work: impl Future<Output = Result<T, ErrorData>>,
    is_failed: fn(&T) -> bool,
) -> Result<T, ErrorData> {
    let answer = span.scope().over(work).await;
    match &answer {
        Ok(answer) => span.end(is_failed(answer).then_some("tool_error")),
        Err(error) => span.end(Some(&error.code.0.to_string())),
    }
    answer
}

fn transport_of(head: Option<&Parts>) -> Vec<KeyValue> {
    let Some(head) = head else { return vec![KeyValue::new("network.transport", "pipe")] };
    let mut attributes = vec![
        KeyValue::new("network.transport", "tcp"),
        KeyValue::new("network.protocol.name", "http"),
        KeyValue::new("network.protocol.version", "1.1"),
    ];
    attributes.push(KeyValue::new("exuvia.principal", identity_of(head).principal().to_string()));
    if let Some(Peer { address: peer, .. }) = head.extensions.get() {
        attributes.push(KeyValue::new("client.address", peer.ip().to_string()));
        attributes.push(KeyValue::new("client.port", i64::from(peer.port())));
    }
    attributes
}
