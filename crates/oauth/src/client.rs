//! The one way to talk to authorization servers.

use std::error::Error;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use exuvia_config::{Http, Proxy};
use exuvia_tool::{Extent, locked};
use http::{Method, Response, header};
use rmcp::transport::auth::{OAuthHttpClient, OAuthHttpClientFuture, OAuthHttpRequest};
use url::Url;

use crate::answer;
use crate::http::{causes, proxy, roots};
use crate::reach::Reach;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one exchange may take, from its first byte to its last. Less than a server's start may take by default, so that the cause
/// is reported.
const EXCHANGE: Duration = Duration::from_secs(20);
/// The steps in which it is waited for.
const STEP: Duration = Duration::from_millis(250);
/// How many steps may take far longer without being counted.
const PAUSES: u32 = 100;
/// The longest answer, in bytes.
const ANSWER_BYTES: usize = 1 << 20;
/// The memory that a tree of one may take.
const ANSWER_TREE_BYTES: usize = 8 << 20;

/// What may be read before it is known who authorizes for a server: answers, and bytes of them in all. Two places are looked at
/// for the server's own metadata and three for that of each authorization server, most of which are not there.
const METADATA: Budget = Budget { answers: 24, bytes: 4 << 20 };

/// An HTTP client for everything that OAuth asks for on behalf of one server. It follows no redirect: the library above does
/// so for metadata, within one origin, and for nothing else is there a reason.
pub(crate) struct EndpointClient {
    http: reqwest::Client,
    reach: Reach,
    proxy: Option<Proxy>,
    failure: Mutex<Option<ExchangeError>>,
    metadata: Mutex<Budget>,
}

/// What is left to be read.
#[derive(Debug, Clone, Copy)]
struct Budget {
    answers: usize,
    bytes: usize,
}

/// Why an exchange failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExchangeError {
    /// There was no answer that could be understood.
    Exchange {
        /// With whom.
        place: String,
        /// Why.
        why: String,
    },
    /// The authorization server rejected the request with this code (RFC 6749, 5.2; RFC 7591, 3.2.2).
    Refused(String),
}

impl EndpointClient {
    /// For the server at this place, through its proxy.
    pub(crate) fn new(server: &Url, config: &Http) -> Result<Arc<Self>, String> {
        // Only the first call in a process succeeds; the others find what it left.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let reach = Reach::of(server).through(config.proxy.as_ref());
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .dns_resolver(Arc::new(reach.clone()))
            .connect_timeout(CONNECT)
            // Beside those of the system: an authorization server may be anybody's.
            .tls_certs_merge(roots(&config.ca)?);
        let builder = proxy::through(builder, config.proxy.as_ref())?;
        let (http, proxy) = (builder.build().map_err(|error| causes(&error))?, config.proxy.clone());
        Ok(Arc::new(Self { http, reach, proxy, failure: Mutex::default(), metadata: Mutex::new(METADATA) }))
    }

    /// Why the latest exchange failed, if it did. The library above keeps less.
    pub(crate) fn failure(&self) -> Option<ExchangeError> {
        locked(&self.failure).clone()
    }

    /// Sends a request to where that is allowed. Of the answer nothing but its head has been read.
    pub(crate) async fn send(&self, request: http::Request<Vec<u8>>) -> Result<reqwest::Response, ExchangeError> {
        let url = Url::parse(&request.uri().to_string());
        let url = url.map_err(|_| ExchangeError::exchange("a place without a URL", "it is unreachable"))?;
        let place = url.origin().ascii_serialization();
        self.reach.check(&url).map_err(|why| ExchangeError::exchange(&place, why))?;
        let failed = |error: reqwest::Error| {
            let (is_connecting, mut why) = (error.is_connect(), causes(&error.without_url()));
            if let Some(proxy) = self.proxy.as_ref().filter(|_| is_connecting) {
                why.push_str(&proxy::hint(proxy, &why));
            }
            ExchangeError::exchange(&place, why)
        };
        let mut request = reqwest::Request::try_from(request).map_err(failed)?;
        if let Some(secret) = request.headers_mut().get_mut(header::AUTHORIZATION) {
            secret.set_sensitive(true);
        }
        self.http.execute(request).await.map_err(failed)
    }

    async fn exchange(&self, request: http::Request<Vec<u8>>) -> Result<Response<Vec<u8>>, ExchangeError> {
        let asked = ExchangePurpose::by(&request);
        let is_metadata = asked == ExchangePurpose::Metadata;
        if is_metadata {
            self.spend(1, 0)?;
        }
        let response = self.send(request).await?;
        let place = response.url().origin().ascii_serialization();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = body(response, ANSWER_BYTES).await.map_err(|why| ExchangeError::exchange(&place, why))?;
        if is_metadata {
            self.spend(0, body.len())?;
        }
        let body = asked.cut_down(status, body).map_err(|refused| match refused {
            AnswerError::Refused(code) => ExchangeError::Refused(code),
            AnswerError::Senseless(why) => ExchangeError::exchange(&place, why),
        })?;
        let mut answer = Response::new(body);
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }
}

