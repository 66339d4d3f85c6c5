//! `[identity_providers.NAME]`: as it is written, and resolved.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::access_types::Role;
use super::document::below;
use super::resolve::Resolver;
use crate::identity_provider::{self, document_url};
use crate::servers::check;
use crate::{ClaimPath, IdentityProviderConfig, Issuer, RoleMapping, SigningAlgorithm};

/// An authorization server whose access tokens (JWT, RFC 9068) clients over HTTP may present: the gateway is an OAuth 2.1
/// resource server.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct IdentityProvider {
    /// Its issuer identifier, exactly as its tokens have it in `iss`: for example `https://login.example/tenant`.
    #[schemars(length(min = 1))]
    issuer: Option<String>,
    /// Who its tokens must be meant for: one of these is in `aud`. Best the URL of the endpoint, for example
    /// `"https://exuvia.example/mcp"`; several as an array. Never the id of a client: ID tokens have that.
    audience: Option<OneOrMore>,
    /// Scopes that every token must have. Clients are told to ask for them. Default: none.
    scopes: Vec<String>,
    /// Which role a token gives, by its claims: that of the first entry that fits, for example `[{ claim = "groups", value =
    /// "support", role = "support" }]`.
    roles: Vec<Mapping>,
    /// The role where no entry fits. Default: none, and the token is rejected.
    #[schemars(length(min = 1))]
    default_role: Option<String>,
    /// Where its public keys are. Default: its metadata says so (RFC 8414, or OpenID Connect Discovery).
    #[schemars(length(min = 1))]
    jwks_uri: Option<String>,
    /// Algorithms by which its tokens may be signed. There is none with a shared secret, and not `none`. Default: all of
    /// these.
    #[schemars(length(min = 1))]
    algorithms: Option<Vec<SigningAlgorithm>>,
    /// A PEM file of certificate authorities beside those of the system.
    #[schemars(length(min = 1))]
    ca: Option<String>,
    /// An HTTP proxy for requests to it. Proxies from the environment are ignored. Default: none.
    #[schemars(length(min = 1))]
    proxy: Option<String>,
}

/// A claim that gives a role.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("dependentRequired" = {
    "claim": ["value", "role"], "value": ["claim", "role"], "role": ["claim", "value"],
}))]
struct Mapping {
    /// The claim's name, for example `groups`, or a JSON pointer to a value within a claim, for example
    /// `/realm_access/roles`.
    #[schemars(length(min = 1))]
    claim: Option<String>,
    /// The claim is this string, or an array of strings with this one in it. Of the claims `scope` and `scp`, one of the
    /// scopes is it.
    #[schemars(length(min = 1))]
    value: Option<String>,
    /// The role, a key of `[roles]`.
    #[schemars(length(min = 1))]
    role: Option<String>,
}

/// One text, or an array of them.
#[derive(Deserialize)]
#[serde(transparent)]
struct OneOrMore(Value);

