//! Errors of HTTP requests, for each audience.

use std::error::Error;
use std::fmt;

use exuvia_oauth::Unauthorized;
use exuvia_oauth::http::causes;
use http::StatusCode;
use http::header::RETRY_AFTER;

use crate::failure::CallFailure;

/// Content types that are named in errors.
const CONTENT_TYPES: [&str; 7] = [
    "text/html",
    "text/plain",
    "text/xml",
    "text/event-stream",
    "application/json",
    "application/xml",
    "application/octet-stream",
];

/// A request over HTTP that got no answer.
#[derive(Debug, Clone)]
pub(crate) struct HttpError {
    /// What happened.
    pub(crate) kind: HttpErrorKind,
    /// The same for the operator: may name addresses, and holds nothing else that the server wrote.
    pub(crate) details: String,
}

/// What happened to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HttpErrorKind {
    /// There is no connection to the server: its name, its port, its certificate.
    Unreachable,
    /// The server asks for an authorization that there is none of.
    Unauthorized,
    /// The server is elsewhere.
    Redirect,
    /// A status that is no success.
    Status(StatusCode, Option<u32>),
    /// The server rejects the session that it has just issued.
    Session,
    /// A success that holds no message.
    Content,
    /// The connection broke off before or within the answer.
    BrokenOff,
}

impl HttpError {
    /// Says what happened.
    pub(crate) fn new(kind: HttpErrorKind, details: impl Into<String>) -> Self {
        Self { kind, details: details.into() }
    }

    /// A status that is no success.
    pub(crate) fn status(response: &reqwest::Response) -> Self {
        let status = response.status();
        // A date instead of seconds is rare, and no use without the server's clock.
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let details = match wait {
            Some(wait) => format!("it answered with HTTP {status} (retry after {wait} s)"),
            None => format!("it answered with HTTP {status}"),
        };
        Self::new(HttpErrorKind::Status(status, wait), details)
    }

    /// A success with content of another kind than messages have.
    pub(crate) fn content(content_type: &str) -> Self {
        let named = content_type.split(';').next().unwrap_or_default().trim();
        // A server may write anything there.
        let known = CONTENT_TYPES.iter().find(|known| known.eq_ignore_ascii_case(named));
        Self::new(
            HttpErrorKind::Content,
            match known {
                Some(known) => format!("it answered with content type {known}"),
                None => "it answered with an unsupported content type".to_owned(),
            },
        )
    }

    /// The same trouble, of this kind.
    pub(crate) fn of(self, kind: HttpErrorKind) -> Self {
        Self { kind, ..self }
    }

    /// Whether the server says that the request is wrong.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self.kind, HttpErrorKind::Status(status, _) if status.is_client_error())
    }

    /// The error for the script.
    pub(crate) fn failure(&self) -> CallFailure {
        match &self.kind {
            HttpErrorKind::Unreachable => CallFailure::not_taken("cannot be reached").against_breaker(),
            HttpErrorKind::Unauthorized => {
                CallFailure::not_taken("requires authorization that the gateway does not have").unauthorized()
            }
            HttpErrorKind::Redirect => CallFailure::not_taken("redirects to another address, which is not followed"),
            HttpErrorKind::Status(status, wait) => {
                let mut what = format!("answered with HTTP {}", status.as_u16());
                if let Some(wait) = wait {
                    what.push_str(&format!(" (retry after {wait} s)"));
                }
                let failure =
                    if refuses(*status) { CallFailure::not_taken(what) } else { CallFailure::maybe_taken(what) };
                if status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS {
                    failure.against_breaker()
                } else {
                    failure
                }
            }
            HttpErrorKind::Session => {
                CallFailure::not_taken("rejects the session that it has just issued").against_breaker()
            }
            HttpErrorKind::Content => CallFailure::maybe_taken("sent an invalid MCP message").against_breaker(),
            HttpErrorKind::BrokenOff => CallFailure::maybe_taken("sent an incomplete response").against_breaker(),
        }
    }
}

/// Whether a server that answers with this status has not looked at the request.
fn refuses(status: StatusCode) -> bool {
    matches!(status.as_u16(), 401 | 403 | 404 | 405 | 406 | 410 | 411 | 413 | 414 | 415 | 429 | 431)
}

/// Goes to logs by way of rmcp.
impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.details)
    }
}

impl Error for HttpError {}

impl From<Unauthorized> for HttpError {
    fn from(error: Unauthorized) -> Self {
        Self::new(HttpErrorKind::Unauthorized, error.message)
    }
}

impl From<reqwest::Error> for HttpError {
    fn from(error: reqwest::Error) -> Self {
        let kind = if error.is_connect() { HttpErrorKind::Unreachable } else { HttpErrorKind::BrokenOff };
        // The causes say more than the error itself, whose address may hold a token.
        Self::new(kind, causes(&error.without_url()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_common_content_types_are_named_in_errors() {
        let told = |content_type| HttpError::content(content_type).details;
        assert!(told("Text/HTML; charset=utf-8").ends_with("text/html"), "{}", told("Text/HTML; charset=utf-8"));
        assert!(!told("application/s3cret").contains("s3cret") && !told("").is_empty());
    }
}
