//! Direct mode: calls, resources, prompts and completions of servers, for clients.

mod asking;
mod call;
mod conversation;
mod dialogue;
mod directory;
mod lenient;
mod lists;
mod mended;
mod open_questions;
mod parked;
mod reads;
mod relayed;
mod shown;
mod subscriptions;
mod tasks;
mod told;

use std::sync::Arc;

use exuvia_gateway::{Gateway, View};
use rmcp::service::{RequestContext, RoleServer};

use directory::{Asker, Directory};
use open_questions::OpenQuestions;
use parked::Parked;
use tasks::Tasks;

pub(crate) use lists::{Page, absent, notices, tool};

/// What the clients of one profile share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    parked: Arc<Parked>,
    questions: Arc<OpenQuestions>,
    directory: Directory,
    tasks: Tasks,
}

impl Shared {
    /// How many questions of servers wait for an answer of a client.
    pub(crate) fn open_questions(&self) -> usize {
        self.questions.count()
    }
}

/// One request of a client, on its way to a server.
pub(crate) struct Direct<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) view: &'a View,
    pub(crate) shared: &'a Shared,
    pub(crate) context: &'a RequestContext<RoleServer>,
}

impl Direct<'_> {
    fn asker(&self) -> Asker<'_> {
        Asker { gateway: self.gateway, view: self.view }
    }
}
