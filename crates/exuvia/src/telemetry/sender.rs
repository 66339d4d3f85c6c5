//! HTTP requests to a collector.

use std::time::Duration;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response, ResponseBodyTooLarge};
use reqwest::redirect::Policy;
use tokio::runtime::Handle;

/// How long one request may take, in all.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes. It only says how many spans were refused.
const ANSWER_BYTES: usize = 64 << 10;

/// Sends from whatever thread the SDK exports on, over this program's own runtime.
#[derive(Debug)]
pub(super) struct Sender {
    client: reqwest::Client,
    runtime: Handle,
}

impl Sender {
    pub(super) fn new() -> Result<Self> {
        // An error says that the program has chosen one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(Policy::none()).no_proxy().build();
        Ok(Self { client: client.context("telemetry: HTTPS is unavailable")?, runtime: Handle::current() })
    }
}

#[async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, request) = (self.client.clone(), reqwest::Request::try_from(request)?);
        self.runtime.spawn(async move { send(client, request).await }).await?
    }
}

async fn send(client: reqwest::Client, request: reqwest::Request) -> Result<Response<Bytes>, HttpError> {
    // Addresses may hold tokens.
    let mut answer = client.execute(request).await.map_err(reqwest::Error::without_url)?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = answer.status();
    *response.headers_mut() = std::mem::take(answer.headers_mut());
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        body.extend_from_slice(&part);
        if body.len() > ANSWER_BYTES {
            return Err(ResponseBodyTooLarge::new().into());
        }
    }
    *response.body_mut() = body.into();
    Ok(response)
}
