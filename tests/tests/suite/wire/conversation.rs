//! The lines of a conversation, and what in them differs from run to run.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use exuvia_tests::{built, data};
use serde_json::{Value, json};

/// What every request of 2026-07-28 carries.
const META: &str = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"tests","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{}}"#;

/// What the client does next.
pub(super) enum Step {
    /// It sends this.
    Send(String),
    /// It closes the connection of the last request.
    Close,
}

/// A conversation that is held again.
pub(super) struct Conversation {
    steps: std::vec::IntoIter<(String, Option<String>)>,
    /// What stands there when it is over.
    written: String,
    names: BTreeMap<&'static str, String>,
}

impl Conversation {
    /// Takes what the client says from the text, and leaves away what it heard.
    pub(super) fn read(text: &str) -> Self {
        let mut steps: Vec<(String, Option<String>)> = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with("<-- ")) {
            match line.strip_prefix("~~> ") {
                Some(method) => steps.last_mut().expect("something to read after").1 = Some(method.to_owned()),
                None => steps.push((line.to_owned(), None)),
            }
        }
        Self { steps: steps.into_iter(), written: String::new(), names: BTreeMap::new() }
    }

    /// The next step, and the method of the message up to which is read after it.
    pub(super) fn next(&mut self) -> Option<(Step, Option<String>)> {
        loop {
            let (line, until) = self.steps.next()?;
            self.write(&line);
            if let Some(method) = &until {
                self.write(&format!("~~> {method}"));
            }
            match line.strip_prefix("--> ") {
                Some(sent) => return Some((Step::Send(self.filled(sent)), until)),
                None if line == "--x" => return Some((Step::Close, until)),
                None => assert!(line.is_empty() || line.starts_with('#'), "no line of a conversation: {line}"),
            }
        }
    }

    fn filled(&self, sent: &str) -> String {
        self.names.iter().fold(sent.replace("$META", META), |sent, (name, value)| sent.replace(name, value))
    }

    /// Notes a message that came.
    pub(super) fn note(&mut self, mut message: Value) {
        for place in [
            "/result/_meta/exuvia~1usage",
            "/result/serverInfo/version",
            "/result/_meta/io.modelcontextprotocol~1serverInfo/version",
        ] {
            if let Some(value) = message.pointer_mut(place) {
                *value = json!("...");
            }
        }
        if let Some(state) = message.pointer_mut("/result/requestState") {
            self.names.insert("$STATE", state.as_str().expect("a text").to_owned());
            *state = json!("$STATE");
        }
        if let Some(Value::String(text)) = message.pointer_mut("/result/content/0/text")
            && let Some((_, approval)) = text.split_once("exuvia approvals approve ")
            && let Some(approval) = approval.split_whitespace().next().map(str::to_owned)
        {
            *text = text.replace(&approval, "...");
        }
        if let Some(Value::String(text)) = message.pointer_mut("/result/content/0/text")
            && let Some((_, run)) = text.split_once("run=\"")
            && let Some(run) = run.split('"').next().map(str::to_owned)
        {
            *text = text.replace(&run, "$RUN");
            self.names.insert("$RUN", run);
        }
        if let Some(Value::Array(tools)) = message.pointer_mut("/result/tools") {
            without_meta_tools(tools);
        }
        self.write(&format!("<-- {message}"));
    }

    /// Notes the head of a response.
    pub(super) fn note_head(&mut self, status: u16, kind: &str, session: &str) {
        let mut line = format!("<-- {status} {kind}").trim_end().to_owned();
        if !session.is_empty() {
            self.names.insert("$SESSION", session.to_owned());
            line += " mcp-session-id=$SESSION";
        }
        self.write(&line);
    }

    /// Notes the body of a response that is no message.
    pub(super) fn note_text(&mut self, text: &str) {
        text.lines().for_each(|line| self.write(&format!("<-- {line}")));
    }

    fn write(&mut self, line: &str) {
        self.written.push_str(line);
        self.written.push('\n');
    }

    /// The conversation as it was held now.
    pub(super) fn end(self) -> String {
        self.written
    }
}

/// The meta-tools are committed in a file of their own, for people to read. What the first one says of the servers stays.
fn without_meta_tools(tools: &mut Vec<Value>) {
    let text = fs::read_to_string(data("tools_list.json")).expect("the meta-tools");
    let mut meta_tools: Vec<Value> = serde_json::from_str(&text).expect("a list of tools");
    without_servers(&mut meta_tools);
    let mut listed = tools.clone();
    let servers = without_servers(&mut listed);
    if listed.starts_with(&meta_tools) {
        tools.splice(..meta_tools.len(), [json!(format!("those of tools_list.json, with{servers}"))]);
    }
}

/// Takes the servers from the first description.
fn without_servers(tools: &mut [Value]) -> String {
    let Some(Value::String(description)) = tools.first_mut().map(|tool| &mut tool["description"]) else {
        return String::new();
    };
    description.find(" Servers: ").map(|at| description.split_off(at)).unwrap_or_default()
}

/// The arguments with which `exuvia` serves the servers of the conversations, and the variables that name their programs.
pub(super) fn world() -> ([String; 2], [(&'static str, PathBuf); 2]) {
    let config = data("wire/exuvia.toml").display().to_string();
    let programs = [("EXUVIA", built("exuvia")), ("FAKE", built("exuvia-fake-upstream"))];
    (["--config".to_owned(), config], programs)
}
