//! Findings: what certainly fails when its line runs.
//!
//! A finding keeps a script from starting, so there is one only where no doubt is left: the name means one thing, nothing
//! in the script reaches everything, and the line does not stand in a `try` that would catch the failure, in a `with`
//! that might, or behind a look at what the server has (`dir(crm)`, `hasattr(crm, "x")`): such a script may count on it.
//! What is caught is kept apart, for whoever reads the result: a call that is rejected before it is made is reported nowhere else.
//! Whether the line is ever reached is not asked: it cannot have been meant. Syntax is no matter of findings: the
//! interpreter judges it.

mod call;
mod elsewhere;
mod literals;
mod schema;

use std::collections::{BTreeSet, HashSet};

use exuvia_catalog::closest;
use exuvia_tool::{Namespace, Server};

pub(crate) use call::Call;
pub(crate) use elsewhere::instead;
use elsewhere::through;

use crate::facts::{Guards, Use};
use crate::imports::import;
use crate::library;
use crate::{Finding, FindingCode};

/// How many findings are kept. The first ones are.
pub const MAX_FINDINGS: usize = 20;
/// How long a message may be.
const MAX_MESSAGE_CHARS: usize = 800;
/// How many unknown names are looked at: what may have been meant is searched among all names there are.
const MAX_UNKNOWN: usize = 2 * MAX_FINDINGS;
/// How many calls are held against their schemas.
const MAX_CALLS: usize = 1_000;
/// How many steps go to that, of about 50 ns. The calls that come after are checked when they are made.
const MAX_STEPS: u64 = 10_000_000;
/// How many names a message lists.
const MAX_NAMES: usize = 12;
/// How long a name of the script may be in a message.
const MAX_NAME_CHARS: usize = 100;

/// The findings of one script, while it is being judged.
#[derive(Default)]
pub(crate) struct Findings {
    /// With the server of whose tools they speak.
    found: BTreeSet<(Finding, Option<String>)>,
    /// Those that the script catches.
    caught: BTreeSet<(Finding, Option<String>)>,
    inspected: HashSet<String>,
    all_inspected: bool,
    unknown: usize,
    calls: usize,
    /// What was spent on checks of arguments, in steps.
    steps: u64,
}

impl Findings {
    fn add(&mut self, finding: Finding, about: Option<&Server>, is_caught: bool) {
        let found = if is_caught { &mut self.caught } else { &mut self.found };
        found.insert((finding, about.map(|server| server.name.clone())));
        // Some may still be taken back: twice as many are kept as are reported.
        if found.len() > 2 * MAX_FINDINGS {
            found.pop_last();
        }
    }

    /// The script looks at what a server has.
    pub(crate) fn inspected(&mut self, server: &Server) {
        self.inspected.insert(server.name.clone());
    }

    /// The script looks at which servers there are.
    pub(crate) fn all_inspected(&mut self) {
        self.all_inspected = true;
    }

    /// Those that keep the script from starting, and those that it catches.
    pub(crate) fn finish(self) -> (Vec<Finding>, Vec<Finding>) {
        let Self { found, caught, inspected, all_inspected, .. } = self;
        let stands = |about: &Option<String>| match about {
            Some(server) => !all_inspected && !inspected.contains(server),
            None => true,
        };
        let reported = |all: BTreeSet<(Finding, Option<String>)>| {
            all.into_iter().filter(|(_, about)| stands(about)).map(|(finding, _)| finding).take(MAX_FINDINGS).collect()
        };
        (reported(found), reported(caught))
    }

