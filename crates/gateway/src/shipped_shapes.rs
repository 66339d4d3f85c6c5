//! The shapes that ship with the program, of the servers that are recognized by what they list.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use exuvia_catalog::is_untold;
use exuvia_shapes::{Learned, ListedTool, Recognized, Shape, ToolKey, recognized};
use exuvia_tool::ToolDescriptor;
use exuvia_upstream::ServerStatus;

/// What ships for each server of a gateway, for everybody: it comes from no answer.
#[derive(Debug, Default)]
pub(crate) struct ShippedShapes {
    servers: Mutex<HashMap<String, RecognizedList>>,
    version: AtomicU64,
}

/// A list of tools that was looked at, and what ships for it.
#[derive(Debug)]
struct RecognizedList {
    tools: Arc<[Arc<ToolDescriptor>]>,
    shapes: Learned,
}

impl ShippedShapes {
    /// Looks at what servers list. Lists that are the same as before cost nothing.
    pub(crate) fn look_at(&self, servers: &[ServerStatus]) {
        let mut known = self.servers();
        known.retain(|name, _| servers.iter().any(|server| server.name == *name));
        for server in servers {
            if known.get(&server.name).is_some_and(|list| Arc::ptr_eq(&list.tools, &server.tools)) {
                continue;
            }
            let shapes = of(server);
            let had_shapes = known.get(&server.name).is_some_and(|list| !list.shapes.is_empty());
            if had_shapes || !shapes.is_empty() {
                self.version.fetch_add(1, Ordering::Release);
            }
            known.insert(server.name.clone(), RecognizedList { tools: Arc::clone(&server.tools), shapes });
        }
    }

    /// What ships for this tool.
    pub(crate) fn get(&self, server: &str, tool: &str) -> Option<Shape> {
        self.servers().get(server)?.shapes.get(&ToolKey::of_any_schema(server, tool)).cloned()
    }

    /// All of it.
    pub(crate) fn all(&self) -> Learned {
        let mut all = Learned::default();
        self.servers().values().for_each(|list| all.merge(list.shapes.clone()));
        all
    }

    /// Another number once something else ships for a server.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn servers(&self) -> MutexGuard<'_, HashMap<String, RecognizedList>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What ships for a server, of its tools that declare nothing of their answers.
fn of(server: &ServerStatus) -> Learned {
    let tools: Vec<ListedTool<'_>> = server.tools.iter().map(|tool| listed_tool(tool)).collect();
    let Some(Recognized { name, mut shapes }) = recognized(&server.name, &tools) else { return Learned::default() };
    let is_told = |name: &str| server.tools.iter().any(|tool| tool.name == name && !is_untold(tool));
    shapes.forget(|key| is_told(&key.tool));
    tracing::debug!(server.name = %server.name, shipped = name, tools = shapes.len(), "shipped shapes are used");
    shapes
}

fn listed_tool(tool: &ToolDescriptor) -> ListedTool<'_> {
    let ToolDescriptor { name, description, input_schema, .. } = tool;
    ListedTool { name, description: description.as_deref(), input_schema }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use exuvia_test_support::Catalog;
    use exuvia_upstream::ServerState;
    use serde_json::json;

    use super::*;

    fn server(tools: Vec<ToolDescriptor>) -> ServerStatus {
        ServerStatus {
            name: "db".to_owned(),
            state: ServerState::Starting,
            tools: tools.into_iter().map(Arc::new).collect(),
            written: Arc::default(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_list_is_looked_at_once_and_another_list_is_another_server() {
        let (shipped, tools) = (ShippedShapes::default(), Catalog::of("sqlite").tools());
        let mut told = tools.clone();
        let query = told.iter_mut().find(|tool| tool.name == "read_query").expect("listed");
        query.output_schema = Some(json!({"type": "object", "properties": {"rows": {}}}));
        let (sqlite, git) = (server(tools), server(Catalog::of("git").tools()));
        let mut versions = vec![shipped.version()];
        for (servers, count, has_query) in [
            (&[sqlite.clone()][..], 4, true),
            (&[sqlite], 4, true),
            (&[server(told)], 3, false),
            (from_ref(&git), 0, false),
            (from_ref(&git), 0, false),
            (&[], 0, false),
        ] {
            shipped.look_at(servers);
            versions.push(shipped.version());
            assert_eq!((shipped.all().len(), shipped.get("db", "read_query").is_some()), (count, has_query));
        }
        let changed: Vec<bool> = versions.windows(2).map(|pair| pair[0] != pair[1]).collect();
        assert_eq!(changed, [true, false, true, true, false, false]);
    }
}
