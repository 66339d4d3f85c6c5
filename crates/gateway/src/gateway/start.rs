//! How a run starts.

use std::sync::Arc;

use exuvia_runtime::Script;
use exuvia_tool::{Origin, RunEvent, RunId};
use tokio::sync::mpsc;

use super::{Gateway, RunHandle};
use crate::admission::{AdmissionCheck, Checked, PrePass, StartedBy};
use crate::client_questions::{ClientAsker, ClientQuestion};
use crate::pending_namespace::PendingNamespace;
use crate::pending_run::PendingRun;
use crate::queue::{Busy, Client, QueuePlace};
use crate::repair::Repair;
use crate::run_span;
use crate::view::View;

/// A run that is about to begin, or to be brought back.
pub(crate) struct StartedRun {
    pub(crate) run: RunId,
    pub(crate) script: Script,
    pub(crate) by: StartedBy,
    /// The earlier run whose answers it takes.
    pub(crate) repair: Option<Repair>,
    /// The session in which it runs.
    pub(crate) session: Option<String>,
    pub(crate) place: QueuePlace,
}

/// What comes from a run while it is followed.
pub(crate) struct RunFeeds {
    pub(crate) events: mpsc::UnboundedReceiver<RunEvent>,
    pub(crate) questions: mpsc::UnboundedReceiver<ClientQuestion>,
}

impl Gateway {
    /// What would become of a client's script that is started now with what `view` shows, and why.
    #[must_use]
    pub fn check(&self, view: &View, script: &Script) -> Checked {
        let run_view = view.scripts();
        let admission = AdmissionCheck {
            by: StartedBy::Client,
            pre_pass: PrePass::On,
            namespace: &run_view.namespace,
            policy: &run_view.settings.policy,
            limits: &run_view.settings.limits,
            is_further: false,
        };
        admission.check(script)
    }

    /// Starts a script that sees what `view` shows, if it may start. It executes when its turn comes.
    ///
    /// # Errors
    ///
    /// The queue is full.
    pub fn start(&self, view: &View, script: Script, by: StartedBy, client: &Client) -> Result<RunHandle, Busy> {
        self.start_with(view, script, by, client, None, None)
    }

    /// The same, for a script that takes the answers of an earlier run, or goes on where others of a session stopped.
    pub(crate) fn start_with(
        &self,
        view: &View,
        script: Script,
        by: StartedBy,
        client: &Client,
        repair: Option<Repair>,
        session: Option<String>,
    ) -> Result<RunHandle, Busy> {
        let on_disconnect = view.scripts().settings.on_disconnect;
        let place = self.queue.enter_for(client, on_disconnect).inspect_err(|_| self.metrics.rejected())?;
        let run = self.ids.run();
        let (cancellation, answer_room) = (place.cancellation(), view.answer_room());
        let started = StartedRun { run: run.clone(), script, by, repair, session, place };
        let (prepared, span, RunFeeds { events, questions }) = self.prepared(view, client, started);
        let report = self.threads.spawn(run_span::over(span, prepared.execute()));
        let guard = cancellation.clone().drop_guard();
        Ok(RunHandle {
            events,
            questions,
            run,
            answer_room,
            on_disconnect,
            report,
            cancellation,
            _cancel_when_dropped: guard,
        })
    }

    /// A run with everything that it needs.
    pub(crate) fn prepared(
        &self,
        view: &View,
        client: &Client,
        started: StartedRun,
    ) -> (PendingRun, exuvia_trace::Span, RunFeeds) {
        let StartedRun { run, script, by, repair, session, place } = started;
        let context = client.context(Origin::Run(run.clone()));
        let span = run_span::begin(&run, client.principal(), exuvia_trace::current().as_ref());
        // Its calls are below it.
        let context = context.below(span.place());
        // Not bounded by its own length: a run's `log_bytes` and `tool_calls` bound what it can send.
        let (sender, events) = mpsc::unbounded_channel();
        let (asker, questions) = ClientAsker::of(client.can());
        let cancellation = place.cancellation();
        let run_view = Arc::clone(view.scripts());
        let registered = self.live.enter(run, &context, view.name(), cancellation.clone());
        let prepared = PendingRun {
            record: self.recorder.of(&context),
            context,
            identity: Arc::clone(client.identity()),
            profile: view.name(),
            claims: Arc::clone(client.claims()),
            repair: repair.map(Arc::new),
            is_kept: by == StartedBy::Client && self.archive.is_some() && !view.scripts().settings.repair_age.is_zero(),
            script,
            by,
            pre_pass: self.pre_pass,
            run_view,
            pending_namespace: PendingNamespace::of(&self.view_store, (view.name(), view.role()), by),
            authority: Arc::clone(&self.authority),
            spender: self.budgets.spender(client.identity(), client.budget().cloned()),
            engine: self.engine.clone(),
            analyses: Arc::clone(&self.analyses),
            events: sender,
            asker,
            cancellation,
            metrics: Arc::clone(&self.metrics),
            registered,
            approvals: self.approvals.clone(),
            view_store: Arc::clone(&self.view_store),
            client: Arc::clone(client.name()),
            workspaces: Arc::clone(&self.workspaces),
            // A script of a session that waited without its interpreter would keep the session waiting as well.
            can_park: self.archive.is_some() && self.recorder.keeps_readings() && session.is_none(),
            session,
            sessions: Arc::clone(&self.sessions),
            archive: self.archive.clone(),
            function_runs: self.function_runs.clone(),
            stopping: self.stopped.clone(),
            _place: place,
        };
        (prepared, span, RunFeeds { events, questions })
    }
}