impl OneOrMore {
    fn texts(&self) -> Vec<String> {
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

impl Resolver<'_> {
    /// The providers that are right, by their names.
    pub(super) fn identity_providers(
        &mut self,
        written: &BTreeMap<String, IdentityProvider>,
        roles: &BTreeMap<String, Role>,
    ) -> BTreeMap<String, IdentityProviderConfig> {
        let mut providers = BTreeMap::new();
        for (name, provider) in written {
            let pointer = below("/identity_providers", name);
            self.access_name(name, &pointer);
            for (index, mapping) in provider.roles.iter().enumerate() {
                if let Some(role) = &mapping.role {
                    self.role_exists(role, roles, &format!("{pointer}/roles/{index}/role"));
                }
            }
            if let Some(role) = &provider.default_role {
                self.role_exists(role, roles, &below(&pointer, "default_role"));
            }
            if let Some(provider) = self.identity_provider(provider, &pointer) {
                providers.insert(name.clone(), provider);
            }
        }
        self.check_issuers(&providers);
        providers
    }

    /// A token names its issuer, by which its provider is found.
    fn check_issuers(&mut self, providers: &BTreeMap<String, IdentityProviderConfig>) {
        let mut first: HashMap<&str, &str> = HashMap::new();
        for (name, provider) in providers {
            if let Some(other) = first.insert(provider.issuer.as_str(), name) {
                let pointer = below(&below("/identity_providers", name), "issuer");
                self.error(&pointer, format!("duplicate issuer, also of `{other}`; one provider may have several audiences"));
            }
        }
    }

    fn identity_provider(&mut self, written: &IdentityProvider, pointer: &str) -> Option<IdentityProviderConfig> {
        let before = self.errors.len();
        let issuer = self.issuer(written, pointer);
        let audiences = self.audiences(written.audience.as_ref(), pointer);
        let mut config = IdentityProviderConfig::new(issuer?, "");
        config.audiences = audiences;
        let at_scopes = below(pointer, "scopes");
        config.scopes = self.texts(&written.scopes, &at_scopes);
        if let Some(message) = config.scopes.iter().find_map(|scope| check::scope(scope).err()) {
            self.error(&at_scopes, message);
        }
        let at_roles = below(pointer, "roles");
        let mapping = |(index, mapping)| self.role_mapping(mapping, &format!("{at_roles}/{index}"));
        config.roles = written.roles.iter().enumerate().filter_map(mapping).collect();
        config.default_role.clone_from(&written.default_role);
        if written.roles.is_empty() && written.default_role.is_none() {
            self.error(pointer, "requires `roles` or `default_role`: without a role every token is rejected");
        }
        config.jwks_uri = self.jwks_uri(written.jwks_uri.as_deref(), pointer);
        if let Some(algorithms) = &written.algorithms {
            config.algorithms.clone_from(algorithms);
        }
        config.ca = written.ca.as_deref().and_then(|ca| self.certificates(ca, &below(pointer, "ca"))).unwrap_or_default();
        let at_proxy = below(pointer, "proxy");
        config.proxy = written.proxy.as_deref().and_then(|proxy| self.proxy(proxy, &at_proxy));
        if let Err(message) = config.http().check_proxy() {
            self.error(&at_proxy, message);
        }
        (self.errors.len() == before).then_some(config)
    }

    fn issuer(&mut self, written: &IdentityProvider, pointer: &str) -> Option<Issuer> {
        let Some(text) = &written.issuer else {
            self.error(pointer, "requires `issuer`");
            return None;
        };
        let pointer = below(pointer, "issuer");
        let text = self.some_text(text, &pointer)?;
        Issuer::parse(&text).map_err(|message| self.error(&pointer, message)).ok()
    }

    fn audiences(&mut self, written: Option<&OneOrMore>, pointer: &str) -> Vec<String> {
        let Some(written) = written else {
            self.error(pointer, "requires `audience`: without it tokens for other services would be accepted");
            return Vec::new();
        };
        let pointer = below(pointer, "audience");
        let texts = written.texts();
        let audiences: Vec<String> = texts.iter().map(|text| self.text(text, &pointer)).collect();
        if let Some(message) = audiences.iter().find_map(|text| identity_provider::audience(text).err()) {
            self.error(&pointer, message);
        }
        audiences
    }

    fn role_mapping(&mut self, written: &Mapping, pointer: &str) -> Option<RoleMapping> {
        let (Some(claim), Some(value), Some(role)) = (&written.claim, &written.value, &written.role) else {
            // One without the others was reported already.
            if written.claim.is_none() && written.value.is_none() && written.role.is_none() {
                self.error(pointer, "requires `claim`, `value` and `role`");
            }
            return None;
        };
        let claim = ClaimPath::parse(claim).map_err(|message| self.error(&below(pointer, "claim"), message)).ok()?;
        Some(RoleMapping { claim, value: value.clone(), role: role.clone() })
    }

    fn jwks_uri(&mut self, written: Option<&str>, pointer: &str) -> Option<Url> {
        let pointer = below(pointer, "jwks_uri");
        let text = self.some_text(written?, &pointer)?;
        document_url(&text).map_err(|message| self.error(&pointer, message)).ok()
    }
}
