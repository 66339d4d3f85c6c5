//! Names that a script does not have: of servers that did not start, and of imports from modules that do not exist.

use exuvia_runtime::ScriptError;
use exuvia_tool::Namespace;

use super::marked_line;

/// Modules from which scripts of other environments import tools.
const MODULES: [&str; 8] = ["exuvia", "functions", "mcp_servers", "mcp_tools", "server", "servers", "tool", "tools"];

/// How many names a hint lists.
const NAMES: usize = 8;

/// The hint for an exception on a name.
pub(super) fn hint(error: &ScriptError, namespace: &Namespace) -> Option<String> {
    let beginning = match error.kind.as_str() {
        "NameError" => "name '",
        "ModuleNotFoundError" => "No module named '",
        _ => return None,
    };
    let name = error.message.strip_prefix(beginning)?.split('\'').next()?;
    let module = name.split('.').next().unwrap_or_default();
    if let Some(absent) = namespace.find_absent(module) {
        let there = listed(namespace).map_or_else(String::new, |names| format!("; the servers: {names}"));
        return Some(format!("the server {module} {}{there}", absent.trouble()));
    }
    if error.hint.is_some() || error.kind == "NameError" {
        return None;
    }
    of_import(module, &imported(&error.traceback), namespace)
}

/// What to write instead of an import from a module that does not exist.
fn of_import(module: &str, names: &[&str], namespace: &Namespace) -> Option<String> {
    let servers = namespace.servers();
    if let Some(server) = servers.iter().find(|server| names.contains(&server.python_name.as_str())) {
        return Some(format!("leave the import out: {} is a global", server.python_name));
    }
    let of_name = |name: &&str| -> Vec<String> {
        let found = servers.iter().filter_map(|server| Some((server, server.find(name)?)));
        found.map(|(server, tool)| format!("{}.{}(...)", server.python_name, tool.python_name)).collect()
    };
    let tools: Vec<String> = names.iter().flat_map(of_name).take(NAMES).collect();
    if !tools.is_empty() {
        return Some(format!("leave the import out: servers are globals, write {}", tools.join(", ")));
    }
    let names = listed(namespace).filter(|_| MODULES.contains(&module))?;
    Some(format!("leave the import out: servers are globals: {names}"))
}

/// The names of the servers that are there.
fn listed(namespace: &Namespace) -> Option<String> {
    let names: Vec<&str> = namespace.servers().iter().map(|server| server.python_name.as_str()).take(NAMES).collect();
    let more = if namespace.servers().len() > NAMES { ", ..." } else { "" };
    (!names.is_empty()).then(|| format!("{}{more}", names.join(", ")))
}

/// The last parts of the names that the line at fault imports: `x` and `y` of `from tools import x, y as z`.
fn imported(traceback: &str) -> Vec<&str> {
    let Some((_, names)) = marked_line(traceback).rsplit_once("import ") else { return Vec::new() };
    names
        .split([',', ';'])
        .map(|one| one.trim_matches(['(', ')', ' ']))
        .map(|one| one.split(' ').next().unwrap_or_default())
        .map(|one| one.rsplit('.').next().unwrap_or_default())
        .filter(|one| !one.is_empty())
        .take(NAMES)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use exuvia_tool::{Absence, ToolAnnotations, ToolDescriptor};
    use serde_json::json;

    use super::*;

    fn namespace() -> Namespace {
        let tool = ToolDescriptor {
            name: "get-contacts".into(),
            title: None,
            description: None,
            input_schema: json!({"type": "object"}),
            output_schema: None,
            annotations: ToolAnnotations::default(),
        };
        exuvia_catalog::build_beside(vec![
            ("crm".to_owned(), Ok(vec![Arc::new(tool)])),
            ("down".to_owned(), Err(Absence::Failed)),
        ])
    }

    fn hint_of(kind: &str, message: &str, line: &str) -> Option<String> {
        let error = ScriptError {
            kind: kind.to_owned(),
            message: message.to_owned(),
            line: Some(2),
            traceback: format!("  1 | import json\n> 2 | {line}"),
            hint: None,
        };
        hint(&error, &namespace())
    }

    #[test]
    fn an_import_of_what_is_a_global_is_to_be_left_out() {
        for (line, expected) in [
            ("from tools import get_contacts", Some("servers are globals, write crm.get_contacts(...)")),
            ("from my.tools import (x, get_contacts as get)", Some("servers are globals, write crm.get_contacts(...)")),
            ("from clients import other, crm", Some("crm is a global")),
            ("import clients.crm", Some("crm is a global")),
            ("import tools", Some("servers are globals: crm")),
            ("import pandas as pd", None),
        ] {
            let module = line.split([' ', '.']).nth(1).expect("a module");
            let message = format!("No module named '{module}': only the standard library exists here");
            let expected = expected.map(|expected| format!("leave the import out: {expected}"));
            assert_eq!(hint_of("ModuleNotFoundError", &message, line), expected, "{line}");
        }
    }

    #[test]
    fn a_server_that_is_not_there_is_told_beside_those_that_are() {
        let expected = "the server down did not start; go on without it, or try again later; the servers: crm";
        for (kind, message) in [
            ("NameError", "name 'down' is not defined"),
            ("ModuleNotFoundError", "No module named 'down': only the standard library exists here"),
        ] {
            assert_eq!(hint_of(kind, message, "import down").as_deref(), Some(expected));
        }
        assert_eq!(hint_of("NameError", "name 'dawn' is not defined", "dawn"), None);
        assert_eq!(hint_of("KeyError", "name 'down' is not defined", "down"), None);
    }
}
