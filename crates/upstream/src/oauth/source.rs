//! Tokens for requests: the credential of one server, kept usable.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use exuvia_tool::BoxFuture;
use futures_util::FutureExt as _;
use futures_util::future::Shared;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use rmcp::transport::auth::WWWAuthenticateParams;
use tokio::runtime::Handle;

use super::challenge::CHALLENGE_BYTES;
use super::file::TokenFile;
use super::grant;
use super::problem::{Problem, shown};
use super::record::{Record, Token, resource};
use super::scopes;
use crate::authorization::{Authorization, Refusal, Unauthorized};
use crate::config::{ClientCredentials, CodeGrant, Grant, Http, OAuth};
use crate::exchange::locked;

/// A server that refuses a token within this time after it was issued because of a refusal would refuse the next one, too.
const NEW: Duration = Duration::from_secs(10);

/// The token of one server. Whoever needs it renewed at the same time, here or in other processes, shares one renewal.
pub(crate) struct TokenSource {
    state: Arc<State>,
}

struct State {
    server: String,
    /// Where it is, and the configured headers, which go along.
    http: Http,
    oauth: OAuth,
    file: TokenFile,
    /// Where renewals run. One that has begun ends, whoever asked for it: a refresh token that was spent and not replaced
    /// would be lost. Requests may also come from runtimes that have no I/O.
    runtime: Handle,
    held: Mutex<Option<Held>>,
    renewal: Mutex<Option<(Want, Renewal)>>,
}

type Renewal = Shared<BoxFuture<'static, Result<Held, Problem>>>;

#[derive(Clone)]
struct Held {
    token: Token,
    granted: Vec<String>,
    /// When it was issued, if that was because the server refused the one before.
    replaced_at: Option<Instant>,
}

/// What a token has to be.
#[derive(Clone, Default, PartialEq, Eq)]
struct Want {
    /// Another than this, which the server refused.
    other_than: Option<String>,
    /// Good for these.
    scopes: Vec<String>,
    challenge: Option<String>,
}

impl TokenSource {
    /// The source for a server. Its headers are the configured ones and the token.
    ///
    /// Must be called on a tokio runtime that has I/O and lives as long as the server does.
    pub(crate) fn new(server: &str, http: &Http, oauth: &OAuth) -> Self {
        Self {
            state: Arc::new(State {
                server: server.to_owned(),
                http: http.clone(),
                oauth: oauth.clone(),
                file: TokenFile::new(&oauth.token_file),
                runtime: Handle::current(),
                held: Mutex::default(),
                renewal: Mutex::default(),
            }),
        }
    }

    async fn current(&self) -> Result<Held, Problem> {
        let before = locked(&self.state.held).clone();
        match self.state.wanted(Want::default()).await {
            Err(Problem::Passing(_)) if before.as_ref().is_some_and(|held| held.token.is_alive()) => {
                before.ok_or(Problem::Revoked)
            }
            result => result,
        }
    }

    async fn replacement(&self, refusal: &Refusal) -> Result<Held, Problem> {
        let challenge = refusal.challenge.clone().filter(|challenge| challenge.len() <= CHALLENGE_BYTES);
        let said = challenge.as_deref().map(|challenge| WWWAuthenticateParams::parse(challenge, &self.state.http.url));
        let said = said.unwrap_or_default();
        let mut want = Want { other_than: bearer(&refusal.sent), scopes: Vec::new(), challenge };
        if refusal.status == StatusCode::FORBIDDEN {
            want.scopes = scopes::parse(&said.scope.unwrap_or_default());
            if said.error.as_deref() != Some("insufficient_scope") || want.scopes.is_empty() {
                return Err(Problem::Mend("it forbids what was asked for, and no scope would change that".to_owned()));
            }
        }
        self.state.wanted(want).await
    }
}

impl Authorization for TokenSource {
    fn headers(&self) -> BoxFuture<'_, Result<HeaderMap, Unauthorized>> {
        Box::pin(async move {
            if self.state.nobody_has_logged_in() {
                // It may let everybody in. If it does not, its refusal tells the operator what to do.
                return Ok(self.state.http.headers.clone());
            }
            let told = |problem: Problem| problem.unauthorized(&self.state.server);
            let token = self.current().await.map_err(told)?.token;
            let value = HeaderValue::try_from(format!("Bearer {}", token.access));
            let mut value = value.map_err(|_| told(Problem::Login("its token has no proper form".to_owned())))?;
            value.set_sensitive(true);
            let mut headers = self.state.http.headers.clone();
            headers.insert(AUTHORIZATION, value);
            Ok(headers)
        })
    }

    fn refused<'a>(&'a self, refusal: &'a Refusal) -> BoxFuture<'a, Result<(), Unauthorized>> {
        Box::pin(async move {
            self.replacement(refusal).await.map(drop).map_err(|problem| problem.unauthorized(&self.state.server))
        })
    }
}

impl State {
    /// Looks at the file for each request of a server without a token: one call of the kernel, and a login is seen at once.
    fn nobody_has_logged_in(&self) -> bool {
        matches!(self.oauth.grant, Grant::Code(_)) && locked(&self.held).is_none() && !self.oauth.token_file.exists()
    }

