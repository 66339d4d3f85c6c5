//! Who is let in by the admin API, and what stays outside.

use exuvia_admin::operation_paths;
use exuvia_tests::{AdminApi, Answer, Daemon, HttpClient, key_table};
use serde_json::{Value, json};

fn code(answer: &Answer) -> String {
    let value: Value = serde_json::from_str(&answer.text).unwrap_or_else(|_| panic!("{answer:?}"));
    value["error"]["code"].as_str().unwrap_or_default().to_owned()
}

/// A path that the template names, of something that may not be there.
fn path(template: &str) -> String {
    template.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect::<Vec<_>>().join("/")
}

/// A session of the console: its cookie and its CSRF value.
async fn logged_in(api: &AdminApi) -> (String, String) {
    let made = api.post("/session/code", &json!({})).await;
    let answer = api.send("POST", "/session", &[], Some(&json!({"code": made["code"]}))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let set = answer.header("set-cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict") && set.contains("Path=/"), "{set}");
    let cookie = set.split(';').next().expect("a cookie").to_owned();
    let session: Value = serde_json::from_str(&answer.text).expect("JSON");
    (cookie, session["csrf"].as_str().expect("a value").to_owned())
}

#[tokio::test]
async fn nobody_is_let_in_without_a_credential_or_with_a_wrong_one() {
    let daemon = Daemon::start(&[]);
    let api = AdminApi::of(&daemon).await;
    for (method, template) in operation_paths() {
        if (method.as_str(), template.as_str()) == ("POST", "/session") {
            continue;
        }
        let answer = api.send(&method, &path(&template), &[], None).await;
        assert_eq!((answer.status, code(&answer).as_str()), (401, "unauthorized"), "{method} {template}");
    }
    let wrong = ["Bearer nonsense", "Basic eDp5", "Bearer", &api.token];
    for wrong in wrong {
        let answer = api.send("GET", "/runs", &[("authorization", wrong)], None).await;
        assert_eq!(answer.status, 401, "{wrong}");
    }
    let cookie = format!("exuvia_console_{}=nonsense", api.address.port());
    assert_eq!(api.send("GET", "/runs", &[("cookie", &cookie)], None).await.status, 401);
    assert_eq!(api.ask("GET", "/session", None).await.status, 200);
}

#[tokio::test]
async fn failed_logins_are_limited_and_the_token_works_all_the_same() {
    let daemon = Daemon::start(&[]);
    let api = AdminApi::of(&daemon).await;
    let mut statuses = Vec::new();
    for _ in 0..15 {
        statuses.push(api.send("POST", "/session", &[], Some(&json!({"code": "guess"}))).await.status);
    }
    assert_eq!((statuses[0], statuses[14]), (401, 429), "{statuses:?}");
    assert_eq!(api.ask("GET", "/health", None).await.status, 200);
    // Wrong tokens are limited in the same way, and who has a code logs in all the same.
    let (other, mut statuses) = (Daemon::start(&[]), Vec::new());
    other.ready().await;
    let api = AdminApi::of(&other).await;
    for _ in 0..15 {
        statuses.push(api.send("GET", "/health", &[("authorization", "Bearer guess")], None).await.status);
    }
    assert_eq!((statuses[0], statuses[14]), (401, 429), "{statuses:?}");
    logged_in(&api).await;
}

#[tokio::test]
async fn a_credential_that_is_there_twice_is_none() {
    let daemon = Daemon::start(&[]);
    daemon.ready().await;
    let api = AdminApi::of(&daemon).await;
    let right = format!("Bearer {}", api.token);
    for both in [[&*right, "Bearer guess"], ["Bearer guess", &right]] {
        let headers = both.map(|one| ("authorization", one));
        assert_eq!(api.send("GET", "/health", &headers, None).await.status, 400, "{both:?}");
    }
    let (cookie, csrf) = logged_in(&api).await;
    let twice = [("cookie", cookie.as_str()), ("x-exuvia-csrf", &csrf), ("x-exuvia-csrf", "nonsense")];
    assert_eq!(api.send("GET", "/health", &twice, None).await.status, 400);
    // The beginning of a credential, and one that is longer, are others.
    for wrong in [&right[..right.len() - 1], &format!("{right}x"), "Bearer ", "bearer"] {
        assert_eq!(api.send("GET", "/health", &[("authorization", wrong)], None).await.status, 401, "{wrong}");
    }
    let other = [("cookie", cookie.trim_end_matches(char::is_alphanumeric)), ("x-exuvia-csrf", csrf.as_str())];
    assert_eq!(api.send("GET", "/health", &other, None).await.status, 401);
}

