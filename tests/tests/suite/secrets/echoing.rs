//! A server over HTTP that refuses everybody and says all that it was sent, in every part of its answers but results.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Where it listens. Below `/denies` nothing but 401, below `/fails` calls fail; a token is refused with what was sent for it.
pub(super) async fn echoing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, address));
        }
    });
    address
}

async fn serve(mut stream: TcpStream, address: SocketAddr) {
    let mut read = Vec::new();
    loop {
        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().ok())?
        });
        if body.len() >= length.unwrap_or(0) {
            let _ = stream.write_all(answer(address, head, body).as_bytes()).await;
            let _ = stream.shutdown().await;
            return;
        }
    }
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn answer(address: SocketAddr, head: &str, body: &str) -> String {
    let json = "Content-Type: application/json\r\n";
    // One line, as a header and a reason have it.
    let sent = format!("{head} {body}").replace(['\r', '\n'], " ");
    let (origin, path) = (format!("http://{address}"), head.split([' ', '?']).nth(1).unwrap_or_default());
    let message: Value = serde_json::from_str(body).unwrap_or_default();
    let id = &message["id"];
    let result =
        |result: Value| http("200 OK", json, &json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string());
    match (path, message["method"].as_str().unwrap_or_default()) {
        ("/.well-known/oauth-protected-resource/login", _) => http(
            "200 OK",
            json,
            &json!({"resource": format!("{origin}/login"), "authorization_servers": [origin]}).to_string(),
        ),
        ("/.well-known/oauth-authorization-server", _) => http("200 OK", json, &metadata(&origin).to_string()),
        ("/token", _) => {
            http("400 no", json, &json!({"error": "invalid_client", "error_description": sent}).to_string())
        }
        ("/login", _) => {
            let metadata = format!("{origin}/.well-known/oauth-protected-resource/login");
            let challenge = format!("WWW-Authenticate: Bearer resource_metadata=\"{metadata}\"\r\n");
            http("401 Unauthorized", &challenge, "")
        }
        ("/fails", "initialize") => result(json!({
            "protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "s", "version": "1"},
        })),
        ("/fails", "tools/list") => result(json!({"tools": [{"name": "t", "inputSchema": {"type": "object"}}]})),
        ("/fails", "tools/call") => http(&format!("500 {sent}"), &format!("X-Sent: {sent}\r\n"), &sent),
        ("/fails", _) if id.is_null() => http("202 Accepted", "", ""),
        ("/fails", _) => {
            let error = json!({"code": -32601, "message": "no such method"});
            http("200 OK", json, &json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string())
        }
        _ => {
            let quoted = sent.replace('"', "'");
            let challenge = format!("WWW-Authenticate: Bearer error_description=\"{quoted}\"\r\n");
            http(&format!("401 {sent}"), &challenge, &sent)
        }
    }
}

fn metadata(origin: &str) -> Value {
    json!({
        "issuer": origin, "authorization_endpoint": format!("{origin}/authorize"), "token_endpoint": format!("{origin}/token"),
        "response_types_supported": ["code"], "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic"], "grant_types_supported": ["client_credentials"],
    })
}
