//! Resources: files of scripts first, then what direct servers have.

use rmcp::ErrorData;
use rmcp::model::{
    ListResourceTemplatesRequestMethod, ListResourceTemplatesResult, ListResourcesRequestMethod, ListResourcesResult,
    PaginatedRequestParams, ReadResourceRequestMethod, ReadResourceRequestParams, ReadResourceResponse, Resource,
    ResourceTemplate,
};
use rmcp::service::{RequestContext, RoleServer};

use super::{McpHandler, Opened, functions, has_files};
use crate::client::client;
use crate::direct::Page;
use crate::workspace_files::{self, WorkspaceResources};

impl McpHandler {
    pub(super) async fn resources(
        &self,
        page: Option<PaginatedRequestParams>,
        context: &RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let opened = self.open_resources::<ListResourcesRequestMethod>().await?;
        let cursor = page.as_ref().and_then(|page| page.cursor.as_deref());
        let mut files = Vec::new();
        if cursor.is_none_or(workspace_files::is_our_cursor)
            && let Some(workspace) = self.workspace(&opened, context).await?
        {
            let found = workspace.list(cursor).await?;
            if found.next.is_some() {
                let listed = ListResourcesResult::with_all_items(found.items);
                return Ok(ListResourcesResult { next_cursor: found.next, ..listed });
            }
            files = found.items;
        }
        if cursor.is_none() {
            files.extend(functions::resources(&opened.1));
        }
        if !self.profile().has_direct() {
            return Ok(ListResourcesResult::with_all_items(files));
        }
        // Those of servers begin behind the last of the files.
        let page = page.filter(|page| !page.cursor.as_deref().is_some_and(workspace_files::is_our_cursor));
        let Page { items, next, meta } = self.direct(&opened, context).addresses::<Resource>(page).await?;
        files.extend(items.into_iter().filter(|item| !workspace_files::is_ours(&item.uri)));
        Ok(ListResourcesResult { next_cursor: next, meta, ..ListResourcesResult::with_all_items(files) })
    }

    pub(super) async fn resource_templates(
        &self,
        page: Option<PaginatedRequestParams>,
        context: &RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let opened = self.open_resources::<ListResourceTemplatesRequestMethod>().await?;
        let mut templates = Vec::new();
        if page.as_ref().is_none_or(|page| page.cursor.is_none()) {
            templates.extend(self.workspace(&opened, context).await?.map(|workspace| workspace.template()));
        }
        if !self.profile().has_direct() {
            return Ok(ListResourceTemplatesResult::with_all_items(templates));
        }
        let Page { items, next, meta } = self.direct(&opened, context).addresses::<ResourceTemplate>(page).await?;
        templates.extend(items.into_iter().filter(|item| !workspace_files::is_ours(&item.uri_template)));
        Ok(ListResourceTemplatesResult {
            next_cursor: next,
            meta,
            ..ListResourceTemplatesResult::with_all_items(templates)
        })
    }

    pub(super) async fn resource(
        &self,
        request: ReadResourceRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let opened = self.open_resources::<ReadResourceRequestMethod>().await?;
        if functions::is_skill(&request.uri)
            && let Some(skill) = functions::read(&opened.1, &request.uri)
        {
            return Ok(skill.into());
        }
        let profile = self.profile();
        // An address of a workspace is never one of a server.
        if workspace_files::is_ours(&request.uri) || !profile.has_direct() {
            let workspace = self.workspace(&opened, context).await?;
            let not_found = || workspace_files::not_found(&request.uri);
            let workspace = workspace.filter(|_| workspace_files::is_ours(&request.uri)).ok_or_else(not_found)?;
            let (answer, bytes) = workspace.read(&request.uri).await?;
            opened.0.record_file_read(&client(context), &request.uri, bytes);
            return Ok(answer.into());
        }
        self.direct(&opened, context).read_resource(request).await
    }

    async fn workspace(
        &self,
        (gateway, view): &Opened,
        context: &RequestContext<RoleServer>,
    ) -> Result<Option<WorkspaceResources>, ErrorData> {
        if !has_files(view.profile()) {
            return Ok(None);
        }
        WorkspaceResources::of(gateway, view, context).await
    }
}
