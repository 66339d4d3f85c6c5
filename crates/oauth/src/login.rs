//! The login of a user, for `exuvia login`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exuvia_config::{ClientCredentials, CodeGrant, Grant, Http, OAuth};
use rmcp::transport::auth::OAuthClientConfig;
use tempfile::NamedTempFile;
use tokio::time::timeout;
use url::Url;

use crate::answer::error_code;
use crate::callback::{Callback, Redirect};
use crate::discovery::{Discovery, refused, silent};
use crate::error::{OAuthError, shown};
use crate::file::TokenFile;
use crate::grant;
use crate::lock::Purpose;
use crate::record::{Record, RegisteredClient};
use crate::scopes;

/// How long another process is waited for that renews the token.
const OTHERS: Duration = Duration::from_secs(25);
/// How long a user has to consent.
const CONSENT: Duration = Duration::from_secs(300);
/// What the gateway calls itself where it registers.
const CLIENT_NAME: &str = "Exuvia";

/// A login that waits for the user's consent in a browser. Dropping it gives it up.
pub struct Login {
    url: String,
    state: String,
    discovery: Discovery,
    callback: Callback,
    record: Record,
    asked: Vec<String>,
    file: TokenFile,
    room: NamedTempFile,
}

/// A login that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedIn {
    /// Where the token is kept.
    pub token_file: PathBuf,
    /// When it expires, if the authorization server said so.
    pub expires_at: Option<SystemTime>,
    /// Whether it is renewed without the user.
    pub is_renewed: bool,
    /// What it is good for; empty where the authorization server knows no scopes.
    pub scopes: Vec<String>,
}

/// A login that did not succeed: why and what to do about it, for the operator. Holds no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginError {
    message: String,
}

/// Begins a login with the authorization code grant: finds the authorization server, registers where nothing is configured,
/// and listens for the browser on loopback. `more` are scopes to ask for besides; without them it is what the server
/// demanded earlier.
///
/// # Errors
///
/// The server is configured for another grant, does not say who authorizes for it, or its authorization server lacks what a
/// login needs.
pub async fn begin(http: &Http, oauth: &OAuth, more: &[String]) -> Result<Login, LoginError> {
    let Grant::Code(code) = &oauth.grant else {
        return Err(LoginError { message: "it uses client credentials, which need no login by a user".to_owned() });
    };
    let file = TokenFile::new(&oauth.token_file);
    // A damaged file is replaced by the new one.
    let earlier =
        file.read().await.ok().flatten().filter(|record| record.check(&http.url, oauth).is_ok() && record.is_of(oauth));
    let mut discovery = Discovery::of(http, None).await?;
    discovery.check_code_grant()?;
    // Before anybody registers or consents to what could not be kept.
    let room = file.room().await?;
    let earlier = earlier.filter(|record| record.issuer.as_ref() == Some(&discovery.issuer));
    let asked = scopes_to_ask_for(&discovery, oauth, earlier.as_ref(), more).await;
    let callback = bind(code, earlier.as_ref()).await?;
    let client = client(&mut discovery, code, earlier.as_ref(), &callback.redirect_uri(), &asked).await?;
    let names: Vec<&str> = asked.iter().map(String::as_str).collect();
    let url = silent(discovery.manager.get_authorization_url(&names)).await;
    let url = url.map_err(|error| discovery.problem(error))?;
    let state = Url::parse(&url)
        .ok()
        .and_then(|url| url.query_pairs().find_map(|(name, value)| (name == "state").then(|| value.into_owned())));
    let state = state.ok_or_else(|| LoginError { message: "the authorization endpoint has no URL".to_owned() })?;
    let record = Record::new(&http.url, oauth, Some(discovery.issuer.clone()), client);
    Ok(Login { url, state, discovery, callback, record, asked, file, room })
}

/// Fetches a token for the gateway itself, by client credentials, and keeps it: to find out whether it works.
///
/// # Errors
///
/// The server is configured for another grant, or there is no token.
pub async fn fetch(http: &Http, oauth: &OAuth) -> Result<LoggedIn, LoginError> {
    let Grant::ClientCredentials(client) = &oauth.grant else {
        return Err(LoginError { message: "it is configured for the code grant".to_owned() });
    };
    let file = TokenFile::new(&oauth.token_file);
    let _lock = file.lock(Purpose::Other, OTHERS).await?;
    let record = fetched(http, oauth, client).await?;
    file.write(record.clone()).await?;
    Ok(LoggedIn::new(file.path(), &record, true))
}

async fn fetched(http: &Http, oauth: &OAuth, client: &ClientCredentials) -> Result<Record, OAuthError> {
    grant::client_credentials(http, oauth, client, &[], None).await
}

impl Login {
    /// The page to open in a browser. Worth nothing to anybody else.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Waits for the consent, 5 minutes at most, exchanges it for a token and keeps that.
    ///
    /// # Errors
    ///
    /// The user or the authorization server refused, the answer came from another authorization server, nothing came in
    /// time, or the token cannot be kept.
    pub async fn finish(self) -> Result<LoggedIn, LoginError> {
        let Self { state, discovery, callback, mut record, asked, file, room, .. } = self;
        let redirect = timeout(CONSENT, callback.redirect(&state)).await;
        let redirect = redirect.map_err(|_| LoginError { message: "no authorization within 5 minutes".to_owned() })?;
        let ended = async {
            exchange(&discovery, &redirect, &state, &mut record, &asked).await?;
            // Who has it and does not go on gets nothing that is newer.
            let _lock = file.lock(Purpose::Other, OTHERS).await?;
            file.write_in(room, &record).await
        };
        let ended = ended.await;
        redirect.answer(ended.is_ok()).await;
        ended?;
        let is_renewed = record.token.as_ref().is_some_and(|token| token.refresh.is_some());
        Ok(LoggedIn::new(file.path(), &record, is_renewed))
    }
}

