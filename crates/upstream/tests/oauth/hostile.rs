//! Metadata that leads astray. The answers here are documents of an attacker; what is right is tested against the real thing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use exuvia_config::{ClientCredentials, CodeGrant, Grant, Http, OAuth};
use exuvia_oauth::login;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A server that answers requests for these paths, or for a method and a path, with these texts, and everything else with
/// 404. An empty text stands for no answer at all.
struct Hostile {
    url: String,
    pages: Arc<Mutex<HashMap<String, String>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Hostile {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (pages, asked) = (Arc::new(Mutex::new(HashMap::new())), Arc::new(Mutex::new(Vec::new())));
        let hostile = Self { url, pages: pages.clone(), asked: asked.clone() };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (pages, asked) = (pages.clone(), asked.clone());
                tokio::spawn(async move {
                    let mut request = vec![0; 16 * 1024];
                    let read = stream.read(&mut request).await.unwrap_or(0);
                    let request = String::from_utf8_lossy(&request[..read]).into_owned();
                    let place = request.split(" HTTP/").next().unwrap_or_default().to_owned();
                    let path = place.split(' ').nth(1).unwrap_or_default();
                    asked.lock().unwrap().push(request.clone());
                    let found = [&*place, path].into_iter().find_map(|key| pages.lock().unwrap().get(key).cloned());
                    let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
                    let answer = found.unwrap_or_else(|| missing.to_owned());
                    if answer.is_empty() {
                        std::future::pending::<()>().await;
                    }
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        hostile
    }

    fn says(&self, path: &str, document: &Value) {
        let body = document.to_string();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length:";
        self.pages.lock().unwrap().insert(path.to_owned(), format!("{head} {}\r\n\r\n{body}", body.len()));
    }

    /// Metadata in which nothing is wrong but that the same server says everything.
    fn is_plausible(&self) -> (Value, Value) {
        let resource = json!({"resource": format!("{}/mcp", self.url), "authorization_servers": [self.url]});
        let issuer = json!({
            "issuer": self.url,
            "authorization_endpoint": format!("{}/authorize", self.url),
            "token_endpoint": format!("{}/token", self.url),
            "registration_endpoint": format!("{}/register", self.url),
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
        });
        (resource, issuer)
    }

    fn publishes(&self, resource: &Value, issuer: &Value) {
        self.says("/.well-known/oauth-protected-resource/mcp", resource);
        self.says("/.well-known/oauth-authorization-server", issuer);
        let challenge = format!("Bearer resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\"", self.url);
        let refusal = "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\nWWW-Authenticate:";
        self.pages.lock().unwrap().insert("/mcp".to_owned(), format!("{refusal} {challenge}\r\n\r\n"));
        self.says("/register", &json!({"client_id": "c", "redirect_uris": []}));
    }

    async fn begin(&self) -> Result<login::Login, login::LoginError> {
        let home = tempfile::tempdir().unwrap();
        let grant = Grant::Code(CodeGrant::default());
        let oauth = OAuth { grant, scopes: Vec::new(), token_file: home.path().join("t.json"), principal: None };
        let mut http = Http::new(format!("{}/mcp?key=SECRET", self.url).parse().unwrap());
        http.add_header(HeaderName::from_static("x-key"), HeaderValue::from_static("SECRET-key"));
        http.add_header(AUTHORIZATION, HeaderValue::from_static("Bearer SECRET-token"));
        login::begin(&http, &oauth, &[]).await
    }

    async fn fetch(&self) -> String {
        let home = tempfile::tempdir().unwrap();
        let grant = Grant::ClientCredentials(ClientCredentials {
            client_id: "gateway".to_owned(),
            client_secret: "s3cr3t-of-the-gateway".to_owned(),
        });
        let oauth = OAuth { grant, scopes: Vec::new(), token_file: home.path().join("t.json"), principal: None };
        let http = Http::new(format!("{}/mcp", self.url).parse().unwrap());
        let message = login::fetch(&http, &oauth).await.unwrap_err().to_string();
        assert!(!oauth.token_file.exists() && !message.contains("s3cr3t"), "{message}");
        message
    }
}

#[tokio::test]
async fn a_login_begins_only_where_the_metadata_is_sound() {
    let hostile = Hostile::new().await;
    let (resource, issuer) = hostile.is_plausible();
    hostile.publishes(&resource, &issuer);
    let login = hostile.begin().await.unwrap();
    // Only then does the following say anything. What is in the query of the server's URL stays here.
    assert!(login.url().starts_with(&format!("{}/authorize?", hostile.url)) && !login.url().contains("SECRET"));
    assert!(login.url().contains("code_challenge_method=S256"));
    let with = |document: &Value, name: &str, value: Value| {
        let mut document = document.clone();
        document[name] = value;
        document
    };
    for (resource, issuer, expected) in [
        (with(&resource, "resource", json!("https://crm.example.com/mcp")), issuer.clone(), "resource mismatch"),
        (
            with(&resource, "authorization_servers", json!(["https://169.254.169.254"])),
            issuer.clone(),
            "none published usable",
        ),
        (
            with(&resource, "authorization_servers", json!(["http://192.168.0.1"])),
            issuer.clone(),
            "none published usable",
        ),
        (resource.clone(), with(&issuer, "issuer", json!("https://as.example.com")), "issuer mismatch"),
        (resource.clone(), with(&issuer, "issuer", Value::Null), "issuer"),
        (resource.clone(), with(&issuer, "code_challenge_methods_supported", Value::Null), "PKCE"),
        (resource.clone(), with(&issuer, "code_challenge_methods_supported", json!(["plain"])), "PKCE"),
        (
            resource.clone(),
            with(&issuer, "authorization_endpoint", json!("javascript:alert(1)")),
            "authorization endpoint",
        ),
        (
            resource.clone(),
            with(&issuer, "authorization_endpoint", json!("file:///etc/passwd")),
            "authorization endpoint",
        ),
        (
            resource.clone(),
            with(&issuer, "authorization_endpoint", json!("http://as.example.com/a")),
            "not an https URL",
        ),
        (resource.clone(), with(&issuer, "registration_endpoint", json!("https://10.0.0.1/r")), "in a private network"),
        (
            resource.clone(),
            with(&issuer, "registration_endpoint", json!("http://as.example.com/r")),
            "not an https URL",
        ),
        (resource.clone(), with(&issuer, "registration_endpoint", Value::Null), "register it by hand"),
    ] {
        hostile.publishes(&resource, &issuer);
        let message = hostile.begin().await.unwrap_err().to_string();
        assert!(message.contains(expected) && !message.contains("SECRET"), "{expected}: {message}");
    }
}

#[tokio::test]
async fn a_secret_goes_to_no_other_place_and_a_senseless_answer_is_not_quoted() {
    let hostile = Hostile::new().await;
    let (resource, issuer) = hostile.is_plausible();
    hostile.publishes(&resource, &issuer);
    let other = Hostile::new().await;
    for (head, body, expected) in [
        (format!("307 Temporary Redirect\r\nLocation: {}/steal", other.url), String::new(), "it answered 307"),
        (
            "400 Bad Request".to_owned(),
            r#"{"error":"invalid_client","error_description":"SECRET"}"#.to_owned(),
            "`invalid_client`",
        ),
        ("400 Bad Request".to_owned(), r#"{"error":"SECRET \u001b[2J"}"#.to_owned(), "it answered 400"),
        ("503 Service Unavailable".to_owned(), "SECRET".to_owned(), "it answered 503"),
        ("200 OK".to_owned(), r#"{"access_token":["SECRET"],"token_type":"bearer"}"#.to_owned(), "no token"),
        ("200 OK".to_owned(), r#"{"access_token":"SECRET","token_type":"mac"}"#.to_owned(), "not a bearer token"),
        (
            "200 OK".to_owned(),
            r#"{"access_token":"SECRET\nX: y","token_type":"bearer"}"#.to_owned(),
            "invalid characters",
        ),
        ("200 OK".to_owned(), "SECRET".repeat(1 << 18), "longer than"),
    ] {
        let answer = format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        hostile.pages.lock().unwrap().insert("/token".to_owned(), answer);
        let message = hostile.fetch().await;
        assert!(message.contains(expected) && !message.contains("SECRET"), "{expected}: {message}");
    }
    assert!(other.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_challenge_to_a_message_is_taken_from_the_server_itself_and_in_bounds() {
    let hostile = Hostile::new().await;
    let (resource, issuer) = hostile.is_plausible();
    hostile.publishes(&resource, &issuer);
    let other = Hostile::new().await;
    other.publishes(&resource, &issuer);
    let refusal = "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n";
    let endless = "x".repeat(4 << 20);
    for (answer, scope) in [
        (format!("{refusal}WWW-Authenticate: Negotiate\r\nWWW-Authenticate: Bearer scope=\"asked\"\r\n\r\n"), true),
        ("HTTP/1.1 403 Forbidden\r\nWWW-Authenticate: Bearer scope=\"asked\"\r\n\r\n".to_owned(), false),
        (format!("{refusal}WWW-Authenticate: Bearer scope=\"asked\", x=\"{}\"\r\n\r\n", "x".repeat(9000)), false),
        (format!("{refusal}WWW-Authenticate: \u{e9} scope=\"asked\"\r\n\r\n"), false),
        (format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {}/mcp\r\n\r\n", other.url), false),
        (format!("HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n{endless}"), false),
        (String::new(), false),
    ] {
        hostile.pages.lock().unwrap().insert("POST /mcp?key=SECRET".to_owned(), answer.clone());
        let login = hostile.begin().await.unwrap();
        assert_eq!(login.url().contains("scope=asked"), scope, "{}", &answer[..answer.len().min(200)]);
    }
    assert!(other.asked.lock().unwrap().is_empty());
    // What is configured for every message goes with this one and with nothing else; a token does not.
    for request in hostile.asked.lock().unwrap().iter() {
        let is_message = request.starts_with("POST /mcp?key=SECRET");
        assert_eq!(request.contains("SECRET-key"), is_message, "{request}");
        assert!(!request.contains("SECRET-token"), "{request}");
    }
}

#[tokio::test]
async fn metadata_that_leads_on_and_on_is_left_soon() {
    let hostile = Hostile::new().await;
    let (mut resource, issuer) = hostile.is_plausible();
    resource["authorization_servers"] = (0..5000).map(|n| format!("{}/as{n}", hostile.url)).collect();
    hostile.publishes(&resource, &issuer);
    let message = hostile.begin().await.unwrap_err().to_string();
    assert!(message.contains("/as0") && message.len() < 1000, "{message}");
    let asked = hostile.asked.lock().unwrap().len();
    assert!(asked <= 20, "{asked} requests");
    // One name, and a way that does not end behind it.
    let places: Vec<String> =
        (0..200).map(|n| format!("/.well-known/oauth-authorization-server{}", "/x".repeat(n))).collect();
    for pair in places.windows(2) {
        let answer =
            format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", pair[1]);
        hostile.pages.lock().unwrap().insert(pair[0].clone(), answer);
    }
    resource["authorization_servers"] = json!([hostile.url]);
    hostile.says("/.well-known/oauth-protected-resource/mcp", &resource);
    hostile.begin().await.unwrap_err();
    assert!(hostile.asked.lock().unwrap().len() <= asked + 30);
}

#[tokio::test]
async fn without_https_a_token_is_not_even_asked_for() {
    let grant = Grant::Code(CodeGrant::default());
    let oauth = OAuth { grant, scopes: Vec::new(), token_file: "/nonexistent/t.json".into(), principal: None };
    let http = Http::new("http://mcp.example.com/mcp".parse().unwrap());
    let message = login::begin(&http, &oauth, &[]).await.unwrap_err().to_string();
    assert!(message.contains("https only"), "{message}");
}
