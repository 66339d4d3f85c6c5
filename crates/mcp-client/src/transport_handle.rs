//! The transport of a connection.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::http::{HttpClient, HttpError};
use crate::stdio::Process;

/// How long the goodbye to a server over HTTP may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// What is at the other end.
#[derive(Debug)]
pub(crate) enum TransportHandle {
    /// A process of ours.
    Process(Process),
    /// A server over HTTP; the token is cancelled when no request of the connection is left.
    Http(Arc<HttpClient>, CancellationToken),
}

impl TransportHandle {
    /// Whether the other end is still there, as far as one knows without asking.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Process(process) => process.is_running(),
            Self::Http(..) => true,
        }
    }

    /// Whether a request can get lost without the connection being lost.
    pub(crate) fn outlives_requests(&self) -> bool {
        matches!(self, Self::Http(..))
    }

    /// What went wrong over HTTP last.
    pub(crate) fn last_error(&self) -> Option<HttpError> {
        match self {
            Self::Process(_) => None,
            Self::Http(client, _) => client.last_error(),
        }
    }

    /// How the other end failed, for the operator.
    pub(crate) async fn last_words(&self) -> String {
        match self {
            Self::Process(process) => process.last_words().await,
            Self::Http(client, _) => client
                .last_error()
                .map_or_else(|| "its response is truncated".to_owned(), |http_error| http_error.details),
        }
    }

    /// Ends the other end, once the conversation is over.
    pub(crate) async fn stop(&self) {
        match self {
            Self::Process(process) => process.stop().await,
            Self::Http(_, done) => {
                let _ = tokio::time::timeout(GOODBYE, done.cancelled()).await;
            }
        }
    }
}
