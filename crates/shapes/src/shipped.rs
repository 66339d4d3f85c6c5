//! Shapes that ship with the program: of well-known servers, written from what their interfaces document in public.
//!
//! Each file has answers of each tool, made up, as a script gets them; several where something may be null. Only keys and types of
//! them are used.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Learned, Shape, ToolKey};

const FILES: [(&str, &str); 6] = [
    ("atlassian", include_str!("shipped/atlassian.json")),
    ("github", include_str!("shipped/github.json")),
    ("gitlab", include_str!("shipped/gitlab.json")),
    ("notion", include_str!("shipped/notion.json")),
    ("slack", include_str!("shipped/slack.json")),
    ("sqlite", include_str!("shipped/sqlite.json")),
];

/// The servers of which shapes are shipped, in the order of their names.
pub fn shipped_names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// What is shipped under this name, for a server that is called `server` in the configuration. `None`: nothing is.
#[must_use]
pub fn shipped(name: &str, server: &str) -> Option<Learned> {
    let (_, text) = FILES.iter().find(|(shipped, _)| *shipped == name)?;
    let tools: BTreeMap<String, Vec<Value>> = serde_json::from_str(text).unwrap_or_default();
    let mut learned = Learned::default();
    for (tool, answers) in tools {
        let mut shape = Shape::default();
        answers.iter().for_each(|answer| shape.observe(&answer.to_string()));
        learned.add(ToolKey::of_any_schema(server, &tool), shape.unseen());
    }
    Some(learned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_says_something_of_each_of_its_tools() {
        for name in shipped_names() {
            let learned = shipped(name, "mine").expect("shipped");
            assert!(!learned.is_empty(), "{name}");
            for (tool, shape) in learned.iter() {
                let shown = shape.to_string();
                assert!(tool.server == "mine" && tool.is_of_any_schema() && shape.seen() == 0, "{name}.{}", tool.tool);
                assert!(!shape.is_trivial() && shown.contains(['{', '[']), "{name}.{}: {shown}", tool.tool);
                assert!(!shown.contains("?:") && shown.len() < 600, "{name}.{}: {shown}", tool.tool);
            }
        }
        assert!(shipped("nobody", "nobody").is_none());
    }
}
