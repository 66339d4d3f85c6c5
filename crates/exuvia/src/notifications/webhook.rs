//! Messages to a webhook: queued, signed, sent, and sent again for some minutes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use exuvia_config::{Proxy, Webhook, WebhookSecret};
use exuvia_gateway::now_ms;
use exuvia_oauth::http::{causes, proxy, roots};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use tokio::sync::{Mutex, mpsc};

use super::failures::Failures;
use super::message::WebhookMessage;
use super::signature::signature;

/// How many messages wait to be sent.
const QUEUED: usize = 1_000;
/// How many are sent at a time.
const CONCURRENT: usize = 4;
/// How long one request may take, in all.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long each attempt waits after the one before it.
const WAITS: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(8),
    Duration::from_secs(30),
    Duration::from_secs(120),
];
/// What failures are logged by.
const NAME: &str = "webhook";

/// Sends messages in their turn. Messages that wait when the process ends are lost.
pub(super) struct WebhookSender {
    queue: mpsc::Sender<WebhookMessage>,
    failures: Arc<Failures>,
}

struct Receiver {
    client: Client,
    url: Url,
    proxy: Option<Proxy>,
    secret: WebhookSecret,
    failures: Arc<Failures>,
}

/// Why an attempt failed.
struct Failure {
    why: String,
    /// Whether the next attempt may succeed.
    passes: bool,
}

impl WebhookSender {
    /// # Errors
    ///
    /// There can be no HTTPS.
    pub(super) fn start(config: &Webhook, failures: &Arc<Failures>) -> Result<Self> {
        let client = client(config).map_err(anyhow::Error::msg).context("approvals.webhook")?;
        let (url, proxy, secret) = (config.http.url.clone(), config.http.proxy.clone(), config.secret.clone());
        let receiver = Arc::new(Receiver { client, url, proxy, secret, failures: Arc::clone(failures) });
        let (queue, queued) = mpsc::channel(QUEUED);
        let queued = Arc::new(Mutex::new(queued));
        for _ in 0..CONCURRENT {
            let (receiver, queued) = (Arc::clone(&receiver), Arc::clone(&queued));
            tokio::spawn(async move {
                while let Some(message) = next(&queued).await {
                    receiver.deliver(&message).await;
                }
            });
        }
        Ok(Self { queue, failures: Arc::clone(failures) })
    }

    /// Sends a message, soon. Does not block.
    pub(super) fn send(&self, message: WebhookMessage) {
        if self.queue.try_send(message).is_err() {
            self.failures.lost(NAME, "too many notifications wait to be sent");
        }
    }
}

async fn next(queued: &Mutex<mpsc::Receiver<WebhookMessage>>) -> Option<WebhookMessage> {
    queued.lock().await.recv().await
}

fn client(config: &Webhook) -> Result<Client, String> {
    // An error says that the program has chosen one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = &config.http;
    let mut builder = Client::builder()
        .user_agent(concat!("exuvia/", env!("CARGO_PKG_VERSION")))
        .timeout(TIMEOUT)
        .connect_timeout(CONNECT)
        .redirect(Policy::none())
        .referer(false);
    builder = proxy::through(builder, http.proxy.as_ref())?;
    let meets_tls = |url: &Url| url.scheme() == "https";
    if !meets_tls(&http.url) && !http.proxy.as_ref().is_some_and(|proxy| meets_tls(proxy.url())) {
        // It will never speak TLS: no need to read the certificates of the system.
        builder = builder.tls_certs_only([]);
    } else if !http.ca.is_empty() {
        builder = builder.tls_certs_only(roots(&http.ca)?);
    }
    builder.build().map_err(|error| format!("HTTPS is unavailable: {}", causes(&error)))
}

impl Receiver {
    async fn deliver(&self, message: &WebhookMessage) {
        let mut last = "its approval has expired".to_owned();
        for (index, wait) in WAITS.into_iter().enumerate() {
            tokio::time::sleep(wait).await;
            let now = now_ms();
            if now >= message.expires_ms {
                break;
            }
            match self.attempt(message, now / 1_000).await {
                Ok(()) => return,
                Err(Failure { why, passes }) => {
                    last = why;
                    if !passes || index + 1 == WAITS.len() {
                        break;
                    }
                    self.failures.failed(NAME, &last);
                }
            }
        }
        self.failures.lost(NAME, &last);
    }

    async fn attempt(&self, message: &WebhookMessage, timestamp: u64) -> Result<(), Failure> {
        let WebhookMessage { id, body, .. } = message;
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature(&self.secret, id, timestamp, body))
            .body(body.clone());
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => {
                Err(Failure { why: format!("HTTP {}", answer.status().as_u16()), passes: passes(answer.status()) })
            }
            Err(error) => Err(Failure { why: self.unreachable(error), passes: true }),
        }
    }

    /// The address may hold a token.
    fn unreachable(&self, error: reqwest::Error) -> String {
        let (is_connecting, why) = (error.is_connect(), causes(&error.without_url()));
        match self.proxy.as_ref().filter(|_| is_connecting) {
            Some(proxy) => {
                let hint = proxy::hint(proxy, &why);
                why + &hint
            }
            None => why,
        }
    }
}

/// Whether the same message may be taken later.
fn passes(status: StatusCode) -> bool {
    let later = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
    status.is_server_error() || later.contains(&status)
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;
    use std::time::Instant;

    use exuvia_config::Http;

    use super::*;

    #[tokio::test]
    async fn what_finds_no_room_is_lost_and_nobody_waits() {
        // It accepts connections, and never answers.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let failures = Arc::new(Failures::new(Weak::new()));
        let sender = WebhookSender::start(&Webhook { http: Http::new(url), secret }, &failures).unwrap();
        let begun = Instant::now();
        for n in 0..2 * QUEUED {
            sender.send(WebhookMessage { id: n.to_string(), expires_ms: u64::MAX, body: "{}".to_owned() });
        }
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        // The first of them was logged.
        assert_eq!(failures.unlogged(), QUEUED as u64 - 1);
    }
}
