//! Direct mode: calls, resources, prompts and completions of servers, for clients.

mod call;
mod call_log;
mod directory;
mod in_flight;
mod input_requests;
mod lenient;
mod lists;
mod pending_input;
mod reads;
mod repair;
mod request_states;
mod results;
mod subscriptions;
mod tasks;

use std::sync::Arc;

use exuvia_access::Identity;
use exuvia_gateway::{Gateway, View};
use rmcp::service::{RequestContext, RoleServer};

use crate::questions::OpenQuestions;
use directory::{Asker, Directory};
use pending_input::PendingInputRequests;
use request_states::RequestStates;
use tasks::Tasks;

pub(crate) use lists::{Page, absent, notices, tool};

/// What the clients of one profile share that act for one principal.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pending_input: Arc<PendingInputRequests>,
    questions: Arc<OpenQuestions>,
    directory: Directory,
    tasks: Tasks,
    states: RequestStates,
}

impl Shared {
    /// The questions that its clients have before them.
    pub(crate) fn questions(&self) -> &Arc<OpenQuestions> {
        &self.questions
    }

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
