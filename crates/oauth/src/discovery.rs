//! Finding out who authorizes for a server.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use exuvia_config::{Http, is_loopback};
use rmcp::transport::auth::{AuthError, AuthorizationManager, ClientCredentialsConfig};
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;
use url::Url;

use crate::challenge::challenge;
use crate::client::{EndpointClient, ExchangeError, while_running};
use crate::error::{OAuthError, shown};
use crate::reach::Reach;
use crate::record::{bare, resource};

/// How long that may take in all. Less than a server's start may take by default, so that the cause is reported.
const WITHIN: Duration = Duration::from_secs(25);

/// A server's authorization server.
pub(crate) struct Discovery {
    pub(crate) manager: AuthorizationManager,
    /// Who it is. Always known: metadata without it is refused.
    pub(crate) issuer: String,
    pub(crate) scopes_supported: Vec<String>,
    client: Arc<EndpointClient>,
    server: Url,
    authorization_endpoint: String,
    proves_codes: bool,
}

impl Discovery {
    /// Asks the server, and whom it names. A challenge of the server says best where to begin; without one at hand the server
    /// is asked for it.
    pub(crate) async fn of(http: &Http, given: Option<&str>) -> Result<Self, OAuthError> {
        let found = while_running(WITHIN, Self::found(http, given)).await;
        found.unwrap_or_else(|| {
            Err(OAuthError::Passing(format!(
                "its authorization server was not discovered within {} s",
                WITHIN.as_secs()
            )))
        })
    }

    async fn found(http: &Http, given: Option<&str>) -> Result<Self, OAuthError> {
        let server = bare(&http.url);
        if server.scheme() != "https" && !is_loopback(&server) {
            return Err(OAuthError::Mend("tokens are sent over https only; its url is http".to_owned()));
        }
        let client = EndpointClient::new(&server, http).map_err(OAuthError::Mend)?;
        let challenge = match given {
            Some(given) => Some(given.to_owned()),
            None => challenge(&client, http).await,
        };
        let told = |error| problem(error, &client);
        let manager = AuthorizationManager::new_with_oauth_http_client(server.as_str(), client.clone());
        let mut manager = silent(manager).await.map_err(told)?;
        let found = silent(manager.resolve_metadata_from_challenge(challenge.as_deref())).await.map_err(told)?;
        if !found.source.is_discovered() {
            return Err(OAuthError::Mend(
                "it publishes no authorization server (RFC 9728, RFC 8414); does it use OAuth?".to_owned(),
            ));
        }
        let metadata = found.metadata;
        let issuer = metadata.issuer.clone();
        let issuer = issuer
            .ok_or_else(|| OAuthError::Mend("the metadata of its authorization server has no issuer".to_owned()))?;
        let proves_codes = metadata.code_challenge_methods_supported.iter().flatten().any(|method| method == "S256");
        let scopes_supported = metadata.scopes_supported.clone().unwrap_or_default();
        let authorization_endpoint = metadata.authorization_endpoint.clone();
        manager.set_metadata(metadata);
        Ok(Self { manager, issuer, scopes_supported, client, server, authorization_endpoint, proves_codes })
    }

    /// Whether a user can be sent to this authorization server: it supports PKCE (the library accepts metadata that does not
    /// say so), and its authorization page is a web page.
    pub(crate) fn check_code_grant(&self) -> Result<(), OAuthError> {
        if !self.proves_codes {
            return Err(OAuthError::Mend(format!(
                "its authorization server {} does not offer PKCE with S256, without which codes can be stolen",
                shown(&self.issuer)
            )));
        }
        let page = Url::parse(&self.authorization_endpoint).map_err(|error| error.to_string());
        let allowed = page.and_then(|page| Reach::of(&self.server).check(&page));
        allowed.map_err(|why| OAuthError::Mend(format!("its authorization endpoint: {why}")))
    }

    /// What the authorization server calls the server. rmcp checks it, keeps it to itself, but writes it into the URLs that
    /// it makes.
    pub(crate) async fn resource(&mut self, config: &ClientCredentialsConfig) -> Result<String, OAuthError> {
        self.manager.configure_client_credentials(config).map_err(|error| self.problem(error))?;
        let url = silent(self.manager.get_authorization_url(&[])).await.ok().and_then(|url| Url::parse(&url).ok());
        let found =
            url.and_then(|url| url.query_pairs().find_map(|(name, value)| (name == "resource").then(|| value.into())));
        Ok(found.unwrap_or_else(|| resource(&self.server)))
    }

    /// An error of the library above, as far as it can be shown.
    pub(crate) fn problem(&self, error: AuthError) -> OAuthError {
        problem(error, &self.client)
    }
}

/// rmcp logs codes and responses, at a level that an operator may have enabled.
pub(crate) async fn silent<T>(work: impl Future<Output = T>) -> T {
    work.with_subscriber(NoSubscriber::default()).await
}

fn problem(error: AuthError, client: &EndpointClient) -> OAuthError {
    match (client.failure(), error) {
        (Some(failure @ ExchangeError::Exchange { .. }), _) => OAuthError::Passing(failure.to_string()),
        (Some(ExchangeError::Refused(code)), _) => refused(&code),
        (None, AuthError::InternalError(_)) => OAuthError::Passing("the authorization failed".to_owned()),
        // What is left is about metadata and issuers, in which there is no secret.
        (None, error) => OAuthError::Mend(shown(&error.to_string())),
    }
}

/// What an error code of the authorization server means for the operator.
pub(crate) fn refused(code: &str) -> OAuthError {
    let hint = match code {
        "invalid_grant" => return OAuthError::Revoked,
        "invalid_client" | "unauthorized_client" => "check client_id, client_secret and the permissions of this client",
        "invalid_scope" => "check oauth.scopes",
        "invalid_target" => "it does not know this resource url",
        "invalid_redirect_uri" => "set oauth.callback_port to the port that is registered there",
        "access_denied" => "the user denied access",
        "server_error" | "temporarily_unavailable" | "slow_down" => {
            return OAuthError::Passing(format!("its authorization server answered `{code}`"));
        }
        _ => return OAuthError::Mend(format!("its authorization server answered `{code}`")),
    };
    OAuthError::Mend(format!("its authorization server answered `{code}`: {hint}"))
}
