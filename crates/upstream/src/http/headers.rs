//! Credentials that are headers: written in the configuration, or from a command's output.

use std::sync::Arc;

use exuvia_tool::BoxFuture;
use http::HeaderMap;

use crate::authorization::{Authorization, Refusal, Unauthorized};
use crate::config::Http;
use crate::{ServerConfig, Transport};

/// What shows a server who asks.
pub(crate) fn authorization(config: &ServerConfig) -> Arc<dyn Authorization> {
    match &config.transport {
        Transport::Http(http) => Arc::new(Headers::new(&config.name, http)),
        Transport::Stdio(_) => Arc::new(Headers { server: config.name.clone(), fixed: HeaderMap::new() }),
    }
}

/// Headers of the configuration.
#[derive(Debug)]
struct Headers {
    server: String,
    fixed: HeaderMap,
}

impl Headers {
    fn new(server: &str, config: &Http) -> Self {
        Self { server: server.to_owned(), fixed: config.headers.clone() }
    }
}

impl Authorization for Headers {
    fn headers(&self) -> BoxFuture<'_, Result<HeaderMap, Unauthorized>> {
        Box::pin(async { Ok(self.fixed.clone()) })
    }

    fn refused<'a>(&'a self, refusal: &'a Refusal) -> BoxFuture<'a, Result<(), Unauthorized>> {
        Box::pin(async move {
            let message = format!("server {} answered with HTTP {}; write `headers`", self.server, refusal.status);
            Err(Unauthorized { message })
        })
    }
}
