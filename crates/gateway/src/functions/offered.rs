//! Functions as clients are offered them: as tools, and as skills. A call of such a tool is a script that calls the function.

use exuvia_catalog::stub;
use exuvia_functions::{PROPOSE, SERVER};
use exuvia_replay::sha256_hex;
use exuvia_text::one_line;
use exuvia_tool::{Server, Tool};
use serde_json::Value;

use crate::View;

/// The longest name of a tool that clients take.
const NAME_BYTES: usize = 64;
/// How long the description of a skill may be, in characters.
const DESCRIPTION: usize = 1_000;

/// A function that clients are offered.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OfferedFunction {
    /// Its name for clients: `functions__report`.
    pub name: String,
    /// It as a tool.
    pub tool: Tool,
    stub: String,
}

impl View {
    /// The functions that clients are offered as tools and skills: none, unless the configuration says so.
    #[must_use]
    pub fn offered_functions(&self) -> Vec<OfferedFunction> {
        let namespace = &self.scripts().namespace;
        let server = namespace.server(SERVER).filter(|_| self.profile().offers_functions() && self.has_functions());
        let tools = server.into_iter().flat_map(|server| server.tools().iter().map(move |tool| (server, tool)));
        let is_function = |(_, tool): &(&Server, &Tool)| tool.descriptor.name != PROPOSE;
        tools.filter(is_function).filter_map(|(server, tool)| OfferedFunction::of(server, tool)).collect()
    }

    /// The one of this name for clients.
    #[must_use]
    pub fn offered_function(&self, name: &str) -> Option<OfferedFunction> {
        // In most cases there is nothing to look through.
        name.strip_prefix(SERVER)?.strip_prefix("__")?;
        self.offered_functions().into_iter().find(|function| function.name == name)
    }

    fn has_functions(&self) -> bool {
        self.scripts().functions.is_some()
    }
}

impl OfferedFunction {
    /// None: its name is longer than clients take.
    fn of(server: &Server, tool: &Tool) -> Option<Self> {
        let name = format!("{SERVER}__{}", tool.python_name);
        (name.len() <= NAME_BYTES).then(|| Self { name, tool: tool.clone(), stub: stub::tool_stub(server, tool) })
    }

    /// The script that calls it with these arguments, a JSON object.
    #[must_use]
    pub fn script(&self, arguments: &str) -> String {
        let literal = Value::from(arguments);
        format!("import json\n{SERVER}.{}(**json.loads({literal}))\n", self.tool.python_name)
    }

    /// Its name as a skill.
    #[must_use]
    pub fn skill_name(&self) -> String {
        skill_name(&self.tool.python_name)
    }

    /// What it does, in one line.
    #[must_use]
    pub fn description(&self) -> String {
        let description = self.tool.descriptor.description.as_deref().unwrap_or_default();
        one_line(description, DESCRIPTION)
    }

    /// Its `SKILL.md`.
    #[must_use]
    pub fn skill(&self) -> String {
        // JSON's texts are among those of YAML.
        let (name, description) = (self.skill_name(), Value::from(self.description()));
        format!(
            "---\nname: {name}\ndescription: {description}\n---\n\nCall it in a script, with the tool `executeToolCode`:\n\n```python\n{}```\n",
            self.stub
        )
    }
}

/// The name of a function as that of a skill, in which one `-` stands between two words and none at the ends. Functions whose names differ in `_` alone
/// are distinguished by a digest.
fn skill_name(name: &str) -> String {
    let words: Vec<&str> = name.split('_').filter(|word| !word.is_empty()).collect();
    if words.join("_") == name {
        return words.join("-");
    }
    format!("{}-{}", words.join("-"), &sha256_hex(name)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_skills_are_valid_and_those_of_different_functions_differ() {
        let names = ["a", "a_", "a__", "a_b", "a__b", "a_b_", "sales_report"];
        let skills: std::collections::BTreeSet<String> = names.map(skill_name).into();
        assert_eq!(skills.len(), names.len(), "{skills:?}");
        assert!(skills.contains("a-b") && skills.contains("sales-report"));
        for skill in &skills {
            let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(skill.chars().all(is_plain) && !skill.contains("--") && !skill.ends_with('-'), "{skill}");
        }
    }
}
