//! Everything there is to know of one tool, each thing once.

use exuvia_tool::{Server, Tool, ToolAnnotations, ToolDescriptor};

use crate::classes::Classes;
use crate::shape::{MAX_CLASS_DEPTH, Shape, Subject};
use crate::signature;
use crate::text;
use crate::types::Spelling;

/// How many bytes of class definitions the documentation of one tool shows.
const MAX_CLASS_BYTES: usize = 12_000;

const MAX_DESCRIPTION_CHARS: usize = 8_000;

/// The longest documentation of one tool, in characters.
const MAX_DOCUMENTATION_CHARS: usize = 24_000;

/// One tool in full: its signature as a script writes it, and its documentation.
#[must_use]
pub fn tool_docs(server: &Server, tool: &Tool) -> String {
    format!("{}.{}\n\n{}", server.python_name, tool.signature, tool.documentation).trim_end().to_owned()
}

/// The signature of a tool, and what goes below it.
pub(crate) struct Description {
    pub(crate) signature: String,
    pub(crate) documentation: String,
}

/// Describes a tool in terms of classes of its own, which the documentation defines.
pub(crate) fn describe(subject: Subject<'_>, original_names: &[&str]) -> Description {
    let depth = subject.fitting_depth(MAX_CLASS_BYTES, true).min(MAX_CLASS_DEPTH);
    let mut classes = Classes::default();
    let shape = subject.shape(&mut classes, depth, true);
    let mut spelling = Spelling::default();
    let signature = signature::line(subject.python_name, &shape, &classes, &mut spelling);
    let description = description(subject.descriptor);
    let sections = [
        description.clone(),
        parameter_notes(&shape, original_names, &text::one_line(&description)),
        class_definitions(&shape, &classes, &mut spelling),
        remarks(subject),
    ];
    let sections: Vec<String> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    Description { signature, documentation: text::cut(&sections.join("\n\n"), MAX_DOCUMENTATION_CHARS) }
}

fn description(descriptor: &ToolDescriptor) -> String {
    let written = descriptor.description.as_deref().filter(|text| !text.trim().is_empty());
    let written = written.or(descriptor.title.as_deref()).unwrap_or("");
    text::cut(&text::block(written), MAX_DESCRIPTION_CHARS)
}

/// What the signature does not say of the parameters, and the description did not say before.
fn parameter_notes(shape: &Shape, original_names: &[&str], description: &str) -> String {
    let mut notes = Vec::new();
    for (parameter, original) in shape.parameters.iter().zip(original_names) {
        let python_name = &parameter.python_name;
        let sent_as = if python_name == original { String::new() } else { format!(" (sent as {original:?})") };
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
        remarks.push(format!("Its server calls it {:?}.", text::cut(&text::one_line(&subject.descriptor.name), 200)));
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
