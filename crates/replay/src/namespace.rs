//! A namespace as an object of the journal: what a script sees of its servers and tools.

use std::sync::Arc;

use exuvia_journal::{Object, ObjectKind};
use exuvia_tool::{
    ArgumentCheck, Namespace, Parameter, Server, Tool, ToolAnnotations, ToolDescriptor, Withheld, WithheldTool,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::sha256_hex;

#[derive(Serialize, Deserialize)]
struct KeptNamespace {
    servers: Vec<KeptServer>,
}

#[derive(Serialize, Deserialize)]
struct KeptServer {
    name: String,
    python_name: String,
    tools: Vec<KeptTool>,
    /// Those that a script is not shown and can name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    withheld: Vec<KeptTool>,
}

#[derive(Serialize, Deserialize)]
struct KeptTool {
    name: String,
    python_name: String,
    signature: String,
    documentation: String,
    parameters: Vec<Parameter>,
    accepts_other_keywords: bool,
}

/// The servers and tools of a namespace as scripts see them, with their texts. Takes processor time where servers list much: it
/// renders the signature and the documentation of each tool that nobody has used yet.
#[must_use]
pub fn namespace_object(namespace: &Namespace) -> Object {
    let servers = namespace.servers().iter().map(|server| KeptServer {
        name: server.name.clone(),
        python_name: server.python_name.clone(),
        tools: server.tools().iter().map(kept).collect(),
        withheld: server.withheld().iter().map(|withheld| kept(&withheld.tool)).collect(),
    });
    let kept = KeptNamespace { servers: servers.collect() };
    // Plain data with texts as keys: serializing it does not fail.
    let bytes = serde_json::to_vec(&kept).unwrap_or_default();
    Object { kind: ObjectKind::Namespace, sha256: sha256_hex(&bytes), bytes }
}

/// The namespace that an object holds. None: the object does not hold one.
pub(crate) fn kept_namespace(object: &Object) -> Option<Namespace> {
    let kept: KeptNamespace = serde_json::from_slice(&object.bytes).ok()?;
    // Why a tool was withheld is in the record of the call.
    let withheld_tool = |kept| WithheldTool { tool: tool(kept), why: Withheld::Unverified };
    let servers = kept.servers.into_iter().map(|KeptServer { name, python_name, tools, withheld }| {
        let server = Server::new(name, python_name, tools.into_iter().map(tool).collect());
        server.with_withheld(withheld.into_iter().map(withheld_tool).collect())
    });
    Some(Namespace::new(servers.collect()))
}

fn kept(tool: &Tool) -> KeptTool {
    KeptTool {
        name: tool.name().to_owned(),
        python_name: tool.python_name.clone(),
        signature: tool.signature.to_string(),
        documentation: tool.documentation.to_string(),
        parameters: tool.parameters.clone(),
        accepts_other_keywords: tool.accepts_other_keywords,
    }
}

fn tool(kept: KeptTool) -> Tool {
    let KeptTool { name, python_name, signature, documentation, parameters, accepts_other_keywords } = kept;
    let descriptor = ToolDescriptor {
        name,
        title: None,
        description: None,
        input_schema: Value::Null,
        output_schema: None,
        annotations: ToolAnnotations::default(),
    };
    Tool {
        python_name,
        descriptor: Arc::new(descriptor),
        parameters,
        accepts_other_keywords,
        signature: signature.into(),
        documentation: documentation.into(),
        arguments: Arc::new(Unchecked),
    }
}

/// What a check said is in the record.
struct Unchecked;

impl ArgumentCheck for Unchecked {
    fn check(&self, _: &Value) -> Result<(), String> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_the_same_after_it_was_kept() {
        let parameters = vec![Parameter { python_name: "from_".into(), name: "from".into(), required: true }];
        let get = KeptTool {
            name: "get-it".into(),
            python_name: "get_it".into(),
            signature: "get_it(from_: int) -> str".into(),
            documentation: "Gets it.".into(),
            parameters,
            accepts_other_keywords: true,
        };
        let server = Server::new("time", "time_", vec![tool(get)]);
        let without = namespace_object(&Namespace::new(vec![server.clone()]));
        assert!(!String::from_utf8_lossy(&without.bytes).contains("withheld"), "as it always was");
        let hidden = KeptTool { name: "hide-it".into(), python_name: "hide_it".into(), ..kept(&server.tools()[0]) };
        let hidden = WithheldTool { tool: tool(hidden), why: Withheld::New };
        let namespace = Namespace::new(vec![server.with_withheld(vec![hidden])]);
        let object = namespace_object(&namespace);
        let read = kept_namespace(&object).expect("a namespace");
        assert_eq!(namespace_object(&read), object);
        let found = read.find_server("time_").and_then(|server| server.find("get_it")).expect("the tool");
        assert_eq!((found.name(), &*found.signature), ("get-it", "get_it(from_: int) -> str"));
        let server = read.server("time").expect("the server");
        assert!(server.find_withheld("hide_it").is_some() && server.find("hide_it").is_none());
        assert!(kept_namespace(&Object { bytes: b"{}".to_vec(), ..object }).is_none());
    }
}
