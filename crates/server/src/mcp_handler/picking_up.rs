//! A client asks for a run by its name: while the run waits for approvals, its user is asked for them.
//!
//! A run that was parked has no client that follows it. Whoever asks for it may be asked as if it had followed it: a client of the legacy era
//! beside its call, one of the modern era by the result of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use exuvia_gateway::meta::{self, BadRequest, EXECUTE_TOOL_CODE, MetaAnswer};
use exuvia_gateway::{AskedApproval, ClientQuestion};
use exuvia_runtime::{Outcome, Report};
use exuvia_tool::{ApprovalId, BoxFuture, Json, RunId};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rmcp::model::CallToolResponse;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::McpHandler;
use super::tools::{ScriptCall, answer, asked_run, text};
use crate::client::{client, is_modern};
use crate::script_questions::{PendingRun, PutAside};

/// How often it is looked whether something is asked, beside at each change that this process makes.
const POLL: Duration = Duration::from_millis(500);

impl McpHandler {
    /// What came of a run, or what it waits for: asked meanwhile.
    pub(super) async fn picked_up(&self, call: ScriptCall<'_>, run: &RunId) -> CallToolResponse {
        let (gateway, view) = call.opened;
        // The call may be one that sent the script: its run was parked meanwhile.
        let arguments = match asked_run(EXECUTE_TOOL_CODE.name, call.arguments) {
            Some(_) => call.arguments.clone(),
            None => [("run".to_owned(), Value::from(run.as_str()))].into_iter().collect(),
        };
        let mut made = std::pin::pin!(meta::call(gateway, view, call.client, EXECUTE_TOOL_CODE.name, &arguments));
        let mut changes = gateway.approval_changes();
        let (over, is_modern) = (CancellationToken::new(), is_modern(call.context));
        let mut known = BTreeSet::<ApprovalId>::new();
        let mut open = FuturesUnordered::<BoxFuture<'static, ()>>::new();
        let made: Result<MetaAnswer, BadRequest> = loop {
            let mut new = gateway.approvals_to_ask(view, call.client, run).await;
            new.retain(|asked| known.insert(asked.approval.id.clone()));
            if is_modern && !new.is_empty() {
                if let Some(asks) = self.asks_for(&call, run, new).await {
                    return asks;
                }
            } else {
                for asked in new {
                    let place = self.shared.questions().enter(client(call.context));
                    let question = ClientQuestion::Approval(Box::new(asked));
                    let Some(place) = place else { continue };
                    open.extend(call.asker.ask(question, call.context, place, over.clone()).await);
                }
            }
            let changed = async {
                match &mut changes {
                    Some(changes) => drop(tokio::time::timeout(POLL, changes.changed()).await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                made = &mut made => break made,
                () = call.context.ct.cancelled() => return text("the client is gone".to_owned(), true).into(),
                Some(()) = open.next(), if !open.is_empty() => {}
                () = changed => {}
            }
        };
        let waits = |report: &Report| matches!(report.outcome, Outcome::AwaitingApproval(_));
        if matches!(&made, Ok(MetaAnswer::Stored(stored)) if waits(&stored.report)) {
            // The client may still answer.
            tokio::spawn(async move { while open.next().await.is_some() {} });
        } else {
            over.cancel();
            while open.next().await.is_some() {}
        }
        match made {
            Ok(MetaAnswer::Text(answer)) => text(answer, false).into(),
            Ok(MetaAnswer::Stored(stored)) => answer(stored.render_aside().await).into(),
            // Without a script nothing is run.
            Ok(MetaAnswer::Run(_)) => text("the run goes on: ask for it again".to_owned(), false).into(),
            Err(error) => text(error.to_string(), true).into(),
        }
    }

    /// Asks a client of the modern era by a result. None: it cannot be asked, or there is no room.
    async fn asks_for(
        &self,
        call: &ScriptCall<'_>,
        run: &RunId,
        asked: Vec<AskedApproval>,
    ) -> Option<CallToolResponse> {
        let (sender, mut more) = mpsc::unbounded_channel();
        for asked in asked {
            // The other end is here.
            let _ = sender.send(ClientQuestion::Approval(Box::new(asked)));
        }
        let first = more.recv().await?;
        let asked = call.asker.asked(first, &mut more).await?;
        let (mut result, place) = asked.result().zip(self.shared.questions().enter(call.client.clone()))?;
        let arguments = Arc::new(Json::from_value(&Value::Object(call.arguments.clone())));
        let pending = PendingRun { run: PutAside::Named(run.clone()), asked, arguments, _place: place };
        result.request_state = Some(self.pending_runs.insert(pending).ok()?);
        Some(result.into())
    }
}
