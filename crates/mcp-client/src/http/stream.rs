//! The messages of one event stream.

use std::io;
use std::sync::Arc;

use reqwest::Response;

use super::body::Body;
use super::events::{Data, Event, Events};
use crate::lines::patience;
use crate::reader::{Inbound, Reader};

/// A stream of events, read.
pub(crate) struct Stream {
    events: Events<Body>,
    reader: Arc<Reader>,
    /// The request that the stream answers, if it answers one.
    on: Option<i64>,
    limit_bytes: usize,
    /// An event beyond the limit was begun: whether it was known whom it is for.
    begun: Option<bool>,
}

/// What one event brought.
#[derive(Default)]
pub(crate) struct StreamEvent {
    pub(crate) inbound: Inbound,
    pub(crate) id: Option<String>,
    pub(crate) retry: Option<u64>,
    /// An event that is no message: its name and what it says.
    pub(crate) other: Option<(String, Vec<u8>)>,
}

impl Stream {
    /// Reads the body of a response.
    pub(crate) fn new(response: Response, reader: Arc<Reader>, on: Option<i64>, limit_bytes: usize) -> Self {
        Self { events: Events::new(Body::of(response), limit_bytes), reader, on, limit_bytes, begun: None }
    }

    /// Waits for the next event. `None` is the end.
    pub(crate) async fn next(&mut self) -> io::Result<Option<StreamEvent>> {
        if let Some(known) = self.begun.take() {
            let rest = self.events.rest(patience(self.limit_bytes, known)).await?;
            if !rest.ended {
                return Err(io::Error::other("unterminated event"));
            }
            if !known {
                return Ok(Some(StreamEvent {
                    inbound: self.reader.long_ended(&rest.tail, rest.bytes),
                    ..StreamEvent::default()
                }));
            }
        }
        let Some(Event { name, id, retry, data }) = self.events.next().await? else { return Ok(None) };
        let mut stream_event = StreamEvent { id, retry, ..StreamEvent::default() };
        match (name, data) {
            (_, Data::None) => {}
            (None, Data::Whole(data)) => stream_event.inbound = self.reader.message(data, self.on),
            (Some(name), Data::Whole(data)) => stream_event.other = Some((name, data)),
            (_, Data::Long { head, bytes }) => {
                let inbound = self.reader.long(&head, bytes, self.on);
                self.begun = Some(inbound.is_some());
                stream_event.inbound = inbound.unwrap_or_default();
            }
        }
        Ok(Some(stream_event))
    }
}
