//! How the stubs of each server are shown: how they are cut into files, and what the operator says beside them.

use std::collections::HashMap;

use exuvia_tool::Server;

/// How a server's stubs are cut into files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Layout {
    /// One file for the server.
    #[default]
    Server,
    /// One file for each tool.
    Tool,
}

/// The layout of each server and the operator's notes on it, by its name in the configuration. Servers that are not named have one
/// file and no notes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layouts {
    layouts: HashMap<String, Layout>,
    notes: HashMap<String, String>,
}

impl Layouts {
    /// Sets the layout of one server.
    #[must_use]
    pub fn with(mut self, server: impl Into<String>, layout: Layout) -> Self {
        self.layouts.insert(server.into(), layout);
        self
    }

    /// Sets what models are to read of a server's data before they write a script, for example the tables of a database.
    #[must_use]
    pub fn with_notes(mut self, server: impl Into<String>, notes: &str) -> Self {
        let lines = notes.lines().map(str::trim_end).filter(|line| !line.is_empty());
        self.notes.insert(server.into(), lines.map(|line| format!("# {line}\n")).collect());
        self
    }

    /// The notes on this server, as comments.
    pub(crate) fn notes(&self, server: &Server) -> &str {
        self.notes.get(&server.name).map_or("", String::as_str)
    }

    /// The layout of this server.
    pub(crate) fn of(&self, server: &Server) -> Layout {
        self.layouts.get(&server.name).copied().unwrap_or_default()
    }
}
