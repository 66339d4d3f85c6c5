//! A real authorization server on loopback (the library `oauth-as`) that issues signed access tokens (RFC 9068) to clients with a secret.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use exuvia_test_support::identity_provider::SigningKey;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use oauth_as::client::{Client, ClientAuth, ClientId, SecretHash};
use oauth_as::grant::GrantType;
use oauth_as::http::{AuthorizationService, ServiceBuilder};
use oauth_as::jwt::{AccessTokenFormat, Jwk, JwsAlg, JwsSignature, JwsSigner, JwtConfig, SignerError};
use oauth_as::scope::ScopeSet;
use oauth_as::server::SystemClock;
use oauth_as::server::{AuthorizationServer, ServerConfig};
use oauth_as::store::MemoryStorage;
use serde_json::Value;
use tokio::net::TcpListener;

/// The secret of every client.
pub const CLIENT_SECRET: &str = "f3a1c0ffee5ecre7f3a1c0ffee5ecre7";
/// Scopes that clients may ask for.
const SCOPES: [&str; 2] = ["mcp", "other"];
/// How long tokens live.
const LIFE: Duration = Duration::from_secs(300);

type Service = AuthorizationService<MemoryStorage, SystemClock>;

/// The authorization server, until the runtime ends.
pub struct TokenIssuer {
    issuer: String,
    service: Arc<RwLock<Service>>,
}

impl TokenIssuer {
    /// One with the clients `ada` and `bob`, which signs with a key of this name.
    ///
    /// # Panics
    ///
    /// No port is free, or the library refuses the configuration.
    pub async fn start(key: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let service = Arc::new(RwLock::new(service(&issuer, key).await));
        tokio::spawn(serve(listener, Arc::clone(&service)));
        Self { issuer, service }
    }

    /// As its tokens name it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Signs with another key from now on, and publishes that one alone.
    ///
    /// # Panics
    ///
    /// The library refuses the configuration.
    pub async fn rotate(&self, key: &str) {
        let other = service(&self.issuer, key).await;
        *self.service.write().unwrap_or_else(PoisonError::into_inner) = other;
    }

    /// A token for a client, for this resource and scope, as the client gets it.
    ///
    /// # Panics
    ///
    /// It does not get one.
    pub async fn token(&self, client: &str, resource: &str, scope: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("resource", resource), ("scope", scope)];
        let asked = reqwest::Client::new().post(format!("{}/token", self.issuer));
        let answer = asked.basic_auth(client, Some(CLIENT_SECRET)).form(&form).send().await.expect("an answer");
        let answer: Value = answer.json().await.expect("JSON");
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

async fn service(issuer: &str, key: &str) -> Service {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut config = ServerConfig::new(issuer, format!("{issuer}/device"));
    config.scopes_supported = Some(SCOPES.map(str::to_owned).to_vec());
    config.access_token_ttl = LIFE;
    let signing =
        JwtConfig::new(Signer(SigningKey::new(key, "ES256")), "nobody").with_jwks_uri(format!("{issuer}/keys"));
    config.access_token_format = AccessTokenFormat::Jwt(Box::new(signing));
    let server = Arc::new(AuthorizationServer::new(config, MemoryStorage::new()));
    for client in ["ada", "bob"] {
        server.register_client(registered(client)).await.expect("a client");
    }
    ServiceBuilder::new(server).build().expect("a service")
}

fn registered(id: &str) -> Client {
    Client {
        client_id: ClientId::new(id),
        auth: ClientAuth::ConfidentialSecretHash { hash: SecretHash::sha256(CLIENT_SECRET) },
        grant_types: vec![GrantType::ClientCredentials],
        redirect_uris: Vec::new(),
        allowed_scopes: ScopeSet::from_tokens(SCOPES).expect("scopes"),
        default_scopes: ScopeSet::from_tokens(SCOPES).expect("scopes"),
        name: None,
        registration: None,
    }
}

async fn serve(listener: TcpListener, service: Arc<RwLock<Service>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let service = Arc::clone(&service);
        let answer = service_fn(move |request| {
            let service = service.read().unwrap_or_else(PoisonError::into_inner).clone();
            async move { Ok::<_, Infallible>(service.handle(request).await.map(|body| Full::new(body.into_bytes()))) }
        });
        tokio::spawn(async move {
            let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

/// A key of the tests, as the library signs with it.
struct Signer(SigningKey);

impl JwsSigner for Signer {
    fn alg(&self) -> JwsAlg {
        JwsAlg::Es256
    }

    async fn sign(&self, signing_input: &[u8]) -> Result<JwsSignature, SignerError> {
        let signature = self.0.sign(signing_input).try_into().map_err(|_| SignerError::new("another length"))?;
        Ok(JwsSignature::Es256(signature))
    }

    fn public_jwk(&self) -> Jwk {
        Jwk::from_json(&self.0.jwk()).expect("a public key").with_kid(self.0.id())
    }
}
