//! Calls of a run that is brought back: answered from its record, then made.

use std::sync::Arc;

use exuvia_host::Hold;
use exuvia_journal::Reading;
use exuvia_tool::{BoxFuture, Deadline, Namespace, ToolCall, ToolHost, ToolOutcome};

use crate::resuming::Resuming;
use crate::source::Kind;

/// The [`ToolHost`] of a resumed run. What its record has no answer of is made when the record is over, and not before.
pub(crate) struct ResumeTools {
    pub(crate) resuming: Arc<Resuming>,
    /// What the script saw from its start.
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) live: Arc<dyn ToolHost>,
}

impl ToolHost for ResumeTools {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    fn call(&self, call: ToolCall, deadline: Deadline) -> BoxFuture<'static, ToolOutcome> {
        if let Some(outcome) = self.resuming.meet(&call) {
            return Box::pin(std::future::ready(outcome));
        }
        // It may be this call for which the script waited.
        if self.resuming.may_act() {
            return self.live.call(call, deadline);
        }
        let (resuming, live) = (Arc::clone(&self.resuming), Arc::clone(&self.live));
        Box::pin(async move {
            // Its time begins when it can be made.
            let hold = Hold::begin(&deadline);
            resuming.until_live().await;
            if !hold.end().await || !resuming.may_act() {
                return std::future::pending().await;
            }
            live.call(call, deadline).await
        })
    }

    fn search(&self, query: String) -> BoxFuture<'static, String> {
        match self.resuming.reading(Kind::Search) {
            Some(Reading::Found(text)) => {
                self.resuming.searches(true);
                Box::pin(std::future::ready(text))
            }
            _ if self.resuming.may_act() => {
                self.resuming.searches(false);
                self.live.search(query)
            }
            _ => Box::pin(std::future::pending()),
        }
    }

    fn script_ended(&self) {
        self.live.script_ended();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{Duration, Instant};

    use exuvia_journal::RunStart;
    use exuvia_tool::{ActiveTime, Arguments, CallError, CallId, Json, RunId, ToolName};

    use super::*;
    use crate::recorded_run::{CallState, RecordedCall, RecordedRun};

    /// Counts the calls that are made.
    struct Live(Namespace, AtomicU64);

    impl ToolHost for Live {
        fn namespace(&self) -> &Namespace {
            &self.0
        }

        fn call(&self, _: ToolCall, _: Deadline) -> BoxFuture<'static, ToolOutcome> {
            self.1.fetch_add(1, Ordering::SeqCst);
            Box::pin(std::future::ready(Ok(json("\"made\""))))
        }
    }

    fn json(text: &str) -> Json {
        Json::parse(text.to_owned()).expect("JSON")
    }

    fn call(id: u64, arguments: &str) -> ToolCall {
        let arguments = Arguments::parse(arguments.to_owned()).expect("JSON");
        ToolCall { id: CallId(id), name: ToolName::new("crm", "send"), arguments, line: None }
    }

    /// A run that made two calls and has the answer of the first, and where the host failed the third.
    fn resumed() -> (ResumeTools, Arc<Live>) {
        let recorded = |state| RecordedCall {
            name: ToolName::new("crm", "send"),
            arguments: "{}".to_owned(),
            line: None,
            state,
            is_intended: true,
        };
        let calls = [CallState::Answered(Ok(json("1"))), CallState::Held, CallState::Unknown];
        let (readings, clock) = Default::default();
        let run = RecordedRun {
            id: RunId::new("01J"),
            start: RunStart::default(),
            end: None,
            calls: (1..).map(CallId).zip(calls.map(recorded)).collect(),
            readings,
            cut: None,
            clock,
            host_failures: [(CallId(3), CallError::TimedOut(1))].into(),
        };
        let resuming = Resuming::new(Arc::new(run), Arc::new(ActiveTime::replayed(Instant::now())));
        let live = Arc::new(Live(Namespace::default(), AtomicU64::new(0)));
        let namespace = Arc::new(Namespace::default());
        // The script has made all of its calls, and none has had its turn.
        (1..=3).for_each(|id| drop(resuming.makes(CallId(id))));
        (ResumeTools { resuming, namespace, live: Arc::clone(&live) as Arc<dyn ToolHost> }, live)
    }

    fn deadline() -> Deadline {
        Deadline::after(Instant::now(), Duration::from_secs(60))
    }

    #[tokio::test]
    async fn what_is_recorded_of_a_call_counts_where_the_record_is_over_before_the_call_has_its_turn() {
        let (tools, live) = resumed();
        assert!(tools.resuming.reading(Kind::WallClock).is_none() && tools.resuming.is_live());
        assert_eq!(tools.call(call(1, "{}"), deadline()).await, Ok(json("1")));
        assert_eq!(tools.call(call(3, "{}"), deadline()).await, Err(CallError::TimedOut(1)));
        assert_eq!(live.1.load(Ordering::SeqCst), 0, "calls were made again");
        assert_eq!(tools.call(call(2, "{}"), deadline()).await, Ok(json("\"made\"")));
        assert_eq!(live.1.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_call_of_unknown_outcome_is_not_another_one_by_the_same_number() {
        let (tools, live) = resumed();
        assert!(tools.resuming.reading(Kind::WallClock).is_none() && tools.resuming.is_live());
        let other = tools.call(call(2, "{\"to\":2}"), deadline());
        assert!(tokio::time::timeout(Duration::from_millis(1), other).await.is_err());
        assert!(tools.resuming.departure().is_some() && live.1.load(Ordering::SeqCst) == 0);
    }

    #[tokio::test]
    async fn nothing_is_called_by_a_run_that_departs_after_its_record_is_over() {
        let (tools, live) = resumed();
        assert!(tools.resuming.reading(Kind::WallClock).is_none() && tools.resuming.is_live());
        let other = tools.call(call(1, "{\"to\":2}"), deadline());
        assert!(tokio::time::timeout(Duration::from_millis(1), other).await.is_err());
        assert!(tools.resuming.stop().is_cancelled() && tools.resuming.departure().is_some());
        assert!(!tools.resuming.may_act());
        let next = tools.call(call(2, "{}"), deadline());
        assert!(tokio::time::timeout(Duration::from_millis(1), next).await.is_err());
        assert_eq!(live.1.load(Ordering::SeqCst), 0);
    }
}
