//! What a gateway is at the moment: its servers, runs, clients and counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use exuvia_upstream::{Failing, ServerStatus};

use super::Gateway;
use crate::configuration::Configuration;
use crate::queue::Client;
use crate::runs::Runs;

impl Gateway {
    /// The servers behind it, as they are.
    #[must_use]
    pub fn servers(&self) -> Arc<[ServerStatus]> {
        self.upstreams.servers()
    }

    /// The servers whose every call fails at the moment, and why, by name.
    #[must_use]
    pub fn failing(&self) -> BTreeMap<String, Failing> {
        self.upstreams.failing()
    }

    /// The last lines that the processes of a server wrote to standard error: at most so many. None: there is no such server.
    #[must_use]
    pub fn server_log(&self, server: &str, lines: usize) -> Option<Vec<String>> {
        self.upstreams.log(server, lines)
    }

    /// Connects to a server anew. Calls in flight on its shared connection break off. Whether there is such a server.
    pub fn reconnect(&self, server: &str) -> bool {
        self.upstreams.reconnect(server)
    }

    /// How many scripts are in flight: executing, or waiting for their turn.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.queue.runs()
    }

    /// The runs in flight.
    #[must_use]
    pub fn live_runs(&self) -> &Runs {
        &self.live
    }

    /// What was counted so far, and the state of the queue and the servers, as OpenMetrics text.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.metrics.memory_held(self.engine.held_memory_bytes());
        self.metrics.faults_counted(self.engine.counts_faults_right());
        self.metrics.warm_sessions(self.sessions.warm());
        self.metrics.direct_requests(self.requests.runs());
        self.metrics.configuration(&self.configuration);
        self.metrics.budgets(&self.budgets.used());
        self.metrics.runs_in_flight(self.runs(), self.live.executing());
        let (lanes, withheld) = (self.upstreams.lanes(), self.view_store.withheld());
        self.metrics.text(&self.servers(), &self.failing(), &lanes, &self.upstreams.retiring(), &withheld)
    }

    /// Whether what is in force is what its files say.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Whether the journal keeps what is appended to it. While it does not, no script runs and no call is made.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        !self.recorder.is_failing()
    }

    /// Cancels every run, those that are started later too. Each still gives its report.
    pub fn cancel_runs(&self) {
        self.stopped.cancel();
    }

    /// Cancels every run of a client that is gone, and its own calls. Each run still gives its report.
    pub fn cancel_client(&self, client: &Client) {
        self.queue.cancel(client);
        self.requests.cancel(client);
        self.forget_subscriptions(client);
        self.client_left(client);
    }

    /// A client is gone, and may come back under another name for what it left: connections to servers that were its own end when
    /// nothing is in flight there.
    pub fn client_left(&self, client: &Client) {
        self.upstreams.routes().client_gone(client.name());
        self.end_session(client);
    }

    /// A client that [left](Self::client_left) asks again: a proxy sends its requests over the connection that others use in between.
    pub fn client_returned(&self, client: &Client) {
        self.upstreams.routes().client_returned(client.name());
    }

    /// A client disconnected without cancelling: cancels its own calls, and its scripts unless they come to their end without it
    /// ([`OnDisconnect`](crate::OnDisconnect)). Each still gives its report.
    pub fn client_gone(&self, client: &Client) {
        self.queue.gone(client);
        self.requests.gone(client);
    }

    /// Whether a client has a script or a request of its own in flight.
    #[must_use]
    pub fn is_busy_for(&self, client: &Client) -> bool {
        self.queue.has(client) || self.requests.has(client)
    }
}
