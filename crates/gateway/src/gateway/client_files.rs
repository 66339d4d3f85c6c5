//! The files of a client's scripts: for the client to look into, and removed with its session.

use std::sync::Arc;

use exuvia_journal::Event;
use exuvia_tool::{Arguments, CallId, Cost, Origin, ToolCall, ToolName};
use exuvia_workspace::OpenError;
use serde_json::json;

use super::Gateway;
use crate::workspaces::ClientWorkspace;
use crate::{Client, View, Workspaces};

/// What reads of files are recorded with: no configuration can name a server so.
const SERVER: &str = "exuvia:workspace";

impl Gateway {
    /// The workspace of the scripts that a client starts with what `view` shows. None: they have none.
    ///
    /// # Errors
    ///
    /// It cannot be opened.
    pub async fn client_workspace(&self, view: &View, client: &Client) -> Result<Option<ClientWorkspace>, OpenError> {
        if !view.profile().has_scripts() {
            return Ok(None);
        }
        let config = &view.scripts().settings.workspaces;
        self.workspaces.of_client(config, client, view.name().as_deref()).await
    }

    /// Records that a client read a file of its scripts, as its own call is: so many bytes of this address.
    pub fn record_file_read(&self, client: &Client, address: &str, bytes: u64) {
        let Ok(arguments) = Arguments::parse(json!({"uri": address}).to_string()) else { return };
        let record = self.recorder.of(&client.context(Origin::Direct(self.ids.direct_call())));
        let name = ToolName::new(SERVER, "resources/read");
        let call = ToolCall { id: CallId(1), name, arguments, line: None };
        record.note(Event::CallIntended { call, written: None, rule: String::new(), cost: Cost::ZERO });
        let code = "ok".to_owned();
        record.note(Event::CallEnded { id: CallId(1), code, outcome: None, value_bytes: bytes, ms: 0 });
    }

    /// The MCP session of a client has ended: files and sessions of scripts that are of it alone are removed, in the background, when no run
    /// uses them.
    pub fn end_session(&self, client: &Client) {
        if self.workspaces.has_session(client.name()) {
            self.threads.spawn(Arc::clone(&self.workspaces).end_session(client.name().to_string()));
        }
        if self.sessions.has_client(client.name()) {
            self.threads.spawn(Arc::clone(&self.sessions).end_client(client.name().to_string()));
        }
    }

    /// All workspaces.
    #[must_use]
    pub fn workspaces(&self) -> &Arc<Workspaces> {
        &self.workspaces
    }
}
