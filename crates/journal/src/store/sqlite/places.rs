//! Where runs and tools stand in the tables, remembered.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _};

/// What is remembered of runs and of tools, at most.
const MAX: usize = 1 << 16;

/// Where a run stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The place of its first record.
    pub(super) first: i64,
    /// It was erased, and goes on.
    pub(super) is_erased: bool,
}

/// The places of runs that go on, and of tools. What is not remembered is read.
#[derive(Default)]
pub(super) struct Places {
    runs: HashMap<Arc<str>, Place>,
    /// By server and tool.
    tools: HashMap<String, HashMap<String, i64>>,
    tool_count: usize,
}

impl Places {
    /// The place of a run, which begins at `next` if it has no record: it has none if it `is_new`.
    pub(super) fn run(
        &mut self,
        connection: &Connection,
        id: &Arc<str>,
        (next, is_new): (i64, bool),
    ) -> rusqlite::Result<Place> {
        if let Some(&place) = self.runs.get(id) {
            return Ok(place);
        }
        if is_new {
            let place = Place { first: next, is_erased: false };
            self.runs.insert(Arc::clone(id), place);
            return Ok(place);
        }
        let mut found = connection.prepare_cached("SELECT first, erased_by IS NOT NULL FROM runs WHERE id = ?1")?;
        let found = found.query_row([&**id], |row| Ok(Place { first: row.get(0)?, is_erased: row.get(1)? }));
        let place = found.optional()?.unwrap_or(Place { first: next, is_erased: false });
        self.runs.insert(Arc::clone(id), place);
        Ok(place)
    }

    /// The place of a tool, which is given one if it has none.
    pub(super) fn tool(&mut self, connection: &Connection, server: &str, tool: &str) -> rusqlite::Result<i64> {
        if let Some(&known) = self.tools.get(server).and_then(|tools| tools.get(tool)) {
            return Ok(known);
        }
        let known = "INSERT OR IGNORE INTO tools (server, tool) VALUES (?1, ?2)";
        connection.prepare_cached(known)?.execute([server, tool])?;
        let mut found = connection.prepare_cached("SELECT id FROM tools WHERE server = ?1 AND tool = ?2")?;
        let id = found.query_row([server, tool], |row| row.get(0))?;
        self.tools.entry(server.to_owned()).or_default().insert(tool.to_owned(), id);
        self.tool_count += 1;
        Ok(id)
    }

    /// Forgets everything if it is too much.
    pub(super) fn trim(&mut self) {
        if self.runs.len() > MAX || self.tool_count > MAX {
            *self = Self::default();
        }
    }
}