async fn exchange(
    discovery: &Discovery,
    redirect: &Redirect,
    state: &str,
    record: &mut Record,
    asked: &[String],
) -> Result<(), OAuthError> {
    let issuer = redirect.issuer.as_deref();
    // The library checks the issuer of a code; an error from another issuer is ignored as well.
    if issuer.is_some_and(|issuer| issuer != discovery.issuer) {
        let (expected, found) = (shown(&discovery.issuer), shown(issuer.unwrap_or_default()));
        return Err(OAuthError::Mend(format!("the answer came from {found} instead of {expected}; it was rejected")));
    }
    let code = match &redirect.result {
        Ok(code) => code,
        Err(error) => return Err(refused(&error_code(error).unwrap_or_else(|| "unknown_error".to_owned()))),
    };
    let answer = silent(discovery.manager.exchange_code_for_token_with_issuer(code, state, issuer)).await;
    let answer = answer.map_err(|error| discovery.problem(error))?;
    record.renew(grant::own(&answer)?, asked);
    Ok(())
}

async fn scopes_to_ask_for(
    discovery: &Discovery,
    oauth: &OAuth,
    earlier: Option<&Record>,
    more: &[String],
) -> Vec<String> {
    let mut asked = oauth.scopes.clone();
    if asked.is_empty() {
        asked = scopes::parse(&discovery.manager.select_initial_scopes(&[]).await.join(" "));
    }
    if let Some(earlier) = earlier {
        asked = scopes::both(&asked, &earlier.granted);
        asked = scopes::both(&asked, if more.is_empty() { &earlier.demanded } else { &[] });
    }
    asked = scopes::both(&asked, more);
    // Without it some authorization servers give no refresh token.
    let offline = discovery.scopes_supported.iter().find(|scope| *scope == "offline_access");
    if asked.is_empty() { asked } else { scopes::union(&asked, offline.map(String::as_str)) }
}

/// Listens where the client is registered to be: at the configured port, or at that of an earlier registration.
async fn bind(code: &CodeGrant, earlier: Option<&Record>) -> Result<Callback, LoginError> {
    let earlier = earlier.and_then(|record| record.client.redirect_uri.as_deref()).and_then(Callback::port_of);
    if let Some(port) = earlier.filter(|_| code.callback_port == 0)
        && let Ok(callback) = Callback::bind(port).await
    {
        return Ok(callback);
    }
    let port = code.callback_port;
    let told =
        |error| LoginError { message: format!("cannot listen on 127.0.0.1:{port}: {error}; see oauth.callback_port") };
    Callback::bind(port).await.map_err(told)
}

/// The configured client, or the one that registered earlier, or one that registers now.
async fn client(
    discovery: &mut Discovery,
    code: &CodeGrant,
    earlier: Option<&Record>,
    redirect_uri: &str,
    asked: &[String],
) -> Result<RegisteredClient, OAuthError> {
    let fits = |client: &&RegisteredClient| {
        client.redirect_uri.as_deref() == Some(redirect_uri) && scopes::cover(&client.scopes, asked)
    };
    let registered = earlier.map(|record| &record.client).filter(fits);
    let known = match (&code.client_id, registered) {
        (Some(id), _) => RegisteredClient::configured(id),
        (None, Some(client)) => client.clone(),
        (None, None) => {
            let names: Vec<&str> = asked.iter().map(String::as_str).collect();
            let registered = silent(discovery.manager.register_client(CLIENT_NAME, redirect_uri, &names)).await;
            let registered = registered.map_err(|error| not_registered(discovery.problem(error)))?;
            return Ok(RegisteredClient {
                id: registered.client_id,
                secret: registered.client_secret,
                redirect_uri: Some(registered.redirect_uri),
                scopes: registered.scopes,
            });
        }
    };
    let mut config = OAuthClientConfig::new(&known.id, redirect_uri);
    config.client_secret = code.client_secret.clone().or_else(|| known.secret.clone());
    discovery.manager.configure_client(config).map_err(|error| discovery.problem(error))?;
    Ok(known)
}

fn not_registered(problem: OAuthError) -> OAuthError {
    OAuthError::Mend(format!(
        "it could not be registered as a client ({problem}); register it by hand and set oauth.client_id and callback_port"
    ))
}

/// The login that is stored for a server. None: there is none, or it has no token.
///
/// # Errors
///
/// Its file cannot be used, with the reason.
pub async fn stored(http: &Http, oauth: &OAuth) -> Result<Option<LoggedIn>, LoginError> {
    let file = TokenFile::new(&oauth.token_file);
    let Some(record) = file.read().await.map_err(LoginError::from)? else { return Ok(None) };
    record.check(&http.url, oauth).map_err(LoginError::from)?;
    let is_renewed = record.refresh().is_some() || matches!(oauth.grant, Grant::ClientCredentials(_));
    Ok(record.token.is_some().then(|| LoggedIn::new(file.path(), &record, is_renewed)))
}

impl LoggedIn {
    fn new(token_file: &Path, record: &Record, is_renewed: bool) -> Self {
        let expires_at = record.token.as_ref().and_then(|token| token.expires_at);
        let expires_at = expires_at.and_then(|at| UNIX_EPOCH.checked_add(Duration::from_secs(at)));
        Self { token_file: token_file.to_owned(), expires_at, is_renewed, scopes: record.granted.clone() }
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for LoginError {}

impl From<OAuthError> for LoginError {
    fn from(problem: OAuthError) -> Self {
        Self { message: problem.to_string() }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("token_file", &self.file.path()).finish_non_exhaustive()
    }
}
