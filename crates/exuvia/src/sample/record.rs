//! The calls that a sample gets, for whoever counts them.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use exuvia_suite::tokens::ServerCall;
use rmcp::model::{CallToolResult, JsonObject};

use crate::child_client::text;

/// A file that several servers write to, a line for each call.
pub(super) struct Record {
    server: String,
    file: Mutex<File>,
}

impl Record {
    /// Of the server of this name.
    pub(super) fn open(server: &str, file: &Path) -> Result<Self> {
        let opened = OpenOptions::new().append(true).create(true).open(file);
        let file = Mutex::new(opened.with_context(|| file.display().to_string())?);
        Ok(Self { server: server.to_owned(), file })
    }

    /// Adds a call. Before its answer is sent, so that whoever has the answer finds the call.
    pub(super) fn add(&self, tool: &str, arguments: JsonObject, result: &CallToolResult) {
        let (server, tool, text) = (self.server.clone(), tool.to_owned(), text(result));
        let Ok(mut line) = serde_json::to_string(&ServerCall { server, tool, arguments, text }) else { return };
        line.push('\n');
        // In one write, so that lines of several servers do not mix. What cannot be written is missed by whoever counts.
        let _ = self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }
}
