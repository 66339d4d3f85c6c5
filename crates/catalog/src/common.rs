//! What the tools of one server have in common, and what therefore says nothing of one of them.

use std::collections::{HashMap, HashSet};

use exuvia_tool::{Server, Tool};

use crate::text;

/// So many tools have to say the same before it is common.
const MIN_TOOLS: usize = 4;

/// How many sentences of a description are looked at.
pub(crate) const MAX_SENTENCES: usize = 12;

/// How many parameters of a tool.
const MAX_PARAMETERS: usize = 200;

/// What the tools of one server have in common.
#[derive(Debug, Default)]
pub(crate) struct Common {
    sentences: HashSet<String>,
    /// What stands before the ` | ` of their sentences.
    prefixes: HashSet<String>,
    /// By their own names.
    parameters: HashSet<String>,
    server: String,
}

/// What parts a server's name from what its tool does.
const PREFIX_END: &str = " | ";

impl Common {
    /// What is common among the tools of `server`.
    pub(crate) fn of(server: &Server) -> Self {
        let (tools, name) = (server.tools(), server.name.clone());
        if tools.len() < MIN_TOOLS {
            return Self { server: name, ..Self::default() };
        }
        let (mut sentences, mut prefixes, mut parameters) = (HashMap::new(), HashMap::new(), HashMap::new());
        for tool in tools {
            for sentence in sentences_of(tool).collect::<HashSet<_>>() {
                if let Some((prefix, _)) = sentence.split_once(PREFIX_END) {
                    *prefixes.entry(prefix.to_owned()).or_default() += 1;
                }
                *sentences.entry(sentence).or_default() += 1;
            }
            for parameter in tool.parameters.iter().take(MAX_PARAMETERS) {
                *parameters.entry(parameter.name.clone()).or_default() += 1;
            }
        }
        Self {
            sentences: of_many(sentences, MIN_TOOLS),
            prefixes: of_many(prefixes, MIN_TOOLS),
            parameters: of_many(parameters, MIN_TOOLS.max(tools.len() / 2)),
            server: name,
        }
    }

    /// A sentence without the beginning that many tools of the server give theirs.
    pub(crate) fn without_prefix<'s>(&self, sentence: &'s str) -> &'s str {
        match sentence.split_once(PREFIX_END) {
            Some((prefix, rest)) if self.prefixes.contains(prefix) => rest,
            _ => sentence,
        }
    }

    /// Whether many tools of the server say this.
    pub(crate) fn has_sentence(&self, sentence: &str) -> bool {
        self.sentences.contains(sentence)
    }

    /// The server's own name.
    pub(crate) fn server_name(&self) -> &str {
        &self.server
    }

    /// Whether most tools of the server have a parameter of this name.
    pub(crate) fn has_parameter(&self, name: &str) -> bool {
        self.parameters.contains(name)
    }
}

fn of_many(counts: HashMap<String, usize>, least: usize) -> HashSet<String> {
    counts.into_iter().filter(|(_, count)| *count >= least).map(|(text, _)| text).collect()
}

fn sentences_of(tool: &Tool) -> impl Iterator<Item = String> {
    let description = tool.descriptor.description.as_deref().unwrap_or("");
    text::statements(description).into_iter().take(MAX_SENTENCES).map(|statement| statement.text)
}
