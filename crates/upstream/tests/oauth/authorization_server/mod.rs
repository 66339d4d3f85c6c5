//! A real authorization server on loopback (the library `oauth-as`), two MCP servers that ask it about every token, and the
//! browser of a user.

pub(crate) mod browser;
pub(crate) mod log;
mod mcp;
mod serve;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exuvia_config::{ClientCredentials, Grant, Http, OAuth};
use http_body_util::Full;
use hyper::body::Bytes;
use oauth_as::client::{Client, ClientAuth, ClientId, SecretHash};
use oauth_as::events::{Event, EventSink};
use oauth_as::grant::GrantType;
use oauth_as::http::{ApprovalDecision, ApprovalRequest, Body, Response, ServiceBuilder};
use oauth_as::registration::{RegistrationAttempt, RegistrationConfig, RegistrationDecision, RegistrationPolicy};
use oauth_as::scope::ScopeSet;
use oauth_as::server::{AuthorizationServer, ResourceServerRegistration, ServerConfig};
use oauth_as::store::MemoryStorage;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(crate) use mcp::Protected;
use serve::{serve, url_of};

/// The secret of the client `gateway`, and of both resource servers.
pub(crate) const SECRET: &str = "f3a1c0ffee5ecre7f3a1c0ffee5ecre7";

/// Everything that takes part.
pub(crate) struct World {
    pub(crate) issuer: String,
    pub(crate) authorization: Arc<AuthorizationServer<MemoryStorage>>,
    /// Two MCP servers.
    pub(crate) a: Protected,
    pub(crate) b: Protected,
    home: TempDir,
    events: Arc<Mutex<Vec<String>>>,
}

impl World {
    /// Access tokens live this long, in whole seconds.
    pub(crate) async fn with_tokens_for(life: Duration) -> Self {
        log::record();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (listener, listener_a, listener_b) = (listener().await, listener().await, listener().await);
        let issuer = url_of(&listener);
        let (a, b) = (format!("{}/mcp", url_of(&listener_a)), format!("{}/mcp", url_of(&listener_b)));
        let events = Arc::new(Mutex::new(Vec::new()));
        let authorization = Arc::new(
            AuthorizationServer::new(config(&issuer, [&a, &b], life), MemoryStorage::new())
                .with_event_sink(Box::new(Events(events.clone())))
                .with_registration_policy(Box::new(Everybody)),
        );
        for client in clients() {
            authorization.register_client(client).await.unwrap();
        }
        let service = ServiceBuilder::new(authorization.clone())
            .with_subject_resolver(|headers| cookie(headers).contains("session=ada").then(|| "ada".to_owned()))
            .with_approval_resolver(approval)
            .build()
            .unwrap();
        serve(listener, move |request| {
            let service = service.clone();
            async move { service.handle(request).await.map(|body| Full::new(body.into_bytes())) }
        });
        let a = Protected::serve(listener_a, a, &issuer, "server-a").await;
        let b = Protected::serve(listener_b, b, &issuer, "server-b").await;
        Self { issuer, authorization, a, b, home: tempfile::tempdir().unwrap(), events }
    }

    pub(crate) async fn new() -> Self {
        Self::with_tokens_for(Duration::from_secs(3600)).await
    }

    /// A server and how the gateway gets tokens for it.
    pub(crate) fn server(&self, server: &Protected, grant: Grant, token_file: &str) -> (Http, OAuth) {
        let oauth = OAuth { grant, scopes: Vec::new(), token_file: self.token_file(token_file), principal: None };
        let mut http = Http::new(server.url.parse().unwrap());
        http.oauth = Some(oauth.clone());
        (http, oauth)
    }

    /// A place for a token.
    pub(crate) fn token_file(&self, name: &str) -> PathBuf {
        self.home.path().join("tokens").join(name)
    }

    /// How often a token was issued by this grant.
    pub(crate) fn issued(&self, grant: &str) -> usize {
        self.count(&format!("issued {grant}"))
    }

    /// How often something of this kind happened.
    pub(crate) fn count(&self, event: &str) -> usize {
        self.events.lock().unwrap().iter().filter(|seen| seen.starts_with(event)).count()
    }

