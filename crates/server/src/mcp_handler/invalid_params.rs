//! Requests that rmcp does not read as what their methods say: it takes their parameters for those of a method that it does not
//! know.

use exuvia_text::{cut, line};
use exuvia_tool::raw;
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CancelTaskParams, CompleteRequestParams, CustomRequest, ErrorCode, GetPromptRequestParams,
    GetTaskParams, InitializeRequestParams, JsonObject, PaginatedRequestParams, ProtocolVersion,
    ReadResourceRequestParams, SubscribeRequestParams, SubscriptionsListenRequestParams, UnsubscribeRequestParams,
    UpdateTaskParams,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::invalid_message::InvalidMessage;
use crate::lines::id_of;

/// The longest description of an error, in characters: it repeats text of the client.
const WHY_CHARS: usize = 200;

/// The key in `_meta` of a request's protocol version.
const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// All methods of requests that clients may send, in either era.
pub const METHODS: [&str; 17] = [
    "initialize",
    "ping",
    "server/discover",
    "tools/list",
    "tools/call",
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "subscriptions/listen",
    "completion/complete",
    "tasks/get",
    "tasks/update",
    "tasks/cancel",
];

/// Methods of the legacy era alone.
const LEGACY: [&str; 4] = ["initialize", "ping", "resources/subscribe", "resources/unsubscribe"];

/// Methods of the modern era alone.
const MODERN: [&str; 1] = ["subscriptions/listen"];

/// Methods of direct servers alone.
const DIRECT: [&str; 12] = [
    "prompts/get",
    "prompts/list",
    "resources/read",
    "resources/list",
    "resources/templates/list",
    "resources/subscribe",
    "resources/unsubscribe",
    "subscriptions/listen",
    "completion/complete",
    "tasks/get",
    "tasks/update",
    "tasks/cancel",
];

/// Those of them that files of scripts have as well.
const OF_FILES: [&str; 3] = ["resources/read", "resources/list", "resources/templates/list"];

/// What is wrong with the parameters of a request that rmcp would take all the same: it ends a connection whose handshake has none,
/// or asks it for a session, and of a cursor that is no text it reads nothing.
pub(crate) fn beforehand(text: &str) -> Option<InvalidMessage> {
    let method: String = serde_json::from_str(raw::member(text, "method")?).ok()?;
    let params = raw::member(text, "params");
    let is_wrong = match method.as_str() {
        // The modern era does not know this method. rmcp checks the headers and the version first, then calls `answer`.
        "initialize" if params.is_some_and(names_modern_version) => false,
        "initialize" => serde_json::from_str::<InitializeRequestParams>(params.unwrap_or("{}")).is_err(),
        list if list.ends_with("/list") => {
            let cursor = params.and_then(|params| raw::member(params, "cursor"));
            cursor.is_some_and(|cursor| !cursor.starts_with('"') && cursor != "null")
        }
        _ => false,
    };
    let params: Option<Value> = params.filter(|_| is_wrong).and_then(|params| serde_json::from_str(params).ok());
    let error = wrong_params(&method, params.as_ref()).filter(|_| is_wrong)?;
    Some(InvalidMessage { id: Some(id_of(text)?), error })
}

/// Whether parameters name a version of the modern era in their `_meta`.
fn names_modern_version(params: &str) -> bool {
    let version = raw::member(params, "_meta").and_then(|meta| raw::member(meta, PROTOCOL_VERSION));
    let version = version.and_then(|version| serde_json::from_str::<ProtocolVersion>(version).ok());
    version.is_some_and(|version| !version.has_initialize())
}

/// The error for a request that rmcp does not know. `has_direct`: the methods of direct servers are known, `has_resources`: those of them that
/// files have. `is_modern`: the methods of the modern era are known, and those of the legacy era are not.
pub(super) fn answer(request: &CustomRequest, (has_direct, has_resources): (bool, bool), is_modern: bool) -> ErrorData {
    let unknown = || ErrorData::new(ErrorCode::METHOD_NOT_FOUND, line(&cut(&request.method, WHY_CHARS)), None);
    let method = request.method.as_str();
    let of_other_era = if is_modern { LEGACY.contains(&method) } else { MODERN.contains(&method) };
    let is_known = has_direct || !DIRECT.contains(&method) || has_resources && OF_FILES.contains(&method);
    if of_other_era || !is_known {
        return unknown();
    }
    wrong_params(&request.method, request.params.as_ref()).unwrap_or_else(unknown)
}

/// What is wrong with the parameters of this method. None: the method is not known.
fn wrong_params(method: &str, params: Option<&Value>) -> Option<ErrorData> {
    let why = match method {
        "initialize" => fault::<InitializeRequestParams>(params),
        "tools/call" => fault::<CallToolRequestParams>(params),
        "prompts/get" => fault::<GetPromptRequestParams>(params),
        "resources/read" => fault::<ReadResourceRequestParams>(params),
        "completion/complete" => fault::<CompleteRequestParams>(params),
        "tasks/get" => fault::<GetTaskParams>(params),
        "tasks/update" => fault::<UpdateTaskParams>(params),
        "tasks/cancel" => fault::<CancelTaskParams>(params),
        "resources/subscribe" => fault::<SubscribeRequestParams>(params),
        "resources/unsubscribe" => fault::<UnsubscribeRequestParams>(params),
        "subscriptions/listen" => fault::<SubscriptionsListenRequestParams>(params),
        "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list" => {
            fault::<PaginatedRequestParams>(params)
        }
        "ping" | "server/discover" => fault::<JsonObject>(params),
        _ => return None,
    };
    Some(ErrorData::invalid_params(format!("the params of {method} are wrong: {why}"), None))
}

