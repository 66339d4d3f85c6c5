//! Stubs: the signatures of a server or of one tool as a `.pyi` file that a type checker accepts.

use std::collections::{BTreeSet, HashSet};

use exuvia_tool::{Server, Tool};

use crate::classes::Classes;
use crate::gloss;
use crate::reserved;
use crate::shape::Subject;
use crate::signature;
use crate::text;
use crate::types::Spelling;

/// How many bytes of class definitions one tool may bring into a stub. A tool that needs more has its innermost objects
/// shown as `dict`; its documentation shows more of them.
const MAX_CLASS_BYTES: usize = 3_000;

/// How many schemas are looked at for one file. Beyond, objects are `dict` and the rest is `Any`: some ten times what the
/// largest servers ask for.
const MAX_WORK: usize = 300_000;

/// The longest file, in bytes. The tools that it has no room for are counted at its end.
const MAX_FILE_BYTES: usize = 1 << 20;

/// The longest one-line description, in characters.
const MAX_SUMMARY_CHARS: usize = 120;

/// The stub of a server: every tool with its signature, one line on what it does and one on each parameter whose name and
/// type leave its form open, and the classes that they name.
#[must_use]
pub fn server_stub(server: &Server) -> String {
    stub(server, server.tools())
}

/// The stub of one tool of a server.
#[must_use]
pub fn tool_stub(server: &Server, tool: &Tool) -> String {
    stub(server, std::slice::from_ref(tool))
}

fn stub(server: &Server, tools: &[Tool]) -> String {
    let names = tools.iter().map(|tool| tool.python_name.clone());
    let mut classes = Classes::beside(names.clone(), MAX_WORK);
    let mut spelling = Spelling { shadowed: names.collect(), ..Spelling::default() };
    // All shapes come before the first definition: a name given to a class decides how a field of that name is written.
    let shapes: Vec<_> = tools
        .iter()
        .map(|tool| {
            let subject = subject(tool);
            let depth = subject.fitting_depth(MAX_CLASS_BYTES, false, &mut classes.work_left);
            subject.shape(&mut classes, depth, false)
        })
        .collect();
    let mut body = String::new();
    let mut defined = BTreeSet::new();
    let mut told = HashSet::new();
    for (index, (tool, shape)) in tools.iter().zip(&shapes).enumerate() {
        if body.len() > MAX_FILE_BYTES {
            body.push_str(&left_out(server, tools.len() - index));
            break;
        }
        for id in classes.newly_reachable(shape.types(), &mut defined) {
            body.push_str(&classes.definition(id, &mut spelling));
        }
        let signature = signature::line(&tool.python_name, shape, &classes, &mut spelling);
        body.push_str(&match docstring(tool, &mut told) {
            Some(docstring) => format!("def {signature}:\n    \"\"\"{docstring}\"\"\"\n"),
            None => format!("def {signature}: ...\n"),
        });
    }
    format!("{}{}{body}", header(server, tools, &classes), imports(&spelling))
}

/// The description of the tool, and explanations of parameters that neither their names nor `told` explain. None if nothing is
/// left.
fn docstring(tool: &Tool, told: &mut HashSet<String>) -> Option<String> {
    let glosses = gloss::lines(tool, told).into_iter().map(|line| in_docstring(&line));
    let lines: Vec<String> = summary(tool).into_iter().chain(glosses).collect();
    Some(lines.join("\n    ")).filter(|text| !text.is_empty())
}

fn left_out(server: &Server, count: usize) -> String {
    let name = &server.python_name;
    format!("# {count} more tools: listToolFiles finds them with a query, readToolFile {name}/TOOL.pyi shows one\n")
}

fn header(server: &Server, tools: &[Tool], classes: &Classes) -> String {
    let noun = if tools.len() == 1 { "tool" } else { "tools" };
    let python_name = &server.python_name;
    let mut header = format!("# {} {noun}. Call {python_name}.NAME(...).", tools.len());
    if server.name != *python_name {
        let is_taken = reserved::is_keyword(&server.name) || reserved::is_taken_global(&server.name);
        let why = if is_taken { ", which Python has already" } else { "" };
        header.push_str(&format!(" The server's own name is {}{why}.", text::one_line(&server.name, 80)));
    }
    if !classes.is_empty() {
        header.push_str(" Classes are shapes of plain dicts: x[\"key\"], not x.key.");
    }
    header.push('\n');
    header
}

fn imports(spelling: &Spelling) -> String {
    let mut imports: String = spelling.modules.iter().map(|module| format!("import {module}\n")).collect();
    if !spelling.typing.is_empty() {
        let names: Vec<&str> = spelling.typing.iter().copied().collect();
        imports.push_str(&format!("from typing import {}\n", names.join(", ")));
    }
    imports
}

/// One line on what the tool does, and what it claims of its effects. None if that says no more than its name.
pub(crate) fn summary(tool: &Tool) -> Option<String> {
    let descriptor = &tool.descriptor;
    let written =
        descriptor.description.as_deref().filter(|text| !text.trim().is_empty()).or(descriptor.title.as_deref());
    let sentence = text::first_sentence(written.unwrap_or(""), MAX_SUMMARY_CHARS);
    let says_more = text::words(&sentence) != text::words(&descriptor.name);
    let mut parts: Vec<String> =
        Some(sentence).filter(|sentence| says_more && !sentence.is_empty()).into_iter().collect();
    parts.extend(claim(tool).map(|claim| format!("[{claim}]")));
    Some(in_docstring(&parts.join(" "))).filter(|summary| !summary.is_empty())
}

/// The tool's claim about its effects, in one word.
pub(crate) fn claim(tool: &Tool) -> Option<&'static str> {
    let annotations = tool.descriptor.annotations;
    match (annotations.read_only, annotations.destructive) {
        (Some(true), _) => Some("read-only"),
        (_, Some(true)) => Some("destructive"),
        _ => None,
    }
}

/// Text that neither ends a docstring nor escapes from it.
fn in_docstring(text: &str) -> String {
    let mut text = text.replace('\\', "\\\\").replace("\"\"\"", "'''");
    if text.ends_with('"') {
        text.push(' ');
    }
    text
}

fn subject(tool: &Tool) -> Subject<'_> {
    Subject { python_name: &tool.python_name, descriptor: &tool.descriptor, parameters: &tool.parameters }
}
