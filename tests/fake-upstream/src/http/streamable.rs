//! Streamable HTTP, both eras.

use std::net::TcpStream;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::answer::{Answer, Answering};
use super::request::Request;
use super::{Connection, Http, raw};
use crate::out::Out;
use crate::server::Flow;

impl Http {
    pub(crate) fn streamable(&self, request: &Request, message: &Value, stream: &mut TcpStream) -> Connection {
        let options = &self.server.options;
        let session = request.header("mcp-session-id");
        let cookie = options.cookie.as_deref();
        if let Some(session) = session
            && (!self.knows(session) || cookie.is_some_and(|cookie| request.header("cookie") != Some(cookie)))
        {
            return self.lost_session(message).send(stream);
        }
        match request.method.as_str() {
            "POST" => {}
            "GET" if session.is_some() => return self.interim(stream),
            "DELETE" if self.server.options.at("end").is_some() => {
                return Answering::new(stream, String::new(), true).wait(true);
            }
            "DELETE" => {
                self.forget(session);
                self.server.state().seen.push("session ended".to_owned());
                return Answer::new(200).send(stream);
            }
            _ => return Answer::new(405).send(stream),
        }
        let modern = request.header("mcp-protocol-version").is_some_and(|version| version >= "2026-07-28");
        let method = message.get("method").and_then(Value::as_str).unwrap_or_default();
        let mut head = String::new();
        if method == "initialize" && options.era != "modern" && !options.no_session {
            head = format!("Mcp-Session-Id: {}\r\n", self.new_session());
            head.extend(cookie.map(|cookie| format!("Set-Cookie: {cookie}; Path=/; HttpOnly\r\n")));
        } else if options.era == "legacy"
            && (modern || session.is_none() && !options.no_session)
            && method != "initialize"
        {
            let error = json!({"code": -32000, "message": "Bad Request: no valid session"});
            let error = json!({"jsonrpc": "2.0", "id": null, "error": error});
            return Answer::new(400).json(error.to_string().into_bytes()).send(stream);
        }
        if method == "tools/call" && self.forgets() {
            self.forget(None);
            if session.is_some() {
                return self.lost_session(message).send(stream);
            }
        }
        self.reply(message, head, stream)
    }

    /// What is said to a message in a session that is not known.
    fn lost_session(&self, message: &Value) -> Answer {
        let Some((status, body)) = &self.server.options.lost_session else { return Answer::new(404) };
        let id = message.get("id").unwrap_or(&Value::Null).to_string();
        Answer::new(*status).json(body.replace("$ID", &id).into_bytes())
    }

    fn reply(&self, message: &Value, head: String, stream: &mut TcpStream) -> Connection {
        let Some(id) = message.get("id").filter(|_| message.get("method").is_some()) else {
            let mut nowhere = Answering::new(stream, head, true);
            self.server.take(message, &mut nowhere);
            return Answer::new(202).send(stream);
        };
        let listens = message.get("method").is_some_and(|method| method == "subscriptions/listen");
        let mut answer = Answering::new(stream, head, self.server.options.json && !listens);
        match self.server.take(message, &mut answer) {
            Flow::Done => answer.end(),
            Flow::Wait => {
                let connection = answer.wait(!listens);
                if connection == Connection::Closed {
                    self.server.state().seen.push(format!("gone {id}"));
                }
                connection
            }
            Flow::Http(arguments) => raw::write(&arguments, stream),
            Flow::Exit(4) => {
                self.forget(None);
                Connection::Closed
            }
            Flow::Exit(code) => std::process::exit(code.into()),
        }
    }

    /// Whether all sessions are forgotten now.
    fn forgets(&self) -> bool {
        let due = |every| (self.calls.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(every);
        self.server.options.forget_every.is_some_and(due)
    }

    /// The stream of what belongs to no request.
    fn interim(&self, stream: &mut TcpStream) -> Connection {
        let mut answer = Answering::new(stream, String::new(), false);
        let way = answer.later();
        self.server.state().listeners.push((way, None));
        answer.wait(false)
    }
}
