//! Token requests without a user.

use exuvia_config::{ClientCredentials, CodeGrant, Http, OAuth};
use rmcp::transport::auth::{
    ClientCredentialsConfig, CredentialStore as _, InMemoryCredentialStore, OAuthClientConfig, OAuthTokenResponse,
    StoredCredentials,
};
use serde_json::json;

use crate::answer::TokenAnswer;
use crate::discovery::{Discovery, silent};
use crate::error::OAuthError;
use crate::record::{Record, RegisteredClient};
use crate::scopes;

/// A refresh token that is about to be spent: whom it is sent to is found out.
pub(crate) struct Refresh {
    discovery: Discovery,
    client: OAuthClientConfig,
}

impl Refresh {
    /// Finds out who renews the token of this record. Nothing is sent that could not be sent again.
    pub(crate) async fn prepare(http: &Http, code: &CodeGrant, record: &Record) -> Result<Self, OAuthError> {
        record.refresh().ok_or_else(run_out)?;
        let discovery = Discovery::of(http, None).await?;
        let mut client = OAuthClientConfig::new(&record.client.id, http.url.as_str());
        client.client_secret = code.client_secret.clone().or_else(|| record.client.secret.clone());
        let refresh = Self { discovery, client };
        refresh.check(record)?;
        Ok(refresh)
    }

    /// Spends the refresh token of a record for a new token. What comes back has to be stored before anything else happens: the
    /// old refresh token is used up.
    pub(crate) async fn send(mut self, mut record: Record) -> Result<Record, OAuthError> {
        self.check(&record)?;
        let told = |discovery: &Discovery, error| discovery.problem(error);
        let configured = self.discovery.manager.configure_client(self.client);
        configured.map_err(|error| told(&self.discovery, error))?;
        let refresh_token = record.refresh().ok_or_else(run_out)?;
        let stored = json!({"access_token": "", "token_type": "bearer", "refresh_token": refresh_token});
        let stored = serde_json::from_value::<OAuthTokenResponse>(stored).map_err(|_| run_out())?;
        let stored = StoredCredentials::new(record.client.id.clone(), Some(stored), record.granted.clone(), None);
        let store = InMemoryCredentialStore::new();
        store.save(stored).await.map_err(|error| told(&self.discovery, error))?;
        self.discovery.manager.set_credential_store(store);
        let answer = silent(self.discovery.manager.refresh_token()).await;
        let answer = answer.map_err(|error| told(&self.discovery, error))?;
        let asked = record.granted.clone();
        record.renew(own(&answer)?, &asked);
        Ok(record)
    }

    fn check(&self, record: &Record) -> Result<(), OAuthError> {
        if record.issuer.as_ref() != Some(&self.discovery.issuer) {
            return Err(OAuthError::Login("its authorization server has changed since the login".to_owned()));
        }
        if record.client.id != self.client.client_id {
            return Err(OAuthError::Passing("another login happened while its token was being renewed".to_owned()));
        }
        Ok(())
    }
}

fn run_out() -> OAuthError {
    OAuthError::Login("the authorization has expired".to_owned())
}

/// Asks for a token for the gateway itself, with at least the scopes that are demanded.
pub(crate) async fn client_credentials(
    http: &Http,
    oauth: &OAuth,
    client: &ClientCredentials,
    demanded: &[String],
    challenge: Option<&str>,
) -> Result<Record, OAuthError> {
    let mut discovery = Discovery::of(http, challenge).await?;
    let mut asked = oauth.scopes.clone();
    if asked.is_empty() {
        asked = scopes::parse(&discovery.manager.select_initial_scopes(&[]).await.join(" "));
        // No user takes part, so offline access has no meaning.
        asked.retain(|scope| scope != "offline_access");
    }
    let asked = scopes::both(&asked, demanded);
    let mut config = ClientCredentialsConfig::ClientSecret {
        client_id: client.client_id.clone(),
        client_secret: client.client_secret.clone(),
        scopes: asked.clone(),
        resource: None,
    };
    discovery.manager.validate_client_credentials_metadata(&config).map_err(|error| discovery.problem(error))?;
    let found = discovery.resource(&config).await?;
    if let ClientCredentialsConfig::ClientSecret { resource, .. } = &mut config {
        *resource = Some(found);
    }
    let answer = silent(discovery.manager.exchange_client_credentials(&config)).await;
    let answer = answer.map_err(|error| discovery.problem(error))?;
    let known = RegisteredClient::configured(&client.client_id);
    let mut record = Record::new(&http.url, oauth, Some(discovery.issuer.clone()), known);
    record.renew(own(&answer)?, &asked);
    // A refresh token means nothing to who can always ask again.
    record.token.as_mut().map(|token| token.refresh.take());
    record.demanded = demanded.to_vec();
    Ok(record)
}

/// The library's token as ours.
pub(crate) fn own(answer: &OAuthTokenResponse) -> Result<TokenAnswer, OAuthError> {
    let senseless = |_| OAuthError::Passing("its authorization server's response contains no token".to_owned());
    serde_json::to_value(answer).and_then(serde_json::from_value).map_err(senseless)
}
