//! What a request for stubs names: files and tools, several at once, in any of the spellings that are in use.

use exuvia_tool::{Namespace, Server, Tool};

use crate::closest::closest;
use crate::listing::names_within;
use crate::not_found::NotFound;

/// How much of a request is looked at, in bytes, and how many names.
const MAX_BYTES: usize = 8_000;
const MAX_NAMES: usize = 100;

/// How many bytes the names of a server's tools take in an error.
const MAX_LISTED_BYTES: usize = 300;

/// The tools of one server that were asked for.
#[derive(Debug)]
pub(crate) struct Selection<'n> {
    /// The place of the server in the namespace.
    pub(crate) place: usize,
    pub(crate) server: &'n Server,
    /// None: its whole file.
    pub(crate) tools: Option<Vec<&'n Tool>>,
    /// Whether some of them were asked for by a pattern, whose author does not know how many it fits.
    pub(crate) by_pattern: bool,
}

/// What `text` names, by servers, in the order in which they are named first, and which names nothing has. A name is that of a
/// file, `crm.pyi` or `crm/get_contacts.pyi`, of a tool, `crm.get_contacts`, or of some, `crm.*contact*`. Behind a name with a
/// server, or where only one tool has it, the tool alone is enough.
///
/// # Errors
///
/// Nothing has any of the names.
pub(crate) fn of<'n>(namespace: &'n Namespace, text: &str) -> Result<(Vec<Selection<'n>>, Vec<NotFound>), NotFound> {
    let mut selections: Vec<Selection<'n>> = Vec::new();
    let mut missing = Vec::new();
    let plain = without_signatures(&text[..text.floor_char_boundary(MAX_BYTES)]);
    for name in names(&plain).take(MAX_NAMES) {
        let before = selections.last().map(|last| last.place);
        let Some(named) = named(namespace, name, before) else {
            missing.push(not_found(namespace, name));
            continue;
        };
        let by_pattern = name.contains('*');
        for (place, tools) in named {
            let server = &namespace.servers()[place];
            match selections.iter_mut().find(|selection| selection.place == place) {
                Some(known) => known.add(tools, by_pattern),
                None => selections.push(Selection { place, server, tools, by_pattern }),
            }
        }
    }
    match (selections.is_empty(), missing.is_empty()) {
        (true, true) => Err(not_found(namespace, text.trim())),
        (true, false) => Err(missing.swap_remove(0)),
        (false, _) => Ok((selections, missing)),
    }
}

/// The names in a text: parted by commas, semicolons, lines or spaces, or written as a list.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let names = text.split([',', ';', '\n', ' ', '[', ']']).map(|name| name.trim().trim_matches(['"', '\'', '`']));
    names.filter(|name| !matches!(*name, "" | "def" | "async"))
}

/// A text without what stands behind the names of signatures: `crm.get` for `crm.get(id: int) -> dict[str, Any]`.
fn without_signatures(text: &str) -> String {
    let (mut plain, mut depth, mut in_result) = (String::new(), 0_usize, false);
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '[' if in_result => depth += 1,
            ']' if in_result => depth = depth.saturating_sub(1),
            '-' if depth == 0 && rest.peek() == Some(&'>') => in_result = true,
            _ if depth > 0 => {}
            ',' | ';' | '\n' => {
                in_result = false;
                plain.push(character);
            }
            _ if !in_result => plain.push(character),
            _ => {}
        }
    }
    plain
}

/// A tool, with the server that has it.
pub(crate) type ServerTool<'n> = (&'n Server, &'n Tool);

/// The tools that `text` names, in any of these spellings, and what is the matter with the other names. `server`: they are of
/// this server.
///
/// # Errors
///
/// No tool has any of the names.
pub(crate) fn tools<'n>(
    namespace: &'n Namespace,
    server: Option<&str>,
    text: &str,
) -> Result<(Vec<ServerTool<'n>>, Vec<NotFound>), NotFound> {
    let whole = tool(namespace, server, text);
    let plain = without_signatures(&text[..text.floor_char_boundary(MAX_BYTES)]);
    let names: Vec<&str> = names(&plain).take(MAX_NAMES).collect();
    let whole = match whole {
        Ok(one) => return Ok((vec![one], Vec::new())),
        Err(whole) => whole,
    };
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for name in names {
        match tool(namespace, server, name) {
            Ok(one) => found.push(one),
            Err(error) => missing.push(error),
        }
    }
    let is_list = text.contains([',', ';', '\n']);
    match (found.is_empty(), missing.is_empty()) {
        (true, false) if is_list => Err(missing.swap_remove(0)),
        (true, _) => Err(whole),
        (false, _) => Ok((found, missing)),
    }
}