#[tokio::test]
async fn a_form_of_another_page_and_a_large_body_are_not_read() {
    let daemon = Daemon::start(&[]);
    daemon.ready().await;
    let api = AdminApi::of(&daemon).await;
    let mut client = HttpClient::connect(api.address).await;
    let body = json!({"code": api.token}).to_string();
    for media in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let answer = client.send("POST", "/api/v1/session", &[("content-type", media)], &body).await;
        assert_eq!(answer.status, 415, "{media}: {answer:?}");
    }
    let large = json!({"code": "x".repeat(5 << 10)});
    assert_eq!(api.send("POST", "/session", &[], Some(&large)).await.status, 413, "before a login");
    let large = json!({"code": "x".repeat(5 << 20)});
    assert_eq!(api.ask("POST", "/try/check", Some(&large)).await.status, 413, "with the token");
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn the_socket_is_for_its_own_user() {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    let daemon = Daemon::start(&[]);
    AdminApi::of(&daemon).await;
    daemon.ready().await;
    let folder = daemon.data().as_path().join("exuvia");
    let socket = folder.join("admin.sock");
    assert_eq!(metadata(&socket).expect("a socket").permissions().mode() & 0o777, 0o600);
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    // Also where the file lets another user in, the kernel says who that is.
    for (path, mode) in [(daemon.data().as_path(), 0o755), (&folder, 0o755), (&socket, 0o666)] {
        set_permissions(path, Permissions::from_mode(mode)).expect("set");
    }
    let listed = |user: Option<u32>| {
        let mut command = Command::new(exuvia_tests::built("exuvia"));
        command
            .args(["servers", "list"])
            .env("XDG_DATA_HOME", daemon.data())
            .env("XDG_CONFIG_HOME", exuvia_tests::here());
        user.map(|user| command.uid(user));
        command.output()
    };
    assert!(listed(None).expect("it runs").status.success());
    // Where that user may not even start the program, there is nothing to see.
    if let Ok(other) = listed(Some(65_534)) {
        assert!(!other.status.success(), "{other:?}");
    }
}

#[tokio::test]
async fn a_code_logs_in_once_and_a_session_is_nothing_without_its_csrf_value() {
    let daemon = Daemon::start(&[]);
    daemon.ready().await;
    let api = AdminApi::of(&daemon).await;
    let made = api.post("/session/code", &json!({})).await;
    let body = json!({"code": made["code"]});
    assert_eq!(api.send("POST", "/session", &[], Some(&body)).await.status, 200);
    assert_eq!(api.send("POST", "/session", &[], Some(&body)).await.status, 401);

    let (cookie, csrf) = logged_in(&api).await;
    assert!(cookie.starts_with(&format!("exuvia_console_{}=", api.address.port())), "{cookie}");
    let right = [("cookie", cookie.as_str()), ("x-exuvia-csrf", csrf.as_str())];
    let session = api.send("GET", "/session", &right, None).await;
    assert!(session.text.contains(&csrf) && session.text.contains("\"scope\":\"all\""), "{session:?}");
    for (method, template) in operation_paths() {
        if (method.as_str(), template.as_str()) == ("POST", "/session") {
            continue;
        }
        // The cookie goes to every port of the machine: alone it neither shows nor changes anything.
        let (status, body) = if method == "GET" { (401, None) } else { (403, Some(json!({}))) };
        let other = logged_in(&api).await.1;
        for wrong in [None, Some("nonsense"), Some(""), Some(&other)] {
            let headers = [("cookie", cookie.as_str()), ("x-exuvia-csrf", wrong.unwrap_or_default())];
            let headers = &headers[..if wrong.is_some() { 2 } else { 1 }];
            let answer = api.send(&method, &path(&template), headers, body.as_ref()).await;
            assert_eq!(answer.status, status, "{method} {template} {wrong:?}: {answer:?}");
        }
    }
    let cancel = api.send("POST", "/runs/1/cancel", &right, Some(&json!({}))).await;
    assert_eq!((cancel.status, code(&cancel).as_str()), (404, "not-found"));
    // Codes are made by programs alone: a page that got a session makes no further ones.
    assert_eq!(api.send("POST", "/session/code", &right, Some(&json!({}))).await.status, 403);
    assert_eq!(api.send("DELETE", "/session", &right, None).await.status, 200);
    assert_eq!(api.send("GET", "/runs", &right, None).await.status, 401);
}

