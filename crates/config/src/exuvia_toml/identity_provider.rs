//! `[identity_providers.NAME]`, resolved.

use std::collections::{BTreeMap, HashMap};

use url::Url;

use super::access_types::Role;
use super::document::below;
use super::identity_provider_types::{IdentityProvider, Mapping, OneOrMore};
use super::resolve::Resolver;
use crate::identity_provider::{self, document_url};
use crate::servers::check;
use crate::{ClaimPath, IdentityProviderConfig, Issuer, RoleMapping};

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
                self.error(
                    &pointer,
                    format!("duplicate issuer, also of `{other}`; one provider may have several audiences"),
                );
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
        config.ca =
            written.ca.as_deref().and_then(|ca| self.certificates(ca, &below(pointer, "ca"))).unwrap_or_default();
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
