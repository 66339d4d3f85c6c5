//! The analysis of scripts before they start: a few at a time, and of long ones off the threads that runs compute on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_analysis::{Finding, MayCall, Note, Precision};
use exuvia_journal::Object;
use exuvia_policy::Grants;
use exuvia_replay::sha256_hex;
use exuvia_runtime::{Outcome, Script};
use exuvia_tool::HeldCall;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::admission::{AdmissionCheck, AdmissionResult, AdmissionVerdict, Decision, PrePass, StartedBy};
use crate::settings::RunView;

/// The longest script that is read where it is executed, in bytes. One of 1 KiB takes 0.28 ms (`cargo bench --bench decisions`, Zen 5), and twice to wake
/// another thread takes longer than most of them.
const SHORT_BYTES: u64 = 512;

/// How a script is read.
pub(crate) struct ScriptAnalysis {
    pub(crate) by: StartedBy,
    pub(crate) pre_pass: PrePass,
    pub(crate) run_view: Arc<RunView>,
    /// Whether it may be read again when more servers are there.
    pub(crate) may_wait: bool,
    /// Whether the servers and tools that it sees are kept.
    pub(crate) keeps_namespace: bool,
    /// Whether somebody is asked where the policy asks.
    pub(crate) asks: bool,
    /// Scripts of its session were before it.
    pub(crate) is_further: bool,
}

/// What comes of it.
pub(crate) enum AnalysisOutcome {
    /// It starts.
    Starts(AdmittedScript),
    /// It names a server that is still starting.
    Early(Script),
    /// It does not: its outcome, and its size and digest.
    Refused { outcome: Outcome, source: (u64, String) },
}

/// A script that starts.
pub(crate) struct AdmittedScript {
    pub(crate) script: Script,
    pub(crate) source_sha256: String,
    pub(crate) grants: Grants,
    /// Why it may run.
    pub(crate) rule: String,
    /// The servers and tools that it sees, if they are kept.
    pub(crate) namespace: Option<Arc<Object>>,
    /// These are logged.
    pub(crate) notes: Vec<Note>,
    /// What fails in it and is caught by it.
    pub(crate) caught: Vec<Finding>,
    /// A note for the case that it comes to nothing.
    pub(crate) ending: Option<String>,
    /// The time of the analysis.
    pub(crate) took: Duration,
    /// The tools that somebody is to be asked about before it starts.
    pub(crate) held: Vec<HeldCall>,
    /// What it may call, for whoever is asked.
    pub(crate) reads: Option<(MayCall, Precision)>,
}

impl ScriptAnalysis {
    /// Waits for a turn and reads the script. One that is cancelled is not read, or not waited for.
    pub(crate) async fn of(
        self,
        script: Script,
        turns: &Arc<Semaphore>,
        cancelled: &CancellationToken,
    ) -> AnalysisOutcome {
        let bytes = script.source().len() as u64;
        let unread = |outcome| AnalysisOutcome::Refused { outcome, source: (bytes, String::new()) };
        let turn = tokio::select! {
            biased;
            () = cancelled.cancelled() => return unread(Outcome::Cancelled),
            // The semaphore is never closed. The permit is held for the whole analysis, even if the request was cancelled.
            turn = Arc::clone(turns).acquire_owned() => turn,
        };
        if bytes <= SHORT_BYTES && (!self.keeps_namespace || self.run_view.kept.has_namespace()) {
            return self.now(script);
        }
        let read = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            self.now(script)
        });
        tokio::select! {
            () = cancelled.cancelled() => unread(Outcome::Cancelled),
            read = read => read.unwrap_or_else(|error| {
                unread(Outcome::Fault(format!("the analysis ended without a verdict: {error}")))
            }),
        }
    }

    fn now(self, script: Script) -> AnalysisOutcome {
        let begun = Instant::now();
        let RunView { namespace, settings, kept, .. } = &*self.run_view;
        let (by, pre_pass) = (self.by, self.pre_pass);
        let (policy, limits, is_further) = (&settings.policy, &settings.limits, self.is_further);
        let admission = AdmissionCheck { by, pre_pass, namespace, policy, limits, is_further };
        let AdmissionResult { verdict, rule, notes, caught, ending, is_early, reads } = admission.decide(&script);
        if is_early && self.may_wait {
            return AnalysisOutcome::Early(script);
        }
        let (decision, held) = match verdict {
            AdmissionVerdict::NeedsApproval(held) if self.asks => {
                let asked = held.iter().map(|held| held.name.clone()).collect();
                (Decision::Start(Grants::approved_start(&settings.policy, namespace, asked)), held)
            }
            verdict => (Decision::of(verdict, script.source()), Vec::new()),
        };
        match decision {
            Decision::Start(grants) => {
                let source_sha256 = sha256_hex(script.source());
                let namespace = self.keeps_namespace.then(|| kept.namespace(namespace));
                let (reads, took) = (reads.filter(|_| self.asks), begun.elapsed());
                let admitted = AdmittedScript {
                    script,
                    source_sha256,
                    grants,
                    rule,
                    namespace,
                    notes,
                    caught,
                    ending,
                    took,
                    held,
                    reads,
                };
                AnalysisOutcome::Starts(admitted)
            }
            Decision::Not(outcome) => AnalysisOutcome::Refused { outcome, source: digest(&script) },
        }
    }
}

