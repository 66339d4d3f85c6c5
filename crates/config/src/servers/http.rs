//! Servers over HTTP.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use exuvia_tool::Principal;
use http::{HeaderMap, HeaderName, HeaderValue};
use rustls::pki_types::CertificateDer;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use super::{Proxy, check};
use crate::choices::values_only;

/// A server over HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct Http {
    /// The endpoint. `http` or `https`; URLs with user, password or fragment are rejected when the configuration is read.
    pub url: Url,
    /// Which of the two transports it speaks.
    pub protocol: HttpProtocol,
    /// Headers that go with every request. Their values are secrets: they go to this server's origin alone.
    pub headers: HeaderMap,
    /// A command that gives further headers.
    pub header_command: Option<HeaderCommand>,
    /// Who may have signed its certificate, instead of those that the system trusts. Empty: the latter.
    pub ca: Vec<CertificateDer<'static>>,
    /// The proxy for requests to the server and its authorization server. Proxy variables of the environment are ignored.
    pub proxy: Option<Proxy>,
    /// How tokens are obtained; without it a server that asks for authorization fails with a hint.
    pub oauth: Option<OAuth>,
}

/// Which transport a server over HTTP speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Protocol", transform = values_only)]
pub enum HttpProtocol {
    /// Streamable HTTP, and where the server has nothing of the kind, HTTP+SSE.
    #[default]
    Auto,
    /// Streamable HTTP, of both eras.
    Streamable,
    /// HTTP+SSE, the transport of 2024-11-05.
    Sse,
}

/// A command whose standard output holds headers: one JSON object of strings, or a line `Name: value` for each.
///
/// It runs before the first request and again when the server answers 401, each time at most 10 s and with at most 64 KiB of
/// output.
#[derive(Clone, PartialEq, Eq)]
pub struct HeaderCommand {
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
}

/// OAuth 2.1 with one server.
#[derive(Clone, PartialEq, Eq)]
pub struct OAuth {
    /// How tokens are obtained.
    pub grant: Grant,
    /// The scopes to request. Empty: those that the server requires.
    pub scopes: Vec<String>,
    /// Where tokens are kept, readable by their owner alone. Its directory is made when it is missing.
    pub token_file: PathBuf,
    /// Whose login it is. None: the gateway's, for all callers that have none of their own.
    pub principal: Option<Principal>,
}

/// How tokens are obtained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// The user consents once in a browser, in `exuvia login SERVER`.
    Code(CodeGrant),
    /// The gateway itself is authorized.
    ClientCredentials(ClientCredentials),
}

/// The authorization code grant with PKCE.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CodeGrant {
    /// The client that the authorization server knows. Without it the gateway registers itself.
    pub client_id: Option<String>,
    /// Its secret, if it has one.
    pub client_secret: Option<String>,
    /// The port on loopback that the browser is sent back to. 0: any.
    pub callback_port: u16,
}

/// The client credentials grant.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCredentials {
    /// The client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
}

impl OAuth {
    /// The login of one principal, in a token file of its own beside that of the gateway.
    #[must_use]
    pub fn of_principal(&self, principal: Principal) -> Self {
        let token_file = check::own_token_file(&self.token_file, &principal);
        Self { token_file, principal: Some(principal), ..self.clone() }
    }
}

impl Http {
    /// A server at this place, without headers or authorization.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            protocol: HttpProtocol::Auto,
            headers: HeaderMap::new(),
            header_command: None,
            ca: Vec::new(),
            proxy: None,
            oauth: None,
        }
    }

    /// Adds a header, marked as sensitive.
    pub fn add_header(&mut self, name: HeaderName, mut value: HeaderValue) {
        value.set_sensitive(true);
        self.headers.append(name, value);
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Path and query may hold tokens.
        let origin = self.url.origin().ascii_serialization();
        f.debug_struct("Http").field("origin", &origin).field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

impl fmt::Debug for HeaderCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeaderCommand").field("command", &self.command).finish_non_exhaustive()
    }
}

impl fmt::Debug for OAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth").field("grant", &self.grant).field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

impl fmt::Debug for CodeGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeGrant").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCredentials").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
