//! How a model that knows nothing but what it has read goes about a task: list, search, read, run.
//!
//! The policy makes no mistakes and has no luck. What it needs is what stands between it and its script, so that its turns and its
//! guesses move when descriptions, stubs or answers do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

use super::needs::{Needs, ToolNeed};
use super::seen::Seen;
use super::{Exchange, Task};

/// How often it looks at answers before it writes its script, where the task does not say how.
const LOOKS: usize = 2;

/// What a script uses although nothing that was read before says it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Guess {
    /// A tool whose signature was not shown.
    Tool(String),
    /// A parameter that the signature did not show.
    Parameter(String),
    /// A word passed to a tool.
    Value(String),
    /// A key of an answer.
    Key(String),
    /// A word by which a text is taken apart.
    Text(String),
}

impl fmt::Display for Guess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool(name) => write!(f, "tool {name}"),
            Self::Parameter(name) => write!(f, "parameter {name}"),
            Self::Value(word) => write!(f, "value {word:?}"),
            Self::Key(key) => write!(f, "key {key:?}"),
            Self::Text(word) => write!(f, "{word:?} in a text"),
        }
    }
}

/// What it does next.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Calls of meta-tools, in one turn.
    Ask(&'static str, Vec<Exchange>),
    /// A script that shows what has these keys.
    Look(Vec<String>),
    /// The script.
    Run,
}

/// One task on its way.
pub(super) struct Policy<'a> {
    task: &'a Task,
    needs: &'a Needs,
    knows: &'a BTreeMap<String, BTreeSet<String>>,
    tools: &'a [Value],
    has_listed: bool,
    has_searched: bool,
    files: BTreeSet<String>,
    documented: BTreeSet<String>,
    looks: usize,
}

impl<'a> Policy<'a> {
    pub(super) fn new(
        task: &'a Task,
        needs: &'a Needs,
        knows: &'a BTreeMap<String, BTreeSet<String>>,
        tools: &'a [Value],
    ) -> Self {
        Self {
            task,
            needs,
            knows,
            tools,
            has_listed: false,
            has_searched: false,
            files: BTreeSet::new(),
            documented: BTreeSet::new(),
            looks: 0,
        }
    }

    /// What it does after having seen this.
    pub(super) fn next(&mut self, seen: &Seen) -> Step {
        let unknown: Vec<&ToolNeed> =
            self.needs.tools.iter().filter(|need| seen.signature(&need.server, &need.tool).is_none()).collect();
        if !unknown.is_empty() && !self.has_listed && unknown.iter().any(|need| !seen.has_word(&need.server)) {
            self.has_listed = true;
            return Step::Ask("list", vec![exchange("listToolFiles", json!({}))]);
        }
        if !unknown.is_empty() && !self.has_searched {
            self.has_searched = true;
            return Step::Ask("search", self.search());
        }
        let reads_tools = self.reads_tools();
        let file = |need: &&ToolNeed| match reads_tools {
            true => format!("{}.{}", need.server, need.tool),
            false => file_of(need, seen),
        };
        let files: BTreeSet<String> = unknown.iter().map(file).collect();
        let files: Vec<String> = files.into_iter().filter(|file| self.files.insert(file.clone())).collect();
        if !files.is_empty() {
            return Step::Ask("read", self.read(&files));
        }
        let documented = self.documentation(seen);
        if !documented.is_empty() {
            return Step::Ask("docs", documented);
        }
        let keys = self.missing_keys(seen);
        let unseen = !self.missing_values(seen).is_empty() || !self.missing_texts(seen).is_empty();
        let values = self.task.look.is_some() && unseen;
        let most = if self.task.look.is_some() { 1 } else { LOOKS };
        if (values || !keys.is_empty()) && self.looks < most {
            self.looks += 1;
            return Step::Look(keys);
        }
        Step::Run
    }

    /// What the script uses although it was not shown.
    pub(super) fn guesses(&self, seen: &Seen) -> Vec<Guess> {
        let mut guesses = Vec::new();
        for need in &self.needs.tools {
            let name = format!("{}.{}", need.server, need.tool);
            match seen.signature(&need.server, &need.tool) {
                None => guesses.push(Guess::Tool(name)),
                Some(signature) => {
                    let missing = need.keywords.iter().filter(|keyword| !signature.has(keyword));
                    guesses.extend(missing.map(|keyword| Guess::Parameter(format!("{keyword} of {name}"))));
                }
            }
        }
        guesses.extend(self.missing_values(seen).into_iter().map(Guess::Value));
        guesses.extend(self.missing_keys(seen).into_iter().map(Guess::Key));
        guesses.extend(self.missing_texts(seen).into_iter().map(Guess::Text));
        guesses
    }

    fn missing_texts(&self, seen: &Seen) -> Vec<String> {
        self.needs.texts.iter().filter(|word| !seen.has_text(word)).cloned().collect()
    }

