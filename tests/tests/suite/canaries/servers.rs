//! Servers over HTTP whose every text holds the word, and an authorization server beside them.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const TOOLS: [&str; 9] = ["fine", "error", "failure", "status", "type", "garbage", "stream", "gone", "hidden"];

/// Servers of several kinds on one port, by their paths.
pub(super) async fn servers() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    address
}

async fn serve(mut stream: TcpStream) {
    let (mut read, mut answered) = (Vec::new(), String::new());
    while answered.is_empty() {
        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&read);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .to_ascii_lowercase()
            .split("content-length: ")
            .nth(1)
            .map_or(0, |rest| rest.split("\r\n").next().and_then(|number| number.parse().ok()).unwrap_or(0));
        if body.len() >= length {
            answered = answer(head, body);
        }
    }
    let _ = stream.write_all(answered.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn http(status: &str, content_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nX-Answer: kanarie-header\r\nMcp-Session-Id: kanarie-session\r\n\
         Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn answer(head: &str, body: &str) -> String {
    let target = head.split(' ').nth(1).unwrap_or_default();
    if let Some(answered) = authorized(head, target) {
        return answered;
    }
    let message: Value = serde_json::from_str(body).unwrap_or_default();
    let (id, method) = (&message["id"], message["method"].as_str().unwrap_or_default());
    let error = json!({"code": -32000, "message": "login refused for password kanarie-error", "data": "kanarie-data"});
    let refused = |status: &str| {
        http(status, "application/json", &json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string())
    };
    let result = |result: Value| {
        let message = json!({"jsonrpc": "2.0", "id": id, "result": result});
        http("200 OK", "application/json", &message.to_string())
    };
    let path = target.split('?').next().unwrap_or_default();
    match (path, method) {
        ("/refuses", _) => refused("200 OK"),
        ("/status", _) => http("503 kanarie-reason", "text/plain", "kanarie-body"),
        ("/type", _) => http("200 OK", "text/kanarie-type", "kanarie-body"),
        ("/hello", _) => "kanarie is no HTTP\r\n\r\n".to_owned(),
        (_, _) if id.is_null() => http("202 Accepted", "application/json", ""),
        (_, "initialize") => result(json!({
            "protocolVersion": "2025-11-25", "capabilities": {"tools": {}, "resources": {}, "prompts": {}},
            "serverInfo": {"name": "kanarie-name", "version": "kanarie-version"}, "instructions": "kanarie-instructions",
        })),
        ("/unlisted", "tools/list") => refused("200 OK"),
        (_, "tools/list") => result(json!({"tools": TOOLS.map(tool)})),
        (_, "resources/list") => refused("400 Bad Request"),
        (_, "resources/templates/list") => http("500 A", "text/plain", "kanarie-body"),
        (_, "prompts/list") => result(json!({"prompts": [{"name": ["kanarie-prompt"]}, "kanarie-prompt"]})),
        (_, "tools/call") => called(message["params"]["name"].as_str().unwrap_or_default(), &refused, &result),
        _ => refused("400 Bad Request"),
    }
}

/// What an authorization server answers, and the server `/login` to whoever has no token.
fn authorized(head: &str, target: &str) -> Option<String> {
    let host = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("host: ").map(str::to_owned));
    let origin = format!("http://{}", host.unwrap_or_default());
    let answer = match target.split('?').next().unwrap_or_default() {
        "/.well-known/oauth-protected-resource/login" => json!({
            "resource": format!("{origin}/login"), "authorization_servers": [origin], "resource_name": "kanarie-name",
        }),
        "/.well-known/oauth-authorization-server" => json!({
            "issuer": origin, "authorization_endpoint": format!("{origin}/authorize"),
            "token_endpoint": format!("{origin}/token"), "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"], "service_documentation": "https://kanarie.example",
        }),
        "/token" => json!({
            "access_token": "kanarie-access", "refresh_token": "kanarie-refresh", "token_type": "bearer",
            "expires_in": 1, "kanarie": "kanarie-more",
        }),
        "/login" if !head.contains("kanarie-access") => {
            let resource = format!("{origin}/.well-known/oauth-protected-resource/login");
            return Some(format!(
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer resource_metadata=\"{resource}\", \
                 error_description=\"kanarie-challenge\"\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            ));
        }
        _ => return None,
    };
    Some(http("200 OK", "application/json", &answer.to_string()))
}

fn tool(name: &str) -> Value {
    let schema = json!({"type": "object", "properties": {"text": {"type": "string", "description": "kanarie-schema"}}});
    json!({"name": name, "description": "kanarie-description", "inputSchema": schema})
}

fn called(tool: &str, refused: &dyn Fn(&str) -> String, result: &dyn Fn(Value) -> String) -> String {
    let content =
        |is_error: bool| json!({"content": [{"type": "text", "text": "kanarie-result"}], "isError": is_error});
    match tool {
        "error" => refused("200 OK"),
        "failure" => result(content(true)),
        "status" => http("500 kanarie-reason", "text/plain", "kanarie-body"),
        "type" => http("200 OK", "application/kanarie", "kanarie-body"),
        "garbage" => http("200 OK", "application/json", "{\"jsonrpc\": \"2.0\", \"kanarie\": "),
        "stream" => http(
            "200 OK",
            "text/event-stream",
            "event: kanarie\nid: kanarie\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"kanarie/said\",\"params\":{\"a\":\"kanarie\"}}\n\n\
             data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"data\":\"kanarie\"}}\n\n\
             data: {\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"kanarie/asked\"}\n\ndata: kanarie\n\n",
        ),
        "gone" => {
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"kanarie".to_owned()
        }
        _ => result(content(false)),
    }
}