/// The one tool that `text` names, in any of these spellings. `server`: it is one of this server's.
///
/// # Errors
///
/// No tool has the name, or those of several servers have it.
fn tool<'n>(namespace: &'n Namespace, server: Option<&str>, text: &str) -> Result<(&'n Server, &'n Tool), NotFound> {
    let text = text.trim();
    let none = |file: &str| NotFound { closest: Vec::new(), ..not_found(namespace, file) };
    let owner = match server.map(|server| stem(server.trim())) {
        None => None,
        Some(server) => Some(place_of(namespace, server).ok_or_else(|| not_found(namespace, server))?),
    };
    if let Some(found) = owner.and_then(|place| {
        let server = &namespace.servers()[place];
        Some((server, server.find(text)?))
    }) {
        return Ok(found);
    }
    let named = named(namespace, text, owner).unwrap_or_default();
    if let [(place, None)] = named.as_slice() {
        let server = &namespace.servers()[*place];
        return Err(NotFound { listed: Some(some_of(server)), is_server: true, ..none(text) });
    }
    let found: Vec<(&Server, &Tool)> = named
        .into_iter()
        .filter(|(place, _)| owner.is_none_or(|owner| owner == *place))
        .flat_map(|(place, tools)| {
            let server = &namespace.servers()[place];
            tools.into_iter().flatten().map(move |tool| (server, tool))
        })
        .collect();
    match (found.as_slice(), owner) {
        ([one], _) => Ok(*one),
        ([], Some(place)) => Err(not_found(namespace, &format!("{}.{text}", namespace.servers()[place].python_name))),
        ([], None) => Err(not_found(namespace, text)),
        (several, _) => {
            let names =
                several.iter().take(3).map(|(server, tool)| format!("{}.{}", server.python_name, tool.python_name));
            Err(NotFound { closest: names.collect(), ..none(text) })
        }
    }
}

impl<'n> Selection<'n> {
    fn add(&mut self, tools: Option<Vec<&'n Tool>>, by_pattern: bool) {
        self.by_pattern |= by_pattern;
        self.tools = match (self.tools.take(), tools) {
            (Some(mut known), Some(more)) => {
                for tool in more {
                    if !known.iter().any(|other| std::ptr::eq(*other, tool)) {
                        known.push(tool);
                    }
                }
                Some(known)
            }
            // With the names of some of its tools, a file is only what they are of.
            (Some(tools), None) | (None, Some(tools)) => Some(tools),
            (None, None) => None,
        };
    }
}

type Named<'n> = Vec<(usize, Option<Vec<&'n Tool>>)>;

fn named<'n>(namespace: &'n Namespace, name: &str, before: Option<usize>) -> Option<Named<'n>> {
    let name = stem(name);
    if let Some(place) = place_of(namespace, name) {
        return Some(vec![(place, None)]);
    }
    if let Some((server, tool)) = parted(name).find_map(|(server, tool)| Some((place_of(namespace, server)?, tool))) {
        let tools = matching(&namespace.servers()[server], tool);
        return (!tools.is_empty()).then(|| vec![(server, Some(tools))]);
    }
    let of_server =
        |place: usize| Some(matching(namespace.servers().get(place)?, name)).filter(|tools| !tools.is_empty());
    if let Some((place, tools)) = before.and_then(|place| Some((place, of_server(place)?))) {
        return Some(vec![(place, Some(tools))]);
    }
    let all: Named<'n> =
        (0..namespace.servers().len()).filter_map(|place| Some((place, Some(of_server(place)?)))).collect();
    (!all.is_empty()).then_some(all)
}

/// A name without what is no part of it: the ending of a file, the prefix of clients that list the tools of many servers.
fn stem(name: &str) -> &str {
    let name = name.trim_matches(['"', '\'', '`']);
    let name = name.strip_suffix(".pyi").unwrap_or(name);
    name.strip_prefix("mcp__").or(name.strip_prefix("mcp.")).unwrap_or(name)
}

/// The ways to part a name into a server and a tool.
fn parted(name: &str) -> impl Iterator<Item = (&str, &str)> {
    ["/", ".", "__"].into_iter().filter_map(|mark| name.split_once(mark)).filter(|(_, tool)| !tool.is_empty())
}

