//! Tokens for requests: the credential of one server, kept usable.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use exuvia_config::{Grant, Http, OAuth};
use exuvia_tool::{BoxFuture, Principal, locked};
use futures_util::FutureExt as _;
use futures_util::future::Shared;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use rmcp::transport::auth::WWWAuthenticateParams;
use tokio::runtime::Handle;

use crate::authorization::{AuthRejection, Authorization, Unauthorized};
use crate::challenge::CHALLENGE_BYTES;
use crate::error::OAuthError;
use crate::file::TokenFile;
use crate::record::{Record, Token};
use crate::scopes;

/// The token of one server. Whoever needs it renewed at the same time, here or in other processes, shares one renewal.
pub struct TokenSource {
    state: Arc<State>,
}

pub(crate) struct State {
    pub(crate) server: String,
    /// What `exuvia login` is to be given for this token.
    pub(crate) login: String,
    /// Where it is, and the configured headers, which go along.
    pub(crate) http: Http,
    pub(crate) oauth: OAuth,
    pub(crate) file: TokenFile,
    /// Where renewals run. A renewal that has begun completes even if its requests are cancelled: a refresh token that was
    /// spent and not replaced would be lost. Requests may also come from runtimes without I/O.
    runtime: Handle,
    pub(crate) held: Mutex<Option<CurrentToken>>,
    renewal: Mutex<Option<(TokenRequirement, Renewal)>>,
    /// Another process renews the token and does not come to an end.
    pub(crate) is_stuck: AtomicBool,
}

type Renewal = Shared<BoxFuture<'static, Result<CurrentToken, OAuthError>>>;

#[derive(Clone)]
pub(crate) struct CurrentToken {
    pub(crate) token: Token,
    pub(crate) granted: Vec<String>,
    /// When it was issued, if that was because the server refused the one before.
    pub(crate) replaced_at: Option<Instant>,
}

/// What a token has to be.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct TokenRequirement {
    /// Another than this, which the server refused.
    pub(crate) other_than: Option<String>,
    /// Good for these.
    pub(crate) scopes: Vec<String>,
    pub(crate) challenge: Option<String>,
}

impl TokenSource {
    /// The source for a server. Its headers are the configured ones and the token.
    ///
    /// Must be called on a tokio runtime that has I/O and lives as long as the server does.
    pub fn new(server: &str, http: &Http, oauth: &OAuth) -> Self {
        Self {
            state: Arc::new(State {
                server: server.to_owned(),
                login: login_arguments(server, oauth.principal.as_ref()),
                http: http.clone(),
                oauth: oauth.clone(),
                file: TokenFile::new(&oauth.token_file),
                runtime: Handle::current(),
                held: Mutex::default(),
                renewal: Mutex::default(),
                is_stuck: AtomicBool::new(false),
            }),
        }
    }

    async fn current(&self) -> Result<CurrentToken, OAuthError> {
        let before = locked(&self.state.held).clone();
        match self.state.wanted(TokenRequirement::default()).await {
            Err(OAuthError::Passing(_)) if before.as_ref().is_some_and(|held| held.token.is_alive()) => {
                before.ok_or(OAuthError::Revoked)
            }
            result => result,
        }
    }

    async fn replacement(&self, refusal: &AuthRejection) -> Result<CurrentToken, OAuthError> {
        let challenge = refusal.challenge.clone().filter(|challenge| challenge.len() <= CHALLENGE_BYTES);
        let said = challenge.as_deref().map(|challenge| WWWAuthenticateParams::parse(challenge, &self.state.http.url));
        let said = said.unwrap_or_default();
        let mut want = TokenRequirement { other_than: bearer(&refusal.sent), scopes: Vec::new(), challenge };
        if refusal.status == StatusCode::FORBIDDEN {
            want.scopes = scopes::parse(&said.scope.unwrap_or_default());
            if said.error.as_deref() != Some("insufficient_scope") || want.scopes.is_empty() {
                return Err(OAuthError::Mend("it forbids the request regardless of scopes".to_owned()));
            }
        }
        self.state.wanted(want).await
    }
}

