//! A profile of the gateway as an MCP server: the four meta-tools, and the tools of direct servers.

mod functions;
mod invalid_params;
mod picking_up;
mod requests;
mod resources;
mod tools;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use exuvia_gateway::{Client, Gateway, Profile, View};
use rmcp::ErrorData;
use rmcp::model::{ConstString, SubscriptionsListenRequestMethod};
use rmcp::service::{RequestContext, RoleServer, SubscriptionContext};
use tokio_util::sync::CancellationToken;

use crate::PendingGateway;
use crate::changes::Changes;
use crate::detached_runs::DetachedRuns;
use crate::direct::{Direct, Shared};
use crate::large_arguments::BypassedArguments;
use crate::mistakes::Mistakes;
use crate::script_questions::PendingRuns;
use crate::updates::{Listener, Updates};
use crate::viewer::Viewer;

pub use invalid_params::METHODS;
pub(crate) use invalid_params::beforehand;
pub(crate) use tools::EXHAUSTED_KEY;

/// The gateway, and what there is to see at the moment.
type Opened = (Arc<Gateway>, Arc<View>);

/// Answers the clients of one profile that act for one principal: nothing here is shared with another one.
#[derive(Clone)]
pub(crate) struct McpHandler {
    gateway: PendingGateway,
    viewer: Viewer,
    shared: Arc<Shared>,
    detached_runs: Arc<DetachedRuns>,
    pending_runs: Arc<PendingRuns>,
    /// Arguments of calls that came over a pipe and went past rmcp.
    bypassed: Arc<BypassedArguments>,
    /// Cancelled at shutdown, so that open event streams end.
    ending: CancellationToken,
    /// Whether the client at the other end of a pipe is notified of changes.
    is_telling: Arc<AtomicBool>,
    mistakes: Arc<Mistakes>,
}

impl McpHandler {
    pub(crate) fn new(
        gateway: PendingGateway,
        viewer: Viewer,
        ending: CancellationToken,
        mistakes: Arc<Mistakes>,
    ) -> Self {
        let (shared, detached_runs, pending_runs, bypassed, is_telling) = Default::default();
        Self { gateway, viewer, shared, detached_runs, pending_runs, bypassed, ending, is_telling, mistakes }
    }

    /// Where arguments are put that go past rmcp.
    pub(crate) fn bypassed(&self) -> Arc<BypassedArguments> {
        Arc::clone(&self.bypassed)
    }

    /// How many questions of servers wait for an answer of its clients.
    pub(crate) fn open_questions(&self) -> usize {
        self.shared.open_questions()
    }

    /// What is known of the profile, the gateway may still be starting.
    fn profile(&self) -> Profile {
        self.viewer.profile(&self.gateway)
    }

    /// The gateway, and what there is to see at the moment.
    async fn open(&self) -> Result<Opened, ErrorData> {
        let ended = || ErrorData::internal_error("the gateway is shutting down", None);
        let gateway = self.gateway.get().await.ok_or_else(ended)?;
        let gone = || ErrorData::invalid_request("the profile, or the access to it, no longer exists", None);
        let view = self.viewer.view_ready(&gateway).await.ok_or_else(gone)?;
        Ok((gateway, view))
    }

    /// Changes of tools: those of direct servers, and the names of the servers that scripts see.
    pub(crate) async fn changes(&self) -> Option<Changes> {
        Changes::of(&self.gateway.get().await?, self.viewer.clone()).await
    }

    /// The notifications about resources that a client receives, if any.
    pub(crate) async fn updates(&self, client: Client) -> Option<Updates> {
        if !self.profile().has_direct() {
            return None;
        }
        Some(Updates::of(&self.gateway.get().await?, self.viewer.clone(), client))
    }

    /// Whether any server may notify of changes of its resources.
    fn offers_subscriptions(&self) -> bool {
        let view = || self.gateway.now().and_then(|gateway| Some((self.viewer.view(&gateway)?, gateway)));
        self.profile().has_direct() && view().is_none_or(|(view, gateway)| gateway.offers_subscriptions(&view))
    }

    /// Subscribes a client of the modern era to these, for as long as it listens.
    async fn subscribed(
        &self,
        listener: &SubscriptionContext,
        addresses: &[String],
    ) -> Result<(Listener, Updates), ErrorData> {
        let opened = self.open_direct::<SubscriptionsListenRequestMethod>().await?;
        let hearer = Listener::new(Arc::clone(&opened.0), &self.viewer);
        for address in addresses {
            self.direct(&opened, listener.request_context()).subscribe(&hearer.client, address).await?;
        }
        let updates = Updates::of(&opened.0, self.viewer.clone(), hearer.client.clone());
        Ok((hearer, updates))
    }

    /// Whether there are resources: of direct servers, or files of scripts.
    fn has_resources(&self) -> bool {
        let profile = self.profile();
        profile.has_direct() || has_files(&profile) || profile.offers_functions()
    }

    /// Opens what direct servers, workspaces and functions have.
    async fn open_resources<M: ConstString>(&self) -> Result<Opened, ErrorData> {
        if self.has_resources() { self.open().await } else { Err(ErrorData::method_not_found::<M>()) }
    }

    /// Opens what only direct servers have.
    async fn open_direct<M: ConstString>(&self) -> Result<Opened, ErrorData> {
        if self.profile().has_direct() { self.open().await } else { Err(ErrorData::method_not_found::<M>()) }
    }

    /// The skills that functions are.
    async fn open_skills<M: ConstString>(&self) -> Result<Opened, ErrorData> {
        if self.profile().offers_functions() { self.open().await } else { Err(ErrorData::method_not_found::<M>()) }
    }

    fn direct<'a>(&'a self, (gateway, view): &'a Opened, context: &'a RequestContext<RoleServer>) -> Direct<'a> {
        Direct { gateway, view, shared: &self.shared, context, identity: self.viewer.identity() }
    }
}

/// Whether clients of a profile look into the files of their scripts.
fn has_files(profile: &Profile) -> bool {
    profile.has_scripts() && profile.files().is_some()
}
