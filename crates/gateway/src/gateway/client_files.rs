//! The files of a client's scripts: for the client to look into, and removed with its session.

use std::sync::Arc;

use exuvia_workspace::OpenError;

use super::Gateway;
use crate::workspaces::ClientWorkspace;
use crate::{Client, View, Workspaces};

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

    /// The session of a client has ended: files that are of one session are removed, in the background, when no run has them open.
    pub fn end_files(&self, client: &Client) {
        if self.workspaces.has_session(client.name()) {
            self.threads.spawn(Arc::clone(&self.workspaces).end_session(client.name().to_string()));
        }
    }

    /// All workspaces.
    #[must_use]
    pub fn workspaces(&self) -> &Arc<Workspaces> {
        &self.workspaces
    }
}
