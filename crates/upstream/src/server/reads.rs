//! Requests that are permitted like calls of tools and are none.

use exuvia_mcp_client::{Input, request};
use exuvia_policy::READS;
use exuvia_tool::{Arguments, ToolName};
use rmcp::model::ClientRequest;

/// The request that a permit stands for, and its method. `None`: it stands for a call, or its parameters are none that the
/// protocol knows.
pub(crate) fn permitted(name: &ToolName, params: Arguments, input: Input) -> Option<(&'static str, ClientRequest)> {
    let method = READS.into_iter().find(|method| *method == name.tool)?;
    Some((method, request(method, params.into_tree().ok()?, input)?))
}

#[cfg(test)]
mod tests {
    use exuvia_mcp_client::Query;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_query_is_permitted_by_its_method_and_nothing_else_is() {
        let params = json!({"name": "p", "taskId": "t", "ref": {"type": "ref/prompt", "name": "p"},
            "argument": {"name": "a", "value": ""}, "uri": "a:b", "inputResponses": {}});
        let queries = [
            Query::ReadResource { uri: "a:b".into() },
            Query::GetPrompt { name: "p".into(), arguments: Some(json!({"a": "b"})) },
            Query::Complete(params.clone()),
            Query::GetTask(params.clone()),
            Query::UpdateTask(params.clone()),
            Query::CancelTask(params.clone()),
        ];
        assert_eq!(queries.each_ref().map(Query::method), READS[..6]);
        for query in queries {
            let name = ToolName::new("crm", query.method());
            let (method, request) = permitted(&name, Arguments::from_tree(query.params()), Input::default()).unwrap();
            assert_eq!((method, request.method()), (query.method(), query.method()));
        }
        for name in ["resources/list", "tools/call", "get"] {
            let params = Arguments::from_tree(params.clone());
            assert!(permitted(&ToolName::new("crm", name), params, Input::default()).is_none());
        }
    }
}
