//! Objects of servers, parsed without members of invalid types.

use exuvia_tool::raw;
use serde::de::DeserializeOwned;

/// Members that are looked at one by one. Further ones are dropped.
const MEMBERS: usize = 64;

/// Reads an object. Where a member is not of its type, it goes, and the others stay. `needed`: the members without which it is
/// none, each with a short value that would do.
pub(super) fn lenient<T: DeserializeOwned>(text: &str, needed: &[(&str, &str)]) -> Option<T> {
    if let Ok(read) = serde_json::from_str(text) {
        return Some(read);
    }
    let is_needed = |name: &str| needed.iter().any(|(needed, _)| *needed == name);
    let object = |members: &[String]| format!("{{{}}}", members.join(","));
    let member = |name: &str, value: &str| format!("{}:{value}", serde_json::Value::from(name));
    let base: Vec<String> = needed.iter().map(|(name, value)| member(name, value)).collect();
    let fits = |written: &str| {
        let with: Vec<String> = base.iter().cloned().chain([written.to_owned()]).collect();
        serde_json::from_str::<T>(&object(&with)).is_ok()
    };
    let (mut kept, mut looked_at) = (Vec::new(), 0);
    for (name, value) in raw::members(text) {
        let written = member(&name, value);
        if !is_needed(&name) {
            looked_at += 1;
            if looked_at > MEMBERS || !fits(&written) {
                continue;
            }
        }
        kept.push(written);
    }
    serde_json::from_str(&object(&kept)).ok()
}

#[cfg(test)]
mod tests {
    use rmcp::model::{Resource, Tool};

    use super::*;

    #[test]
    fn a_member_of_the_wrong_type_is_dropped_alone() {
        let tool = r#"{"name":"t","title":7,"description":"d","inputSchema":{"type":"object"},"annotations":{"title":"a"},
            "icons":"none","outputSchema":null,"_meta":{"k":1},"execution":[]}"#;
        let tool: Tool = lenient(tool, &[("name", "\"\""), ("inputSchema", "{}")]).unwrap();
        assert_eq!((tool.title, tool.description.as_deref()), (None, Some("d")));
        assert!(tool.annotations.is_some() && tool.meta.is_some() && tool.icons.is_none());
        let needed = [("uri", "\"\""), ("name", "\"\"")];
        let link: Resource = lenient(r#"{"uri":"x://a","name":"a","size":"large"}"#, &needed).unwrap();
        assert_eq!((link.uri.as_str(), link.size), ("x://a", None));
        assert!(lenient::<Resource>(r#"{"uri":7,"name":"a"}"#, &needed).is_none());
        assert!(lenient::<Resource>("[]", &needed).is_none());
    }
}
