//! Responses of the API, and its errors.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use exuvia_access::KeyError;
use exuvia_access::KeyErrorKind;
use exuvia_journal::{AccessStoreError, ApprovalError, ApprovalErrorKind, ApprovalState, JournalError};
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use schemars::JsonSchema;
use serde::Serialize;

use crate::journals::JournalsError;
use crate::sources::SourceError;

/// The body of every response.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// What a page of the console may load: its own files, and nothing inline.
pub(crate) const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";
/// What an answer of the API may load, opened as a page.
const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Why a request was not answered.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    code: &'static str,
    message: String,
    retry_after: Option<Duration>,
    allow: Option<String>,
}

/// An error, as it is sent.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ErrorBody {
    /// What went wrong.
    error: ErrorText,
}

/// What went wrong.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ErrorText {
    /// The stable name of the error.
    code: &'static str,
    /// What went wrong, and what to do.
    message: String,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, allow: None }
    }

    /// The request is malformed.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", message)
    }

    /// There is nothing of this name.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", message)
    }

    /// The state of things does not allow it.
    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    /// It cannot be done now.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message).after(Duration::from_secs(1))
    }

    /// Others are served already: as many as may be.
    pub(crate) fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "busy", message).after(Duration::from_secs(1))
    }

    /// It may be tried again after this time.
    pub(crate) fn after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// These methods are allowed.
    pub(crate) fn allowing(self, methods: &str) -> Self {
        Self { allow: Some(methods.to_owned()), ..self }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let Self { status, code, message, retry_after, allow } = self;
        let mut response = json(status, &ErrorBody { error: ErrorText { code, message } });
        if let Some(wait) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if let Some(methods) = allow.and_then(|methods| HeaderValue::try_from(methods).ok()) {
            response.headers_mut().insert(header::ALLOW, methods);
        }
        response
    }
}

impl From<JournalError> for ApiError {
    fn from(error: JournalError) -> Self {
        Self::unavailable(SourceError::new(error).to_string())
    }
}

impl From<JournalsError> for ApiError {
    fn from(error: JournalsError) -> Self {
        Self::unavailable(SourceError::new(error).to_string())
    }
}

impl From<SourceError> for ApiError {
    fn from(error: SourceError) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl From<AccessStoreError> for ApiError {
    fn from(error: AccessStoreError) -> Self {
        Self::unavailable(SourceError::new(error).to_string())
    }
}

impl From<ApprovalError> for ApiError {
    fn from(error: ApprovalError) -> Self {
        let conflict = |code| Self::new(StatusCode::CONFLICT, code, error.to_string());
        match error.kind() {
            ApprovalErrorKind::Unknown => Self::not_found(error.to_string()),
            ApprovalErrorKind::Answered(ApprovalState::Expired) => conflict("expired"),
            ApprovalErrorKind::Answered(ApprovalState::Void) => conflict("void"),
            ApprovalErrorKind::Answered(_) | ApprovalErrorKind::Conflict => conflict("conflict"),
            ApprovalErrorKind::OtherContent => conflict("shown-changed"),
            ApprovalErrorKind::OwnCall => Self::new(StatusCode::FORBIDDEN, "own-call", error.to_string()),
            ApprovalErrorKind::TooLarge => Self::bad_request(error.to_string()),
            _ => Self::unavailable(SourceError::new(error).to_string()),
        }
    }
}

impl From<KeyError> for ApiError {
    fn from(error: KeyError) -> Self {
        let message = error.to_string();
        match error.kind() {
            KeyErrorKind::NotFound => Self::not_found(message),
            KeyErrorKind::Malformed => Self::bad_request(message),
            KeyErrorKind::Exists | KeyErrorKind::Ended => Self::conflict(message),
            _ => Self::unavailable(SourceError::new(error).to_string()),
        }
    }
}

/// JSON that nothing but a program of this origin reads.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(bytes) => bytes_of(status, "application/json", bytes),
        Err(error) => {
            tracing::error!(%error, "an answer of the admin API cannot be written");
            bytes_of(
                StatusCode::INTERNAL_SERVER_ERROR,
                "application/json",
                &br#"{"error":{"code":"fault","message":"internal error"}}"#[..],
            )
        }
    }
}

/// Bytes of a media type that is not guessed.
pub(crate) fn bytes_of(status: StatusCode, media: &'static str, bytes: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(bytes.into()).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response
}

/// Adds what keeps browsers from doing more with an answer than to show it to its own origin.
pub(crate) fn protect(response: &mut Response<Body>) {
    let headers = response.headers_mut();
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (http::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (http::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(API_POLICY));
}

/// A header of an answer.
///
/// # Errors
///
/// It has characters that no header has.
pub(crate) fn header_value(text: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_str(text).map_err(|_| ApiError::unavailable("an answer cannot be written"))
}

/// Checks a number that the description bounds.
///
/// # Errors
///
/// It is outside.
pub(crate) fn check_range<T: PartialOrd + std::fmt::Display>(
    name: &str,
    value: Option<T>,
    least: T,
    most: T,
) -> Result<(), ApiError> {
    match value {
        Some(value) if value < least || value > most => {
            Err(ApiError::bad_request(format!("{name}: must be between {least} and {most}")))
        }
        _ => Ok(()),
    }
}

/// The last millisecond of the year 9999: no time is later.
pub(crate) const LAST_MS: u64 = 253_402_300_799_999;
