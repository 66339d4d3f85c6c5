//! Graceful shutdown: requests in flight complete, within a bound.

use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::PendingGateway;

/// How long the reports of cancelled runs may take to reach their clients.
const LAST_ANSWERS: Duration = Duration::from_secs(3);
/// The interval at which running work is polled.
const GLANCE: Duration = Duration::from_millis(20);
/// How long connections may take to close once nothing is open on them.
const LAST_BYTES: Duration = Duration::from_millis(500);

/// The wish that a server ends. Clones are the same wish.
#[derive(Debug, Clone, Default)]
pub struct ShutdownSignal {
    asked: CancellationToken,
    insisted: CancellationToken,
}

impl ShutdownSignal {
    /// Requests a graceful shutdown: requests in flight may complete. A second call cancels them.
    pub fn ask(&self) {
        if self.asked.is_cancelled() {
            self.insisted.cancel();
        }
        self.asked.cancel();
    }
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// All requests completed.
    Clean,
    /// Runs were cancelled, and their clients got a report.
    Cancelled {
        /// How many.
        runs: usize,
    },
}

/// The requests in flight, and the signal to stop.
#[derive(Clone)]
pub(super) struct Drain {
    stop: ShutdownSignal,
    open: TaskTracker,
}

impl Drain {
    pub(super) fn new(stop: ShutdownSignal) -> Self {
        Self { stop, open: TaskTracker::new() }
    }

    /// Waits until the stop is asked for.
    pub(super) async fn asked(&self) {
        self.stop.asked.cancelled().await;
    }

    /// Cancelled when it is.
    pub(super) fn ending(&self) -> CancellationToken {
        self.stop.asked.clone()
    }

    /// Whether it is.
    pub(super) fn is_asked(&self) -> bool {
        self.stop.asked.is_cancelled()
    }

    /// Counts a request as open until the token is dropped.
    pub(super) fn open(&self) -> TaskTrackerToken {
        self.open.token()
    }

    /// Waits until no request is open, and no script runs whose session has lost its stream or that was brought back.
    async fn quiet(&self, gateway: &PendingGateway) {
        // One that is brought back now would meet servers that end.
        if let Some(gateway) = gateway.now() {
            gateway.stop_bringing_back();
        }
        self.open.wait().await;
        while gateway.now().is_some_and(|gateway| gateway.runs() > 0 || gateway.is_bringing_back()) {
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Waits for what is open, cancels what takes too long, and closes the connections.
    pub(super) async fn finish(
        &self,
        gateway: &PendingGateway,
        connections: GracefulShutdown,
        sessions: &CancellationToken,
        within: Duration,
    ) -> Shutdown {
        self.open.close();
        let in_time = tokio::select! {
            in_time = timeout(within, self.quiet(gateway)) => in_time.is_ok(),
            () = self.stop.insisted.cancelled() => false,
        };
        let mut drained = Shutdown::Clean;
        if !in_time && let Some(started) = gateway.now() {
            drained = Shutdown::Cancelled { runs: started.runs() };
            started.cancel_runs();
            let _ = timeout(LAST_ANSWERS, self.quiet(gateway)).await;
        }
        // Streams that wait for events have nothing to come to an end with.
        sessions.cancel();
        let _ = timeout(LAST_BYTES, connections.shutdown()).await;
        drained
    }
}
