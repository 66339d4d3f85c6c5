//! The protocol, both eras of it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::call::call;
use crate::contract::Contract;
use crate::list::list;
use crate::options::{Options, Stop};
use crate::out::{Later, Out};
use crate::questions::Asking;
use crate::record;
use crate::subscriptions::Subscriptions;

thread_local! {
    /// The headers of the request that this thread answers over HTTP.
    pub(crate) static HEADERS: RefCell<Map<String, Value>> = RefCell::default();
}

/// The server behind any transport.
pub(crate) struct Server {
    pub(crate) options: Options,
    contract: Option<Contract>,
    state: Mutex<State>,
}

/// What the server knows.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) child: Option<Child>,
    /// Methods that it was sent, `cancelled ID`, and over HTTP `gone ID` and `session ended`.
    pub(crate) seen: Vec<String>,
    pub(crate) calls: u64,
    /// The calls that wait for answers to questions of ours, by the ids of the questions.
    pub(crate) asking: HashMap<String, Asking>,
    /// How often we asked.
    pub(crate) questions: u64,
    /// How often the list of tools has changed.
    pub(crate) changes: u64,
    /// The subscribers: their streams, and the ids in their notifications.
    pub(crate) listeners: Vec<(Later, Option<Value>)>,
    /// The subscribers of each resource.
    pub(crate) subscriptions: Subscriptions,
}

/// What comes of a message.
pub(crate) enum Reply {
    Result(Value),
    Error(Value),
    /// These messages, as they are.
    Messages(Vec<Vec<u8>>),
    /// An answer that comes later, or never.
    Nothing,
    /// An HTTP response, as the arguments say.
    Http(Value),
    Exit(u8),
}

/// What the transport does after a message.
pub(crate) enum Flow {
    Done,
    /// The answer comes later, or never.
    Wait,
    Http(Value),
    Exit(u8),
}

impl Server {
    /// Comes up.
    pub(crate) fn start(options: Options) -> Arc<Self> {
        if let Some(text) = &options.stderr {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes());
        }
        let child = options.child.then(|| {
            let mut command = Command::new("/bin/sh");
            command.args(["-c", "trap '' TERM; while :; do sleep 5; done"]).stdin(Stdio::null());
            command.spawn().ok()
        });
        let state = State { child: child.flatten(), ..State::default() };
        let contract = options.contract.as_deref().map(Contract::read);
        let server = Arc::new(Self { options, contract, state: Mutex::new(state) });
        if let Some(every) = server.options.change_every {
            let server = server.clone();
            std::thread::spawn(move || {
                loop {
                    std::thread::sleep(Duration::from_millis(every));
                    server.state().change();
                }
            });
        }
        server
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a message.
    pub(crate) fn take(&self, message: &Value, out: &mut dyn Out) -> Flow {
        let id = message.get("id").cloned();
        let envelope = |key: &str, value: Value| {
            let mut envelope = json!({"jsonrpc": "2.0", "id": id});
            envelope[key] = value;
            format!("{}{envelope}", if self.options.mark { "\u{feff}" } else { "" })
        };
        match (self.reply(message, out), &id) {
            (Reply::Result(result), Some(_)) => out.message(envelope("result", result).as_bytes()),
            (Reply::Error(error), Some(_)) => out.message(envelope("error", error).as_bytes()),
            (Reply::Messages(messages), _) => messages.iter().for_each(|message| out.message(message)),
            (Reply::Http(arguments), _) => return Flow::Http(arguments),
            (Reply::Exit(code), _) => return Flow::Exit(code),
            (Reply::Nothing, Some(_)) => return Flow::Wait,
            _ => {}
        }
        Flow::Done
    }