impl Authorization for TokenSource {
    fn headers(&self) -> BoxFuture<'_, Result<HeaderMap, Unauthorized>> {
        Box::pin(async move {
            if self.state.oauth.principal.is_none() && self.state.nobody_has_logged_in() {
                // The server may need no credentials. If it does, its response tells the operator what to do.
                return Ok(self.state.http.headers.clone());
            }
            let told = |problem: OAuthError| self.state.unauthorized(&problem);
            let token = self.current().await.map_err(told)?.token;
            let value = HeaderValue::try_from(format!("Bearer {}", token.access));
            let mut value = value.map_err(|_| told(OAuthError::Login("its token is malformed".to_owned())))?;
            value.set_sensitive(true);
            let mut headers = self.state.http.headers.clone();
            headers.insert(AUTHORIZATION, value);
            Ok(headers)
        })
    }

    fn refused<'a>(&'a self, refusal: &'a AuthRejection) -> BoxFuture<'a, Result<(), Unauthorized>> {
        Box::pin(async move {
            self.replacement(refusal).await.map(drop).map_err(|problem| self.state.unauthorized(&problem))
        })
    }
}

impl State {
    fn unauthorized(&self, problem: &OAuthError) -> Unauthorized {
        problem.unauthorized(&self.server, &self.login)
    }

    /// Looks at the file for each request of a server without a token: one call of the kernel, and a login is seen at once.
    fn nobody_has_logged_in(&self) -> bool {
        matches!(self.oauth.grant, Grant::Code(_)) && locked(&self.held).is_none() && !self.oauth.token_file.exists()
    }

    /// A token that does: the one that is held, or that of a renewal, which others may wait for as well.
    async fn wanted(self: &Arc<Self>, want: TokenRequirement) -> Result<CurrentToken, OAuthError> {
        loop {
            if let Some(held) = locked(&self.held).clone().filter(|held| want.is_met_by(&held.token, &held.granted)) {
                return Ok(held);
            }
            let (wanted, renewal) = self.renewal(&want);
            let renewed = renewal.await;
            if wanted == want {
                return renewed;
            }
        }
    }

    /// The renewal in flight, or else a new one.
    fn renewal(self: &Arc<Self>, want: &TokenRequirement) -> (TokenRequirement, Renewal) {
        let mut current = locked(&self.renewal);
        if let Some((wanted, renewal)) = &*current
            && renewal.peek().is_none()
        {
            return (wanted.clone(), renewal.clone());
        }
        let (state, wanted) = (self.clone(), want.clone());
        let task = self.runtime.spawn(async move { state.renew(&wanted).await });
        let broken = |_| Err(OAuthError::Passing("its token renewal was interrupted".to_owned()));
        let renewal: BoxFuture<'static, _> = Box::pin(async move { task.await.unwrap_or_else(broken) });
        let renewal = renewal.shared();
        *current = Some((want.clone(), renewal.clone()));
        (want.clone(), renewal)
    }
}

impl TokenRequirement {
    fn is_met_by(&self, token: &Token, granted: &[String]) -> bool {
        token.is_fresh() && self.other_than.as_ref() != Some(&token.access) && scopes::cover(granted, &self.scopes)
    }

    pub(crate) fn find(&self, record: &Record) -> Option<CurrentToken> {
        let token = record.token.clone().filter(|token| self.is_met_by(token, &record.granted))?;
        Some(CurrentToken { token, granted: record.granted.clone(), replaced_at: None })
    }
}

/// What `exuvia login` is to be given for a login with a server: the gateway's, or that of a principal.
#[must_use]
pub fn login_arguments(server: &str, principal: Option<&Principal>) -> String {
    let principal = principal.map(ToString::to_string).unwrap_or_default();
    match principal.split_once(':') {
        Some((kind, name)) => format!("{server} --{kind} {name}"),
        None => server.to_owned(),
    }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(str::to_owned)
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").field("server", &self.state.server).finish_non_exhaustive()
    }
}
