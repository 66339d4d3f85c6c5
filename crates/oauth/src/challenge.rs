//! The challenge of a server that requires a token.
//!
//! The challenge that counts is that to a message: it says where the server's metadata is and which scopes it wants (RFC 9728,
//! 5.1; RFC 6750, 3). Many servers know no other request than messages, and answer a look at their URL with 404 or 405.

use std::time::Duration;

use exuvia_config::Http;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use rmcp::model::ProtocolVersion;
use rmcp::transport::auth::WWWAuthenticateParams;
use serde_json::json;
use url::Url;

use crate::client::EndpointClient;

/// The longest challenge that is read, in bytes.
pub(crate) const CHALLENGE_BYTES: usize = 8 * 1024;
/// How long a server may take to refuse. One that takes longer is asked in the other ways.
const REFUSAL: Duration = Duration::from_secs(10);
/// What is asked for: what no server with something to protect gives to everybody, though some let everybody greet them.
const METHOD: &str = "tools/list";

/// The server's challenge to a message without a token, if it gives one. Nothing is read of any other answer.
pub(crate) async fn challenge(client: &EndpointClient, http: &Http) -> Option<String> {
    let answer = tokio::time::timeout(REFUSAL, client.send(message(http)?)).await.ok()?.ok()?;
    (answer.status() == StatusCode::UNAUTHORIZED).then(|| best(answer.headers(), &http.url)).flatten()
}

/// A message of the modern era, with the headers that every message to this server has: a proxy in front of it may want them.
fn message(http: &Http) -> Option<Request<Vec<u8>>> {
    let version = ProtocolVersion::V_2026_07_28;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": version.as_str(),
        "io.modelcontextprotocol/clientInfo": {"name": "exuvia", "version": env!("CARGO_PKG_VERSION")},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": METHOD, "params": {"_meta": meta}}).to_string();
    let mut request = Request::builder().method(Method::POST).uri(http.url.as_str()).body(body.into_bytes()).ok()?;
    let headers = request.headers_mut();
    headers.clone_from(&http.headers);
    headers.remove(AUTHORIZATION);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(HeaderName::from_static("mcp-method"), HeaderValue::from_static(METHOD));
    headers.insert(HeaderName::from_static("mcp-protocol-version"), HeaderValue::from_str(version.as_str()).ok()?);
    Some(request)
}

/// The challenge with the address of the metadata, or else the one with the required scope.
fn best(headers: &HeaderMap, server: &Url) -> Option<String> {
    let challenges = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let said = |challenge: &str| {
        let said = WWWAuthenticateParams::parse(challenge, server);
        (said.resource_metadata_url.is_some(), said.scope.is_some())
    };
    let challenges = challenges.filter(|challenge| challenge.len() <= CHALLENGE_BYTES);
    // Of equals the last one is taken, which is the first here.
    let best = challenges.rev().map(|challenge| (said(challenge), challenge)).max_by_key(|(said, _)| *said);
    best.filter(|(said, _)| *said != (false, false)).map(|(_, challenge)| challenge.to_owned())
}
