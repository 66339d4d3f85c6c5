//! An MCP server that lets nobody in without a token for it.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use oauth_as::resource_metadata::{ProtectedResourceConfig, ProtectedResourceMetadata};
use rmcp::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::SECRET;
use super::serve::serve;

/// A server with the tools `read_note`, which needs the scope `read`, and `write_note`, which needs `write` as well.
pub(crate) struct Protected {
    pub(crate) url: String,
    /// The tokens that came with requests, those that it does not know as well.
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
    challenges_only_posts: Arc<AtomicBool>,
}

#[derive(Clone)]
struct Guard {
    url: String,
    id: &'static str,
    issuer: String,
    metadata: ProtectedResourceMetadata,
    seen: Arc<Mutex<Vec<String>>>,
    challenges_only_posts: Arc<AtomicBool>,
    service: StreamableHttpService<Notes, LocalSessionManager>,
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

impl Protected {
    pub(super) async fn serve(listener: TcpListener, url: String, issuer: &str, id: &'static str) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let challenges_only_posts = Arc::new(AtomicBool::new(false));
        let mut resource = ProtectedResourceConfig::new(url.clone(), issuer);
        resource.scopes_supported = Some(vec!["read".to_owned(), "write".to_owned()]);
        let guard = Guard {
            url: url.clone(),
            id,
            issuer: issuer.to_owned(),
            metadata: ProtectedResourceMetadata::from_config(&resource),
            seen: seen.clone(),
            challenges_only_posts: challenges_only_posts.clone(),
            service: StreamableHttpService::new(|| Ok(Notes), Arc::default(), StreamableHttpServerConfig::default()),
        };
        serve(listener, move |request| {
            let guard = guard.clone();
            async move { guard.answer(request).await }
        });
        Self { url, seen, challenges_only_posts }
    }

    /// From now on it knows no request but messages, and publishes its metadata where nobody would guess: its challenge to a
    /// message alone says where.
    pub(crate) fn challenge_only_posts(&self) {
        self.challenges_only_posts.store(true, Ordering::SeqCst);
    }
}

impl Guard {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        if request.uri().path() == self.metadata_path() {
            return plain(Response::builder(), serde_json::to_string(&self.metadata).unwrap());
        }
        if self.challenges_only_posts.load(Ordering::SeqCst) && request.method() != Method::POST {
            return plain(Response::builder().status(StatusCode::NOT_FOUND), String::new());
        }
        let token =
            request.headers().get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let Some(token) = token.map(str::to_owned) else {
            return self.refuse(StatusCode::UNAUTHORIZED, r#"scope="read""#);
        };
        self.seen.lock().unwrap().push(token.clone());
        let known = self.introspect(&token).await;
        let audience = known["aud"].as_array().is_some_and(|all| all.iter().any(|one| one == &self.url));
        if known["active"] != json!(true) || !audience {
            return self.refuse(StatusCode::UNAUTHORIZED, r#"error="invalid_token""#);
        }
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let needed = needed(&body);
        let scopes = known["scope"].as_str().unwrap_or_default();
        if !needed.split(' ').all(|scope| scopes.split(' ').any(|granted| granted == scope)) {
            return self.refuse(StatusCode::FORBIDDEN, &format!(r#"error="insufficient_scope", scope="{needed}""#));
        }
        self.service.handle(Request::from_parts(head, Full::new(body))).await
    }

    fn metadata_path(&self) -> String {
        match self.challenges_only_posts.load(Ordering::SeqCst) {
            true => "/custom/metadata.json".to_owned(),
            false => self.metadata.well_known_path(),
        }
    }

    /// What the authorization server says about a token.
    async fn introspect(&self, token: &str) -> Value {
        let asked = reqwest::Client::new()
            .post(format!("{}/introspect", self.issuer))
            .basic_auth(self.id, Some(SECRET))
            .form(&[("token", token)])
            .send()
            .await;
        asked.unwrap().json().await.unwrap()
    }

    fn refuse(&self, status: StatusCode, why: &str) -> Answer {
        let origin = self.url.trim_end_matches("/mcp");
        let metadata = format!("{origin}{}", self.metadata_path());
        let challenge = format!(r#"Bearer {why}, resource_metadata="{metadata}""#);
        plain(Response::builder().status(status).header("www-authenticate", challenge), String::new())
    }
}

/// What a message needs.
fn needed(body: &[u8]) -> &'static str {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    if message["params"]["name"] == json!("write_note") { "read write" } else { "read" }
}

fn plain(response: hyper::http::response::Builder, body: String) -> Answer {
    response.body(Full::new(Bytes::from(body)).boxed()).unwrap()
}

/// The tools.
struct Notes;

impl ServerHandler for Notes {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = || json!({"type": "object"}).as_object().cloned().unwrap();
        let tools = ["read_note", "write_note"].map(|name| Tool::new(name, "A note", Arc::new(schema())));
        Ok(ListToolsResult::with_all_items(tools.into()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::success(vec![ContentBlock::text(format!("{} done", request.name))]).into())
    }
}
