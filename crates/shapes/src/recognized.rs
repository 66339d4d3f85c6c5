//! Which of the servers of which shapes ship a server is: by what it lists, and not by a name, which anybody can claim and which
//! servers that answer differently share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::shapes::digest;
use crate::{Learned, shipped};

/// What the servers listed whose answers are shipped, by server and tool: from `tests/data/catalog`, by a test of this file.
const RECORDED: &str = include_str!("shipped/recorded.json");

/// Of the tools that both lists have, five of six take the arguments that were recorded. With so many that both have, the server is
/// certain whatever it says of them: other versions may say it in other words.
const LEAST_COMMON: usize = 8;

/// With fewer, so many are described word for word as recorded, and more than half.
const LEAST_VERBATIM: usize = 3;

/// A tool as its server lists it.
#[derive(Debug, Clone, Copy)]
pub struct ListedTool<'a> {
    /// The tool's own name.
    pub name: &'a str,
    /// What its server says of it.
    pub description: Option<&'a str>,
    /// The JSON Schema of its arguments.
    pub input_schema: &'a Value,
}

/// A server of which shapes ship, as one in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognized {
    /// The name under which the shapes ship.
    pub name: &'static str,
    /// The shapes of its tools, without those of tools that take other arguments than the documented ones.
    pub shapes: Learned,
}

/// The server that lists these tools, which is called `server` in the configuration, if it certainly is one of which shapes ship.
#[must_use]
pub fn recognized(server: &str, tools: &[ListedTool<'_>]) -> Option<Recognized> {
    static LISTS: LazyLock<BTreeMap<String, RecordedList>> =
        LazyLock::new(|| serde_json::from_str(RECORDED).unwrap_or_default());
    LISTS.iter().find_map(|(name, list)| {
        let alike = list.alike(tools)?;
        let name = crate::shipped_names().find(|shipped| shipped == name)?;
        let mut shapes = shipped(name, server)?;
        shapes.forget(|tool| !alike.contains(tool.tool.as_str()));
        Some(Recognized { name, shapes })
    })
}

/// What one server listed, of the tools whose answers are shipped.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct RecordedList(BTreeMap<String, RecordedTool>);

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordedTool {
    /// The digest of its description.
    description: String,
    /// Its arguments.
    required: BTreeSet<String>,
    optional: BTreeSet<String>,
}

impl RecordedList {
    /// The tools of this list that take the arguments that were recorded, if it is certain that this is the server.
    fn alike<'t>(&self, tools: &[ListedTool<'t>]) -> Option<BTreeSet<&'t str>> {
        let (mut common, mut verbatim, mut alike) = (0, 0, BTreeSet::new());
        for tool in tools {
            let Some(recorded) = self.0.get(tool.name) else { continue };
            let listed = RecordedTool::of(tool);
            common += 1;
            if recorded.is_like(&listed) {
                verbatim += usize::from(recorded.description == listed.description);
                alike.insert(tool.name);
            }
        }
        let is_verbatim = verbatim >= LEAST_VERBATIM && 2 * verbatim > common;
        let is_certain = 6 * alike.len() >= 5 * common && (common >= LEAST_COMMON || is_verbatim);
        is_certain.then_some(alike)
    }
}

impl RecordedTool {
    fn of(tool: &ListedTool<'_>) -> Self {
        let names = |key: &str| tool.input_schema.get(key);
        let required = names("required").and_then(Value::as_array).into_iter().flatten();
        let required: BTreeSet<String> = required.filter_map(Value::as_str).map(str::to_owned).collect();
        let properties = names("properties").and_then(Value::as_object).into_iter().flat_map(|all| all.keys());
        let optional = properties.filter(|name| !required.contains(*name)).cloned().collect();
        Self { description: digest(tool.description.unwrap_or_default()), required, optional }
    }

    /// Whether a tool may be another version of this one: it needs the same arguments, and takes more beside them, or fewer.
    fn is_like(&self, listed: &Self) -> bool {
        let (recorded, listed_now) = (&self.optional, &listed.optional);
        self.required == listed.required && (recorded.is_subset(listed_now) || listed_now.is_subset(recorded))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use exuvia_test_support::{Catalog, assert_snapshot, catalogs};
    use exuvia_tool::ToolDescriptor;
    use serde_json::json;

    use super::*;

    /// The servers of which shapes ship and lists were recorded.
    const LISTED: [&str; 4] = ["atlassian", "github", "notion", "sqlite"];

    fn listed(tools: &[ToolDescriptor]) -> Vec<ListedTool<'_>> {
        tools.iter().map(listed_tool).collect()
    }

