//! `[identity_providers.NAME]`, as written. The doc comments here are what editors show.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;

use crate::SigningAlgorithm;

/// An authorization server whose access tokens (JWT, RFC 9068) clients over HTTP may present: the gateway is an OAuth 2.1
/// resource server.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct IdentityProvider {
    /// Its issuer identifier, exactly as its tokens have it in `iss`: for example `https://login.example/tenant`.
    #[schemars(length(min = 1))]
    pub(super) issuer: Option<String>,
    /// Who its tokens must be meant for: one of these is in `aud`. Best the URL of the endpoint, for example
    /// `"https://exuvia.example/mcp"`; several as an array. Never the id of a client: ID tokens have that.
    pub(super) audience: Option<OneOrMore>,
    /// Scopes that every token must have. The challenge names them. Default: none.
    pub(super) scopes: Vec<String>,
    /// Which role a token gives, by its claims: that of the first entry that fits, for example `[{ claim = "groups", value =
    /// "support", role = "support" }]`.
    pub(super) roles: Vec<Mapping>,
    /// The role where no entry fits. Default: none, and the token is rejected.
    #[schemars(length(min = 1))]
    pub(super) default_role: Option<String>,
    /// Where its public keys are. Default: its metadata says so (RFC 8414, or OpenID Connect Discovery).
    #[schemars(length(min = 1))]
    pub(super) jwks_uri: Option<String>,
    /// Algorithms by which its tokens may be signed. There is none with a shared secret, and not `none`. Default: all of
    /// these.
    #[schemars(length(min = 1))]
    pub(super) algorithms: Option<Vec<SigningAlgorithm>>,
    /// A PEM file of certificate authorities beside those of the system.
    #[schemars(length(min = 1))]
    pub(super) ca: Option<String>,
    /// An HTTP proxy for requests to it. Proxies from the environment are ignored. Default: none.
    #[schemars(length(min = 1))]
    pub(super) proxy: Option<String>,
}

/// A claim that gives a role.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("dependentRequired" = {
    "claim": ["value", "role"], "value": ["claim", "role"], "role": ["claim", "value"],
}))]
pub(super) struct Mapping {
    /// The claim's name, for example `groups`, or a JSON pointer to a value within a claim, for example
    /// `/realm_access/roles`.
    #[schemars(length(min = 1))]
    pub(super) claim: Option<String>,
    /// The claim is this string, or an array of strings with this one in it. Of the claims `scope` and `scp`, one of the
    /// scopes is it.
    #[schemars(length(min = 1))]
    pub(super) value: Option<String>,
    /// The role, a key of `[roles]`.
    #[schemars(length(min = 1))]
    pub(super) role: Option<String>,
}

/// One text, or an array of them.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct OneOrMore(Value);

impl OneOrMore {
    /// The texts.
    pub(super) fn texts(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        match &self.0 {
            Value::Array(values) => values.iter().filter_map(text).collect(),
            one => text(one).into_iter().collect(),
        }
    }
}

impl JsonSchema for OneOrMore {
    fn schema_name() -> Cow<'static, str> {
        "OneOrMore".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // `minLength` concerns strings alone, `items` and `minItems` arrays alone.
        json_schema!({
            "type": ["string", "array"],
            "minLength": 1,
            "items": {"type": "string", "minLength": 1},
            "minItems": 1,
        })
    }
}
