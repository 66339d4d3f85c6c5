//! Which tools a Python script may call, and what in it cannot work: determined before the script runs.
//!
//! [`analyze`] reads a script against the [`Namespace`] that it will see. The gateway holds the answer against the policy,
//! to run, ask or refuse; `exuvia check` prints it. It is a prediction, and the host boundary is what enforces: a call that
//! hides from this crate still meets the grants of its run there. So the answer errs on one side only: the set of tools
//! holds every tool that the script may call, and what is not understood counts as a call of everything visible.
//!
//! # What counts
//!
//! - `crm.search(...)` is a call of the tool, `f = crm.search` a mention of it, and both put it into the set by name. So
//!   do `mcp.crm.search`, `crm["search"]`, `getattr(crm, "search")` and `from crm import search`.
//! - A server used as a value (`y = crm`, an argument, a default, a match, `crm[name]`) may be asked for any of its tools.
//!   So may a server whose name the script's top level binds to something else.
//! - What turns a value into code, frames, modules or tables of names reaches everything: `eval`, `globals`, `getattr`
//!   with a computed name, attributes such as `__globals__`, `tb_frame` or `modules`, a module of the standard library
//!   used as a value, and whatever of it is not known to be harmless (`typing.get_type_hints` runs text).
//! - What a class body binds is an attribute: a server or a module that is imported there is used as a value.
//! - A function's own variable that happens to be called like a server is no server. Names follow Python's scopes, and are
//!   compared as CPython compares them, in normalization form KC.
//!
//! An attribute read by a literal name, `getattr(row, "id", None)`, is as good as `row.id` on any value. With a computed
//! name it is not, even on plain data: `getattr("", name)` leads from a text to its class and on from there.
//!
//! A script that the parser does not understand is not refused: the sandboxed CPython has the verdict on syntax. It counts
//! as a call of everything.
//!
//! # Bounds
//!
//! Scripts beyond [`MAX_SOURCE_BYTES`], or nested beyond what a deep stack can walk, count as not understood. Time is
//! linear in the script and in the tools it reaches. Nothing here reads a clock, a file or the environment, and the same
//! input gives the same answer.
//!
//! # Example
//!
//! ```
//! use exuvia_analysis::{FindingCode, analyze};
//! use exuvia_tool::{ToolAnnotations, ToolDescriptor, ToolName};
//! use serde_json::json;
//!
//! let tool = |name: &str| ToolDescriptor {
//!     name: name.into(),
//!     title: None,
//!     description: None,
//!     input_schema: json!({"properties": {"query": {"type": "string"}}, "required": ["query"]}),
//!     output_schema: None,
//!     annotations: ToolAnnotations::default(),
//! };
//! let namespace = exuvia_catalog::build(vec![("crm".into(), vec![tool("search"), tool("delete")])]);
//!
//! let analysis = analyze("hits = crm.search(query='x')", &namespace);
//! assert!(analysis.precision.is_precise());
//! assert_eq!(analysis.may_call.referenced().collect::<Vec<_>>(), [ToolName::new("crm", "search")]);
//!
//! let analysis = analyze("y = crm\ny.delete(query='x')", &namespace);
//! assert!(!analysis.precision.is_precise() && analysis.may_call.len() == 2);
//!
//! let analysis = analyze("crm.search(qurey='x')", &namespace);
//! assert_eq!(analysis.findings[0].code, FindingCode::UnknownArgument);
//! ```
#![cfg_attr(
    not(test),
    deny(clippy::disallowed_methods, clippy::disallowed_types, reason = "no clock, no file, no environment")
)]

mod analysis;
mod ending;
mod facts;
mod findings;
mod imports;
mod library;
mod lines;
mod notes;
mod repair;
mod tokens;
mod tree;
mod verdict;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use exuvia_tool::Namespace;
use rustpython_parser::{Tok, ast};

pub use analysis::{
    Analysis, Evidence, EvidenceKind, Finding, FindingCode, MayCall, Note, Precision, Reason, ReasonKind,
};
pub use findings::MAX_FINDINGS;
pub use imports::with_imports;
pub use notes::MAX_NOTES;
pub use repair::repaired;
pub use tree::on_thread_start;

use lines::Lines;

/// The longest script that is read, in bytes: what the runtime accepts by default. A longer one is not understood.
pub const MAX_SOURCE_BYTES: usize = 1 << 20;

