//! Tasks of direct servers (SEP-2663): what a call became, and what clients do with it.
//!
//! A client of the modern era has no session and may ask for its task on another connection, so a task is protected by its id,
//! which nobody else knows. Servers may number their tasks, so clients get other ids: the server and its own id, signed with
//! a key of this process and profile. No state is kept, so no client's tasks evict another's.

use std::fmt;

use exuvia_mcp_client::{Query, question_form};
use exuvia_tool::{Json, ToolName};
use rmcp::ErrorData;
use rmcp::model::{CallToolResponse, CreateTaskResult, GetTaskResult, InputRequests, RequestStateCodec, TaskPayload};
use serde::Serialize;
use serde_json::{Map, Value};

use super::Direct;
use super::request_states::new_codec;
use super::results;
use crate::questions::abilities;

/// What the names of tasks begin with.
const PREFIX: &str = "exuvia-task-";
/// The longest name that a server may give a task, in bytes.
const ID_BYTES: usize = 1 << 10;
/// The longest name of a task that is looked at, in bytes.
const NAME_BYTES: usize = 4 << 10;

/// The names of the tasks of one profile.
pub(super) struct Tasks(Option<RequestStateCodec>);

impl Default for Tasks {
    /// With a new key. Where the system has no randomness there are no tasks.
    fn default() -> Self {
        Self(new_codec())
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tasks")
    }
}

impl Tasks {
    /// Gives a task a name for its client. `None`: it has too long a name of its own, or there is no randomness.
    fn name(&self, server: &str, id: &str) -> Option<String> {
        // A number that is new each time: of two tasks that a server names alike neither is the other's.
        let mut nonce = [0; 8];
        getrandom::fill(&mut nonce).ok().filter(|()| id.len() <= ID_BYTES)?;
        let sealed = self.0.as_ref()?.seal_json(&(server, id, u64::from_ne_bytes(nonce))).ok()?;
        Some(format!("{PREFIX}{sealed}"))
    }

    /// The server of a task and its own name of it.
    fn find(&self, name: &str) -> Option<(String, String)> {
        let sealed = name.strip_prefix(PREFIX).filter(|_| name.len() <= NAME_BYTES)?;
        let (server, id, _): (String, String, u64) = self.0.as_ref()?.open_json(sealed).ok()?;
        Some((server, id))
    }
}

impl Direct<'_> {
    /// A call became a task: the client finds it again by its name.
    pub(super) fn task(&self, tool: &ToolName, result: &Json) -> CallToolResponse {
        let task = results::typed::<CreateTaskResult>(result);
        let named = task.and_then(|mut task| {
            task.task.task_id = self.shared.tasks.name(&tool.server, &task.task.task_id)?;
            Some(task)
        });
        match named {
            Some(task) => task.into(),
            None => results::failure(&format!("{tool} became a task that this gateway cannot forward")),
        }
    }

    /// How far a task is, or its result.
    ///
    /// # Errors
    ///
    /// There is no such task, or its server says so.
    pub(crate) async fn get_task(&self, name: &str, params: &impl Serialize) -> Result<GetTaskResult, ErrorData> {
        let result = self.ask_owner(name, params, Query::GetTask).await?;
        let mut task: GetTaskResult = results::typed(&result).ok_or_else(results::unreadable)?;
        name.clone_into(&mut task.task.task.task_id);
        if let TaskPayload::InputRequired { input_requests } = &mut task.task.payload {
            let (server, _) = self.shared.tasks.find(name).ok_or_else(results::unreadable)?;
            *input_requests = self.shown_inputs(&server, input_requests).ok_or_else(results::unreadable)?;
        }
        Ok(task)
    }

    /// What a task of `server` asks for, as far as this client can be asked it.
    fn shown_inputs(&self, server: &str, requests: &InputRequests) -> Option<InputRequests> {
        let requests: Map<String, Value> = serde_json::from_str(&serde_json::to_string(requests).ok()?).ok()?;
        let shown = question_form::requests(server, requests, abilities(self.context));
        serde_json::from_str(&Value::Object(shown).to_string()).ok()
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
        let unknown = || {
            let name = exuvia_text::quoted(name, 80);
            ErrorData::invalid_params(
                format!("unknown task {name}: use the taskId from the response of the call"),
                None,
            )
        };
        let (server, id) = self.shared.tasks.find(name).ok_or_else(unknown)?;
        let mut params = serde_json::to_value(params).map_err(|_| results::unreadable())?;
        params["taskId"] = Value::String(id);
        self.ask(&server, query(params)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_have_names_of_their_own_also_where_servers_give_the_same() {
        let tasks = Tasks::default();
        let [crm, billing] = ["crm", "billing"].map(|server| tasks.name(server, "1").unwrap());
        assert_ne!(crm, billing);
        assert_ne!(crm, tasks.name("crm", "1").unwrap());
        assert_eq!(tasks.find(&billing), Some(("billing".into(), "1".into())));
        assert_eq!(tasks.find(&crm), Some(("crm".into(), "1".into())));
        assert!(tasks.name("crm", &"x".repeat(ID_BYTES)).is_some());
        assert!(tasks.name("crm", &"x".repeat(ID_BYTES + 1)).is_none());
    }

    #[test]
    fn no_name_is_made_or_changed_by_others() {
        let tasks = Tasks::default();
        let name = tasks.name("crm", "1").unwrap();
        assert!(!name.contains("\"crm\""), "{name}");
        let mut changed = name.clone();
        changed.replace_range(
            PREFIX.len() + 8..PREFIX.len() + 9,
            if &name[PREFIX.len() + 8..=PREFIX.len() + 8] == "A" { "B" } else { "A" },
        );
        let foreign = Tasks::default().name("crm", "1").unwrap();
        for name in ["1", "", PREFIX, &changed, &foreign, &name[PREFIX.len()..], &name[..name.len() - 1]] {
            assert_eq!(tasks.find(name), None, "{name}");
        }
    }

    #[test]
    fn no_number_of_tasks_makes_another_be_forgotten() {
        let tasks = Tasks::default();
        let first = tasks.name("crm", "1").unwrap();
        for n in 0..20_000 {
            tasks.name("billing", &n.to_string()).unwrap();
        }
        assert_eq!(tasks.find(&first), Some(("crm".into(), "1".into())));
    }
}