#[tokio::test]
async fn other_hosts_and_other_origins_are_not_answered() {
    let daemon = Daemon::start(&[]);
    let api = AdminApi::of(&daemon).await;
    let authorization = format!("Bearer {}", api.token);
    let port = api.address.port();
    let ask = |headers: Vec<(&'static str, String)>| {
        let (api, authorization) = (&api, authorization.clone());
        async move {
            let mut all = vec![("authorization", authorization.as_str())];
            all.extend(headers.iter().map(|(name, value)| (*name, value.as_str())));
            api.send("GET", "/health", &all, None).await.status
        }
    };
    assert_eq!(ask(vec![("host", format!("localhost:{port}"))]).await, 200);
    assert_eq!(ask(vec![("host", format!("evil.example:{port}"))]).await, 421);
    assert_eq!(ask(vec![("host", "127.0.0.1:1".to_owned())]).await, 421);
    assert_eq!(ask(vec![("origin", format!("http://{}", api.address))]).await, 200);
    for origin in ["http://evil.example", "null", "https://127.0.0.1", "http://localhost:1"] {
        assert_eq!(ask(vec![("origin", origin.to_owned())]).await, 403, "{origin}");
    }
    let own = format!("http://{}", api.address);
    assert_eq!(ask(vec![("origin", own.clone()), ("origin", "http://evil.example".to_owned())]).await, 403);
    assert_eq!(ask(vec![("origin", "http://evil.example".to_owned()), ("origin", own)]).await, 403);
    for site in ["cross-site", "same-site"] {
        assert_eq!(ask(vec![("sec-fetch-site", site.to_owned())]).await, 403, "{site}");
    }
    assert_eq!(ask(vec![("sec-fetch-site", "same-origin".to_owned())]).await, 200);
    let mut client = HttpClient::connect(api.address).await;
    let page = client.send("GET", "/", &[("host", "evil.example")], "").await;
    assert_eq!(page.status, 421);
}

#[tokio::test]
async fn answers_and_pages_are_nothing_that_a_browser_runs() {
    let daemon = Daemon::start(&[]);
    let api = AdminApi::of(&daemon).await;
    let mut client = HttpClient::connect(api.address).await;
    let page = client.send("GET", "/", &[], "").await;
    let policy = page.header("content-security-policy");
    assert!(page.status == 200 && page.header("content-type").starts_with("text/html"), "{page:?}");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"), "{policy}");
    for path in ["/approve/01", "/api/v1/health", "/api/v1/nonsense", "/nonsense", "/console/../Cargo.toml"] {
        let answer = client.send("GET", path, &[("authorization", &format!("Bearer {}", api.token))], "").await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
        if !path.starts_with("/approve") {
            assert_eq!(answer.header("content-type"), "application/json", "{path}");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
    }
}

#[tokio::test]
async fn nothing_of_the_admin_api_is_reached_by_a_key_or_through_the_mcp_endpoint() {
    let folder = exuvia_tests::Folder::new(&format!("[roles.r]\nmetrics = true\n{}", key_table("ci", "r")));
    let daemon = folder.serve(&[]).await;
    let api = AdminApi::of(&daemon).await;
    let key = "Bearer ci".to_owned();
    let (admin, mut mcp) = (format!("Bearer {}", api.token), HttpClient::connect(daemon.address()).await);
    for (method, template) in operation_paths() {
        let path = path(&template);
        if (method.as_str(), template.as_str()) != ("POST", "/session") {
            let answer = api.send(&method, &path, &[("authorization", &key)], None).await;
            assert!(matches!(answer.status, 401 | 429), "{method} {template}: {answer:?}");
        }
        for credential in [&key, &admin] {
            let answer = mcp.send(&method, &format!("/api/v1{path}"), &[("authorization", credential)], "").await;
            assert_eq!(answer.status, 404, "{method} {template}: {answer:?}");
        }
    }
    let answer = mcp.send("POST", "/mcp", &[("authorization", &admin)], "{}").await;
    assert_eq!(answer.status, 401, "the token of the admin API is no key: {answer:?}");
}
