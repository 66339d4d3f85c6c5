//! A compiled policy.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use exuvia_tool::ToolName;

use crate::classification::Classification;
use crate::error::PolicyError;
use crate::glob::literal;
use crate::key::Key;
use crate::pattern::{Context, Rule, check_groups};
use crate::qualified::only;
use crate::reads::READS;
use crate::rules::CompiledRules;
use crate::source::{PolicySource, RoleRules, ServerRules};

/// How often a repeatable call is made again where the operator says nothing.
const RETRIES: u32 = 3;

/// What holds for the tools of every server. Made once from what the operator wrote; asked for every call.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    servers: BTreeMap<String, CompiledRules>,
    source: PolicySource,
    /// None: it holds for everyone without a role.
    role: Option<RoleRules>,
}

/// Two are equal when they were compiled from the same, for the same servers.
impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.role == other.role && self.servers.keys().eq(other.servers.keys())
    }
}

impl Policy {
    /// Compiles what the operator wrote. `servers` are the names of all configured servers.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn compile<'a>(
        source: PolicySource,
        servers: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Vec<PolicyError>> {
        let mut errors = Vec::new();
        let names: Vec<&str> = servers.into_iter().collect();
        check_groups(&source, &mut errors);
        let compiled = compiled(&source, None, &names, &mut errors);
        for name in source.servers.keys().filter(|name| !names.contains(&name.as_str())) {
            errors.push(PolicyError::new(&Key::of_server(name), "unknown server"));
        }
        finished(errors, Self { servers: compiled, source, role: None })
    }

    /// The same policy for those who have a role. It sees no more than this one shows, and denies at least what this one denies.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the role.
    pub fn for_role(&self, role: RoleRules) -> Result<Self, Vec<PolicyError>> {
        let mut errors = Vec::new();
        let names: Vec<&str> = self.servers.keys().map(String::as_str).collect();
        let servers = compiled(&self.source, Some(&role), &names, &mut errors);
        finished(errors, Self { servers, source: self.source.clone(), role: Some(role) })
    }

    /// What it was compiled from.
    #[must_use]
    pub fn source(&self) -> &PolicySource {
        &self.source
    }

    /// The classification of a tool.
    #[must_use]
    pub fn classify(&self, tool: &ToolName) -> Classification {
        // A server that the policy was not compiled with has no rules that could allow anything.
        self.rules(&tool.server).map_or(Classification::Hidden, |rules| rules.classify(&tool.tool))
    }

    /// Whether scripts and clients may know of a tool.
    #[must_use]
    pub fn shows(&self, tool: &ToolName) -> bool {
        self.classify(tool) != Classification::Hidden
    }

    /// Whether scripts and clients may know of a server: whether it could show them a tool, whatever it lists.
    #[must_use]
    pub fn shows_server(&self, server: &str) -> bool {
        self.rules(server).is_some_and(CompiledRules::may_show)
    }

    /// Whether the operator says that a call of the tool does no harm when it is made twice.
    #[must_use]
    pub fn repeats(&self, tool: &ToolName) -> bool {
        self.rules(&tool.server).is_some_and(|rules| rules.repeats(&tool.tool))
    }

    /// How often a call of a repeatable tool of this server is made again after a failure that passes.
    #[must_use]
    pub fn retries(&self, server: &str) -> u32 {
        self.rules(server).and_then(|rules| rules.retries).unwrap_or(RETRIES)
    }

    /// The entries of lists that match none of these tools, which are those of all servers that are there: misspelled, or for
    /// tools that come later. Lists of servers without a tool among these are passed over. [Reads](READS) are always there.
    #[must_use]
    pub fn idle_rules(&self, tools: &[ToolName]) -> Vec<Rule> {
        let (mut idle, mut used) = (BTreeSet::new(), BTreeSet::new());
        let PolicySource { auto_execute, deny, repeatable, .. } = &self.source;
        for (key, texts) in [("auto_execute", auto_execute), ("deny", deny), ("repeatable", repeatable)] {
            idle.extend(texts.iter().map(|text| Rule { key: Key::of(key), text: text.clone() }));
        }
        for (server, rules) in &self.servers {
            let names: Vec<&str> =
                tools.iter().filter(|tool| tool.server == *server).map(|tool| tool.tool.as_str()).collect();
            let known: Vec<&str> = names.iter().copied().chain(READS).collect();
            for (rule, matches) in rules.lists().flat_map(|list| list.uses(&known)) {
                // Whether a server that is away has such a tool is not known.
                if matches || names.is_empty() {
                    used.insert(rule)
                } else {
                    idle.insert(rule)
                };
            }
        }
        idle.difference(&used).cloned().collect()
    }

    /// The line of configuration that would let these tools of one server run without asking.
    #[must_use]
    pub fn line_that_allows(&self, server: &str, tools: &[&str]) -> String {
        let of_role = self.role.as_ref().and_then(|role| Some((&role.name, role.auto_execute.as_ref()?)));
        let (listed, place): (Vec<String>, String) = match (of_role, self.source.servers.get(server)) {
            (Some((role, listed)), _) => {
                let listed = listed.iter().cloned().chain(self.qualified(server, tools));
                (listed.collect(), format!("in [roles.{}]", bare(role)))
            }
            (None, Some(rules)) => {
                let tools = tools.iter().map(|&tool| literal(tool));
                (rules.auto_execute.iter().cloned().chain(tools).collect(), format!("in [servers.{}]", bare(server)))
            }
            // It comes from elsewhere: a table of its own would define it a second time.
            (None, None) => {
                let listed = self.source.auto_execute.iter().cloned().chain(self.qualified(server, tools));
                (listed.collect(), "top-level key".to_owned())
            }
        };
        let quoted: Vec<String> = listed.iter().map(|text| quoted(text)).collect();
        format!("auto_execute = [{}]  # {place}", quoted.join(", "))
    }

    fn qualified(&self, server: &str, tools: &[&str]) -> Vec<String> {
        let servers: Vec<&str> = self.servers.keys().map(String::as_str).collect();
        tools.iter().map(|&tool| only(server, tool, &servers)).collect()
    }

    pub(crate) fn rules(&self, server: &str) -> Option<&CompiledRules> {
        self.servers.get(server)
    }
}

/// The rules of each server.
fn compiled(
    source: &PolicySource,
    role: Option<&RoleRules>,
    servers: &[&str],
    errors: &mut Vec<PolicyError>,
) -> BTreeMap<String, CompiledRules> {
    let missing = ServerRules::default();
    let rules = |&server: &&str| {
        let rules = source.servers.get(server).unwrap_or(&missing);
        let mut context = Context { server, servers, source, errors };
        (server.to_owned(), CompiledRules::compile(rules, role, &mut context))
    };
    servers.iter().map(rules).collect()
}

fn finished(mut errors: Vec<PolicyError>, policy: Policy) -> Result<Policy, Vec<PolicyError>> {
    // What holds everywhere was compiled for each server.
    let mut seen = HashSet::new();
    errors.retain(|error| seen.insert(error.clone()));
    if errors.is_empty() { Ok(policy) } else { Err(errors) }
}

/// A key as TOML has it.
fn bare(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if key.chars().all(is_bare) { key.to_owned() } else { quoted(key) }
}

/// A string as TOML has it: JSON's escapes are among its own.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
