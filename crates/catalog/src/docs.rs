//! The documentation of one tool.

use std::collections::HashSet;

use exuvia_tool::{Parameter, Server, Tool, ToolAnnotations, ToolDescriptor};

use crate::classes::Classes;
use crate::shape::{Depths, Part, Shape, Subject};
use crate::signature;
use crate::text;
use crate::types::Spelling;

/// How many bytes of class definitions the documentation of one tool shows.
const MAX_CLASS_BYTES: usize = 12_000;

/// How many schemas are looked at for it.
const MAX_WORK: usize = 30_000;

/// Before each line of what the server wrote: none of them begins where ours do.
const INDENT: &str = "  ";

const MAX_DESCRIPTION_CHARS: usize = 8_000;

/// The longest documentation of one tool, in characters.
const MAX_DOCUMENTATION_CHARS: usize = 24_000;

/// One tool in full: its signature as a script writes it, and its documentation.
#[must_use]
pub fn tool_docs(server: &Server, tool: &Tool) -> String {
    format!("{}.{}\n\n{}", server.python_name, tool.signature, tool.documentation).trim_end().to_owned()
}

/// The space reserved for the line about what is missing, in bytes.
const CUT_BYTES: usize = 400;

/// The same, truncated at a line to at most `max_bytes` bytes; the last line says so.
#[must_use]
pub fn tool_docs_within(server: &Server, tool: &Tool, max_bytes: usize) -> String {
    cut_to(tool_docs(server, tool), server, tool, max_bytes)
}

fn cut_to(docs: String, server: &Server, tool: &Tool, max_bytes: usize) -> String {
    if docs.len() <= max_bytes {
        return docs;
    }
    let head = &docs[..docs.floor_char_boundary(max_bytes.saturating_sub(CUT_BYTES))];
    let head = head.rfind('\n').map_or(head, |end| &head[..end]);
    let (server, tool) = (&server.python_name, &tool.python_name);
    let file = if server.len() + tool.len() < 256 { format!("{server}/{tool}.pyi") } else { "its stub".to_owned() };
    format!("{head}\n[cut: {} of {} bytes shown; {file} has the parameters in short]", head.len(), docs.len())
}

/// What the documentation says beyond `stub`, the tool's stub, in at most `max_bytes` bytes. Where that is nothing, the stub.
pub(crate) fn beyond(server: &Server, tool: &Tool, stub: &str, max_bytes: usize) -> String {
    let known: HashSet<&str> = stub.lines().map(plain).collect();
    let name = format!("{}.{}", server.python_name, tool.python_name);
    let mut rest = String::new();
    let mut class: Option<(&str, bool)> = None;
    for line in tool.documentation.lines() {
        // A class is left out as a whole or not at all.
        if class_name(line).is_some() {
            let is_known = definition(&tool.documentation, line) == definition(stub, line);
            class = Some((line, is_known));
        } else if !line.starts_with("    ") && !line.starts_with('}') {
            class = None;
        }
        let is_known = class.map_or_else(|| is_said(line, &known), |(_, is_known)| is_known);
        if !is_known && !(line.is_empty() && (rest.is_empty() || rest.ends_with("\n\n"))) {
            rest.push_str(line);
            rest.push('\n');
        }
    }
    let rest = rest.trim_end();
    if rest.is_empty() {
        return cut_to(format!("# {name}: its stub says all there is\n{stub}"), server, tool, max_bytes);
    }
    cut_to(format!("# {name}, beyond its stub\n{rest}"), server, tool, max_bytes)
}

/// A line as it is compared: documentation and stubs end and quote the same sentence in different ways.
fn plain(line: &str) -> &str {
    let line = line.trim().trim_start_matches("\"\"\"").trim_end_matches("\"\"\"");
    line.trim_end_matches(['.', ' '])
}

/// Whether the stub says what a line of the documentation says.
fn is_said(line: &str, known: &HashSet<&str>) -> bool {
    let line = plain(line);
    // Stubs write ranges in short.
    !line.is_empty() && (known.contains(line) || known.contains(line.replacen(" to ", "..", 1).as_str()))
}

