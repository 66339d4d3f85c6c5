//! How stubs are cut into files.

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

    /// The layout of this server.
    pub(crate) fn of(&self, server: &Server) -> Layout {
        self.0.get(&server.name).copied().unwrap_or_default()
    }
}
