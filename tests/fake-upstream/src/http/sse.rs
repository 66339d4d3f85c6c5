//! HTTP+SSE: one stream, and an address for messages.

use std::net::TcpStream;
use std::sync::{Arc, PoisonError};

use serde_json::Value;

use super::answer::{Answer, Answering};
use super::request::Request;
use super::{Connection, Http, raw};
use crate::out::{Later, Out};
use crate::server::Flow;

impl Http {
    pub(crate) fn sse(&self, request: &Request, message: &Value, stream: &mut TcpStream) -> Connection {
        match (request.method.as_str(), request.path()) {
            ("GET", "/mcp") => self.open(stream),
            ("POST", "/messages") => self.post(request, message, stream),
            _ => Answer::new(405).send(stream),
        }
    }

    fn open(&self, stream: &mut TcpStream) -> Connection {
        let number = self.number();
        let mut answer = Answering::new(stream, String::new(), false);
        let way = answer.later();
        // Before the address is told.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).push((number, way));
        answer.raw(format!("event: endpoint\ndata: /messages?stream={number}\n\n").as_bytes());
        let connection = answer.wait(false);
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).retain(|(other, _)| *other != number);
        connection
    }

    fn post(&self, request: &Request, message: &Value, stream: &mut TcpStream) -> Connection {
        let number = request.target.rsplit('=').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let mut out = Elsewhere { http: self, number };
        match self.server.take(message, &mut out) {
            Flow::Exit(4) => {
                self.streams.lock().unwrap_or_else(PoisonError::into_inner).clear();
                Connection::Closed
            }
            Flow::Exit(code) => std::process::exit(code.into()),
            Flow::Http(arguments) => raw::write(&arguments, stream),
            Flow::Done | Flow::Wait => Answer::new(202).send(stream),
        }
    }
}

/// The stream that belongs to an address for messages.
struct Elsewhere<'a> {
    http: &'a Http,
    number: u64,
}

impl Out for Elsewhere<'_> {
    fn message(&mut self, message: &[u8]) {
        let streams = self.http.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, way)) = streams.iter().find(|(number, _)| *number == self.number) {
            way(message);
        }
    }

    fn begin(&mut self, _part: &[u8]) {}

    fn raw(&mut self, _bytes: &[u8]) -> bool {
        false
    }

    fn later(&mut self) -> Later {
        let streams = self.http.streams.lock().unwrap_or_else(PoisonError::into_inner);
        match streams.iter().find(|(number, _)| *number == self.number) {
            Some((_, way)) => way.clone(),
            None => Arc::new(|_| false),
        }
    }
}