/// The name of the class whose definition begins with this line.
fn class_name(line: &str) -> Option<&str> {
    let name = |line: &'_ str| -> Option<usize> { line.find("(TypedDict") };
    if let Some(rest) = line.strip_prefix("class ") {
        return Some(&rest[..name(rest)?]);
    }
    line.split_once(" = TypedDict(").map(|(name, _)| name).filter(|name| !name.starts_with(' '))
}

/// The lines of the class that begins with `first` in `text`.
fn definition<'t>(text: &'t str, first: &str) -> Vec<&'t str> {
    let mut lines = text.lines().skip_while(|line| *line != first);
    let head: Vec<&str> = lines.next().into_iter().collect();
    head.into_iter().chain(lines.take_while(|line| line.starts_with("    ") || line.starts_with('}'))).collect()
}

/// The signature of a tool, and what goes below it.
pub(crate) struct Description {
    pub(crate) signature: String,
    pub(crate) documentation: String,
}

/// Describes a tool in terms of classes of its own, which the documentation defines.
pub(crate) fn describe(subject: Subject<'_>) -> Description {
    let mut work_left = MAX_WORK;
    let depth = subject.fitting_depth(Part::Both, MAX_CLASS_BYTES, true, &mut work_left);
    let mut classes = Classes::beside([], MAX_WORK);
    let shape = subject.shape(&mut classes, Depths::all(depth), true);
    let mut spelling = Spelling::default();
    let signature = signature::line(subject.python_name, &shape, &classes, &mut spelling);
    let description = description(subject.descriptor);
    let sections = [
        indented(&description),
        parameter_notes(&shape, subject.parameters, &text::one_line(&description, usize::MAX)),
        class_definitions(&shape, &classes, &mut spelling),
        remarks(subject),
    ];
    let sections: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    Description { signature, documentation: text::cut(&sections.join("\n\n"), MAX_DOCUMENTATION_CHARS) }
}

fn description(descriptor: &ToolDescriptor) -> String {
    let written = descriptor.description.as_deref().filter(|text| !text.trim().is_empty());
    let written = written.or(descriptor.title.as_deref()).unwrap_or("");
    text::block(written, MAX_DESCRIPTION_CHARS)
}

fn indented(block: &str) -> String {
    let line = |line: &str| if line.is_empty() { String::new() } else { format!("{INDENT}{line}") };
    block.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Notes on the parameters beyond the signature and the description.
fn parameter_notes(shape: &Shape, parameters: &[Parameter], description: &str) -> String {
    let mut notes = Vec::new();
    for (parameter, Parameter { name, .. }) in shape.parameters.iter().zip(parameters) {
        let python_name = &parameter.python_name;
        let sent_as =
            if python_name == name { String::new() } else { format!(" (sent as {})", exuvia_text::quoted(name, 200)) };
        let note = if description.contains(&parameter.note) { "" } else { &parameter.note };
        if !note.is_empty() || !sent_as.is_empty() {
            notes.push(format!("{python_name}{sent_as}: {note}").trim_end_matches([':', ' ']).to_owned());
        }
    }
    if !shape.result_note.is_empty() && !description.contains(&shape.result_note) {
        notes.push(format!("returns: {}", shape.result_note));
    }
    notes.join("\n")
}

fn class_definitions(shape: &Shape, classes: &Classes, spelling: &mut Spelling) -> String {
    let ids = classes.reachable(shape.types());
    ids.into_iter().map(|id| classes.definition(id, spelling)).collect::<String>().trim_end().to_owned()
}

fn remarks(subject: Subject<'_>) -> String {
    let mut remarks = Vec::new();
    if subject.descriptor.name != subject.python_name {
        remarks.push(format!("Its server calls it {}.", exuvia_text::quoted(&subject.descriptor.name, 200)));
    }
    remarks.extend(claims(subject.descriptor.annotations).map(str::to_owned));
    remarks.join(" ")
}

/// A server's word, and shown as such.
fn claims(annotations: ToolAnnotations) -> Option<&'static str> {
    match (annotations.read_only, annotations.destructive) {
        (Some(true), _) => Some("Claims to be read-only."),
        (_, Some(true)) => Some("Claims to be destructive."),
        (_, Some(false)) => Some("Claims to change things without destroying any."),
        _ => None,
    }
}