fn digest(script: &Script) -> (u64, String) {
    (script.source().len() as u64, sha256_hex(script.source()))
}

#[cfg(test)]
mod tests {
    use exuvia_catalog::files::StubFiles;
    use exuvia_config::UpstreamLimits;
    use exuvia_runtime::Limits;
    use exuvia_tool::Namespace;
    use exuvia_upstream::Upstreams;

    use super::*;
    use crate::kept_view::KeptView;
    use crate::{OnDisconnect, Profiles, QueueLimits, Settings};

    async fn reading() -> ScriptAnalysis {
        let upstreams = Upstreams::start(Vec::new(), UpstreamLimits::default()).await;
        let settings = Settings {
            roles: Arc::default(),
            layouts: Default::default(),
            profiles: Profiles::default(),
            policy: Arc::default(),
            limits: Limits { source_bytes: 10 << 20, ..Limits::default() },
            queue: QueueLimits::default(),
            answer_bytes: 1_000,
            preview_tokens: 2_000,
            on_disconnect: OnDisconnect::Cancel,
            repair_age: Duration::ZERO,
            workspaces: Arc::default(),
            sessions: None,
            functions: None,
            pins: Default::default(),
        };
        let namespace: Arc<Namespace> =
            Arc::new(exuvia_catalog::build(Vec::<(String, Vec<Arc<exuvia_tool::ToolDescriptor>>)>::new()));
        let stubs = Arc::new(StubFiles::new(Arc::clone(&namespace), Default::default()));
        let (routes, settings, answer_shapes, pins) = (upstreams.routes(), Arc::new(settings), None, None);
        let run_view = RunView {
            namespace,
            stubs,
            routes,
            settings,
            answer_shapes,
            pins,
            functions: None,
            kept: KeptView::default(),
        };
        let (by, pre_pass) = (StartedBy::Operator, PrePass::On);
        let (may_wait, keeps_namespace, asks) = (false, false, false);
        let is_further = false;
        ScriptAnalysis { by, pre_pass, run_view: Arc::new(run_view), may_wait, keeps_namespace, asks, is_further }
    }

    /// One thread reads, and is kept busy by the test until it is to read.
    #[test]
    fn scripts_are_read_in_turn_and_one_that_is_cancelled_keeps_its_turn_until_it_is_read() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().max_blocking_threads(1).build().unwrap().block_on(async {
            let (first, second, third) = (reading().await, reading().await, reading().await);
            let (let_go, busy) = std::sync::mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || busy.recv());
            let turns = Arc::new(Semaphore::new(1));
            let (cancelled, waits) = (CancellationToken::new(), CancellationToken::new());
            let (reader, theirs) = (Arc::clone(&turns), cancelled.clone());
            let long = format!("1{}", " ".repeat(2_000));
            let first = tokio::spawn(async move { first.of(Script::new(long), &reader, &theirs).await });
            while turns.available_permits() > 0 {
                tokio::task::yield_now().await;
            }
            // Another one waits, and can be cancelled while it does.
            let (second, ()) = tokio::join!(second.of(Script::new("1"), &turns, &waits), async { waits.cancel() });
            assert!(matches!(&second, AnalysisOutcome::Refused { outcome: Outcome::Cancelled, source } if source.1.is_empty()));
            cancelled.cancel();
            assert!(matches!(first.await.unwrap(), AnalysisOutcome::Refused { outcome: Outcome::Cancelled, .. }));
            assert_eq!(turns.available_permits(), 0, "it is still to be read");
            let_go.send(()).unwrap();
            busy.await.unwrap().unwrap();
            let third = third.of(Script::new("1"), &turns, &CancellationToken::new()).await;
            let AnalysisOutcome::Starts(AdmittedScript { took, .. }) = third else { panic!() };
            assert!(took < Duration::from_secs(20));
            assert_eq!(turns.available_permits(), 1);
        });
    }
}