    fn missing_values(&self, seen: &Seen) -> Vec<String> {
        self.needs.values.iter().filter(|value| !seen.has_text(value)).cloned().collect()
    }

    fn missing_keys(&self, seen: &Seen) -> Vec<String> {
        let known: BTreeSet<&String> =
            self.needs.tools.iter().filter_map(|need| self.knows.get(&need.server)).flatten().collect();
        self.needs.keys.iter().filter(|key| !known.contains(key) && !seen.has_key(key)).cloned().collect()
    }

    fn search(&self) -> Vec<Exchange> {
        let phrases = &self.task.search;
        for (parameter, is_list) in [("queries", true), ("query", takes_list(self.tools, "listToolFiles", "query"))] {
            if is_list && has_parameter(self.tools, "listToolFiles", parameter) {
                return vec![exchange("listToolFiles", json!({parameter: phrases}))];
            }
        }
        if about(self.tools, "listToolFiles", "query").contains(';') {
            return vec![exchange("listToolFiles", json!({"query": phrases.join("; ")}))];
        }
        phrases.iter().map(|phrase| exchange("listToolFiles", json!({"query": phrase}))).collect()
    }

    /// Whether the stubs of single tools can be read by their names.
    fn reads_tools(&self) -> bool {
        let words = about(self.tools, "readToolFile", "fileName").split([' ', ',', ';', '`']);
        let mut names = words.filter_map(|word| word.split_once('.'));
        // `e.g.` is no name of a tool.
        let is_name = |name: &str| name.len() > 1 && name.chars().all(|c| c.is_alphanumeric() || c == '_');
        names.any(|(server, tool)| is_name(server) && is_name(tool) && tool != "pyi")
    }

    fn read(&self, files: &[String]) -> Vec<Exchange> {
        if takes_list(self.tools, "readToolFile", "fileName") {
            return vec![exchange("readToolFile", json!({"fileName": files}))];
        }
        if self.reads_tools() {
            return vec![exchange("readToolFile", json!({"fileName": files.join(", ")}))];
        }
        files.iter().map(|file| exchange("readToolFile", json!({"fileName": file}))).collect()
    }

    /// Documentation of tools of which something is still missing, once for each.
    fn documentation(&mut self, seen: &Seen) -> Vec<Exchange> {
        // Where a look is described, the words are those of answers: documentation has none of them.
        let values = self.task.look.is_none() && !self.missing_values(seen).is_empty();
        let keys = self.task.look.is_none() && !self.missing_keys(seen).is_empty();
        let wanting = |need: &&ToolNeed| match seen.signature(&need.server, &need.tool) {
            None => true,
            Some(signature) => {
                values || (keys && signature.has_type()) || need.keywords.iter().any(|keyword| !signature.has(keyword))
            }
        };
        let wanting: Vec<&ToolNeed> = self.needs.tools.iter().filter(wanting).collect();
        let names = wanting.into_iter().map(|need| format!("{}.{}", need.server, need.tool));
        let new = names.filter(|name| self.documented.insert(name.clone()));
        new.map(|name| exchange("getToolDocs", json!({"tool": name}))).collect()
    }
}

/// The stub file of a tool: as a list named it, or that of its server.
fn file_of(need: &ToolNeed, seen: &Seen) -> String {
    let named = seen.line(&need.server, &need.tool).and_then(|line| {
        let words = line.split(|c: char| c.is_whitespace() || matches!(c, ',' | ':' | '`' | '(' | ')'));
        words.into_iter().find(|word| word.ends_with(".pyi") && word.starts_with(&need.server))
    });
    named.map_or_else(|| format!("{}.pyi", need.server), str::to_owned)
}

pub(super) fn exchange(tool: &str, arguments: Value) -> Exchange {
    Exchange { tool: tool.to_owned(), arguments }
}

fn parameter<'a>(tools: &'a [Value], tool: &str, parameter: &str) -> Option<&'a Value> {
    let tool = tools.iter().find(|listed| listed["name"] == tool)?;
    tool.pointer(&format!("/inputSchema/properties/{parameter}"))
}

/// What the description of a parameter says.
fn about<'a>(tools: &'a [Value], tool: &str, name: &str) -> &'a str {
    parameter(tools, tool, name).and_then(|schema| schema["description"].as_str()).unwrap_or_default()
}

fn has_parameter(tools: &[Value], tool: &str, name: &str) -> bool {
    parameter(tools, tool, name).is_some()
}

