//! Text in tools that a person would want to see before a model does.

mod fold;
mod hidden;
mod names;
mod phrases;
mod references;
mod rule;
mod texts;

use std::sync::Arc;

use exuvia_tool::ToolDescriptor;

use fold::folded;
use hidden::hidden;
use references::Owners;
pub use rule::{Rule, Severity};
use texts::texts;

/// The most findings of one audit.
const MAX_FINDINGS: usize = 10_000;
/// What a long text is, in characters. The longest description of `tests/data/catalog` has a fifth of that.
const LONG_CHARS: usize = 20_000;
/// Blank lines, and spaces, behind which a text is out of sight.
const FAR_LINES: &str = "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n";
const FAR_SPACES: usize = 100;

/// A server whose tools are read.
#[derive(Debug, Clone, Copy)]
pub struct AuditedServer<'a> {
    /// Its name in the configuration.
    pub name: &'a str,
    /// Its tools.
    pub tools: &'a [Arc<ToolDescriptor>],
}

/// Something that the operator should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub rule: Rule,
    /// The server.
    pub server: String,
    /// The tool; none if it is about the server.
    pub tool: Option<String>,
    /// Where in the tool: `description`, `inputSchema.properties.limit.description`, `name`.
    pub place: String,
    /// What is there: untrusted text.
    pub text: String,
    /// Which other tools or servers it is about: `SERVER.TOOL`.
    pub others: Vec<String>,
}

impl Finding {
    /// How much it should worry.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.rule.severity()
    }
}

/// Reads all texts of all tools. `own`: the names of the gateway's own tools. The worst findings are first; there are at most 10,000.
///
/// Takes processor time in proportion to what servers list, about a second for 20 MB.
#[must_use]
pub fn audit(servers: &[AuditedServer<'_>], own: &[&str]) -> Vec<Finding> {
    let owners = Owners::of(servers);
    let mut found = names::names(servers, own);
    for server in servers {
        for tool in server.tools {
            if found.len() < MAX_FINDINGS {
                found.extend(of_tool(server.name, tool, &owners));
            }
        }
    }
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    found.truncate(MAX_FINDINGS);
    found
}

fn of_tool(server: &str, tool: &ToolDescriptor, owners: &Owners<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for text in texts(tool) {
        let mut add = |rule, shown: String, others| {
            let (server, tool) = (server.to_owned(), Some(tool.name.clone()));
            found.push(Finding { rule, server, tool, place: text.place.clone(), text: shown, others });
        };
        for (rule, shown) in hidden(text.text) {
            add(rule, shown, Vec::new());
        }
        if is_far(text.text) {
            add(Rule::FarText, String::new(), Vec::new());
        }
        if text.text.chars().nth(LONG_CHARS).is_some() {
            add(Rule::LongText, String::new(), Vec::new());
        }
        let folded = folded(text.text);
        for (rule, shown) in phrases::phrases(&folded) {
            add(rule, shown, Vec::new());
        }
        for (rule, other, shown) in owners.named_in(server, &folded) {
            add(rule, shown, vec![other]);
        }
    }
    found
}

/// Whether there is text behind so much white space that it is out of sight.
fn is_far(text: &str) -> bool {
    let text = text.trim_end();
    let lines = text.replace(['\r', ' ', '\t'], "");
    lines.contains(FAR_LINES) || text.split(|c: char| c != ' ' && c != '\t').any(|spaces| spaces.len() >= FAR_SPACES)
}