    pub(crate) fn unknown_server(&mut self, one: &Use<'_>, written: &str, name: &str, namespace: &Namespace) {
        let failure = if written == name { Guards::NAME_ERROR } else { Guards::ATTRIBUTE_ERROR };
        self.unknown += 1;
        if self.all_inspected || self.unknown > MAX_UNKNOWN {
            return;
        }
        let names: Vec<&str> = namespace.servers().iter().map(|server| server.python_name.as_str()).collect();
        let server = written.strip_prefix("mcp.").unwrap_or(written);
        let (code, message) = if written == name && library::is_module(name) {
            // A server of this name has another one in scripts, because of the module.
            let other = namespace
                .server(name)
                .map(|server| format!("; the server {name} is {} in scripts", server.python_name));
            (
                FindingCode::NotImported,
                format!("{name} is not imported; add `{}`{}", import_of(one), other.unwrap_or_default()),
            )
        } else if let Some(absent) = namespace.find_absent(server) {
            // One that is starting is waited for; in the place of another some other may do.
            let others = match absent.is_starting() {
                true => String::new(),
                false => format!("; {}", hint(&[], "the servers", &names)),
            };
            (FindingCode::ServerAway, format!("the server {server} {}{others}", absent.trouble()))
        } else if let Some(instead) = instead(name, namespace).or_else(|| through(one, namespace)) {
            (FindingCode::UnknownServer, instead)
        } else {
            let close = closest(name, names.iter().copied());
            let shown = cut(written, MAX_NAME_CHARS);
            let what = if close.is_empty() && !written.contains('.') {
                format!("{shown} is neither a server nor defined in this script, and nothing is kept of earlier ones")
            } else {
                format!("unknown server {shown}")
            };
            (FindingCode::UnknownServer, format!("{what}; {}", hint(&close, "the servers", &names)))
        };
        let message = cut(&message, MAX_MESSAGE_CHARS);
        self.add(Finding { line: one.line, code, message }, None, one.guards.catch(failure));
    }

    pub(crate) fn unknown_tool(&mut self, one: &Use<'_>, server: &Server, name: &str) {
        self.unknown += 1;
        // A private name is another one inside a class.
        if name.starts_with("__") || self.unknown > MAX_UNKNOWN {
            return;
        }
        let is_caught = one.guards.catch(Guards::ATTRIBUTE_ERROR);
        if let Some(trouble) = server.withheld_trouble(name) {
            let (code, message) = (FindingCode::ToolWithheld, cut(&trouble, MAX_MESSAGE_CHARS));
            return self.add(Finding { line: one.line, code, message }, Some(server), is_caught);
        }
        let names: Vec<&str> = server.tools().iter().map(|tool| tool.python_name.as_str()).collect();
        let python_name = &server.python_name;
        let close: Vec<String> =
            closest(name, names.iter().copied()).iter().map(|tool| format!("{python_name}.{tool}")).collect();
        let close: Vec<&str> = close.iter().map(String::as_str).collect();
        let hint = hint(&close, "its tools", &names);
        // In one line, whatever the script writes between the quotes.
        let name = cut(name, MAX_NAME_CHARS);
        let message = format!("{python_name} has no tool '{}'; {hint}", name.escape_debug());
        let message = cut(&message, MAX_MESSAGE_CHARS);
        self.add(Finding { line: one.line, code: FindingCode::UnknownTool, message }, Some(server), is_caught);
    }
}

/// The import that gives the name of a module its meaning.
fn import_of(one: &Use<'_>) -> String {
    let attribute = one.steps.first().and_then(|step| step.attribute());
    import(one.name, attribute).unwrap_or_else(|| format!("import {}", one.name))
}

/// The names that may have been meant, or else those that there are.
fn hint(close: &[&str], what: &str, names: &[&str]) -> String {
    match (close.is_empty(), names.len()) {
        (false, _) => format!("did you mean {}?", close.join(" or ")),
        (true, 0) => format!("{what}: none"),
        (true, count) if count > MAX_NAMES => {
            format!("{what}: {}, ... ({count} in all)", names[..MAX_NAMES].join(", "))
        }
        (true, _) => format!("{what}: {}", names.join(", ")),
    }
}

/// A text with a bound.
fn cut(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
