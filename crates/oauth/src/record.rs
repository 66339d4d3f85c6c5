//! The stored record of one server: its token, and what it is bound to.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use exuvia_config::{Grant, OAuth};
use exuvia_tool::Principal;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::answer::TokenAnswer;
use crate::error::{OAuthError, shown};
use crate::scopes;

/// The form of the file. Another form is another version's.
const VERSION: u32 = 1;
/// A token is renewed this long before it expires, or after three quarters of its life if that is later. Seconds.
const MARGIN: u64 = 30;

/// The contents of a token file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    version: u32,
    /// The server that the token is for, as [`resource`] writes it.
    server: String,
    /// Whose login it is, as text. None: the gateway's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    principal: Option<Principal>,
    /// `authorization_code` or `client_credentials`.
    grant: String,
    /// The authorization server that the token is from.
    pub(crate) issuer: Option<String>,
    pub(crate) client: RegisteredClient,
    pub(crate) token: Option<Token>,
    /// The scopes of the token.
    pub(crate) granted: Vec<String>,
    /// What the server demanded besides. The next login asks for it.
    pub(crate) demanded: Vec<String>,
    /// Whether the authorization server let the refresh token be when it was used. Many replace it each time.
    #[serde(default)]
    pub(crate) refresh_stays: bool,
}

/// Who the gateway is to the authorization server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RegisteredClient {
    pub(crate) id: String,
    /// Of a client that registered itself.
    pub(crate) secret: Option<String>,
    /// Of a client that registered itself: where it is sent answers.
    pub(crate) redirect_uri: Option<String>,
    /// Of a client that registered itself: what it may ask for.
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
}

impl RegisteredClient {
    /// A client that is configured. Its secret stays in the configuration.
    pub(crate) fn configured(id: &str) -> Self {
        Self { id: id.to_owned(), secret: None, redirect_uri: None, scopes: Vec::new() }
    }
}

/// A token. Times are seconds since 1970.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    pub(crate) received_at: u64,
    pub(crate) expires_at: Option<u64>,
}

impl Record {
    pub(crate) fn new(server: &Url, oauth: &OAuth, issuer: Option<String>, client: RegisteredClient) -> Self {
        let (server, grant) = (resource(server), grant(oauth).to_owned());
        let (granted, demanded) = (Vec::new(), Vec::new());
        let (token, refresh_stays) = (None, false);
        let principal = oauth.principal.clone();
        Self { version: VERSION, server, principal, grant, issuer, client, token, granted, demanded, refresh_stays }
    }

    /// The refresh token.
    pub(crate) fn refresh(&self) -> Option<&str> {
        self.token.as_ref()?.refresh.as_deref()
    }

    /// The contents of the file.
    pub(crate) fn text(&self) -> serde_json::Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(text)
    }

    /// Whether this is the result of renewing `earlier`.
    pub(crate) fn follows(&self, earlier: &Self) -> bool {
        let received_at = |record: &Self| record.token.as_ref().map(|token| token.received_at);
        let bound = |record: &Self| (record.server.clone(), record.principal.clone(), record.grant.clone());
        let same = bound(self) == bound(earlier) && self.client == earlier.client;
        same && received_at(self).is_some() && received_at(self) >= received_at(earlier)
    }

    /// Whether this is the record of this server and of the principal whose login it has to be. If not, nothing of it may be sent there.
    pub(crate) fn check(&self, server: &Url, oauth: &OAuth) -> Result<(), OAuthError> {
        if self.version != VERSION {
            return Err(OAuthError::Login("its token file was written by another version".to_owned()));
        }
        if self.server != resource(server) {
            let other = shown(&self.server);
            return Err(OAuthError::Login(format!(
                "its token file contains the token of {other}, which is not sent to other servers"
            )));
        }
        if self.principal != oauth.principal {
            return Err(OAuthError::Login("its token file contains the token of another login".to_owned()));
        }
        Ok(())
    }

    /// Whether it is the record of the client that is configured.
    pub(crate) fn is_of(&self, oauth: &OAuth) -> bool {
        let client = match &oauth.grant {
            Grant::Code(code) => code.client_id.as_ref(),
            Grant::ClientCredentials(client) => Some(&client.client_id),
        };
        self.grant == grant(oauth) && client.is_none_or(|id| *id == self.client.id)
    }

    /// Puts in a new token. `asked` is what it has for scopes if the answer does not say.
    pub(crate) fn renew(&mut self, answer: TokenAnswer, asked: &[String]) {
        let received_at = now();
        let expires_at = answer.expires_in.map(|seconds| received_at.saturating_add(seconds.0));
        self.granted = answer.scope.map_or_else(|| asked.to_vec(), |scope| scopes::parse(&scope));
        let before = self.refresh();
        self.refresh_stays = before.is_some() && before == answer.refresh_token.as_deref();
        self.token =
            Some(Token { access: answer.access_token, refresh: answer.refresh_token, received_at, expires_at });
    }
}

impl Token {
    /// Whether it need not be renewed yet.
    pub(crate) fn is_fresh(&self) -> bool {
        let life = |end: u64| end.saturating_sub(self.received_at);
        self.expires_at.is_none_or(|end| now() + MARGIN.min(life(end) / 4) < end)
    }

    /// Whether it has not expired.
    pub(crate) fn is_alive(&self) -> bool {
        self.expires_at.is_none_or(|end| now() < end)
    }
}

/// A server as a resource (RFC 8707): its URL without query, in which a secret may be, and fragment.
pub(crate) fn resource(server: &Url) -> String {
    bare(server).into()
}

/// A URL without query and fragment.
pub(crate) fn bare(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    url
}

fn grant(oauth: &OAuth) -> &'static str {
    match oauth.grant {
        Grant::Code(_) => "authorization_code",
        Grant::ClientCredentials(_) => "client_credentials",
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record").field("server", &self.server).field("granted", &self.granted).finish_non_exhaustive()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}
