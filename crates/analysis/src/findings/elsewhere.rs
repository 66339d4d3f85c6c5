//! Names as other clients write them, and what to write here.

use exuvia_catalog::closest;
use exuvia_tool::Namespace;

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
const META_TOOLS: [&str; 8] = [
    "execute_tool_code",
    "executeToolCode",
    "get_tool_docs",
    "getToolDocs",
    "list_tool_files",
    "listToolFiles",
    "read_tool_file",
    "readToolFile",
];

/// What to write for a name that is no server: `mcp__crm__get`, `crm__get`, `call_tool`, `getToolDocs`.
pub(crate) fn instead(name: &str, namespace: &Namespace) -> Option<String> {
    if META_TOOLS.contains(&name) {
        return Some(format!(
            "{name} is a tool of yours, not of scripts; here `help(server.tool)` describes a tool and `dir(server)` lists them"
        ));
    }
    if CALLERS.contains(&name) {
        let example = namespace.servers().iter().find_map(|server| Some((server, server.tools().first()?)));
        let (server, tool) =
            example.map_or(("server", "tool"), |(server, tool)| (&server.python_name, &tool.python_name));
        return Some(format!("there is no {name}: servers are globals, write `{server}.{tool}(name=value)`"));
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
