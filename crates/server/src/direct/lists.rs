//! What there is to see of direct servers: tools, resources, prompts.

use std::borrow::Cow;
use std::sync::Arc;

use exuvia_gateway::DirectTool;
use exuvia_upstream::Query;
use rmcp::model::{Prompt, Resource, ResourceTemplate, Tool};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Direct;

impl Direct<'_> {
    /// The resources of all direct servers.
    pub(crate) async fn resources(&self) -> Vec<Resource> {
        let resources: Vec<(String, Resource)> = self.listed("resources", Query::Resources).await;
        for (server, resource) in &resources {
            self.shared.resources.claim(&resource.uri, server);
        }
        resources.into_iter().map(|(_, resource)| resource).collect()
    }

    /// The templates of resources of all direct servers.
    pub(crate) async fn resource_templates(&self) -> Vec<ResourceTemplate> {
        let templates: Vec<(String, ResourceTemplate)> =
            self.listed("resourceTemplates", Query::ResourceTemplates).await;
        for (server, template) in &templates {
            self.shared.resources.claim(&template.uri_template, server);
        }
        templates.into_iter().map(|(_, template)| template).collect()
    }

    /// The prompts of all direct servers, by their names for clients.
    pub(crate) async fn prompts(&self) -> Vec<Prompt> {
        let prompts: Vec<(String, Prompt)> = self.listed("prompts", Query::Prompts).await;
        let named = |(server, mut prompt): (String, Prompt)| {
            prompt.name = self.view.exposed(&server, &prompt.name);
            prompt
        };
        prompts.into_iter().map(named).collect()
    }

    /// The items that can be read; one that cannot loses only itself.
    async fn listed<T: DeserializeOwned>(
        &self,
        member: &'static str,
        page: fn(Option<String>) -> Query,
    ) -> Vec<(String, T)> {
        let mut items = Vec::new();
        for (server, listed) in self.gateway.list(self.view, member, page).await {
            for item in listed {
                match serde_json::from_str(item.as_str()) {
                    Ok(item) => items.push((server.clone(), item)),
                    Err(error) => tracing::debug!(server.name = %server, member, %error, "an item is left out"),
                }
            }
        }
        items
    }
}

/// The key under which a tool's `_meta` tells whose tool it is and what its server calls it, where its name for clients is
/// another one.
const ORIGINAL_KEY: &str = "exuvia/original";

/// A tool as clients are shown it: as its server lists it, under its name for clients.
pub(crate) fn tool(direct: &DirectTool) -> Tool {
    let mut tool = serde_json::from_str(direct.written.as_str()).unwrap_or_else(|_| bare(direct));
    tool.name = Cow::Owned(direct.name.clone());
    if direct.name != direct.tool.tool {
        let original = json!({"server": direct.tool.server, "tool": direct.tool.tool});
        tool.meta.get_or_insert_default().insert(ORIGINAL_KEY.into(), original);
    }
    tool
}

/// What can be called of a tool whose hints are none that the protocol knows.
fn bare(direct: &DirectTool) -> Tool {
    let mut written = direct.written.to_value().unwrap_or_default();
    let schema = match written.get_mut("inputSchema").map(Value::take) {
        Some(Value::Object(schema)) => schema,
        _ => serde_json::Map::new(),
    };
    let description = written.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    Tool::new(direct.name.clone(), description, Arc::new(schema))
}
