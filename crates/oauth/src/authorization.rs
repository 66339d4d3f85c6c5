//! The gateway's credentials for a server over HTTP: the seam between requests and the source of their headers.

use std::fmt;

use exuvia_tool::BoxFuture;
use http::{HeaderMap, StatusCode};

/// Provides the credential headers of requests. One for each (server, credential).
pub trait Authorization: Send + Sync + fmt::Debug {
    /// The headers to send with the next request, their values marked as sensitive. May renew what is about to expire.
    fn headers(&self) -> BoxFuture<'_, Result<HeaderMap, Unauthorized>>;

    /// The server refused a request. `Ok`: what [`headers`](Self::headers) gives now is worth one more try.
    fn refused<'a>(&'a self, refusal: &'a AuthRejection) -> BoxFuture<'a, Result<(), Unauthorized>>;
}

/// A request that a server answered with 401 or 403.
#[derive(Debug, Clone)]
pub struct AuthRejection {
    /// What it answered.
    pub status: StatusCode,
    /// Its `WWW-Authenticate`, if it sent one.
    pub challenge: Option<String>,
    /// The headers that the request had from here.
    pub sent: HeaderMap,
}

/// A server rejects the gateway, and only the user or operator can change that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unauthorized {
    /// Why and what to do about it, for the operator: `run exuvia login crm`. Holds no token.
    pub message: String,
}
