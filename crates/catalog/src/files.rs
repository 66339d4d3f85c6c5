//! The stub files of a namespace: listed, and read by lines.
//!
//! A server is one file, `crm.pyi`, or one file for each tool, `crm/get_contacts.pyi`; which of the two is a [`Layout`]
//! of the server.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use exuvia_tool::{Namespace, Server, Tool};

use crate::absent;
use crate::closest::closest;
use crate::excerpt::excerpt;
use crate::search::{Found, Index};
use crate::stub;

/// How long a list may get, in bytes. Names of tools come to about four bytes a token, so that is well under 1,500.
const MAX_LIST_BYTES: usize = 4_000;

/// The space reserved for the line about what a list omits, in bytes.
const MORE_BYTES: usize = 100;

/// How a server's stubs are cut into files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// One file for the server.
    #[default]
    Server,
    /// One file for each tool.
    Tool,
}

/// The layout of each server, by its name in the configuration. Servers that are not named have one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layouts(HashMap<String, Layout>);

impl Layouts {
    /// Sets the layout of one server.
    #[must_use]
    pub fn with(mut self, server: impl Into<String>, layout: Layout) -> Self {
        self.0.insert(server.into(), layout);
        self
    }

    fn of(&self, server: &Server) -> Layout {
        self.0.get(&server.name).copied().unwrap_or_default()
    }
}

/// The stub files of one namespace. Each is rendered when it is first read, and kept.
///
/// Rendering takes up to a second for a server at its limits: call it on a thread on which nothing else waits.
#[derive(Debug)]
pub struct StubFiles {
    namespace: Arc<Namespace>,
    layouts: Layouts,
    index: OnceLock<Index>,
    /// That of each server, in the order of the namespace.
    servers: Vec<OnceLock<Arc<str>>>,
}

/// No stub file has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotFound {
    /// What was asked for.
    pub file: String,
    /// Files that may have been meant, the likeliest first.
    pub closest: Vec<String>,
    /// What is the matter with the server that it would be of, if that is not there.
    pub absent: Option<String>,
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(absent) = &self.absent {
            return f.write_str(absent);
        }
        write!(f, "no stub file {}", exuvia_text::quoted(&self.file, 120))?;
        match self.closest.as_slice() {
            [] => f.write_str("; listToolFiles lists them"),
            closest => write!(f, "; did you mean {}?", closest.join(" or ")),
        }
    }
}

impl std::error::Error for NotFound {}

impl StubFiles {
    /// The stub files of `namespace`.
    #[must_use]
    pub fn new(namespace: Arc<Namespace>, layouts: Layouts) -> Self {
        let servers = namespace.servers().iter().map(|_| OnceLock::new()).collect();
        Self { namespace, layouts, index: OnceLock::new(), servers }
    }

    /// The files with the number of their tools; with a `query`, the tools that fit it best, each with its file. Then the
    /// servers that are not there, if any are. At most `max_bytes`: what is cut says how to narrow it down.
    #[must_use]
    pub fn list(&self, query: Option<&str>, max_bytes: usize) -> String {
        let absent = absent::told(&self.namespace, max_bytes / 4);
        let max_bytes = MAX_LIST_BYTES.min(max_bytes.saturating_sub(MORE_BYTES + absent.len()));
        let list = match query.map(str::trim).filter(|query| !query.is_empty()) {
            Some(query) => {
                let index = self.index.get_or_init(|| Index::of(&self.namespace));
                found(&index.search(&self.namespace, query), &self.layouts, max_bytes)
            }
            None => all(&self.namespace, &self.layouts, max_bytes),
        };
        list + &absent
    }

