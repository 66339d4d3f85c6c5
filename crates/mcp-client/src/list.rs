//! A server's list of tools, read tool by tool.

use std::collections::HashSet;

use exuvia_config::UpstreamLimits;
use exuvia_tool::{Json, ToolAnnotations, ToolDescriptor, raw};
use serde_json::Value;

use crate::pages::Pages;
use crate::parameter_headers;
use crate::plain_names::{self, shown};

/// The longest tool name.
const NAME_BYTES: usize = 512;
/// The memory that the schemas of one tool may take as trees.
const TOOL_TREE_BYTES: usize = 4 << 20;
/// Warnings of one server; one that has more to warn of is beyond repair.
const WARNINGS: usize = 100;

/// The tools of a server, as its pages come in.
#[derive(Debug)]
pub struct ToolList {
    limits: UpstreamLimits,
    /// Whether calls have parameters in their headers, where a schema says so.
    puts_into_headers: bool,
    pages: usize,
    asked: Pages,
    bytes: usize,
    /// The memory that the tools take as trees.
    tree_bytes: usize,
    /// Entries read so far, the unusable ones included.
    read: usize,
    /// Entries that were listed before.
    known: usize,
    names: HashSet<String>,
    /// The tools, in the server's order.
    pub tools: Vec<ToolDescriptor>,
    /// The same, as written.
    pub written: Vec<Json>,
    /// What was left out, for the operator.
    pub warnings: Vec<String>,
}

