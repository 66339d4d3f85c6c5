//! Where the browser comes back to: a listener on loopback that answers one question and is gone.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use url::Url;

/// The path that the browser is sent back to.
const PATH: &str = "/callback";
/// The longest request that is read, in bytes. Codes are short.
const REQUEST_BYTES: usize = 16 * 1024;
/// How long one connection may take. Browsers open some that they never use.
const CONNECTION: Duration = Duration::from_secs(10);
/// Connections at a time. A further one closes the oldest: the browser says at once what it wants, and who says nothing must not
/// keep it out.
const CONNECTIONS: usize = 64;
/// The pause after a connection that could not be accepted, for want of descriptors for example.
const PAUSE: Duration = Duration::from_millis(20);

/// A listener on 127.0.0.1.
#[derive(Debug)]
pub(crate) struct Callback {
    listener: TcpListener,
    port: u16,
}

/// What the authorization server let the browser say.
pub(crate) struct Redirect {
    /// The code, or else the error code.
    pub(crate) result: Result<String, String>,
    /// The issuer of the response (RFC 9207).
    pub(crate) issuer: Option<String>,
    browser: TcpStream,
}

impl Callback {
    /// Listens at this port. 0: any.
    pub(crate) async fn bind(port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    pub(crate) fn redirect_uri(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// The port in a URI that [`redirect_uri`](Self::redirect_uri) gave earlier.
    pub(crate) fn port_of(redirect_uri: &str) -> Option<u16> {
        Url::parse(redirect_uri).ok()?.port()
    }

    /// Waits for the browser to come back with this state. Whatever comes with another one is turned away and changes
    /// nothing: any page that the user has open can send it.
    pub(crate) async fn redirect(self, state: &str) -> Redirect {
        let (mut connections, mut oldest) = (JoinSet::new(), VecDeque::<AbortHandle>::new());
        loop {
            tokio::select! {
                // The connections that were accepted first, and only then further ones.
                biased;
                Some(read) = connections.join_next() => {
                    if let Ok(Ok(Some(redirect))) = read {
                        return redirect;
                    }
                }
                accepted = self.listener.accept() => {
                    oldest.retain(|connection| !connection.is_finished());
                    let is_full = accepted.is_err() || oldest.len() >= CONNECTIONS;
                    if let Some(connection) = oldest.pop_front_if(|_| is_full) {
                        connection.abort();
                    }
                    match accepted {
                        Ok((stream, _)) => {
                            let reading = timeout(CONNECTION, read(stream, state.to_owned()));
                            oldest.push_back(connections.spawn(reading));
                        }
                        Err(_) => tokio::time::sleep(PAUSE).await,
                    }
                }
            }
        }
    }
}

impl Redirect {
    /// Tells the user in the browser how it ended.
    pub(crate) async fn answer(mut self, ended_well: bool) {
        let (status, text) = if ended_well {
            ("200 OK", "You are logged in. This page can be closed.")
        } else {
            ("400 Bad Request", "Login failed. See the terminal for the reason.")
        };
        // The browser may have gone, which changes nothing.
        let _ = timeout(CONNECTION, respond(&mut self.browser, status, text)).await;
    }
}

async fn read(mut stream: TcpStream, state: String) -> Option<Redirect> {
    let target = match request(&mut stream).await? {
        Ok(target) => target,
        Err(status) => {
            respond(&mut stream, status, "Unexpected request.").await;
            return None;
        }
    };
    let Some((result, issuer)) = parse(&target, &state) else {
        respond(&mut stream, "400 Bad Request", "This response does not belong to the current login.").await;
        return None;
    };
    Some(Redirect { result, issuer, browser: stream })
}

/// The target of a request for the callback, or the status for any other; nothing if the browser has gone.
async fn request(stream: &mut TcpStream) -> Option<Result<Url, &'static str>> {
    let mut buffer = Vec::with_capacity(2048);
    loop {
        if stream.read_buf(&mut buffer).await.ok()? == 0 {
            return None;
        }
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&buffer) {
            Ok(httparse::Status::Complete(_)) => return Some(target(&request)),
            Ok(httparse::Status::Partial) if buffer.len() < REQUEST_BYTES => {}
            Ok(httparse::Status::Partial) => return Some(Err("431 Request Header Fields Too Large")),
            Err(_) => return Some(Err("400 Bad Request")),
        }
    }
}