    /// The lines `first` to `last` of a stub file, counted from 1; without them, from the beginning and to the end. A line
    /// before them says where they are from, if they are not the whole file. At most `max_bytes`: what is cut ends between
    /// two definitions, and with how to read the rest.
    ///
    /// Both layouts can be read, whatever is listed.
    ///
    /// # Errors
    ///
    /// No stub file has this name.
    pub fn read(
        &self,
        file: &str,
        first: Option<usize>,
        last: Option<usize>,
        max_bytes: usize,
    ) -> Result<String, NotFound> {
        let text = self.whole(file).ok_or_else(|| not_found(&self.namespace, file))?;
        Ok(excerpt(file.trim(), &text, first, last, max_bytes))
    }

    fn whole(&self, file: &str) -> Option<Arc<str>> {
        let name = file.trim();
        let name = name.strip_suffix(".pyi").unwrap_or(name);
        match name.split_once('/') {
            None => {
                let server = self.namespace.find_server(name)?;
                let place = self.namespace.servers().iter().position(|other| std::ptr::eq(other, server))?;
                Some(Arc::clone(self.servers.get(place)?.get_or_init(|| stub::server_stub(server).into())))
            }
            Some((server, tool)) => {
                let server = self.namespace.find_server(server)?;
                server.find(tool).map(|tool| stub::tool_stub(server, tool).into())
            }
        }
    }
}

fn all(namespace: &Namespace, layouts: &Layouts, max_bytes: usize) -> String {
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
    let mut entry = format!("{name}/*.pyi {}:", tools.len());
    let end = " and more: use a query";
    for (index, tool) in tools.iter().enumerate() {
        let reserve = if index + 1 == tools.len() { 0 } else { end.len() };
        if entry.len() + tool.python_name.len() + 2 + reserve > share {
            entry.push_str(end);
            break;
        }
        entry.push(' ');
        entry.push_str(&tool.python_name);
    }
    entry.push('\n');
    entry
}

fn found(found: &Found<'_>, layouts: &Layouts, max_bytes: usize) -> String {
    if found.hits.is_empty() {
        return "no tool matches; try other words, or no query for the list of files\n".to_owned();
    }
    let mut list = String::new();
    let mut shown = 0;
    for hit in &found.hits {
        let file = file_of(hit.server, hit.tool, layouts);
        let about = stub::summary(hit.tool).map(|summary| format!(": {summary}")).unwrap_or_default();
        let line = format!("{file} {}{about}\n", hit.tool.python_name);
        if list.len() + line.len() > max_bytes {
            break;
        }
        list.push_str(&line);
        shown += 1;
    }
    if shown < found.total {
        list.push_str(&format!("and {} more: add words to the query\n", found.total - shown));
    }
    list
}

fn file_of(server: &Server, tool: &Tool, layouts: &Layouts) -> String {
    match layouts.of(server) {
        Layout::Server => format!("{}.pyi", server.python_name),
        Layout::Tool => format!("{}/{}.pyi", server.python_name, tool.python_name),
    }
}

fn not_found(namespace: &Namespace, file: &str) -> NotFound {
    let name = file.trim();
    let name = name.strip_suffix(".pyi").unwrap_or(name);
    let by_path = name.split_once('/').and_then(|(server, tool)| Some((namespace.find_server(server)?, tool)));
    let closest: Vec<String> = match by_path {
        Some((server, tool)) => {
            let names = closest(tool, server.tools().iter().map(|tool| tool.python_name.as_str()));
            names.iter().map(|tool| format!("{}/{tool}.pyi", server.python_name)).collect()
        }
        None => {
            let name = name.split('/').next().unwrap_or(name);
            let names = closest(name, namespace.servers().iter().map(|server| server.python_name.as_str()));
            names.iter().map(|server| format!("{server}.pyi")).collect()
        }
    };
    let server = name.split('/').next().unwrap_or(name);
    let absent = namespace.find_absent(server).filter(|_| by_path.is_none());
    let absent = absent.map(|absent| format!("the server {} {}", absent.python_name, absent.trouble()));
    NotFound { file: file.to_owned(), closest, absent }
}