impl ToolList {
    /// A list without pages.
    pub(crate) fn new(limits: UpstreamLimits) -> Self {
        Self {
            limits,
            puts_into_headers: false,
            pages: 0,
            asked: Pages::default(),
            bytes: 0,
            tree_bytes: 0,
            read: 0,
            known: 0,
            names: HashSet::new(),
            tools: Vec::new(),
            written: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// The same, of a server whose calls have parameters in their headers: without the tools that want that wrongly.
    pub(crate) fn with_parameter_headers(self) -> Self {
        Self { puts_into_headers: true, ..self }
    }

    /// Numbers of a page are none, and were read as `null`.
    pub(crate) fn has_nulls(&mut self, nulls: usize) {
        if nulls > 0 {
            self.warn(format!("its tool list contains NaN or Infinity {nulls} times, read as null"));
        }
    }

    /// Takes the result of one `tools/list`. Gives the cursor of the next page, if there is one to ask for.
    pub(crate) fn page(&mut self, result: &str) -> Option<String> {
        self.pages += 1;
        self.bytes += result.len();
        if self.bytes > self.limits.list_bytes {
            self.warn(format!("its tool list is longer than {} bytes; the rest is omitted", self.limits.list_bytes));
            return None;
        }
        let (read, known, listed, warned) = (self.read, self.known, self.tools.len(), self.warnings.len());
        for tool in raw::elements(raw::member(result, "tools").unwrap_or("[]")) {
            if self.tools.len() >= self.limits.tools {
                self.warn(format!("it has more than {} tools; the rest is omitted", self.limits.tools));
                return None;
            }
            match self.read(tool) {
                Ok(tool) => self.tools.push(tool),
                Err(warning) => self.warn(warning),
            }
            if self.tree_bytes > self.most_tree_bytes() {
                self.warn(format!(
                    "its tool list takes more than {} bytes of memory (list_bytes); the rest is omitted",
                    self.most_tree_bytes()
                ));
                return None;
            }
        }
        let (read, new) = (self.read - read, self.tools.len() - listed);
        if read > 0 && self.known - known == read {
            // A page that was listed before says nothing of its tools.
            self.warnings.truncate(warned);
        }
        let cursor = self.asked.next(result, read, new)?;
        if self.pages >= self.limits.list_pages {
            self.warn(format!("its tool list has more than {} pages; the rest is omitted", self.limits.list_pages));
            return None;
        }
        Some(cursor)
    }

    fn read(&mut self, tool: &str) -> Result<ToolDescriptor, String> {
        self.read += 1;
        let position = self.read;
        let name = raw::member(tool, "name").and_then(|name| serde_json::from_str::<String>(name).ok());
        let name = match name {
            Some(name) if name.is_empty() || name.len() > NAME_BYTES => None,
            name => name,
        }
        .ok_or_else(|| format!("the tool at place {position} has no usable name; it is omitted"))?;
        let left_out = |why: &str| Err(format!("tool {} {why}; it is omitted", shown(&name)));
        if raw::too_deep(tool) {
            return left_out("has a schema that nests too deep");
        }
        let Ok(written) = Json::parse(tool) else { return left_out("is malformed") };
        let tree_bytes = written.extent().tree_bytes;
        if tree_bytes > TOOL_TREE_BYTES {
            return left_out(&format!("has schemas that would take more than {TOOL_TREE_BYTES} bytes of memory"));
        }
        let Ok(Value::Object(mut tool)) = written.to_value() else { return left_out("is malformed") };
        let input_schema = match tool.shift_remove("inputSchema") {
            Some(schema @ Value::Object(_)) => schema,
            Some(_) => return left_out("has an inputSchema that is not an object"),
            None => return left_out("has no inputSchema"),
        };
        if let Some(why) = plain_names::fault(&name, &input_schema) {
            return left_out(&why);
        }
        if exuvia_policy::is_read(&name) {
            return left_out("has the name of a protocol method, which tool lists match as well");
        }
        if self.names.contains(&name) {
            self.known += 1;
            return left_out("is listed twice; the first one counts, the second");
        }
        if self.puts_into_headers
            && let Err(why) = parameter_headers::check(&input_schema)
        {
            return left_out(why);
        }
        let output_schema = match tool.shift_remove("outputSchema") {
            Some(schema @ Value::Object(_)) => Some(schema),
            None | Some(Value::Null) => None,
            Some(_) => {
                self.warn(format!("tool {} has an outputSchema that is not an object; it is ignored", shown(&name)));
                None
            }
        };
        let annotations = tool.shift_remove("annotations").unwrap_or_default();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        self.names.insert(name.clone());
        self.written.push(written);
        self.tree_bytes += tree_bytes;
        Ok(ToolDescriptor {
            name,
            title: text(tool.get("title")).or_else(|| text(annotations.get("title"))),
            description: text(tool.get("description")),
            input_schema,
            output_schema,
            annotations: ToolAnnotations {
                read_only: annotations.get("readOnlyHint").and_then(Value::as_bool),
                destructive: annotations.get("destructiveHint").and_then(Value::as_bool),
                idempotent: annotations.get("idempotentHint").and_then(Value::as_bool),
                open_world: annotations.get("openWorldHint").and_then(Value::as_bool),
            },
        })
    }

    /// What is held of a list is trees, which take more memory than their text.
    fn most_tree_bytes(&self) -> usize {
        self.limits.list_bytes.saturating_mul(2).max(TOOL_TREE_BYTES)
    }

    fn warn(&mut self, warning: String) {
        if self.warnings.len() < WARNINGS {
            self.warnings.push(warning);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(limits: UpstreamLimits, pages: &[&str]) -> (Vec<String>, Vec<String>, Option<String>) {
        let mut list = ToolList::new(limits);
        let cursor = pages.iter().map(|page| list.page(page)).last().flatten();
        (list.tools.into_iter().map(|tool| tool.name).collect(), list.warnings, cursor)
    }

    #[test]
    fn one_malformed_tool_loses_only_itself() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let page = format!(
            r#"{{"tools": [{{"name": "a", "inputSchema": {{}}}}, {{"name": "b", "inputSchema": 7}}, 5, {{"name": ""}},
            {{"name": "deep", "inputSchema": {{"x": {deep}}}}}, {{"name": "a", "inputSchema": {{}}}},
            {{"name": "resources/read", "inputSchema": {{}}}}, {{"name": "c", "inputSchema": {{}}, "outputSchema": true, "execution": {{}}}}]}}"#
        );
        let (tools, warnings, cursor) = list(UpstreamLimits::default(), &[&page]);
        assert_eq!((tools, cursor), (vec!["a".to_owned(), "c".to_owned()], None));
        assert_eq!(warnings.len(), 7, "{warnings:#?}");
        assert!(warnings.iter().any(|warning| warning.contains("\"b\"")));
    }

