//! Answers: short ones, JSON bodies, streams of events.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::Connection;
use crate::out::{Later, Out};

/// An answer without a stream.
pub(crate) struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Answer {
    /// With this status and nothing else.
    pub(crate) fn new(status: u16) -> Self {
        Self { head: format!("HTTP/1.1 {status} Fake\r\n"), body: Vec::new() }
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.head.push_str(&format!("{name}: {value}\r\n"));
        self
    }

    /// Adds a JSON body.
    pub(crate) fn json(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self.header("Content-Type", "application/json")
    }

    /// Sends it.
    pub(crate) fn send(self, stream: &mut TcpStream) -> Connection {
        let head = format!("{}Content-Length: {}\r\n\r\n", self.head, self.body.len());
        match stream.write_all(&[head.as_bytes(), &self.body].concat()) {
            Ok(()) => Connection::Kept,
            Err(_) => Connection::Closed,
        }
    }
}

/// The answer to one message: a stream of events, or a body.
pub(crate) struct Answering<'a> {
    stream: &'a mut TcpStream,
    /// Headers of the answer.
    head: String,
    json: bool,
    begun: bool,
    body: Vec<u8>,
    later: Option<Receiver<Vec<u8>>>,
}

impl<'a> Answering<'a> {
    pub(crate) fn new(stream: &'a mut TcpStream, head: String, json: bool) -> Self {
        Self { stream, head, json, begun: false, body: Vec::new(), later: None }
    }

    /// Begins the stream of events.
    fn events(&mut self) {
        if !std::mem::replace(&mut self.begun, true) {
            let kind = "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n";
            let head = format!("HTTP/1.1 200 OK\r\n{kind}{}\r\n", self.head);
            let _ = self.stream.write_all(head.as_bytes());
        }
    }

    /// Ends the answer.
    pub(crate) fn end(mut self) -> Connection {
        if self.json {
            let mut answer = Answer::new(200).json(std::mem::take(&mut self.body));
            answer.head.push_str(&self.head);
            return answer.send(self.stream);
        }
        self.events();
        match self.stream.write_all(b"0\r\n\r\n") {
            Ok(()) => Connection::Kept,
            Err(_) => Connection::Closed,
        }
    }

    /// Waits for messages that come later: for one in answer to a request, else for all. Gives `Closed` when the other side
    /// is gone first.
    pub(crate) fn wait(mut self, one: bool) -> Connection {
        if !self.json {
            self.events();
        }
        let (_way, nothing) = channel();
        let later = self.later.take().unwrap_or(nothing);
        loop {
            match later.recv_timeout(Duration::from_millis(20)) {
                Ok(message) => {
                    self.message(&message);
                    if one {
                        return self.end();
                    }
                }
                Err(RecvTimeoutError::Timeout) if is_gone(self.stream) => return Connection::Closed,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.end(),
            }
        }
    }
}

impl Out for Answering<'_> {
    fn message(&mut self, message: &[u8]) {
        if self.json {
            self.body.extend_from_slice(message);
        } else {
            let event = [b"data: ", message, b"\n\n"].concat();
            self.raw(&event);
        }
    }

    fn begin(&mut self, part: &[u8]) {
        let begun = [b"data: ", part].concat();
        self.raw(if self.json { part } else { &begun });
    }

    fn raw(&mut self, bytes: &[u8]) -> bool {
        if self.json {
            // Of a length that is never reached.
            if !std::mem::replace(&mut self.begun, true) {
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999999999999\r\n\r\n";
                let _ = self.stream.write_all(head.as_bytes());
            }
            return self.stream.write_all(bytes).is_ok();
        }
        self.events();
        let chunk = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        self.stream.write_all(&chunk).is_ok()
    }

    fn later(&mut self) -> Later {
        let (way, later) = channel();
        self.later = Some(later);
        Arc::new(move |message| way.send(message.to_vec()).is_ok())
    }
}

/// Whether the other side has closed the connection.
pub(crate) fn is_gone(stream: &TcpStream) -> bool {
    let _ = stream.set_read_timeout(Some(Duration::from_millis(1)));
    match stream.peek(&mut [0]) {
        Ok(bytes) => bytes == 0,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}
