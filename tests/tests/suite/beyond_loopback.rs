//! Listening on all addresses: with keys and TLS, or with keys behind a proxy, and not otherwise. Clients come by an address of this
//! machine that is no loopback address.
#![expect(clippy::print_stderr, reason = "a machine without a network says that nothing was tested")]

use std::fs;
use std::net::{IpAddr, UdpSocket};

use exuvia_tests::{Certificates, Program, built, exuvia, key_table};
use reqwest::{Certificate, Client};
use serde_json::{Value, json};

/// An address of this machine at which others reach it. None: it has no network.
fn own_address() -> Option<IpAddr> {
    // Nothing is sent: this asks by which address another machine would be reached.
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("203.0.113.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|address| !address.is_loopback())
}

/// An `exuvia serve` on all addresses, and its port.
struct Open {
    _program: Program,
    port: String,
}

/// Starts it with these keys of `[listen]`.
fn serve(certificates: &Certificates, listen: &str) -> Open {
    let file = configuration(certificates, listen, &key_table("ada", "red"));
    let mut program = Program::start(&["serve", "--config", &file], &[]);
    let told = program.wait_for_stderr("/readyz");
    let (_, rest) = told.split_once("://0.0.0.0:").unwrap_or_else(|| panic!("{told}"));
    let port = rest.split('/').next().expect("a port").to_owned();
    Open { _program: program, port }
}

fn configuration(certificates: &Certificates, listen: &str, keys: &str) -> String {
    let fake = built("exuvia-fake-upstream");
    let roles = if keys.is_empty() { "" } else { "[roles.red]\n" };
    let servers = format!("[servers.ruby]\ncommand = {fake:?}\nauto_execute = ['*']\n");
    let file = certificates.path("exuvia.toml");
    fs::write(&file, format!("{servers}{roles}{keys}[listen]\nmcp = '0.0.0.0:0'\n{listen}\n")).expect("a file");
    file.display().to_string()
}

/// A client that trusts this authority alone.
fn trusting(certificates: &Certificates) -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let authority = fs::read(certificates.path("ca.pem")).expect("a file");
    let authority = Certificate::from_pem(&authority).expect("a certificate");
    Client::builder().tls_certs_only([authority]).no_proxy().build().expect("a client")
}

/// Runs a script as a client of 2026-07-28 does: the status, and the body.
async fn ran(client: &Client, url: &str, headers: &[(&str, &str)]) -> Result<(u16, String), reqwest::Error> {
    let mut meta = exuvia_tests::modern_meta();
    meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
    let params =
        json!({"name": "executeToolCode", "arguments": {"code": "ruby.echo(value=42)['value']"}, "_meta": meta});
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let mut request = client.post(url).json::<Value>(&message).header("accept", "application/json, text/event-stream");
    for (name, value) in
        [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "executeToolCode")]
            .iter()
            .chain(headers)
    {
        request = request.header(*name, *value);
    }
    let answer = request.send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