    /// Revokes a token in the name of the client that has it, as an administrator's page or a user's would.
    pub(crate) async fn revoke(&self, client: &str, token: &str, hint: &str) {
        let form = [("token", token), ("token_type_hint", hint), ("client_id", client)];
        let response = reqwest::Client::new().post(format!("{}/revoke", self.issuer)).form(&form).send().await.unwrap();
        assert!(response.status().is_success());
    }

    /// Revokes an access token of a client that has [`SECRET`].
    pub(crate) async fn revoke_as(&self, client: &str, token: &str) {
        let revoked = self.authorization.revoke(&ClientId::new(client), Some(SECRET), token, None).await;
        revoked.unwrap();
    }
}

/// The grant for a client that the authorization server knows.
pub(crate) fn credentials(client: &str) -> Grant {
    Grant::ClientCredentials(ClientCredentials { client_id: client.to_owned(), client_secret: SECRET.to_owned() })
}

/// What a token file holds.
pub(crate) fn stored(oauth: &OAuth) -> Value {
    serde_json::from_slice(&std::fs::read(&oauth.token_file).unwrap()).unwrap()
}

fn config(issuer: &str, resources: [&str; 2], life: Duration) -> ServerConfig {
    let mut config = ServerConfig::new(issuer, format!("{issuer}/device"));
    let mut registration = RegistrationConfig::new();
    registration.allowed_scopes = ScopeSet::from_tokens(["read", "write"]).unwrap();
    config.registration = Some(Box::new(registration));
    config.scopes_supported = Some(vec!["read".to_owned(), "write".to_owned()]);
    config.allowed_resources = Some(resources.map(Into::into).into());
    config.introspection_endpoint = Some(format!("{issuer}/introspect"));
    let servers = [("server-a", resources[0]), ("server-b", resources[1])];
    config.resource_servers =
        Some(servers.map(|(id, url)| ResourceServerRegistration::new(ClientId::new(id), [url])).into());
    config.access_token_ttl = life;
    config
}

fn clients() -> Vec<Client> {
    let client = |id: &str, grant_types, scopes: &[&str]| Client {
        client_id: ClientId::new(id),
        auth: ClientAuth::ConfidentialSecretHash { hash: SecretHash::sha256(SECRET) },
        grant_types,
        redirect_uris: vec!["http://127.0.0.1:17613/callback".to_owned()],
        allowed_scopes: ScopeSet::from_tokens(scopes.iter().copied()).unwrap(),
        default_scopes: ScopeSet::from_tokens(["read"]).unwrap(),
        name: None,
        registration: None,
    };
    vec![
        client("gateway", vec![GrantType::ClientCredentials], &["read", "write"]),
        client("reader", vec![GrantType::ClientCredentials], &["read"]),
        client("web", vec![GrantType::AuthorizationCode, GrantType::RefreshToken], &["read", "write"]),
        client("server-a", vec![GrantType::ClientCredentials], &["read"]),
        client("server-b", vec![GrantType::ClientCredentials], &["read"]),
    ]
}

/// The page for the user's consent, and what its buttons lead to.
fn approval(request: &ApprovalRequest<'_>) -> ApprovalDecision {
    let cookie = cookie(request.headers);
    if cookie.contains("consent=yes") {
        ApprovalDecision::Approve
    } else if cookie.contains("consent=no") {
        ApprovalDecision::Deny
    } else {
        let page = format!("May {} have {}?", request.client_id.as_str(), request.scope);
        ApprovalDecision::Respond(Box::new(Response::new(Body::from(Bytes::from(page)))))
    }
}

fn cookie(headers: &http::HeaderMap) -> String {
    headers.get("cookie").and_then(|cookie| cookie.to_str().ok()).unwrap_or_default().to_owned()
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

struct Everybody;

impl RegistrationPolicy for Everybody {
    fn authorize(&self, _: &RegistrationAttempt<'_>) -> RegistrationDecision {
        RegistrationDecision::Allow
    }
}

struct Events(Arc<Mutex<Vec<String>>>);

impl EventSink for Events {
    fn on_event(&self, event: Event<'_>) {
        let text = match &event {
            Event::TokenIssued { grant_type, scope, .. } => format!("issued {} {scope}", grant_type.as_str()),
            Event::GrantRefused { grant_type, error, .. } => format!("refused {} {error:?}", grant_type.as_str()),
            Event::ClientRegistered { .. } => "registered".to_owned(),
            Event::RefreshTokenReuseDetected { .. } => "reused".to_owned(),
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(text);
    }
}
