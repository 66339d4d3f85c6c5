//! Tasks of direct servers (SEP-2663): what a call became, and what clients do with it.

use exuvia_tool::{Json, ToolName};
use exuvia_upstream::Query;
use rmcp::ErrorData;
use rmcp::model::{CallToolResponse, CreateTaskResult, GetTaskResult};
use serde::Serialize;
use serde_json::Value;

use super::Direct;
use super::relayed;

impl Direct<'_> {
    /// A call became a task: the client finds it again by its name.
    pub(super) fn task(&self, tool: &ToolName, result: &Json) -> CallToolResponse {
        match relayed::typed::<CreateTaskResult>(result) {
            Some(task) if self.shared.tasks.claim(&task.task.task_id, &tool.server) => task.into(),
            _ => relayed::failure(&format!("{tool} became a task that this gateway cannot hand on")),
        }
    }

    /// How far a task is, or its result.
    ///
    /// # Errors
    ///
    /// There is no such task, or its server says so.
    pub(crate) async fn get_task(&self, id: &str, params: &impl Serialize) -> Result<GetTaskResult, ErrorData> {
        let result = self.ask_owner(id, params, Query::GetTask).await?;
        relayed::typed(&result).ok_or_else(relayed::unreadable)
    }

    /// Gives a task what it asks for.
    ///
    /// # Errors
    ///
    /// There is no such task, or its server says so.
    pub(crate) async fn update_task(&self, id: &str, params: &impl Serialize) -> Result<(), ErrorData> {
        self.ask_owner(id, params, Query::UpdateTask).await.map(|_| ())
    }

    /// Ends a task.
    ///
    /// # Errors
    ///
    /// There is no such task, or its server says so.
    pub(crate) async fn cancel_task(&self, id: &str, params: &impl Serialize) -> Result<(), ErrorData> {
        self.ask_owner(id, params, Query::CancelTask).await.map(|_| ())
    }

    async fn ask_owner(
        &self,
        id: &str,
        params: &impl Serialize,
        query: impl FnOnce(Value) -> Query,
    ) -> Result<Json, ErrorData> {
        let unknown = || ErrorData::invalid_params(format!("there is no task {id:?}"), None);
        let server = self.shared.tasks.owner(id).ok_or_else(unknown)?;
        let params = serde_json::to_value(params).map_err(|_| relayed::unreadable())?;
        self.ask(&server, query(params)).await
    }
}
