//! Calls that need an approval, where somebody is asked.

use std::sync::Arc;

use exuvia_journal::{Approval, Event, JournalError, NewApproval};
use exuvia_policy::Classification;
use exuvia_replay::CallState;
use exuvia_runtime::Hold;
use exuvia_tool::{Arguments, CallError, CallId, Deadline, DispatchTicket, HeldCall, ToolCall, ToolName, ToolOutcome};

use super::rejected::{AWAITING, CallRejected};
use super::retries::is_repeatable;
use super::{Admitted, Authorization, CallKind, Inner};
use crate::approvals::{Answered, RunHolds, arguments_sha256};
use crate::ids::now_ms;
use crate::trees;

/// Why a call is asked about that the policy lists.
const UNKNOWN: &str = "the call was sent before the process ended, and what came of it is unknown";

impl Inner {
    /// Asks about a call, waits for the answer, and makes the call or not.
    pub(crate) async fn when_approved(
        self: &Arc<Self>,
        call: ToolCall,
        held: HeldCall,
        holds: &Arc<RunHolds>,
        deadline: &Deadline,
    ) -> ToolOutcome {
        let hold = Hold::begin(deadline);
        let place = holds.place(call.id).await;
        let answered = match self.record_held(&call, holds).await {
            Ok(()) => {
                let question = self.question(&call, &held, holds).await;
                holds.answer(held, question).await
            }
            Err(error) => Answered::Unavailable(error.to_string()),
        };
        drop(place);
        if !hold.end().await {
            // The run is parked.
            return std::future::pending().await;
        }
        let rejected = match answered {
            Answered::Approved(approval) => match self.admit_approved(&call, &approval, holds, deadline).await {
                Ok(admitted) => return self.dispatch(admitted, deadline.clone(), DispatchTicket::default()).await,
                // It is recorded.
                Err(rejected) => return self.rejected_outcome(rejected).await,
            },
            not => CallRejected::unapproved(&call.name, not),
        };
        self.record_refusal(call, &rejected);
        self.rejected_outcome(rejected).await
    }

    /// Records what the run has done so far and that the call is held, before anybody is asked: whoever brings the run back makes the same
    /// call.
    async fn record_held(&self, call: &ToolCall, holds: &RunHolds) -> Result<(), JournalError> {
        self.run.record.keep_up();
        if holds.has_open(call.id) {
            return Ok(());
        }
        let (code, rule) = (AWAITING.to_owned(), String::new());
        self.run.record.require(Event::CallRefused { call: call.clone(), code, error: None, rule }).await
    }

    async fn admit_approved(
        self: &Arc<Self>,
        call: &ToolCall,
        approval: &Approval,
        holds: &RunHolds,
        deadline: &Deadline,
    ) -> Result<Admitted, CallRejected> {
        if holds.tool_sha256(&call.name) != approval.tool_sha256 {
            let changed = Answered::Not("the tool is not the one any more that was asked about".to_owned());
            let rejected = CallRejected::unapproved(&call.name, changed);
            self.record_refusal(call.clone(), &rejected);
            return Err(rejected);
        }
        self.admit(call, CallKind::Tool, Authorization::Of(approval), Some(deadline)).await
    }

    /// What is asked about a call.
    async fn question(&self, call: &ToolCall, held: &HeldCall, holds: &RunHolds) -> NewApproval {
        let json = held.arguments.clone().unwrap_or_else(|| call.arguments.clone().into_json());
        let text = json.as_str().to_owned();
        let arguments = Arguments::from(json);
        let tree_bytes = arguments.extent().tree_bytes;
        let arguments_sha256 = trees::over(tree_bytes, move || {
            let mut arguments = arguments;
            arguments_sha256(&mut arguments)
        });
        let may_have_happened = self.is_unknown(call);
        let rule = match may_have_happened {
            true => UNKNOWN.to_owned(),
            false => match self.run.run_view.settings.policy.classify(&call.name) {
                Classification::Listed(_) => "listed after the script began".to_owned(),
                classification => classification.why(&call.name),
            },
        };
        holds.question(
            Some(call.clone()),
            (text, arguments_sha256.await),
            holds.tool_sha256(&call.name),
            (rule, may_have_happened),
            now_ms(),
        )
    }

    /// A call that was sent before, whose outcome is unknown, and that does harm if it is made twice: somebody is asked about it.
    pub(crate) fn unknown(&self, call: &ToolCall) -> Option<HeldCall> {
        if !self.is_unknown(call) {
            return None;
        }
        let mut amended = call.clone();
        // What is wrong with it is said when it is made.
        let _ = self.validate(&mut amended);
        let arguments = Some(amended.arguments.into_json());
        Some(HeldCall { id: Some(call.id), name: call.name.clone(), arguments, allow: String::new(), approval: None })
    }

    fn is_unknown(&self, call: &ToolCall) -> bool {
        let recorded = self.run.resumed.as_ref().and_then(|run| run.calls.get(&call.id));
        let is_open = recorded.is_some_and(|call| call.is_intended && call.state == CallState::Unknown);
        is_open && !self.may_repeat(&call.name)
    }

    fn may_repeat(&self, name: &ToolName) -> bool {
        let is_declared = || self.tool(name).is_ok_and(|tool| is_repeatable(tool.descriptor.annotations));
        self.run.authority.policy().repeats(name) || is_declared()
    }

    /// Whether somebody was asked about a call: it is not retried automatically.
    pub(crate) fn is_asked(&self, call: CallId) -> bool {
        self.run.holds.as_ref().is_some_and(|holds| holds.was_asked(call))
    }

    /// Nothing of a run is done that another process has, and nothing with an approval that covers something else.
    pub(crate) async fn take(&self, call: &ToolCall, by: Authorization<'_>) -> Result<(), CallRejected> {
        let Some(holds) = &self.run.holds else { return Ok(()) };
        let why = match holds.may_go_on().await {
            Ok(true) => None,
            Ok(false) => Some("another process has the run".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(why) = why {
            return Err(CallError::UpstreamUnavailable(format!("{} was not called: {why}", call.name)).into());
        }
        let Authorization::Of(approval) = by else { return Ok(()) };
        let mut arguments = call.arguments.clone();
        let tree_bytes = arguments.extent().tree_bytes;
        let now = trees::over(tree_bytes, move || arguments_sha256(&mut arguments)).await;
        if now != approval.arguments_sha256 {
            let changed = Answered::Not("what would be sent is not what was asked about".to_owned());
            return Err(CallRejected::unapproved(&call.name, changed));
        }
        holds.take(approval).await.map_err(|answered| CallRejected::unapproved(&call.name, answered))
    }
}
