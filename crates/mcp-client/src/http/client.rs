//! Requests to one server.
//!
//! They go to its origin and nowhere else: redirects are followed within the origin alone, there is no proxy but the
//! configured one, whatever the environment says, and no compression; cookies live as long as the connection. A request is sent
//! once. It is sent again only where the server cannot have acted on it: a redirect, a refusal for want of authorization, or (in hyper) a kept connection that turns out closed before
//! anything was written, or a stream that HTTP/2 says was not processed.

use std::error::Error as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use exuvia_config::{Http, Proxy};
use exuvia_oauth::http::{proxy, quote, roots};
use exuvia_oauth::{AuthRejection, Authorization};
use exuvia_tool::locked;
use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use reqwest::Response;
use reqwest::redirect::Policy;
use url::Url;

use super::cookies::Cookies;
use super::error::{HttpError, HttpErrorKind};
use crate::order::Departure;

/// The connect timeout, TLS included. Shorter than the timeout of a first answer, so that an unreachable server is not taken
/// for a silent one.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Redirects of one request within the origin.
const REDIRECTS: usize = 5;
/// Connections kept for further requests, and for how long. Shorter than servers keep them (5 s is the shortest default known): a
/// request that goes out while its connection is closed is lost, and is not sent again.
const IDLE_CONNECTIONS: usize = 16;
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Speaks HTTP with one server.
#[derive(Debug)]
pub(crate) struct HttpClient {
    http: reqwest::Client,
    url: Url,
    authorization: Arc<dyn Authorization>,
    proxy: Option<Proxy>,
    server: String,
    cookies: Cookies,
    last_error: Mutex<Option<HttpError>>,
}

/// One request. Its headers win over the ones of the configuration.
#[derive(Debug, Clone)]
pub(crate) struct HttpRequest {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Told when the body has left.
    pub(crate) leaving: Departure,
}

impl HttpRequest {
    /// A message to the server.
    pub(crate) fn post(url: Url, body: impl Into<Bytes>) -> Self {
        let (headers, leaving) = Default::default();
        Self { method: Method::POST, url, headers, body: body.into(), leaving }.into_message()
    }

    /// The same for a request with headers of another one.
    pub(crate) fn into_message(mut self) -> Self {
        self.method = Method::POST;
        self.headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }

    /// A stream of events from the server.
    pub(crate) fn events(url: Url) -> Self {
        let mut request = Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            leaving: Departure::default(),
        };
        request.headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        request
    }

    /// Others wait for it to leave.
    pub(crate) fn leaving(mut self, leaving: Option<Departure>) -> Self {
        self.leaving = leaving.unwrap_or_default();
        self
    }

    /// Adds headers.
    pub(crate) fn with(mut self, headers: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> Self {
        self.headers.extend(headers);
        self
    }
}

impl HttpClient {
    /// A client for this server. Connects to nothing yet.
    ///
    /// # Errors
    ///
    /// A sentence for the operator: there are no root certificates.
    pub(crate) fn new(server: &str, config: &Http, authorization: Arc<dyn Authorization>) -> Result<Self, String> {
        // An error says that the program has chosen one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("exuvia/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(Policy::none())
            .referer(false);
        builder = proxy::through(builder, config.proxy.as_ref())?;
        let meets_tls = |url: &Url| url.scheme() == "https";
        if !meets_tls(&config.url) && !config.proxy.as_ref().is_some_and(|proxy| meets_tls(proxy.url())) {
            // It will never speak TLS, as it never leaves the origin: no need to read the system's certificates.
            builder = builder.tls_certs_only([]);
        } else if !config.ca.is_empty() {
            builder = builder.tls_certs_only(roots(&config.ca)?);
        }
        let http = builder.build().map_err(|error| format!("HTTPS is unavailable: {}", HttpError::from(error)))?;
        let (url, proxy, server) = (config.url.clone(), config.proxy.clone(), server.to_owned());
        Ok(Self { http, url, authorization, proxy, server, cookies: Cookies::default(), last_error: Mutex::default() })
    }

