//! Documents of an authorization server that are public: its metadata and its keys.

use std::sync::Arc;

use exuvia_config::Http;
use http::{Method, Request, StatusCode, header};
use url::Url;

use crate::client::{EndpointClient, body};

/// Reads JSON documents from one server, and from where such documents lead.
///
/// Everything goes over TLS, but for servers on loopback and what they name on loopback. A document of a server on the
/// public network leads into no private one. No redirect is followed.
#[derive(Debug, Clone)]
pub struct Documents {
    client: Arc<EndpointClient>,
}

impl Documents {
    /// Documents of this server, with the proxy and the certificate authorities that its configuration names. Nothing else
    /// of the configuration is used.
    ///
    /// # Errors
    ///
    /// A sentence for the operator: the proxy or a certificate cannot be used.
    pub fn of(server: &Http) -> Result<Self, String> {
        Ok(Self { client: EndpointClient::new(&server.url, server)? })
    }

    /// The document at this place, of at most so many bytes. None: the server says that there is none (HTTP 4xx). The time
    /// that it takes is bounded by whoever asks.
    ///
    /// # Errors
    ///
    /// A sentence for the operator, without anything that the server chose: it cannot be reached, it answers something
    /// else, or the document is too long.
    pub async fn read(&self, place: &Url, most_bytes: usize) -> Result<Option<Vec<u8>>, String> {
        let request =
            Request::builder().method(Method::GET).uri(place.as_str()).header(header::ACCEPT, "application/json");
        let request = request.body(Vec::new()).map_err(|_| "its URL cannot be requested".to_owned())?;
        let response = self.client.send(request).await.map_err(|error| error.to_string())?;
        let (status, origin) = (response.status(), place.origin().ascii_serialization());
        match status {
            StatusCode::OK => {}
            status if status.is_client_error() => return Ok(None),
            status => return Err(format!("{origin}: it answered {}", status.as_u16())),
        }
        body(response, most_bytes).await.map(Some).map_err(|why| format!("{origin}: {why}"))
    }
}
