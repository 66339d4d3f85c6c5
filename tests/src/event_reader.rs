//! Server-sent events as they come.

use std::time::Duration;

use http::Response;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::timeout;

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stream of events.
pub struct EventReader {
    response: Response<Incoming>,
    text: String,
}

impl EventReader {
    /// The events of this answer.
    #[must_use]
    pub fn of(response: Response<Incoming>) -> Self {
        Self { response, text: String::new() }
    }

    /// The data of the next event of this name. Others are passed over.
    ///
    /// # Panics
    ///
    /// None comes in time.
    pub async fn next(&mut self, name: &str) -> Value {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let line = |key: &str| event.lines().find_map(|line| line.strip_prefix(key)).map(str::to_owned);
                let (found, data) = (line("event: "), line("data: "));
                self.text = rest.to_owned();
                if found.as_deref() == Some(name) {
                    return serde_json::from_str(&data.expect("data")).expect("JSON");
                }
            }
            let frame = timeout(PATIENCE, self.response.frame()).await.expect("an event in time");
            let data = frame.expect("an event").expect("read").into_data().expect("data");
            self.text += std::str::from_utf8(&data).expect("UTF-8");
        }
    }
}