const KEY: (&str, &str) = ("authorization", "Bearer ada");

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_a_client_of_another_address_is_served_with_its_key() {
    let Some(address) = own_address() else { return eprintln!("skipped: this machine has no network") };
    let (certificates, others) = (Certificates::for_names(&[&address.to_string()]), Certificates::new());
    let tls = format!("tls = {{ certificate = 'cert.pem', key = 'key.pem' }}\nhosts = ['{address}']");
    let open = serve(&certificates, &tls);
    let (client, url) = (trusting(&certificates), format!("https://{address}:{}/mcp", open.port));
    let (status, text) = ran(&client, &url, &[KEY]).await.expect("an answer");
    assert!(status == 200 && text.contains("42"), "{status} {text}");
    for wrong in [&[][..], &[("authorization", "Bearer adb")], &[("authorization", "Basic ada")]] {
        let (status, text) = ran(&client, &url, wrong).await.expect("an answer");
        assert!(status == 401 && !text.contains("42"), "{status} {text}");
    }
    // What a proxy would say counts for nothing: nobody is trusted.
    let spoofed = [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "https")];
    assert_eq!(ran(&client, &url, &spoofed).await.expect("an answer").0, 401);
    let error = ran(&trusting(&others), &url, &[KEY]).await.expect_err("another authority");
    assert!(error.is_connect(), "{error:?}");
    let plain = ran(&client, &url.replace("https", "http"), &[KEY]).await.expect("an answer");
    assert!(plain.0 == 400 && plain.1.contains("https://"), "{plain:?}");
    // A name that is none of this server's: a page that was made to resolve to it.
    let rebound = [KEY, ("host", "evil.example")];
    assert_eq!(ran(&client, &url, &rebound).await.expect("an answer").0, 421);
    let (status, _) = ran(&client, &format!("https://127.0.0.1:{}/mcp", open.port), &[]).await.expect("an answer");
    assert_eq!(status, 401, "this machine needs a key as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_the_trusted_proxy_alone_is_served() {
    let Some(address) = own_address() else { return eprintln!("skipped: this machine has no network") };
    let certificates = Certificates::new();
    let client = trusting(&certificates);
    let listen = |proxy: &str| format!("trusted_proxies = ['{proxy}']\nhosts = ['{address}', 'exuvia.example']");
    let open = serve(&certificates, &listen(&address.to_string()));
    let url = format!("http://{address}:{}/mcp", open.port);
    let forwarded = [KEY, ("x-forwarded-for", "198.51.100.7"), ("host", "exuvia.example")];
    let (status, text) = ran(&client, &url, &forwarded).await.expect("an answer");
    assert!(status == 200 && text.contains("42"), "{status} {text}");
    assert_eq!(ran(&client, &url, &forwarded[1..]).await.expect("an answer").0, 401, "the proxy brings no key");
    // Failed logins count for the client that the proxy names, and for no other one.
    let guessing = [("authorization", "Bearer adb"), ("x-forwarded-for", "198.51.100.8")];
    let mut statuses = Vec::new();
    for _ in 0..20 {
        statuses.push(ran(&client, &url, &guessing).await.expect("an answer").0);
    }
    assert!(statuses[..10].iter().all(|status| *status == 401) && statuses[19] == 429, "{statuses:?}");
    let other = [("authorization", "Bearer adb"), ("x-forwarded-for", "198.51.100.9")];
    assert_eq!(ran(&client, &url, &other).await.expect("an answer").0, 401);

    let open = serve(&certificates, &listen("203.0.113.9"));
    let url = format!("http://{address}:{}/mcp", open.port);
    let (status, text) = ran(&client, &url, &forwarded).await.expect("an answer");
    assert!(
        status == 403 && text.contains("its proxy only"),
        "another machine's key would be in clear text: {status} {text}"
    );
    let (status, text) = ran(&client, &format!("http://127.0.0.1:{}/mcp", open.port), &[KEY]).await.expect("an answer");
    assert!(status == 200 && text.contains("42"), "{status} {text}");
}

#[test]
fn without_keys_or_without_encryption_nothing_is_listened_on() {
    let certificates = Certificates::new();
    let (keys, tls) = (key_table("ada", "red"), "tls = { certificate = 'cert.pem', key = 'key.pem' }");
    for (listen, keys) in [("", ""), ("", keys.as_str()), (tls, ""), ("trusted_proxies = ['10.0.0.1']", "")] {
        let file = configuration(&certificates, listen, keys);
        for command in [&["config", "check", &file][..], &["serve", "--config", &file]] {
            let ended = exuvia(command, "");
            assert_eq!(ended.status, Some(2), "{listen} {keys}: {ended:?}");
            assert!(ended.stderr.contains("0.0.0.0:0 is not a loopback address"), "{ended:?}");
        }
    }
    let file = configuration(&certificates, tls, &keys);
    assert_eq!(exuvia(&["config", "check", &file], "").status, Some(0));
}
