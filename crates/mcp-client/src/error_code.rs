//! Error codes of JSON-RPC and MCP that matter to a proxy.

use rmcp::model::ErrorCode;

/// The server does not know the method.
pub const METHOD_NOT_FOUND: i64 = ErrorCode::METHOD_NOT_FOUND.0 as i64;
/// The request is not what the method takes, or names a tool that there is none of.
pub const INVALID_PARAMS: i64 = ErrorCode::INVALID_PARAMS.0 as i64;
/// The request was read, and something went wrong that is not its fault.
pub const INTERNAL_ERROR: i64 = ErrorCode::INTERNAL_ERROR.0 as i64;
/// By this, legacy servers ask for a visit to a web page. The modern era and rmcp no longer have it.
pub const URL_ELICITATION_REQUIRED: i64 = -32042;
