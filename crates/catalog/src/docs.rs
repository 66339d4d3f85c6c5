//! The documentation of one tool.

use exuvia_tool::{Parameter, Server, Tool, ToolAnnotations, ToolDescriptor};

use crate::classes::Classes;
use crate::shape::{Shape, Subject};
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
    let docs = tool_docs(server, tool);
    if docs.len() <= max_bytes {
        return docs;
    }
    let head = &docs[..docs.floor_char_boundary(max_bytes.saturating_sub(CUT_BYTES))];
    let head = head.rfind('\n').map_or(head, |end| &head[..end]);
    let (server, tool) = (&server.python_name, &tool.python_name);
    let file = if server.len() + tool.len() < 256 { format!("{server}/{tool}.pyi") } else { "its stub".to_owned() };
    format!("{head}\n[cut: {} of {} bytes shown; {file} has the parameters in short]", head.len(), docs.len())
}

/// The signature of a tool, and what goes below it.
pub(crate) struct Description {
    pub(crate) signature: String,
    pub(crate) documentation: String,
}

/// Describes a tool in terms of classes of its own, which the documentation defines.
pub(crate) fn describe(subject: Subject<'_>) -> Description {
    let mut work_left = MAX_WORK;
    let depth = subject.fitting_depth(MAX_CLASS_BYTES, true, &mut work_left);
    let mut classes = Classes::beside([], MAX_WORK);
    let shape = subject.shape(&mut classes, depth, true);
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