    /// The server's name.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    /// Where the server is.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Whether an address is of the server's own origin.
    pub(crate) fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.url.origin()
    }

    /// What went wrong with the latest request.
    pub(crate) fn last_error(&self) -> Option<HttpError> {
        locked(&self.last_error).clone()
    }

    /// Keeps what went wrong, or that nothing did.
    pub(crate) fn remember(&self, http_error: Option<&HttpError>) {
        *locked(&self.last_error) = http_error.cloned();
    }

    /// Tells the operator what went wrong.
    pub(crate) fn note(&self, http_error: &HttpError) {
        let (server, kind, details) = (&self.server, &http_error.kind, &http_error.details);
        match kind {
            // How a server says that it speaks another protocol, or has forgotten a session.
            HttpErrorKind::Status(StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, _) => {
                tracing::debug!(server.name = %server, ?kind, %details, "HTTP request refused");
            }
            _ => tracing::warn!(server.name = %server, ?kind, %details, "HTTP request failed"),
        }
        self.remember(Some(http_error));
    }

    /// Sends a request with the credentials of the server. Whatever the server answers but redirects and refusals comes back.
    pub(crate) async fn send(&self, request: HttpRequest) -> Result<Response, HttpError> {
        let (refusal, response) = match self.authorized(&request).await? {
            SendOutcome::Other(response) => return Ok(response),
            SendOutcome::Refused(refusal, response) => (refusal, response),
        };
        drop(response);
        self.authorization.refused(&refusal).await?;
        match self.authorized(&request).await? {
            SendOutcome::Other(response) => Ok(response),
            SendOutcome::Refused(refusal, _) => Err(HttpError::new(
                HttpErrorKind::Unauthorized,
                format!("it rejects new credentials with HTTP {}", refusal.status),
            )),
        }
    }

    async fn authorized(&self, request: &HttpRequest) -> Result<SendOutcome, HttpError> {
        let sent = self.authorization.headers().await?;
        let mut headers = sent.clone();
        headers.extend(request.headers.clone());
        let response = self.follow(HttpRequest { headers, ..request.clone() }).await?;
        if !matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Ok(SendOutcome::Other(response));
        }
        let challenge =
            response.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(SendOutcome::Refused(AuthRejection { status: response.status(), challenge, sent }, response))
    }

    fn unreached(&self, error: reqwest::Error) -> HttpError {
        let mut http_error = HttpError::from(error);
        if http_error.kind != HttpErrorKind::Unreachable {
            return http_error;
        }
        let is_here = self.url.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]"));
        match &self.proxy {
            Some(proxy) => http_error.details.push_str(&proxy::hint(proxy, &http_error.details)),
            None if is_here => {}
            None => {
                http_error.details.push_str("; proxies from the environment are not used, set `proxy` if it needs one")
            }
        }
        http_error
    }

    /// A proxy that forwards a request answers in the server's place.
    fn refusal_of_proxy(&self, status: StatusCode, url: &Url) -> Option<HttpError> {
        let proxy = self.proxy.as_ref().filter(|_| url.scheme() == "http")?;
        (status == StatusCode::PROXY_AUTHENTICATION_REQUIRED)
            .then(|| HttpError::new(HttpErrorKind::Unreachable, proxy.hint(true)))
    }

    /// Sends a request, on to where the server moved it within its origin.
    async fn follow(&self, mut request: HttpRequest) -> Result<Response, HttpError> {
        let has_own_cookies = request.headers.contains_key(COOKIE);
        for _ in 0..=REDIRECTS {
            if !has_own_cookies && let Some(cookies) = self.cookies.header() {
                request.headers.insert(COOKIE, cookies);
            }
            let is_watched = !request.leaving.is_over();
            let response = match self.http.execute(sendable(&request)).await {
                // reqwest retries such a request, but not with a body that reports when it is sent.
                Err(error) if is_watched && is_unprocessed(&error) => self.http.execute(sendable(&request)).await,
                response => response,
            };
            let response = response.map_err(|error| self.unreached(error))?;
            self.cookies.learn(response.headers(), request.url.scheme() == "https");
            let status = response.status();
            if let Some(http_error) = self.refusal_of_proxy(status, &request.url) {
                return Err(http_error);
            }
            if !status.is_redirection() {
                return Ok(response);
            }
            let to = response.headers().get(LOCATION).and_then(|to| request.url.join(to.to_str().ok()?).ok());
            let keeps_the_message = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
            match to {
                Some(to) if keeps_the_message && self.is_own(&to) => request.url = to,
                to => return Err(redirect(status, to)),
            }
        }
        Err(HttpError::new(HttpErrorKind::Redirect, format!("it redirects more than {REDIRECTS} times")))
    }
}

fn sendable(request: &HttpRequest) -> reqwest::Request {
    let mut sendable = reqwest::Request::new(request.method.clone(), request.url.clone());
    *sendable.headers_mut() = request.headers.clone();
    if request.method == Method::POST {
        *sendable.body_mut() = Some(request.leaving.body(request.body.clone()));
    }
    sendable
}

/// Whether an HTTP/2 server says that it has not looked at the request.
fn is_unprocessed(error: &reqwest::Error) -> bool {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.filter_map(|cause| cause.downcast_ref::<h2::Error>()).any(|error| {
        error.is_remote()
            && match error.reason() {
                Some(h2::Reason::NO_ERROR) => error.is_go_away(),
                Some(h2::Reason::REFUSED_STREAM) => error.is_reset(),
                _ => false,
            }
    })
}

enum SendOutcome {
    Other(Response),
    Refused(AuthRejection, Response),
}

fn redirect(status: StatusCode, to: Option<Url>) -> HttpError {
    let details = match to {
        Some(mut to) => {
            // What else an address holds may be a secret.
            to.set_query(None);
            to.set_fragment(None);
            let _ = to.set_username("");
            let _ = to.set_password(None);
            let to = quote(to.as_str());
            format!("it redirects to {to} (HTTP {status}); if you trust that address, set it as the server's `url`")
        }
        None => format!("it redirects without a location (HTTP {status})"),
    };
    HttpError::new(HttpErrorKind::Redirect, details)
}