    fn reply(&self, message: &Value, out: &mut dyn Out) -> Reply {
        let options = &self.options;
        let Some(method) = message.get("method").and_then(Value::as_str) else {
            self.state().answered(message);
            return Reply::Messages(Vec::new());
        };
        let param = |name: &str| message.get("params")?.get(name);
        let text = |name: &str| param(name).and_then(Value::as_str);
        self.state().seen.push(match (param("requestId"), text("taskId"), text("uri")) {
            (Some(id), _, _) => format!("cancelled {id}"),
            (None, Some(task), _) => format!("{method} {task}"),
            (None, None, Some(address)) if method.contains("subscribe") => format!("{method} {address}"),
            _ => method.to_owned(),
        });
        if let Some(id) = message.pointer("/params/requestId") {
            self.state().subscriptions.cancel(id);
        }
        if options.true_ids && message.get("id").is_some_and(|id| id == 0) {
            return Reply::Nothing;
        }
        let params = message.get("params").cloned().unwrap_or_default();
        let id = message.get("id").unwrap_or(&Value::Null);
        let stops = |point| match options.at(point) {
            Some(Stop::Hang) => Some(Reply::Nothing),
            Some(Stop::Exit) => Some(Reply::Exit(3)),
            None => None,
        };
        let mut capabilities = json!({"tools": {"listChanged": options.announces_changes()}});
        if options.subscribe {
            capabilities["resources"] = json!({"subscribe": true});
        }
        let unknown = || Reply::Error(json!({"code": -32601, "message": "Method not found"}));
        match method {
            "server/discover" => stops("discover").unwrap_or_else(|| {
                if options.era == "legacy" {
                    return unknown();
                }
                Reply::Result(json!({
                    "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": capabilities,
                    "serverInfo": {"name": "fake", "version": "0"}, "ttlMs": 0, "cacheScope": "private",
                }))
            }),
            "initialize" => stops("initialize").unwrap_or_else(|| {
                if options.era == "modern" {
                    return unknown();
                }
                Reply::Result(json!({
                    "protocolVersion": "2025-11-25", "capabilities": capabilities,
                    "serverInfo": {"name": "fake", "version": "0"},
                }))
            }),
            "notifications/initialized" if !options.http || options.sse => {
                self.state().listeners.push((out.later(), None));
                Reply::Nothing
            }
            "subscriptions/listen" => {
                let meta = json!({"io.modelcontextprotocol/subscriptionId": id});
                let method = "notifications/subscriptions/acknowledged";
                let params = json!({"notifications": params.get("notifications"), "_meta": meta});
                let resources = params["notifications"]["resourceSubscriptions"].clone();
                out.message(json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string().as_bytes());
                if !resources.is_null() {
                    self.state().subscriptions.listen(out.later(), id, &resources);
                } else {
                    self.state().listeners.push((out.later(), Some(id.clone())));
                }
                Reply::Nothing
            }
            "resources/subscribe" | "resources/unsubscribe" if options.subscribe => {
                let address = params.get("uri").and_then(Value::as_str).unwrap_or_default();
                if address.contains("refused") {
                    return Reply::Error(json!({"code": -32002, "message": "no such resource"}));
                }
                self.state().subscriptions.set(address, method == "resources/subscribe");
                Reply::Result(json!({}))
            }
            "ping" => Reply::Result(json!({})),
            "tools/list" => stops("list").unwrap_or_else(|| match &options.raw_list {
                Some(file) => record::raw(file, id),
                None => Reply::Result(list(options, self.state().changes, &params)),
            }),
            "tools/call" => {
                let calls = {
                    let mut state = self.state();
                    state.calls += 1;
                    state.calls
                };
                if options.crash_every.is_some_and(|n| calls.is_multiple_of(n)) {
                    return Reply::Exit(4);
                }
                if let Some(contract) = &self.contract {
                    return contract.call(id, &params, out);
                }
                let tool = params.get("name").and_then(Value::as_str).unwrap_or_default();
                if let Some(reply) = options.answers.as_deref().and_then(|file| record::answer(file, tool)) {
                    return reply;
                }
                call(self, id, &params, out)
            }
            _ if message.get("id").is_some() => {
                std::thread::sleep(Duration::from_millis(options.results_after.unwrap_or(0)));
                options.results.as_deref().and_then(|file| record::answer(file, method)).unwrap_or_else(unknown)
            }
            _ => Reply::Nothing,
        }
    }
}

impl State {
    /// Tells so often that a resource has changed.
    pub(crate) fn touch(&mut self, address: &str, times: u64) {
        let legacy: Vec<Later> =
            self.listeners.iter().filter(|(_, id)| id.is_none()).map(|(way, _)| way.clone()).collect();
        for _ in 0..times {
            self.subscriptions.touch(address, &legacy);
        }
    }

    /// Changes the list of tools and tells it.
    pub(crate) fn change(&mut self) {
        self.changes += 1;
        self.listeners.retain(|(way, id)| {
            let mut notification = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
            if let Some(id) = id {
                notification["params"] = json!({"_meta": {"io.modelcontextprotocol/subscriptionId": id}});
            }
            way(notification.to_string().as_bytes())
        });
    }
}

pub(crate) fn forever() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(60));
    }
}