    /// A token that does: the one that is held, or that of a renewal, which others may wait for as well.
    async fn wanted(self: &Arc<Self>, want: Want) -> Result<Held, Problem> {
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

    /// The renewal that is on its way, or else a new one.
    fn renewal(self: &Arc<Self>, want: &Want) -> (Want, Renewal) {
        let mut current = locked(&self.renewal);
        if let Some((wanted, renewal)) = &*current
            && renewal.peek().is_none()
        {
            return (wanted.clone(), renewal.clone());
        }
        let (state, wanted) = (self.clone(), want.clone());
        let task = self.runtime.spawn(async move { state.renew(&wanted).await });
        let broken = |_| Err(Problem::Passing("the renewal of its token broke off".to_owned()));
        let renewal: BoxFuture<'static, _> = Box::pin(async move { task.await.unwrap_or_else(broken) });
        let renewal = renewal.shared();
        *current = Some((want.clone(), renewal.clone()));
        (want.clone(), renewal)
    }

    async fn renew(&self, want: &Want) -> Result<Held, Problem> {
        let renewed = self.renewed(want).await;
        match &renewed {
            Ok(held) => *locked(&self.held) = Some(held.clone()),
            Err(Problem::Revoked | Problem::Login(_)) => *locked(&self.held) = None,
            Err(_) => {}
        }
        renewed
    }

    async fn renewed(&self, want: &Want) -> Result<Held, Problem> {
        if let Some(held) = self.stored().await?.and_then(|record| want.find(&record)) {
            return Ok(held);
        }
        let _lock = self.file.lock().await?;
        // Another process may have been quicker.
        let stored = self.stored().await?;
        if let Some(held) = stored.as_ref().and_then(|record| want.find(record)) {
            return Ok(held);
        }
        self.check_refused(want)?;
        let record = match &self.oauth.grant {
            Grant::Code(code) => self.refreshed(code, stored, want).await?,
            Grant::ClientCredentials(client) => self.asked_again(client, stored, want).await?,
        };
        self.file.write(record.clone()).await?;
        let refused = want.other_than.is_some() && want.scopes.is_empty();
        let token = record.token.ok_or(Problem::Revoked)?;
        Ok(Held { token, granted: record.granted, replaced_at: refused.then(Instant::now) })
    }

    /// Whether another token could be better than the one that was refused. Otherwise a server that refuses everything would
    /// have a token issued for each call.
    fn check_refused(&self, want: &Want) -> Result<(), Problem> {
        let held = locked(&self.held).clone();
        let Some(held) = held.filter(|held| want.other_than.as_ref() == Some(&held.token.access)) else {
            return Ok(());
        };
        if !want.scopes.is_empty() && scopes::cover(&held.granted, &want.scopes) {
            let wanted = shown(&want.scopes.join(" "));
            return Err(Problem::Mend(format!("it wants the scopes `{wanted}`, which the token has that it refuses")));
        }
        if want.scopes.is_empty() && held.replaced_at.is_some_and(|at| at.elapsed() < NEW) {
            return Err(Problem::Mend(format!(
                "it refuses a token that was issued for it just now; does its authorisation server issue tokens for {}?",
                resource(&self.http.url)
            )));
        }
        Ok(())
    }

    /// What the file holds for this server and client.
    async fn stored(&self) -> Result<Option<Record>, Problem> {
        let Some(record) = self.file.read().await? else { return Ok(None) };
        record.check(&self.http.url)?;
        match (record.is_of(&self.oauth), &self.oauth.grant) {
            (true, _) => Ok(Some(record)),
            (false, Grant::ClientCredentials(_)) => Ok(None),
            (false, Grant::Code(_)) => {
                Err(Problem::Login("its token was made for another client or grant than is configured".to_owned()))
            }
        }
    }

    async fn refreshed(&self, code: &CodeGrant, stored: Option<Record>, want: &Want) -> Result<Record, Problem> {
        let mut record = stored.ok_or_else(|| Problem::Login("nobody has logged in yet".to_owned()))?;
        if record.token.is_some() && !scopes::cover(&record.granted, &want.scopes) {
            record.demanded = scopes::both(&record.demanded, &want.scopes);
            self.file.write(record).await?;
            return Err(Problem::Scopes(want.scopes.clone()));
        }
        let refreshed = grant::refresh(&self.http, code, record.clone()).await;
        if let Err(Problem::Revoked) = refreshed {
            record.token = None;
            self.file.write(record).await?;
        }
        refreshed
    }

    async fn asked_again(
        &self,
        client: &ClientCredentials,
        stored: Option<Record>,
        want: &Want,
    ) -> Result<Record, Problem> {
        let demanded = stored.map(|record| record.demanded).unwrap_or_default();
        let demanded = scopes::both(&demanded, &want.scopes);
        let challenge = want.challenge.as_deref();
        let record = grant::client_credentials(&self.http, &self.oauth, client, &demanded, challenge).await?;
        if scopes::cover(&record.granted, &want.scopes) {
            return Ok(record);
        }
        let wanted = shown(&want.scopes.join(" "));
        Err(Problem::Mend(format!(
            "it wants the scopes `{wanted}`, which its authorisation server does not grant to client `{}`",
            client.client_id
        )))
    }
}

impl Want {
    fn is_met_by(&self, token: &Token, granted: &[String]) -> bool {
        token.is_fresh() && self.other_than.as_ref() != Some(&token.access) && scopes::cover(granted, &self.scopes)
    }

    fn find(&self, record: &Record) -> Option<Held> {
        let token = record.token.clone().filter(|token| self.is_met_by(token, &record.granted))?;
        Some(Held { token, granted: record.granted.clone(), replaced_at: None })
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