/// Tells which of the visible tools a script may call, and what in it cannot work.
#[must_use]
pub fn analyze(source: &str, namespace: &Namespace) -> Analysis {
    if source.len() > MAX_SOURCE_BYTES {
        return verdict::not_parsed(1, namespace);
    }
    // As the sandbox does it: one mark of the byte order is no part of the script.
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let lines = Lines::new(source);
    let read = tree::on_deep_stack(source.len(), || analyze_here(source, &lines, namespace));
    match read {
        Some(Ok(analysis)) => analysis,
        Some(Err(offset)) => verdict::not_parsed(lines.line(offset), namespace),
        None => verdict::not_parsed(1, namespace),
    }
}

/// Gives the statements of a source to `read`, on a stack that is deep enough to walk them, with the lines of offsets.
///
/// # Errors
///
/// The line, counted from 1, from which on the source is not understood. CPython may run it all the same.
pub fn with_statements<T: Send>(
    source: &str,
    read: impl FnOnce(&[ast::Stmt], &dyn Fn(usize) -> u32) -> T + Send,
) -> Result<T, u32> {
    if source.len() > MAX_SOURCE_BYTES {
        return Err(1);
    }
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let lines = Lines::new(source);
    let parsed = tree::on_deep_stack(source.len(), || {
        let tokens = tokens::read(source).map_err(|unreadable| unreadable.0)?;
        let body = tree::parse(tokens)?;
        Ok(read(&body, &|offset| lines.line(offset)))
    });
    parsed.unwrap_or(Err(0)).map_err(|offset: usize| lines.line(offset))
}

/// The lines of a source, counted from 1, on which a statement or a clause of one begins. How far the other lines are indented says nothing:
/// they go on inside brackets or a text, or hold no code.
///
/// # Errors
///
/// The line from which on the source is not understood.
pub fn logical_lines(source: &str) -> Result<BTreeSet<u32>, u32> {
    if source.len() > MAX_SOURCE_BYTES {
        return Err(1);
    }
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let lines = Lines::new(source);
    let tokens = tokens::read(source).map_err(|unreadable| lines.line(unreadable.0))?;
    let (mut found, mut begins) = (BTreeSet::new(), true);
    for (token, range) in &tokens {
        match token {
            Tok::Newline => begins = true,
            Tok::Indent | Tok::Dedent => {}
            _ if begins => {
                found.insert(lines.line_of(range.start()));
                begins = false;
            }
            _ => {}
        }
    }
    Ok(found)
}

/// How often each identifier stands in a script as it is read here; None if it is not understood. Tests hold it against
/// the interpreter's own syntax tree.
#[doc(hidden)]
#[must_use]
pub fn identifiers(source: &str) -> Option<BTreeMap<String, usize>> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let lines = Lines::new(source);
    let met = |body: &[_]| {
        facts::collect(body, &lines).met.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    let read = tree::on_deep_stack(source.len(), || Some(met(&tree::parse(tokens::read(source).ok()?).ok()?)))?;
    read.map(|identifiers: BTreeMap<_, _>| {
        identifiers.into_iter().filter(|(name, _)| !name.starts_with('\0')).collect()
    })
}

/// The analysis, or the offset in bytes at which the script was no longer understood.
fn analyze_here(source: &str, lines: &Lines, namespace: &Namespace) -> Result<Analysis, usize> {
    let tokens = tokens::read(source).map_err(|unreadable| unreadable.0)?;
    let mut awaited: HashMap<String, usize> = HashMap::new();
    for (token, _) in &tokens {
        if let Tok::Name { name } = token
            && matters(name, namespace)
        {
            *awaited.entry(name.clone()).or_default() += 1;
        }
    }
    let body = tree::parse(tokens)?;
    let facts = facts::collect(&body, lines);
    // Two ways lead from the text to the facts. A name that stands in the tokens more often than the walk over the tree
    // has met it was passed over.
    let passed_over = awaited.iter().find(|(name, count)| facts.met.get(name.as_str()).unwrap_or(&0) < count);
    let mut analysis = verdict::judge(&facts, namespace, passed_over.map(|(name, _)| name.as_str()));
    analysis.notes = notes::notes(&facts, namespace);
    analysis.ending = ending::advice(&body, &facts.met);
    Ok(analysis)
}

/// Whether a name, wherever it stands, may reach a tool.
fn matters(name: &str, namespace: &Namespace) -> bool {
    name == "mcp"
        || library::attribute_reaches_everything(name, None)
        || library::builtin(name).is_some_and(|builtin| builtin != library::Builtin::Harmless)
        || namespace.servers().iter().any(|server| server.python_name == name)
}
