//! Stubs: the signatures of a server or of one tool as a `.pyi` file that a type checker accepts.

use exuvia_tool::{Server, Tool};

use crate::common::Common;
use crate::learned::Answers;
use crate::reserved;
use crate::sheet::{CLASSES_ARE_DICTS, Detail, Sheet};
use crate::text;
use crate::types::Spelling;

/// The longest file, in bytes. The tools that it has no room for are counted at its end.
const MAX_FILE_BYTES: usize = 1 << 20;

/// How many bytes the explanations of one tool's parameters take.
const GLOSS_BYTES: usize = 4_000;

/// The stub of a server: every tool with its signature, one line on what it does and one on each parameter whose name and
/// type leave its form open, and the classes that they name.
#[must_use]
pub fn server_stub(server: &Server) -> String {
    of_tools(server, server.tools().iter().collect(), &Common::of(server), Answers::default())
}

/// The stub of one tool of a server.
#[must_use]
pub fn tool_stub(server: &Server, tool: &Tool) -> String {
    of_tools(server, vec![tool], &Common::of(server), Answers::default())
}

/// The stub of some tools of a server, whose tools have `common` in common, with what is known of their answers.
pub(crate) fn of_tools(server: &Server, tools: Vec<&Tool>, common: &Common, answers: Answers<'_>) -> String {
    let told: Vec<_> = tools.iter().map(|tool| answers.line(&server.name, tool)).collect();
    let names: Vec<String> = tools.iter().map(|tool| tool.python_name.clone()).collect();
    let mut sheet = Sheet::new(tools.into_iter().map(|tool| (tool, Detail::Full)).collect(), &names);
    let mut body = String::new();
    for (place, answers) in told.into_iter().enumerate() {
        if body.len() > MAX_FILE_BYTES {
            body.push_str(&left_out(server, names.len() - place));
            break;
        }
        body.push_str(&sheet.definitions(place));
        let signature = sheet.signature(place);
        let remarks: Vec<String> =
            sheet.remarks(place, common, answers, GLOSS_BYTES).iter().map(|line| in_docstring(line)).collect();
        body.push_str(&match remarks.as_slice() {
            [] => format!("def {signature}: ...\n"),
            lines => format!("def {signature}:\n    \"\"\"{}\"\"\"\n", lines.join("\n    ")),
        });
    }
    format!("{}{}{body}", header(server, names.len(), sheet.has_classes()), imports(sheet.spelling()))
}

fn left_out(server: &Server, count: usize) -> String {
    let name = &server.python_name;
    format!("# {count} more tools: listToolFiles finds them with a query, readToolFile {name}.TOOL shows one\n")
}

fn header(server: &Server, tools: usize, has_classes: bool) -> String {
    let count = match tools {
        all if all == server.tools().len() => counted(all),
        some => format!("{some} of {}", counted(server.tools().len())),
    };
    let python_name = &server.python_name;
    let mut header = format!("# {count}. Call {python_name}.NAME(...).");
    if server.name != *python_name {
        let is_taken = reserved::is_keyword(&server.name) || reserved::is_taken_global(&server.name);
        let why = if is_taken { ", which Python has already" } else { "" };
        header.push_str(&format!(" The server's own name is {}{why}.", text::one_line(&server.name, 80)));
    }
    if has_classes {
        header.push(' ');
        header.push_str(CLASSES_ARE_DICTS);
    }
    header.push('\n');
    header
}

fn counted(tools: usize) -> String {
    format!("{tools} tool{}", if tools == 1 { "" } else { "s" })
}

fn imports(spelling: &Spelling) -> String {
    let mut imports: String = spelling.modules.iter().map(|module| format!("import {module}\n")).collect();
    if !spelling.typing.is_empty() {
        let names: Vec<&str> = spelling.typing.iter().copied().collect();
        imports.push_str(&format!("from typing import {}\n", names.join(", ")));
    }
    imports
}

/// Text that neither ends a docstring nor escapes from it.
fn in_docstring(text: &str) -> String {
    let mut text = text.replace('\\', "\\\\").replace("\"\"\"", "'''");
    if text.ends_with('"') {
        text.push(' ');
    }
    text
}
