//! From a request to its answer: which host is asked, who asks, which operation that is, and what it takes.

mod connection;
mod openapi;
mod pages;
mod routes;

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::admin::Admin;
use crate::answer::{self, ApiError, Body};
use crate::caller::{self, Channel, identify};
use crate::operation::RawAsk;

pub(crate) use connection::served;
pub(crate) use routes::ROUTES;

/// The longest body, in bytes.
const BODY_BYTES: usize = 4 << 20;
/// The longest body of a request without a credential, in bytes.
const LOGIN_BYTES: usize = 4 << 10;
/// Names the store of keys and budgets that a request is about: programs that share it ask each other.
pub(crate) const STORE: &str = "x-exuvia-store";
/// How long a body may take to come.
const BODY: Duration = Duration::from_secs(10);
/// How long an answer may take to begin: replays and scripts have bounds of their own below it.
const ANSWER: Duration = Duration::from_secs(330);

/// The methods and paths of all operations, below `/api/v1`.
#[must_use]
pub fn operation_paths() -> Vec<(String, String)> {
    ROUTES.all().map(|operation| (operation.method.to_string(), operation.path.to_owned())).collect()
}

/// Answers a request, whatever it is.
pub(crate) async fn answer(admin: &Arc<Admin>, request: Request<Incoming>, channel: Channel) -> Response<Body> {
    let is_head = request.method() == Method::HEAD;
    let mut response = match answered(admin, request, channel).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    if is_head {
        *response.body_mut() = http_body_util::Empty::new().boxed_unsync();
    }
    answer::protect(&mut response);
    response
}

async fn answered(
    admin: &Arc<Admin>,
    request: Request<Incoming>,
    channel: Channel,
) -> Result<Response<Body>, ApiError> {
    let (head, body) = request.into_parts();
    check_origin(admin, &head, channel)?;
    let Some(path) = head.uri.path().strip_prefix(openapi::BASE).filter(|path| path.starts_with('/')) else {
        if !caller::is_safe(&head.method) {
            return Err(method_not_allowed("GET"));
        }
        return pages::page(head.uri.path()).ok_or_else(|| ApiError::not_found("not found; the API is at /api/v1"));
    };
    let found = ROUTES.find(&head.method, path)?;
    let caller = identify(admin, &head, channel, found.operation.audience)?;
    check_store(admin, &head)?;
    let query = head.uri.query().unwrap_or_default().to_owned();
    let most = if found.operation.audience == caller::Audience::Anybody { LOGIN_BYTES } else { BODY_BYTES };
    let body = read(&head, body, most).await?;
    let ask = RawAsk { admin: Arc::clone(admin), caller, path: found.path, query, body };
    match timeout(ANSWER, found.operation.answer(ask)).await {
        Ok(answered) => answered,
        Err(_) => Err(ApiError::unavailable("it takes too long")),
    }
}

/// A page of another origin is not served, by whatever name it calls this host.
fn check_origin(admin: &Admin, head: &Parts, channel: Channel) -> Result<(), ApiError> {
    let Channel::Loopback(_) = channel else { return Ok(()) };
    let is_ours =
        admin.address().is_some_and(|address| exuvia_server::http::is_own_host(&head.uri, &head.headers, address));
    if !is_ours {
        let message = "host not allowed: ask for a loopback address or localhost";
        return Err(ApiError::new(StatusCode::MISDIRECTED_REQUEST, "misdirected", message));
    }
    let forbidden = || ApiError::new(StatusCode::FORBIDDEN, "forbidden", "requests of other origins are not answered");
    let own = head.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    for origin in head.headers.get_all(header::ORIGIN) {
        let host = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
        host.filter(|host| host.eq_ignore_ascii_case(own)).ok_or_else(forbidden)?;
    }
    // A link in a mail or another page may lead to a page of the console, and to nothing else.
    let site = head.headers.get("sec-fetch-site").and_then(|site| site.to_str().ok()).unwrap_or("none");
    let is_page = head.method == Method::GET && !head.uri.path().starts_with(openapi::BASE);
    if is_page || matches!(site, "none" | "same-origin") { Ok(()) } else { Err(forbidden()) }
}

/// What is meant for another store is not done in this one.
fn check_store(admin: &Admin, head: &Parts) -> Result<(), ApiError> {
    let Some(wanted) = head.headers.get(STORE) else { return Ok(()) };
    match admin.sources().store_id() {
        Some(own) if wanted.as_bytes() == own.as_bytes() => Ok(()),
        _ => Err(ApiError::new(StatusCode::CONFLICT, "other-store", "keys and budgets are kept elsewhere here")),
    }
}

async fn read(head: &Parts, body: Incoming, most: usize) -> Result<bytes::Bytes, ApiError> {
    let read = timeout(BODY, Limited::new(body, most).collect()).await;
    let too_late = || ApiError::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body did not come in time");
    let bytes =
        read.map_err(|_| too_late())?.map_err(|error| match error.is::<http_body_util::LengthLimitError>() {
            true => ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                format!("a body has at most {most} bytes here"),
            ),
            false => ApiError::bad_request("the body broke off"),
        })?;
    let bytes = bytes.to_bytes();
    let media = head.headers.get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim();
    if !bytes.is_empty() && !media.eq_ignore_ascii_case("application/json") {
        let message = "a body must be application/json";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", message));
    }
    Ok(bytes)
}

fn method_not_allowed(allowed: &str) -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", format!("use {allowed}")).allowing(allowed)
}
