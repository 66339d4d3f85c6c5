//! `[admin]` as it is written. The doc comments here are descriptions in the schema.

use schemars::JsonSchema;
use serde::Deserialize;

/// The admin API and the console of `exuvia serve`, for the operator: on a Unix socket and a loopback address, with credentials of their
/// own in the data directory. Nothing of it can be reached through the MCP endpoint.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Admin {
    /// Whether they are served. Default: true.
    pub(super) enabled: Option<bool>,
    /// A loopback address and port. Default: 127.0.0.1:7431, or another port where that one is taken.
    #[schemars(length(min = 1))]
    pub(super) listen: Option<String>,
    /// Where the traces of runs are shown, for links from the console: a URL with `{trace_id}`, for example
    /// `https://jaeger.example/trace/{trace_id}`. Default: none.
    #[schemars(length(min = 1))]
    pub(super) trace_url: Option<String>,
}