impl EndpointClient {
    fn spend(&self, answers: usize, bytes: usize) -> Result<(), ExchangeError> {
        let mut left = locked(&self.metadata);
        let after = left.answers.checked_sub(answers).zip(left.bytes.checked_sub(bytes));
        let (answers, bytes) = after.ok_or_else(|| {
            ExchangeError::exchange("its metadata", "its metadata names too many places, or is too long")
        })?;
        *left = Budget { answers, bytes };
        Ok(())
    }
}

impl OAuthHttpClient for EndpointClient {
    fn execute(&self, request: OAuthHttpRequest) -> OAuthHttpClientFuture<'_> {
        Box::pin(async move {
            let place = request.request.uri().authority().map_or_else(String::new, ToString::to_string);
            let late = || Err(ExchangeError::exchange(&place, format!("it took longer than {} s", EXCHANGE.as_secs())));
            let result = while_running(EXCHANGE, self.exchange(request.request)).await.unwrap_or_else(late);
            *locked(&self.failure) = result.as_ref().err().cloned();
            result.map_err(Into::into)
        })
    }
}

impl fmt::Debug for EndpointClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointClient").field("reach", &self.reach).finish_non_exhaustive()
    }
}

/// Waits at most this long, not counting the time in which the process was stopped or the machine slept: a response that came
/// meanwhile may hold the only valid refresh token.
pub(crate) async fn while_running<T>(within: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let (mut steps, mut pauses) = (within.as_millis() / STEP.as_millis(), PAUSES);
    while steps > 0 {
        let begun = Instant::now();
        if let Ok(done) = tokio::time::timeout(STEP, &mut work).await {
            return Some(done);
        }
        match begun.elapsed() < 2 * STEP || pauses == 0 {
            true => steps -= 1,
            false => pauses -= 1,
        }
    }
    None
}

/// What a request is for, which is what its answer is cut down to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ExchangePurpose {
    Metadata,
    Token,
    Registration,
}

enum AnswerError {
    Refused(String),
    Senseless(String),
}

impl ExchangePurpose {
    fn by(request: &http::Request<Vec<u8>>) -> Self {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        match (request.method(), kind.starts_with("application/json")) {
            (&Method::POST, true) => Self::Registration,
            (&Method::POST, false) => Self::Token,
            _ => Self::Metadata,
        }
    }

    fn cut_down(self, status: http::StatusCode, body: Vec<u8>) -> Result<Vec<u8>, AnswerError> {
        if matches!(self, Self::Metadata) {
            return Ok(answer::metadata(body));
        }
        if !status.is_success() {
            let senseless = || AnswerError::Senseless(format!("it answered {}", status.as_u16()));
            return Err(answer::refusal(&body).map_or_else(senseless, AnswerError::Refused));
        }
        let cut = if matches!(self, Self::Token) { answer::token(&body) } else { answer::registration(&body) };
        cut.map_err(|why| AnswerError::Senseless(why.to_owned()))
    }
}

/// The body of a response, of at most so many bytes.
pub(crate) async fn body(mut response: reqwest::Response, most_bytes: usize) -> Result<Vec<u8>, String> {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    // A server that lets everybody in answers the first look at it with a stream that does not end.
    if kind.starts_with("text/event-stream") {
        return Ok(Vec::new());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| causes(&error.without_url()))? {
        if body.len() + chunk.len() > most_bytes {
            return Err(format!("its response is longer than {most_bytes} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    // What reads it makes several trees of it.
    let is_simple = |text: &str| Extent::of(text).is_ok_and(|extent| extent.tree_bytes <= ANSWER_TREE_BYTES);
    match std::str::from_utf8(&body) {
        Ok(text) if !is_simple(text) => Err("its response has too many values".to_owned()),
        _ => Ok(body),
    }
}

impl ExchangeError {
    fn exchange(place: &str, why: impl Into<String>) -> Self {
        Self::Exchange { place: place.to_owned(), why: why.into() }
    }
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange { place, why } => write!(f, "{place}: {why}"),
            Self::Refused(code) => write!(f, "the authorization server answered `{code}`"),
        }
    }
}

impl Error for ExchangeError {}

#[cfg(test)]
mod tests {
    use super::*;
    use exuvia_config::HttpProtocol;

    #[test]
    fn metadata_is_so_many_answers_and_so_many_bytes() {
        let url = Url::parse("https://crm.example/mcp").unwrap();
        let (protocol, headers) = (HttpProtocol::Auto, http::HeaderMap::new());
        let http = Http { url, protocol, headers, header_command: None, ca: Vec::new(), proxy: None, oauth: None };
        let client = || EndpointClient::new(&http.url, &http).unwrap();
        let (places, long) = (client(), client());
        for _ in 0..METADATA.answers {
            places.spend(1, 100).unwrap();
        }
        let why = places.spend(1, 0).unwrap_err().to_string();
        assert!(why.contains("too many places"), "{why}");
        long.spend(1, METADATA.bytes).unwrap();
        long.spend(0, 1).unwrap_err();
    }
}
