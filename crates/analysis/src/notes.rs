//! Notes: calls that a script means to run in parallel and that do not. Advice, never a reason not to run it.

use exuvia_tool::{Namespace, Server};

use crate::Note;
use crate::facts::{Facts, Role, ScopeId, Step, Use};

/// How many notes are made. The first ones are.
pub const MAX_NOTES: usize = 3;
/// How long a name of the script may be in a note.
const MAX_NAME_CHARS: usize = 60;

/// The notes on one script.
pub(crate) fn notes(facts: &Facts<'_>, namespace: &Namespace) -> Vec<Note> {
    if facts.gathered.is_empty() {
        return Vec::new();
    }
    let mut notes: Vec<Note> = Vec::new();
    for one in &facts.uses {
        let Some(message) = note(one, facts, namespace) else { continue };
        if notes.iter().all(|known| known.message != message) {
            notes.push(Note { line: one.line, message });
        }
        if notes.len() == MAX_NOTES {
            break;
        }
    }
    notes
}

fn note(one: &Use<'_>, facts: &Facts<'_>, namespace: &Namespace) -> Option<String> {
    let call = one.role.call()?;
    let tool = tool(one, namespace)?;
    if facts.gathered.is_handed(call) {
        return None;
    }
    if let Some((scope, name, understood)) = facts.gathered.variable_of(call) {
        let is_used_otherwise = loads(facts, scope, name) > understood;
        let name = cut(name);
        return is_used_otherwise.then(|| {
            format!("{name} is used for more than gathering it, so its calls run one after the other: hand each to `asyncio.create_task`")
        });
    }
    let scope = facts.scopes.around_comprehensions(one.scope);
    let &(function, is_async) = facts.gathered.bodies.get(&scope)?;
    if !facts.gathered.functions.contains(function) {
        return None;
    }
    let function = cut(function);
    Some(if is_async {
        format!("{tool} is not awaited in {function}, so it runs while nothing else does: write `await {tool}(...)`")
    } else {
        format!(
            "{function} is gathered, but its calls run one after the other: write `async def {function}` and `await {tool}(...)`"
        )
    })
}

/// The tool that a use names: `crm.get`, `mcp.crm.get`, `crm["get"]`.
fn tool(one: &Use<'_>, namespace: &Namespace) -> Option<String> {
    let server = |name: &str| namespace.servers().iter().find(|server| server.python_name == name);
    let found = |server: &Server, step: &Step<'_>| {
        let tool = server.find(step.name())?;
        Some(format!("{}.{}", server.python_name, tool.python_name))
    };
    match one.steps.as_slice() {
        [step] => found(server(one.name)?, step),
        [owner, step] if one.name == "mcp" => found(server(owner.name())?, step),
        _ => None,
    }
}

/// How often a variable's value goes somewhere.
fn loads(facts: &Facts<'_>, scope: ScopeId, name: &str) -> usize {
    let goes = |one: &&Use<'_>| {
        one.name == name
            && one.steps.is_empty()
            && matches!(one.role, Role::Load | Role::Shown(_))
            && !matches!(one.role, Role::Shown(Some("len")))
            && facts.scopes.around_comprehensions(one.scope) == scope
    };
    facts.uses.iter().filter(goes).count()
}

fn cut(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}