/// Whether a parameter may be a list.
fn takes_list(tools: &[Value], tool: &str, name: &str) -> bool {
    let is_list = |schema: &Value| match &schema["type"] {
        Value::Array(types) => types.iter().any(|one| one == "array"),
        one => one == "array",
    };
    parameter(tools, tool, name).is_some_and(|schema| {
        let choices = ["anyOf", "oneOf"].iter().filter_map(|key| schema[*key].as_array()).flatten();
        is_list(schema) || choices.into_iter().any(is_list)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task() -> Task {
        let text = "[[task]]\nname = \"t\"\nprompt = \"p\"\nsearch = [\"find people\"]\nscript = \"\"";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Task::read(file.path()).unwrap().remove(0)
    }

    fn needs() -> Needs {
        let tools = json!([{"server": "crm", "tool": "find", "keywords": ["name"]}]);
        serde_json::from_value(json!({"tools": tools, "keys": ["total"], "values": ["open"], "look": null})).unwrap()
    }

    fn tools(list: bool) -> Vec<Value> {
        let query = if list { json!({"type": "array"}) } else { json!({"type": "string"}) };
        vec![json!({"name": "listToolFiles", "inputSchema": {"properties": {"query": query}}})]
    }

    #[test]
    fn it_asks_for_what_it_has_not_seen_and_nothing_else() {
        let (task, needs, knows, mut tools) = (task(), needs(), BTreeMap::new(), tools(false));
        let file = json!({"type": "string", "description": "as listed, e.g. crm.pyi"});
        tools.push(json!({"name": "readToolFile", "inputSchema": {"properties": {"fileName": file}}}));
        let mut policy = Policy::new(&task, &needs, &knows, &tools);
        let mut seen = Seen::default();
        seen.add("four tools");
        let asked = |step: Step| match step {
            Step::Ask(what, exchanges) => format!("{what} {}", exchanges[0].arguments),
            other => format!("{other:?}"),
        };
        assert_eq!(asked(policy.next(&seen)), "list {}");
        seen.add("crm.pyi 3");
        assert_eq!(asked(policy.next(&seen)), r#"search {"query":"find people"}"#);
        seen.add("crm.pyi find: finds people");
        assert_eq!(asked(policy.next(&seen)), r#"read {"fileName":"crm.pyi"}"#);
        seen.add("# Call crm.NAME(...)\ndef find(name: str, kind: str = ...) -> Any:");
        assert_eq!(asked(policy.next(&seen)), r#"docs {"tool":"crm.find"}"#, "for the value");
        seen.add("kind: open or closed");
        assert_eq!(policy.guesses(&seen), [Guess::Key("total".into())]);
        assert_eq!(policy.next(&seen), Step::Look(vec!["total".into()]));
        seen.add(r#"{"total": 1}"#);
        assert_eq!((policy.next(&seen), policy.guesses(&seen)), (Step::Run, Vec::new()));
    }

    #[test]
    fn hits_with_signatures_and_types_save_the_other_turns() {
        let (task, needs, knows, tools) = (task(), needs(), BTreeMap::new(), tools(true));
        let mut policy = Policy::new(&task, &needs, &knows, &tools);
        let mut seen = Seen::default();
        seen.add("Servers: crm, billing. open");
        let Step::Ask("search", exchanges) = policy.next(&seen) else { panic!("it does not search") };
        assert_eq!(exchanges[0].arguments, json!({"query": ["find people"]}));
        seen.add("crm.find(name: str) -> {\"total\": int}  # seen 3 times");
        assert_eq!(policy.next(&seen), Step::Run);
    }

    #[test]
    fn several_phrases_and_single_tools_are_asked_for_as_the_descriptions_say() {
        let (mut task, needs, knows) = (task(), needs(), BTreeMap::new());
        task.search.push("send mail".into());
        let text = |text: &str| json!({"type": "string", "description": text});
        let list =
            json!({"name": "listToolFiles", "inputSchema": {"properties": {"query": text("a ; parts several")}}});
        let file = text("crm.pyi, or tools: crm.get_contacts");
        let tools = [list, json!({"name": "readToolFile", "inputSchema": {"properties": {"fileName": file}}})];
        let mut policy = Policy::new(&task, &needs, &knows, &tools);
        let mut seen = Seen::default();
        seen.add("Servers: crm. open");
        let one = |step: Step| match step {
            Step::Ask(_, exchanges) if exchanges.len() == 1 => exchanges[0].arguments.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(one(policy.next(&seen)), r#"{"query":"find people; send mail"}"#);
        assert_eq!(one(policy.next(&seen)), r#"{"fileName":"crm.find"}"#);
    }

    #[test]
    fn what_a_model_knows_of_a_public_interface_needs_no_look() {
        let (task, needs, tools) = (task(), needs(), tools(false));
        let knows = BTreeMap::from([("crm".to_owned(), BTreeSet::from(["total".to_owned()]))]);
        let mut policy = Policy::new(&task, &needs, &knows, &tools);
        let mut seen = Seen::default();
        seen.add("crm open\ndef find(name: str) -> Any:");
        assert_eq!(policy.next(&seen), Step::Run);
    }
}