fn fault<T: DeserializeOwned>(params: Option<&Value>) -> String {
    let why = match params {
        Some(params) if !params.is_object() => "they must be an object".to_owned(),
        // From the text: from a tree rmcp's types refuse some numbers.
        params => match serde_json::from_str::<T>(&params.unwrap_or(&json!({})).to_string()) {
            Err(error) => {
                let why = error.to_string();
                // The position refers to a text that the client has not seen.
                why.split(" at line ").next().unwrap_or_default().to_owned()
            }
            Ok(_) => "they, or their `_meta`, are not of their types".to_owned(),
        },
    };
    line(&cut(&why, WHY_CHARS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_parameters_that_rmcp_accepts_are_rejected_before_it() {
        let code = |method: &str, params: &str| {
            let text = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{params}}}"#);
            beforehand(&text).map(|refusal| refusal.error.code)
        };
        for (method, params) in [("initialize", "{}"), ("initialize", "7"), ("prompts/list", r#"{"cursor":7}"#)] {
            assert_eq!(code(method, params), Some(ErrorCode::INVALID_PARAMS), "{method} {params}");
        }
        for (method, params) in [("tools/list", r#"{"cursor":""}"#), ("tools/list", "{}"), ("tools/call", "{}")] {
            assert_eq!(code(method, params), None, "{method} {params}");
        }
        for (version, expected) in [
            (r#""2026-07-28""#, None),
            (r#""2099-01-01""#, None),
            (r#""2025-11-25""#, Some(ErrorCode::INVALID_PARAMS)),
            ("7", Some(ErrorCode::INVALID_PARAMS)),
        ] {
            let params = format!(r#"{{"_meta":{{"io.modelcontextprotocol/protocolVersion":{version}}}}}"#);
            assert_eq!(code("initialize", &params), expected, "{version}");
        }
    }

    #[test]
    fn invalid_parameters_have_a_reason_and_unknown_methods_are_unknown() {
        let told = |method: &str, params: Value| {
            let ErrorData { code, message, .. } =
                answer(&CustomRequest::new(method, Some(params)), (true, true), false);
            (code, message.into_owned())
        };
        for (method, params, word) in [
            ("tools/call", json!({}), "missing field `name`"),
            ("tools/call", json!({"name": 7}), "expected a string"),
            ("tools/call", json!({"name": "a", "arguments": []}), "expected a map"),
            ("tools/call", json!([]), "must be an object"),
            ("prompts/get", json!({}), "`name`"),
            ("resources/read", json!({"uri": null}), "expected a string"),
            ("completion/complete", json!({"ref": {"type": "ref/prompt", "name": "p"}}), "`argument`"),
            ("tasks/get", json!({}), "`taskId`"),
            ("tools/list", json!({"cursor": 7}), "expected a string"),
            ("ping", json!("x"), "must be an object"),
            ("initialize", json!({}), "`protocolVersion`"),
            ("resources/subscribe", json!({}), "`uri`"),
            ("resources/unsubscribe", json!({"uri": 7}), "expected a string"),
            ("tools/call", json!({"name": {"x".repeat(1_000): "\u{202e}"}}), "expected a string"),
        ] {
            let (code, message) = told(method, params.clone());
            assert_eq!(code, ErrorCode::INVALID_PARAMS, "{method} {params}: {message}");
            assert!(message.contains(word) && message.len() < 400, "{method} {params}: {message}");
        }
        assert_eq!(told("tools/fly", json!({})).0, ErrorCode::METHOD_NOT_FOUND);
        let scripts = answer(&CustomRequest::new("prompts/get", None), (false, false), false);
        assert_eq!(scripts.code, ErrorCode::METHOD_NOT_FOUND);
        assert_eq!(
            answer(&CustomRequest::new("tools/call", None), (false, false), false).code,
            ErrorCode::INVALID_PARAMS
        );
        let files = |method: &str| answer(&CustomRequest::new(method, None), (false, true), false).code;
        assert_eq!(files("resources/read"), ErrorCode::INVALID_PARAMS);
        assert_eq!(files("resources/subscribe"), ErrorCode::METHOD_NOT_FOUND);
    }

    #[test]
    fn methods_of_the_other_era_are_unknown_whatever_their_parameters() {
        let code = |method: &str, is_modern| answer(&CustomRequest::new(method, None), (true, true), is_modern).code;
        for (method, is_modern) in
            LEGACY.map(|method| (method, true)).into_iter().chain([("subscriptions/listen", false)])
        {
            assert_eq!(code(method, is_modern), ErrorCode::METHOD_NOT_FOUND, "{method}");
            assert_eq!(code(method, !is_modern), ErrorCode::INVALID_PARAMS, "{method}");
        }
    }

    #[test]
    fn every_method_is_listed_and_its_parameters_are_known() {
        for method in LEGACY.iter().chain(&MODERN).chain(&DIRECT) {
            assert!(METHODS.contains(method), "{method}");
        }
        for method in METHODS {
            assert!(wrong_params(method, Some(&json!([]))).is_some(), "{method}");
        }
    }
}
