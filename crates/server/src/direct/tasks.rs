//! Tasks of direct servers (SEP-2663): what a call became, and what clients do with it.
//!
//! A client of the newer era has no session, and may come back for its task on another connection: what makes a task its own is
//! that nobody else knows the task's name. Servers may count theirs, so clients are given other ones, which cannot be guessed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use exuvia_tool::{Json, ToolName};
use exuvia_upstream::Query;
use indexmap::IndexMap;
use rmcp::ErrorData;
use rmcp::model::{CallToolResponse, CreateTaskResult, GetTaskResult};
use serde::Serialize;
use serde_json::Value;

use super::Direct;
use super::relayed;

/// What the names of tasks begin with.
const PREFIX: &str = "exuvia-task-";
/// Tasks that are remembered.
const THINGS: usize = 10_000;
/// The longest name that a server may give a task, in bytes.
const NAME_BYTES: usize = 4 << 10;

/// The tasks of the clients of one profile, by the names that clients know. With too many, the oldest are forgotten.
#[derive(Debug, Default)]
pub(super) struct Tasks(Mutex<IndexMap<String, Task>>);

#[derive(Debug, Clone)]
struct Task {
    server: String,
    /// The server's own name of it.
    id: String,
}

impl Tasks {
    fn tasks(&self) -> MutexGuard<'_, IndexMap<String, Task>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a task a name for its client. `None`: it has too long a name of its own, or there is no randomness.
    fn add(&self, server: &str, id: &str) -> Option<String> {
        let mut random = [0; 16];
        if id.len() > NAME_BYTES || getrandom::fill(&mut random).is_err() {
            return None;
        }
        let name = format!("{PREFIX}{:032x}", u128::from_ne_bytes(random));
        let mut tasks = self.tasks();
        if tasks.len() >= THINGS {
            tasks.shift_remove_index(0);
        }
        tasks.insert(name.clone(), Task { server: server.to_owned(), id: id.to_owned() });
        Some(name)
    }

    fn find(&self, name: &str) -> Option<Task> {
        self.tasks().get(name).cloned()
    }
}

impl Direct<'_> {
    /// A call became a task: the client finds it again by its name.
    pub(super) fn task(&self, tool: &ToolName, result: &Json) -> CallToolResponse {
        let task = relayed::typed::<CreateTaskResult>(result);
        let named = task.and_then(|mut task| {
            task.task.task_id = self.shared.tasks.add(&tool.server, &task.task.task_id)?;
            Some(task)
        });
        match named {
            Some(task) => task.into(),
            None => relayed::failure(&format!("{tool} became a task that this gateway cannot hand on")),
        }
    }

    /// How far a task is, or its result.
    ///
    /// # Errors
    ///
    /// There is no such task, or its server says so.
    pub(crate) async fn get_task(&self, name: &str, params: &impl Serialize) -> Result<GetTaskResult, ErrorData> {
        let result = self.ask_owner(name, params, Query::GetTask).await?;
        let mut task: GetTaskResult = relayed::typed(&result).ok_or_else(relayed::unreadable)?;
        name.clone_into(&mut task.task.task.task_id);
        Ok(task)
    }

    /// Gives a task what it asks for.
    ///
    /// # Errors
    ///
    /// There is no such task, or its server says so.
    pub(crate) async fn update_task(&self, name: &str, params: &impl Serialize) -> Result<(), ErrorData> {
        self.ask_owner(name, params, Query::UpdateTask).await.map(|_| ())
    }

    /// Ends a task.
    ///
    /// # Errors
    ///
    /// There is no such task, or its server says so.
    pub(crate) async fn cancel_task(&self, name: &str, params: &impl Serialize) -> Result<(), ErrorData> {
        self.ask_owner(name, params, Query::CancelTask).await.map(|_| ())
    }

    async fn ask_owner(
        &self,
        name: &str,
        params: &impl Serialize,
        query: impl FnOnce(Value) -> Query,
    ) -> Result<Json, ErrorData> {
        let unknown = || ErrorData::invalid_params(format!("there is no task {name:?}"), None);
        let task = self.shared.tasks.find(name).ok_or_else(unknown)?;
        let mut params = serde_json::to_value(params).map_err(|_| relayed::unreadable())?;
        params["taskId"] = Value::String(task.id);
        self.ask(&task.server, query(params)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_have_names_of_their_own_also_where_servers_give_the_same() {
        let tasks = Tasks::default();
        let [crm, billing] = ["crm", "billing"].map(|server| tasks.add(server, "1").unwrap());
        assert_ne!(crm, billing);
        assert_eq!(tasks.find(&billing).map(|task| (task.server, task.id)), Some(("billing".into(), "1".into())));
        assert!(tasks.find("1").is_none());
        assert!(tasks.add("crm", &"x".repeat(NAME_BYTES + 1)).is_none());
        for n in 0..THINGS {
            tasks.add("crm", &n.to_string()).unwrap();
        }
        assert!(tasks.find(&crm).is_none() && tasks.tasks().len() == THINGS);
    }
}