fn target(request: &httparse::Request<'_, '_>) -> Result<Url, &'static str> {
    if request.method != Some("GET") {
        return Err("405 Method Not Allowed");
    }
    let path = request.path.filter(|path| path.starts_with('/')).ok_or("400 Bad Request")?;
    let url = Url::parse(&format!("http://127.0.0.1{path}")).map_err(|_| "400 Bad Request")?;
    if url.path() == PATH { Ok(url) } else { Err("404 Not Found") }
}

/// The result in the parameters, if they belong to this login and occur once.
fn parse(target: &Url, expected_state: &str) -> Option<(Result<String, String>, Option<String>)> {
    let once = |wanted: &str| {
        let mut values = target.query_pairs().filter(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
        let value = values.next();
        values.next().is_none().then_some(value)
    };
    let (state, code, error, issuer) = (once("state")??, once("code")?, once("error")?, once("iss")?);
    if state != expected_state {
        return None;
    }
    match (code, error) {
        (_, Some(error)) => Some((Err(error), issuer)),
        (Some(code), None) => Some((Ok(code), issuer)),
        (None, None) => None,
    }
}

async fn respond(stream: &mut TcpStream, status: &str, text: &str) {
    let page = format!("<!doctype html><title>exuvia</title><p>{text}</p>\n");
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Content-Security-Policy: default-src 'none'\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    if stream.write_all(response.as_bytes()).await.is_ok() {
        let _ = stream.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(query: &str) -> Option<(Result<String, String>, Option<String>)> {
        parse(&Url::parse(&format!("http://127.0.0.1/callback?{query}")).unwrap(), "s")
    }

    #[test]
    fn only_what_belongs_to_the_login_is_listened_to() {
        let issuer = Some("https://as.example".to_owned());
        assert_eq!(parsed("code=c&state=s&iss=https%3A%2F%2Fas.example"), Some((Ok("c".to_owned()), issuer)));
        assert_eq!(parsed("error=access_denied&state=s"), Some((Err("access_denied".to_owned()), None)));
        for query in ["", "code=c", "code=c&state=t", "state=s", "code=c&state=s&state=s", "code=c&code=d&state=s"] {
            assert_eq!(parsed(query), None, "{query}");
        }
    }

    #[tokio::test]
    async fn foreign_requests_are_rejected_and_the_browser_is_still_served() {
        let callback = Callback::bind(0).await.unwrap();
        let port = callback.port;
        let waiting = tokio::spawn(async move { callback.redirect("s").await });
        // Those that never say anything, as browsers open them, and more than there are places.
        let mut silent = Vec::new();
        for _ in 0..2 * CONNECTIONS + 1 {
            silent.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
        }
        let ask = async |head: String| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let _ = stream.write_all(head.as_bytes()).await;
            let mut answer = String::new();
            // One that is taken for the browser would wait for the end of the login.
            let _ = timeout(CONNECTION, stream.read_to_string(&mut answer)).await;
            answer
        };
        let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
        for (head, status) in [
            (get("/"), "404"),
            (get("/callback?code=c&state=wrong"), "400"),
            (get("//evil.example/callback?code=c&state=s"), "404"),
            ("POST /callback?code=c&state=s HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(), "405"),
            ("nonsense\r\n\r\n".to_owned(), "400"),
            (format!("GET / HTTP/1.1\r\nA: {}", "b".repeat(REQUEST_BYTES)), "431"),
        ] {
            let answer = ask(head.clone()).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{head:.60}: {answer}");
        }
        // Those that came first are closed, and no more than there are places stay open.
        assert_eq!(timeout(CONNECTION / 2, silent[0].read(&mut [0])).await.unwrap().unwrap_or(0), 0);
        let mut open = 0;
        for stream in &mut silent {
            open += usize::from(timeout(Duration::from_millis(1), stream.read(&mut [0])).await.is_err());
        }
        assert!((1..=CONNECTIONS).contains(&open), "{open}");
        let browser = tokio::spawn(async move {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            stream.write_all(b"GET /callback?code=SECRET&state=s HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        });
        let redirect = waiting.await.unwrap();
        assert_eq!(redirect.result, Ok("SECRET".to_owned()));
        redirect.answer(true).await;
        let page = browser.await.unwrap();
        assert!(page.starts_with("HTTP/1.1 200") && !page.contains("SECRET"), "{page}");
    }

    #[tokio::test]
    async fn a_silent_connection_is_closed() {
        let callback = Callback::bind(0).await.unwrap();
        let port = callback.port;
        let waiting = tokio::spawn(async move { callback.redirect("s").await });
        let mut silent = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        assert_eq!(timeout(2 * CONNECTION, silent.read(&mut [0])).await.unwrap().unwrap_or(0), 0);
        waiting.abort();
    }
}
