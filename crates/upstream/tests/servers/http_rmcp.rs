//! A server that rmcp makes, behind hyper.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::fake::{LIMITS, call, limited};
use exuvia_config::{Era, Http, ServerConfig, Transport, UpstreamLimits};
use exuvia_tool::CallError;
use exuvia_upstream::{CallLimits, Upstreams};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ListToolsResult, PaginatedRequestParams,
    ProtocolVersion, ServerCapabilities, ServerConfig as Info, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, ServerHandler};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[derive(Clone, Default)]
struct Handler {
    legacy: bool,
    calls: Arc<AtomicU32>,
    cancelled: Arc<AtomicU32>,
}

impl ServerHandler for Handler {
    fn get_info(&self) -> Info {
        let mut info = Info::default();
        info.capabilities = ServerCapabilities::builder().enable_tools().build();
        info
    }

    fn supported_protocol_versions(&self) -> std::borrow::Cow<'static, [ProtocolVersion]> {
        let modern: &[_] = &[ProtocolVersion::V_2026_07_28];
        let legacy: &[_] = &[ProtocolVersion::V_2025_11_25];
        if self.legacy { legacy.into() } else { modern.into() }
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema = json!({"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}});
        let serde_json::Value::Object(schema) = schema else { panic!() };
        let tool = |name: &'static str| Tool::new(name, name, Arc::new(schema.clone()));
        let mut wrong = schema.clone();
        wrong["properties"]["region"]["x-mcp-header"] = json!("My Region");
        let wrong = Tool::new("wrong", "has a header that no request can have", Arc::new(wrong));
        Ok(ListToolsResult::with_all_items(vec![tool("count"), tool("long"), wrong, tool("hang")]))
    }

    fn get_tool(&self, _: &str) -> Option<Tool> {
        let schema = json!({"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}});
        let serde_json::Value::Object(schema) = schema else { panic!() };
        Some(Tool::new("count", "count", Arc::new(schema)))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let text = match &*request.name {
            "count" => (self.calls.fetch_add(1, Ordering::SeqCst) + 1).to_string(),
            "long" => "x".repeat(10_000_000),
            _ => {
                context.ct.cancelled().await;
                self.cancelled.fetch_add(1, Ordering::SeqCst);
                String::new()
            }
        };
        Ok(CallToolResult::success(vec![ContentBlock::text(text)]).into())
    }
}

struct Real {
    handler: Handler,
    sessions: Arc<LocalSessionManager>,
    config: ServerConfig,
    accepting: JoinHandle<()>,
}

impl Drop for Real {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn real(legacy: bool, json_response: bool) -> Real {
    let handler = Handler { legacy, ..Handler::default() };
    let sessions = Arc::new(LocalSessionManager::default());
    let mut config = StreamableHttpServerConfig::default();
    config.json_response = json_response;
    config.legacy_session_mode = !json_response;
    let make = handler.clone();
    let service = StreamableHttpService::new(move || Ok(make.clone()), sessions.clone(), config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let accepting = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(service.clone());
            tokio::spawn(async move {
                let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    let config = ServerConfig::new("fake", Transport::Http(Http::new(url.parse().unwrap())));
    Real { handler, sessions, config, accepting }
}

impl Real {
    async fn start(&self) -> Upstreams {
        let upstreams = Upstreams::start(vec![self.config.clone()], UpstreamLimits::default()).await;
        assert_eq!(crate::fake::era(&upstreams), if self.handler.legacy { Era::Legacy } else { Era::Modern });
        // The legacy era knows nothing of headers for parameters.
        assert_eq!(upstreams.servers()[0].tools.len(), if self.handler.legacy { 4 } else { 3 });
        upstreams
    }
}

const WAYS: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

#[tokio::test]
async fn a_real_server_is_listed_and_called_in_both_eras() {
    for (legacy, json) in WAYS {
        let real = real(legacy, json).await;
        let upstreams = real.start().await;
        assert_eq!(call(&upstreams, "count", "{}").await.unwrap().as_str(), r#""1""#);
        let limits = CallLimits { result_bytes: 16 << 20, ..LIMITS };
        assert_eq!(limited(&upstreams, "long", "{}", limits).await.unwrap().size_bytes(), 10_000_002);
        upstreams.shutdown().await;
    }
}

#[tokio::test]
async fn parameters_that_go_into_headers_do() {
    let real = real(false, false).await;
    let upstreams = real.start().await;
    // rmcp's server refuses a call whose header is missing.
    for region in ["eu", "Köln\n"] {
        let arguments = json!({"region": region}).to_string();
        assert!(call(&upstreams, "count", &arguments).await.is_ok(), "{region}");
    }
}

#[tokio::test]
async fn a_real_server_sees_that_a_call_is_given_up() {
    for (legacy, json) in WAYS.into_iter().filter(|(legacy, json)| !(*legacy && *json)) {
        let real = real(legacy, json).await;
        let upstreams = real.start().await;
        let limits = CallLimits { timeout: Duration::from_millis(200), ..LIMITS };
        assert_eq!(limited(&upstreams, "hang", "{}", limits).await, Err(CallError::TimedOut(200)));
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if real.handler.cancelled.load(Ordering::SeqCst) > 0 {
                break;
            }
        }
        assert_eq!(real.handler.cancelled.load(Ordering::SeqCst), 1, "legacy {legacy}, JSON {json}");
    }
}

#[tokio::test]
async fn a_real_server_may_forget_its_sessions() {
    let real = real(true, false).await;
    let upstreams = real.start().await;
    assert_eq!(call(&upstreams, "count", "{}").await.unwrap().as_str(), r#""1""#);
    real.sessions.sessions.write().await.clear();
    assert_eq!(call(&upstreams, "count", "{}").await.unwrap().as_str(), r#""2""#);
    assert_eq!(call(&upstreams, "count", "{}").await.unwrap().as_str(), r#""3""#);
}
