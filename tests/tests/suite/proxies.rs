//! Servers behind a proxy: everything for them goes through it, whatever the environment says, and a hostile one is told in words.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use exuvia_tests::{Authorizing, Certificates, Ended, Folder, Program, TestProxy, WebServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What everything is to go through that nothing says it should.
const ELSEWHERE: &str = "http://s3cret:s3cret@127.0.0.1:9";
/// `gate:s3 cret`.
const USER: &str = "Basic Z2F0ZTpzMyBjcmV0";
const LONGEST: Duration = Duration::from_secs(25);

/// Runs a script with this configuration, with proxies in the environment.
async fn run(folder: &Folder, code: &str) -> Ended {
    let (file, script, data) = (folder.text("exuvia.toml"), folder.text("x.py"), folder.text("data"));
    fs::write(&script, code).expect("a file");
    let run = move || {
        let variables = [
            ("HTTP_PROXY", ELSEWHERE),
            ("HTTPS_PROXY", ELSEWHERE),
            ("ALL_PROXY", ELSEWHERE),
            ("http_proxy", ELSEWHERE),
            ("https_proxy", ELSEWHERE),
            ("PROXY_PASSWORD", "s3%20cret"),
            ("RUST_LOG", "trace"),
            ("XDG_DATA_HOME", &*data),
        ];
        Program::start(&["run", "--config", &file, "--json", &script], &variables).end()
    };
    tokio::task::spawn_blocking(run).await.expect("no panic")
}

/// No secret came out, in either form.
fn tells_no_secret(ended: &Ended) {
    let all = format!("{}{}", ended.stdout, ended.stderr);
    for secret in ["s3cret", "s3%20cret", "s3 cret", USER.trim_start_matches("Basic ")] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
}

fn table(url: &str, port: u16, more: &str) -> String {
    format!(
        "[servers.crm]\nurl = '{url}'\nproxy = 'http://gate:${{PROXY_PASSWORD}}@localhost:{port}'\n\
         auto_execute = ['*']\n{more}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_for_a_server_goes_through_its_proxy_and_no_other() {
    let (certificates, fake) = (Certificates::new(), WebServer::start(&[]));
    let places = [("crm.example:443", fake.address()), ("crm.example", fake.address())];
    for (url, method, ca) in [
        ("https://crm.example/mcp", "CONNECT crm.example:443", true),
        ("http://crm.example/mcp", "POST crm.example", false),
    ] {
        let proxy = TestProxy::start(&certificates, &places).await;
        let ca = if ca { format!("ca = '{}'", certificates.path("ca.pem").display()) } else { String::new() };
        let folder = Folder::new(&table(url, proxy.port(), &ca));
        let ended = run(&folder, "result = crm.echo(value=7)").await;
        assert_eq!(ended.json()["result"]["value"], 7, "{ended:?}");
        let seen = proxy.seen();
        assert!(seen.contains(&format!("{method} {USER}")), "{seen:?}");
        assert!(seen.iter().all(|seen| seen.contains(" crm.example") && seen.ends_with(USER)), "{seen:?}");
        tells_no_secret(&ended);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_fetched_through_the_proxy_of_its_server() {
    let certificates = Certificates::new();
    let life = Duration::from_secs(3600);
    let server = Authorizing::named(life, "https://crm.example", "https://as.example").await;
    let places = [("crm.example:443", server.address()), ("as.example:443", server.address())];
    let proxy = TestProxy::start(&certificates, &places).await;
    let more = format!("ca = '{}'\noauth = {{}}", certificates.path("ca.pem").display());
    let folder = Folder::new(&table(&server.url(), proxy.port(), &more));
    let tokens = folder.path("data/exuvia/tokens");
    fs::create_dir_all(&tokens).expect("a folder");
    fs::write(tokens.join("crm.json"), server.expired_login()).expect("a file");
    fs::set_permissions(tokens.join("crm.json"), fs::Permissions::from_mode(0o600)).expect("a mode");
    let ended = run(&folder, "result = crm.t()").await;
    assert_eq!((ended.json()["result"].as_str(), server.sent()), (Some("ok"), 1), "{ended:?} {:?}", proxy.seen());
    for place in ["crm.example:443", "as.example:443"] {
        assert!(proxy.seen().contains(&format!("CONNECT {place} {USER}")), "{:?}", proxy.seen());
    }
    tells_no_secret(&ended);
}

/// Accepts connections and answers each with this, once it has read something; `None`: says nothing.
async fn hostile(answer: Option<Vec<u8>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = answer.clone();
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                match answer {
                    Some(answer) => {
                        let _ = stream.write_all(&answer).await;
                        let _ = stream.shutdown().await;
                    }
                    None => tokio::time::sleep(Duration::from_secs(600)).await,
                }
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocking_proxy_is_a_readable_error_in_time() {
    let long = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-S3cret: s3cret\r\n".repeat(1 << 16)].concat();
    let refused: &[u8] =
        b"HTTP/1.1 407 s3cret\r\nProxy-Authenticate: Basic realm=\"s3cret\"\r\nContent-Length: 0\r\n\r\n";
    for (answer, url, said) in [
        (Some(refused.to_vec()), "https://crm.example/mcp", "rejects the credentials in `proxy` (HTTP 407)"),
        (Some(refused.to_vec()), "http://crm.example/mcp", "rejects the credentials in `proxy` (HTTP 407)"),
        (
            Some(b"HTTP/1.1 403 s3cret\r\n\r\n".to_vec()),
            "https://crm.example/mcp",
            "through its proxy http://localhost:",
        ),
        (Some(b"s3cret\0garbage".to_vec()), "https://crm.example/mcp", "through its proxy http://localhost:"),
        (Some(long.clone()), "https://crm.example/mcp", "through its proxy http://localhost:"),
        (Some(long), "http://crm.example/mcp", "crm did not start"),
        (Some(Vec::new()), "https://crm.example/mcp", "through its proxy http://localhost:"),
        (None, "https://crm.example/mcp", "through its proxy http://localhost:"),
    ] {
        let port = hostile(answer.clone()).await;
        let folder = Folder::new(&table(url, port, ""));
        let begun = Instant::now();
        let ended = run(&folder, "result = crm.echo(value=7)").await;
        assert!(ended.stderr.contains(said), "{url} {:.40?}: {ended:?}", answer.map(|answer| answer.len()));
        assert!(begun.elapsed() < LONGEST, "{url} {said}: {:?}", begun.elapsed());
        tells_no_secret(&ended);
    }
}
