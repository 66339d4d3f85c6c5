//! Error codes of JSON-RPC and MCP that mean something to whoever is in between.

use rmcp::model::ErrorCode;

/// The server does not know the method.
pub const METHOD_NOT_FOUND: i64 = ErrorCode::METHOD_NOT_FOUND.0 as i64;
/// The request was read, and something went wrong that is not its fault.
pub const INTERNAL_ERROR: i64 = ErrorCode::INTERNAL_ERROR.0 as i64;
/// By this, servers of the older protocol ask for a visit to a web page. It is gone from the newer one, and from rmcp.
pub const URL_ELICITATION_REQUIRED: i64 = -32042;
