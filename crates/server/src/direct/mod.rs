//! Direct mode: calls, resources, prompts and completions of servers, for clients.

mod call;
mod call_log;
mod client_messages;
mod directory;
mod in_flight;
mod input_requests;
mod lenient;
mod lists;
mod open_questions;
mod pending_input;
mod question_form;
mod reads;
mod repair;
mod results;
mod subscriptions;
mod tasks;

use std::sync::Arc;

use exuvia_access::Identity;
use exuvia_gateway::{Gateway, View};
use rmcp::service::{RequestContext, RoleServer};

use directory::{Asker, Directory};
use open_questions::OpenQuestions;
use pending_input::PendingInputRequests;
use tasks::Tasks;

pub(crate) use lists::{Page, absent, notices, tool};

/// What the clients of one profile share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pending_input: Arc<PendingInputRequests>,
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

/// One request of a client to a direct server.
pub(crate) struct Direct<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) view: &'a View,
    pub(crate) shared: &'a Shared,
    pub(crate) context: &'a RequestContext<RoleServer>,
    pub(crate) identity: Arc<Identity>,
}

impl Direct<'_> {
    fn asker(&self) -> Asker<'_> {
        Asker { gateway: self.gateway, view: self.view, identity: &self.identity }
    }
}
