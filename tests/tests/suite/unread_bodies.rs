//! Requests that are refused while their bodies are still sent: their clients read why.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use exuvia_runtime::Limits;
use exuvia_server::http::HttpConfig;
use exuvia_tests::{PATIENCE, Served, Settings};

/// The longest body of one request, and the room for all.
const MOST: usize = 4 << 20;

/// Sends the head of a request, and of its body that many bytes.
fn begin(
    address: SocketAddr,
    path: &str,
    host: &str,
    head: &str,
    announced: usize,
    sent: usize,
) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\naccept: */*\r\n{head}content-length: {announced}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let piece = vec![b' '; 64 << 10];
    for _ in 0..sent / piece.len() {
        // A client that computes what it sends.
        std::thread::sleep(Duration::from_millis(2));
        stream.write_all(&piece)?;
    }
    Ok(stream)
}

fn status(mut stream: TcpStream) -> String {
    let mut answer = [0; 12];
    stream
        .read_exact(&mut answer)
        .map_or_else(|error| error.to_string(), |()| String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_still_sends_reads_why_it_is_refused() {
    let config = HttpConfig {
        body_bytes: MOST,
        all_bodies_bytes: MOST,
        body_timeout: Duration::from_secs(3),
        ..HttpConfig::default()
    };
    let served = Served::over_echo(config, Limits::default(), Settings::default()).await;
    let (address, own) = (served.address, served.address.to_string());
    let modern = "mcp-protocol-version: 2026-07-28\r\n";
    let tried = tokio::task::spawn_blocking(move || {
        let ask = |path: &str, host: &str, head: &str, bytes: usize| {
            begin(address, path, host, head, bytes, bytes).map_or_else(|error| error.to_string(), status)
        };
        assert_eq!(ask("/mcp/nowhere", &own, modern, MOST), "HTTP/1.1 404");
        assert_eq!(ask("/mcp", "elsewhere.example", modern, MOST), "HTTP/1.1 421");
        assert_eq!(ask("/mcp", &own, modern, MOST + (64 << 10)), "HTTP/1.1 413");
        assert_eq!(ask("/mcp", &own, "", MOST), "HTTP/1.1 400", "it needs a session");
        // Somebody else has all of the room.
        let other = begin(address, "/mcp", &own, modern, MOST, 64 << 10).expect("a connection");
        assert_eq!(ask("/mcp", &own, modern, MOST), "HTTP/1.1 503");
        drop(other);
        // Who waits for the word to go on is answered at once, and who sends for ever in time.
        let begun = Instant::now();
        let waiting = begin(address, "/mcp/nowhere", &own, "expect: 100-continue\r\n", MOST, 0).expect("a connection");
        assert_eq!(status(waiting), "HTTP/1.1 404");
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        let silent = begin(address, "/mcp/nowhere", &own, "", MOST, 64 << 10).expect("a connection");
        assert_eq!(status(silent), "HTTP/1.1 404");
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    });
    tried.await.expect("no panic");
    served.end().await;
}