    #[test]
    fn pages_and_tools_are_bounded() {
        let page = |n: u32| format!(r#"{{"tools":[{{"name":"t{n}","inputSchema":{{}}}}],"nextCursor":"{n}"}}"#);
        let pages = [page(1), page(2), page(3)];
        let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
        let limits =
            |tools, list_pages, list_bytes| UpstreamLimits { tools, list_pages, list_bytes, ..Default::default() };
        assert_eq!(
            list(limits(9, 9, 999), &pages),
            (vec!["t1".into(), "t2".into(), "t3".into()], vec![], Some("3".into()))
        );
        let (tools, warnings, cursor) = list(limits(9, 2, 999), &pages[..2]);
        assert_eq!((tools.len(), warnings.len(), cursor), (2, 1, None));
        let (tools, warnings, cursor) = list(limits(1, 9, 999), &pages[..2]);
        assert_eq!((tools.len(), warnings.len(), cursor), (1, 1, None));
        let (tools, warnings, cursor) = list(limits(9, 9, 60), &pages[..2]);
        assert_eq!((tools.len(), warnings.len(), cursor), (1, 1, None));
    }

    #[test]
    fn a_page_that_is_given_again_is_the_end_and_nothing_to_warn_of() {
        let page = r#"{"tools":[{"name":"a","inputSchema":{}},{"name":"b","inputSchema":{}}],"nextCursor":"MTA="}"#;
        let (tools, warnings, cursor) = list(UpstreamLimits::default(), &[page, page]);
        assert_eq!((tools.len(), warnings, cursor), (2, vec![], None));
        let twice = r#"{"tools":[{"name":"a","inputSchema":{}},{"name":"a","inputSchema":{}}]}"#;
        assert_eq!(list(UpstreamLimits::default(), &[twice]).1.len(), 1);
    }

    #[test]
    fn a_tool_with_a_wrong_header_is_left_out_where_there_are_headers() {
        let page = r#"{"tools":[
            {"name":"good","inputSchema":{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}},
            {"name":"bad","inputSchema":{"properties":{"a":{"type":"string","x-mcp-header":"A B"}}}}]}"#;
        let mut list = ToolList::new(UpstreamLimits::default()).with_parameter_headers();
        list.page(page);
        assert_eq!((list.tools.len(), list.written.len(), &*list.tools[0].name), (1, 1, "good"));
        assert_eq!(list.warnings, ["tool \"bad\" has an x-mcp-header that is not a valid header name; it is omitted"]);
        let mut list = ToolList::new(UpstreamLimits::default());
        list.page(page);
        assert_eq!((list.tools.len(), list.warnings.len()), (2, 0));
    }

    #[test]
    fn claims_and_schemas_are_kept_in_their_order() {
        let mut list = ToolList::new(UpstreamLimits::default());
        list.page(
            r#"{"tools":[{"name":"t","annotations":{"title":"T","readOnlyHint":true},
            "inputSchema":{"properties":{"z":{"maximum":12345678901234567890123},"a":{}}},
            "outputSchema":{"x-fastmcp-wrap-result":true}}]}"#,
        );
        let tool = &list.tools[0];
        assert_eq!(tool.title.as_deref(), Some("T"));
        assert_eq!(tool.annotations, ToolAnnotations { read_only: Some(true), ..ToolAnnotations::default() });
        assert_eq!(tool.input_schema.to_string(), r#"{"properties":{"z":{"maximum":12345678901234567890123},"a":{}}}"#);
        assert!(tool.is_boxed());
    }
}
