//! The list of stub files.

use exuvia_tool::{Namespace, Server};

use crate::layout::{Layout, Layouts};

/// The files of all servers with the number of their tools, in at most `max_bytes` bytes.
pub(crate) fn all(namespace: &Namespace, layouts: &Layouts, max_bytes: usize) -> String {
    let servers = namespace.servers();
    let tools: usize = servers.iter().map(|server| server.tools().len()).sum();
    let mut list = format!("{tools} tools\n");
    let mut left = servers.len();
    for server in servers {
        // What is still free is shared out evenly, so that one large server does not crowd the others out.
        let share = max_bytes.saturating_sub(list.len()) / left;
        let entry = entry(server, layouts.of(server), share);
        if list.len() + entry.len() > max_bytes {
            break;
        }
        list.push_str(&entry);
        left -= 1;
    }
    if left > 0 {
        list.push_str(&format!("and {left} more servers: narrow the list with a query\n"));
    }
    list
}

fn entry(server: &Server, layout: Layout, share: usize) -> String {
    let (name, tools) = (&server.python_name, server.tools());
    if layout == Layout::Server {
        return format!("{name}.pyi {}\n", tools.len());
    }
    let head = format!("{name}/*.pyi {}: ", tools.len());
    let names = tools.iter().map(|tool| tool.python_name.as_str());
    let names = names_within(names, " ", share.saturating_sub(head.len()), |_| " and more: use a query".to_owned());
    format!("{head}{names}\n")
}

/// Names one after the other, with `between` between them, in at most `max_bytes` bytes; `rest` says what is left out.
pub(crate) fn names_within<'n>(
    names: impl ExactSizeIterator<Item = &'n str>,
    between: &str,
    max_bytes: usize,
    rest: impl Fn(usize) -> String,
) -> String {
    let mut list = String::new();
    let count = names.len();
    for (index, name) in names.enumerate() {
        let end = rest(count - index);
        let reserve = if index + 1 == count { 0 } else { end.len() };
        if list.len() + name.len() + between.len() + reserve > max_bytes {
            list.push_str(&end);
            break;
        }
        if !list.is_empty() {
            list.push_str(between);
        }
        list.push_str(name);
    }
    list
}