    fn listed_tool(tool: &ToolDescriptor) -> ListedTool<'_> {
        let ToolDescriptor { name, description, input_schema, .. } = tool;
        ListedTool { name, description: description.as_deref(), input_schema }
    }

    fn found(tools: &[ToolDescriptor]) -> Option<(&'static str, usize)> {
        recognized("mine", &listed(tools)).map(|found| (found.name, found.shapes.len()))
    }

    fn tools(name: &str) -> Vec<ToolDescriptor> {
        Catalog::of(name).tools()
    }

    #[test]
    fn the_recorded_lists_are_those_of_the_catalogs() {
        let mut text = String::from("{");
        for name in LISTED {
            let shapes = shipped(name, name).expect("shipped");
            let is_shipped = |tool: &&ToolDescriptor| shapes.iter().any(|(key, _)| key.tool == tool.name);
            let tools = tools(name);
            let tools: BTreeMap<&str, String> = listed(&tools)
                .iter()
                .zip(&tools)
                .filter(|(_, tool)| is_shipped(tool))
                .map(|(one, _)| (one.name, serde_json::to_string(&RecordedTool::of(one)).expect("JSON")))
                .collect();
            let lines: Vec<String> = tools.iter().map(|(name, tool)| format!("    {name:?}: {tool}")).collect();
            let comma = if text.len() > 1 { "," } else { "" };
            let _ = write!(text, "{comma}\n  {name:?}: {{\n{}\n  }}", lines.join(",\n"));
        }
        text.push_str("\n}\n");
        assert_snapshot(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/shipped/recorded.json"), &text);
    }

    #[test]
    fn of_all_recorded_servers_those_are_recognized_of_which_shapes_ship() {
        for catalog in catalogs() {
            let expected = LISTED.iter().find(|name| **name == catalog.name);
            let shapes = expected.map(|name| (*name, shipped(name, name).expect("shipped").len()));
            assert_eq!(found(&catalog.tools()), shapes, "{}", catalog.name);
        }
        let github = tools("github");
        let Recognized { shapes, .. } = recognized("hub", &listed(&github)).expect("GitHub's");
        assert_eq!(Some(shapes), shipped("github", "hub"));
    }

    #[test]
    fn another_version_is_recognized_and_tools_that_take_other_arguments_have_no_shape() {
        let mut github = tools("github");
        github.retain(|tool| !tool.name.contains("repository"));
        for (at, tool) in github.iter_mut().enumerate() {
            tool.description = Some(format!("In other words: {at}"));
            tool.input_schema["properties"]["fields"] = json!({"type": "array"});
        }
        let all = found(&github).expect("recognized").1;
        let issue = github.iter_mut().find(|tool| tool.name == "get_issue").expect("listed");
        issue.input_schema["required"] = json!(["issue_number"]);
        assert_eq!(found(&github), Some(("github", all - 1)));
        // The server that GitHub maintains has tools of these names with other arguments.
        for tool in &mut github {
            let other =
                tool.input_schema.to_string().replace("per_page", "perPage").replace("pull_number", "pullNumber");
            tool.input_schema = serde_json::from_str(&other).expect("JSON");
        }
        assert_eq!(found(&github), None);
    }

    #[test]
    fn a_server_with_some_tools_of_another_one_is_not_that_one() {
        let sqlite = tools("sqlite");
        let of_two: Vec<_> = sqlite.iter().filter(|tool| tool.name.contains("table")).cloned().collect();
        assert!(of_two.len() == 3 && found(&of_two).is_none(), "two of them have answers");
        let reworded = |words: usize| {
            let mut other = sqlite.clone();
            let shipped = other.iter_mut().filter(|tool| !matches!(&*tool.name, "append_insight" | "create_table"));
            shipped.take(words).for_each(|tool| tool.description = Some("On the Snowflake database".into()));
            found(&other)
        };
        assert_eq!([reworded(1), reworded(2)], [Some(("sqlite", 4)), None]);
        assert_eq!(found(&[]), None);
    }
}
