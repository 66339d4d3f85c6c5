//! Names as other clients write them, and what to write here.

use exuvia_catalog::closest;
use exuvia_tool::Namespace;

use crate::facts::Use;

/// How clients call a tool by its name.
const CALLERS: [&str; 9] = [
    "call_tool",
    "callTool",
    "call_mcp_tool",
    "execute_tool",
    "invoke_tool",
    "mcp_call_tool",
    "run_tool",
    "use_mcp_tool",
    "use_tool",
];
/// The meta-tools, and what a script writes in place of them.
const META_TOOLS: [(&str, &str, &str); 4] = [
    ("executeToolCode", "execute_tool_code", "write its code here"),
    ("getToolDocs", "get_tool_docs", "here `help(server.tool)` prints them"),
    ("listToolFiles", "list_tool_files", "here `mcp.search(\"what it does\")` finds tools"),
    ("readToolFile", "read_tool_file", "here `help(server)` prints the signatures"),
];

/// What to write for a name that is no server: `mcp__crm__get`, `crm__get`, `call_tool`, `getToolDocs`.
pub(crate) fn instead(name: &str, namespace: &Namespace) -> Option<String> {
    if let Some((_, _, here)) = META_TOOLS.iter().find(|(tool, other, _)| name == *tool || name == *other) {
        return Some(format!("{name} is a tool of yours, not of scripts; {here}"));
    }
    if CALLERS.contains(&name) {
        return Some(no_caller(name, namespace));
    }
    let bare = name.strip_prefix("mcp__").unwrap_or(name);
    namespace.servers().iter().find_map(|server| {
        let of_server = |start: &str| bare.strip_prefix(start)?.strip_prefix("__").filter(|tool| !tool.is_empty());
        let tool = of_server(&server.python_name).or_else(|| of_server(&server.name))?;
        let names = || server.tools().iter().map(|tool| tool.python_name.as_str());
        let found = server.find(tool).map(|tool| tool.python_name.as_str());
        let tool = found.or_else(|| closest(tool, names()).first().copied())?;
        Some(format!("{name} is `{}.{tool}(...)` here", server.python_name))
    })
}

/// What to write for a server or a caller that is reached through a name of nothing: `tools.crm.get`, `client.call_tool`.
pub(super) fn through(one: &Use<'_>, namespace: &Namespace) -> Option<String> {
    let (name, step) = (one.name, one.steps.first()?.attribute()?);
    if CALLERS.contains(&step) {
        return Some(no_caller(&format!("{name}.{step}"), namespace));
    }
    let server = namespace.servers().iter().find(|server| server.python_name == step || server.name == step)?;
    Some(format!("there is no {name}: servers are globals, write `{}` for `{name}.{step}`", server.python_name))
}

fn no_caller(name: &str, namespace: &Namespace) -> String {
    let example = namespace.servers().iter().find_map(|server| Some((server, server.tools().first()?)));
    let (server, tool) = example.map_or(("server", "tool"), |(server, tool)| (&server.python_name, &tool.python_name));
    format!("there is no {name}: servers are globals, write `{server}.{tool}(name=value)`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meta_tool_is_answered_with_what_a_script_writes() {
        for (name, here) in [
            ("getToolDocs", "`help(server.tool)`"),
            ("get_tool_docs", "`help(server.tool)`"),
            ("listToolFiles", "`mcp.search(\"what it does\")`"),
            ("read_tool_file", "`help(server)`"),
            ("executeToolCode", "write its code here"),
        ] {
            let said = instead(name, &Namespace::default()).expect("known");
            assert!(said.starts_with(name) && said.contains(here), "{said}");
        }
        assert_eq!(instead("getToolDoc", &Namespace::default()), None);
    }
}
