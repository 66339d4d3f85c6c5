//! Saved functions for clients themselves: as tools, and as skills (SEP-2640).

use std::sync::Arc;

use exuvia_gateway::meta::EXECUTE_TOOL_CODE;
use exuvia_gateway::{OfferedFunction, View};
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, ReadResourceResult, Resource, ResourceContents, SKILL_MD, Skill, SkillFrontmatter,
    SkillResource, SkillResources, Tool,
};
use serde_json::{Value, json};

use crate::large_arguments::Arguments;

/// The type of a `SKILL.md`.
const MARKDOWN: &str = "text/markdown";

/// The functions of a view as tools.
pub(super) fn tools(view: &View) -> impl Iterator<Item = Tool> {
    view.offered_functions().into_iter().map(|function| {
        let schema = function.tool.descriptor.input_schema.as_object().cloned().unwrap_or_default();
        Tool::new(function.name.clone(), function.description(), Arc::new(schema))
    })
}

/// The call of a script that calls the function, in place of the call of the function. None: the call is another one's.
pub(super) fn as_script(
    view: &View,
    request: &CallToolRequestParams,
    bypassed: Option<&Arguments>,
) -> Option<CallToolRequestParams> {
    let function = view.offered_function(&request.name)?;
    let arguments = match (bypassed, &request.arguments) {
        (Some(Arguments(arguments)), _) => arguments.as_str().to_owned(),
        (None, Some(arguments)) => Value::Object(arguments.clone()).to_string(),
        (None, None) => "{}".to_owned(),
    };
    let mut script = request.clone();
    script.name = EXECUTE_TOOL_CODE.name.into();
    script.arguments = json!({"code": function.script(&arguments)}).as_object().cloned();
    Some(script)
}

/// The functions of a view as skills.
pub(super) fn skills(view: &View) -> Vec<Skill> {
    view.offered_functions().iter().map(skill).collect()
}

/// The skill of this address.
pub(super) fn skill_of(view: &View, uri: &str) -> Result<Skill, ErrorData> {
    let found = view.offered_functions().into_iter().find(|function| self::uri(function) == uri);
    found.as_ref().map(skill).ok_or_else(|| ErrorData::invalid_params("there is no skill of this address", None))
}

/// What clients may read of them.
pub(super) fn resources(view: &View) -> Vec<Resource> {
    let resource = |function: &OfferedFunction| {
        let resource = Resource::new(uri(function), function.skill_name());
        resource.with_description(function.description()).with_mime_type(MARKDOWN)
    };
    view.offered_functions().iter().map(resource).collect()
}

/// The file of this address. None: it is no skill's.
pub(super) fn read(view: &View, uri: &str) -> Option<ReadResourceResult> {
    let function = view.offered_functions().into_iter().find(|function| self::uri(function) == uri)?;
    let contents = ResourceContents::text(function.skill(), uri).with_mime_type(MARKDOWN);
    Some(ReadResourceResult::new(vec![contents]))
}

/// Whether an address could be that of a skill.
pub(super) fn is_skill(uri: &str) -> bool {
    uri.starts_with("skill://")
}

fn uri(function: &OfferedFunction) -> String {
    format!("skill://functions/{}/{SKILL_MD}", function.skill_name())
}

fn skill(function: &OfferedFunction) -> Skill {
    let (uri, text) = (uri(function), function.skill());
    let file = SkillResource::from_bytes(uri.as_str(), text.as_bytes());
    let frontmatter = SkillFrontmatter::new(function.skill_name(), function.description());
    Skill::new(uri, frontmatter, SkillResources::Files(vec![file]))
}