fn place_of(namespace: &Namespace, name: &str) -> Option<usize> {
    let server = namespace.find_server(name)?;
    namespace.servers().iter().position(|other| std::ptr::eq(other, server))
}

/// The tools of a server that a name means: one, or those that fit a pattern with `*`.
fn matching<'n>(server: &'n Server, name: &str) -> Vec<&'n Tool> {
    if !name.contains('*') {
        return server.find(name).into_iter().collect();
    }
    server.tools().iter().filter(|tool| fits(name, &tool.python_name)).collect()
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}

fn not_found(namespace: &Namespace, file: &str) -> NotFound {
    let name = stem(file);
    let of_server = parted(name).find_map(|(server, tool)| Some((namespace.find_server(server)?, tool)));
    let closest: Vec<String> = match of_server {
        Some((server, tool)) => {
            let names = closest(tool, server.tools().iter().map(|tool| tool.python_name.as_str()));
            names.iter().map(|tool| format!("{}.{tool}", server.python_name)).collect()
        }
        None => {
            let server = name.split(['/', '.']).next().unwrap_or(name);
            let names = closest(server, namespace.servers().iter().map(|server| server.python_name.as_str()));
            let of_them: Vec<String> =
                names.iter().filter_map(|server| closest_tool_of(namespace, server, name)).collect();
            match () {
                () if names.is_empty() => closest_tools(namespace, name),
                () if !of_them.is_empty() => of_them,
                () => names.iter().map(|server| format!("{server}.pyi")).collect(),
            }
        }
    };
    let server = name.split(['/', '.']).next().unwrap_or(name);
    let absent = namespace.find_absent(server).filter(|_| of_server.is_none());
    let absent = absent.map(|absent| format!("the server {} {}", absent.python_name, absent.trouble()));
    let absent = absent.or_else(|| of_server.and_then(|(server, tool)| server.withheld_trouble(tool)));
    let listed = of_server.filter(|_| closest.is_empty()).map(|(server, _)| some_of(server));
    NotFound { file: file.to_owned(), closest, listed, absent, is_server: false }
}

/// `github.create_issue` for `githb.create_issue`: the tool of a server that a misspelt name means.
fn closest_tool_of(namespace: &Namespace, server: &str, name: &str) -> Option<String> {
    let (_, tool) = parted(name).next()?;
    let server = namespace.find_server(server)?;
    let closest = closest(tool, server.tools().iter().map(|tool| tool.python_name.as_str()));
    closest.first().map(|tool| format!("{}.{tool}", server.python_name))
}

fn some_of(server: &Server) -> String {
    let names = server.tools().iter().map(|tool| tool.python_name.as_str());
    names_within(names, ", ", MAX_LISTED_BYTES, |_| format!(", ... ({} in all)", server.tools().len()))
}

/// The tools of any server whose names are closest to this one.
fn closest_tools(namespace: &Namespace, name: &str) -> Vec<String> {
    let tool = parted(name).next().map_or(name, |(_, tool)| tool);
    let all = namespace.servers().iter().flat_map(Server::tools);
    let names = closest(tool, all.map(|tool| tool.python_name.as_str()));
    let qualified = |name: &&str| {
        let server = namespace.servers().iter().find(|server| server.find(name).is_some())?;
        Some(format!("{}.{name}", server.python_name))
    };
    names.iter().filter_map(qualified).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_and_lists_are_their_names() {
        for (text, expected) in [
            (r#"["a.b", 'c.d']"#, vec!["a.b", "c.d"]),
            ("sqlite.read_query(query: str)", vec!["sqlite.read_query"]),
            ("def a(x: int, y: str = ...) -> dict[str, Any]; b.c(z) -> list[int], d e", vec!["a", "b.c", "d", "e"]),
            ("a(b", vec!["a"]),
            ("browser-navigate)", vec!["browser-navigate"]),
        ] {
            assert_eq!(names(&without_signatures(text)).collect::<Vec<_>>(), expected, "{text}");
        }
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name) in
            [("*", "a"), ("a*", "abc"), ("*c", "abc"), ("*b*", "abc"), ("a*c*e", "abcde"), ("**", "")]
        {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("a*", "ba"), ("*c", "cb"), ("*x*", "abc"), ("a*b*c", "acb")] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
