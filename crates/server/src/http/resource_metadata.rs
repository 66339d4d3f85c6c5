//! The metadata of a protected resource (RFC 9728): which authorization servers issue tokens for an endpoint.

use exuvia_access::is_secret;
use exuvia_access::jwt::IdentityProviders;
use exuvia_config::PublicUrl;
use http::{HeaderMap, header};
use serde_json::json;
use url::Url;

use super::host::Scheme;

/// Where the metadata is, before the path of the endpoint (RFC 9728, 3).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";
/// The endpoint that metadata without a path is about.
const DEFAULT_ENDPOINT: &str = "/mcp";

/// Where clients reach the endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base {
    origin: String,
    /// What a proxy has before the paths of this server; mostly empty.
    path: String,
}

impl Base {
    /// As configured, or else as this client asks. Its host is one of this server's own: that is checked before anything else.
    pub(super) fn of(public_url: Option<&PublicUrl>, scheme: Scheme, headers: &HeaderMap) -> Self {
        match public_url {
            Some(url) => Self { origin: url.origin().to_owned(), path: url.path().to_owned() },
            None => {
                let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
                Self { origin: format!("{scheme}://{host}"), path: String::new() }
            }
        }
    }

    /// Where the metadata of an endpoint is, for the challenge to who asks for this path.
    pub(super) fn metadata_url(&self, path: &str) -> String {
        let endpoint = if is_endpoint(path) { path } else { DEFAULT_ENDPOINT };
        format!("{}{WELL_KNOWN}{}{endpoint}", self.origin, self.path)
    }

    /// The metadata that a path names. None: it names none.
    ///
    /// There is metadata for every name that a profile could have. Whether there is such a profile is said to those who are let
    /// in.
    pub(super) fn metadata(&self, path: &str, providers: &IdentityProviders) -> Option<String> {
        let rest = path.strip_prefix(WELL_KNOWN)?;
        let endpoint = rest.strip_prefix(&self.path).unwrap_or(rest);
        let endpoint = if endpoint.is_empty() { DEFAULT_ENDPOINT } else { endpoint };
        if providers.is_empty() || !is_endpoint(endpoint) {
            return None;
        }
        let own = format!("{}{}{endpoint}", self.origin, self.path);
        let mut document = json!({
            "resource": resource(own, providers),
            "authorization_servers": providers.issuers().collect::<Vec<_>>(),
            "bearer_methods_supported": ["header"],
        });
        if !providers.scopes().is_empty() {
            document["scopes_supported"] = providers.scopes().into();
        }
        Some(document.to_string())
    }
}

/// Whether a path is that of an endpoint, with a profile that is written without anything that would have to be quoted. The secret of a
/// key is none: somebody put it there by mistake, and it is not repeated.
fn is_endpoint(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte);
    let Some(rest) = path.strip_prefix(DEFAULT_ENDPOINT) else { return false };
    match rest.strip_prefix('/') {
        Some(profile) => !profile.is_empty() && profile.bytes().all(is_plain) && !is_secret(profile),
        None => rest.is_empty(),
    }
}

/// What clients ask for a token for (RFC 8707). It ends up in `aud`, so it is an audience that is accepted: the endpoint itself, or the
/// longest URL that the endpoint is below. Where audiences are no such URLs, it is the endpoint.
fn resource(own: String, providers: &IdentityProviders) -> String {
    let Ok(endpoint) = Url::parse(&own) else { return own };
    let covers = |audience: &&str| Url::parse(audience).is_ok_and(|audience| is_at_or_below(&endpoint, &audience));
    providers.audiences().filter(covers).max_by_key(|audience| audience.len()).map_or(own, str::to_owned)
}

fn is_at_or_below(endpoint: &Url, audience: &Url) -> bool {
    let is_same_place = endpoint.origin() == audience.origin() && audience.query().is_none();
    let rest = endpoint.path().strip_prefix(audience.path().trim_end_matches('/'));
    is_same_place && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use exuvia_config::{IdentityProviderConfig, Issuer};
    use serde_json::Value;

    use super::*;

    fn providers(audiences: &[&str], scopes: &[&str]) -> Arc<IdentityProviders> {
        let mut config = IdentityProviderConfig::new(Issuer::parse("https://i.example/t").unwrap(), "");
        config.audiences = audiences.iter().map(|audience| (*audience).to_owned()).collect();
        config.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        IdentityProviders::new(BTreeMap::from([("okta".to_owned(), config)]), Arc::new(|| 0))
    }

    fn base(public_url: Option<&str>) -> Base {
        let headers = HeaderMap::from_iter([(header::HOST, "e.example:8420".parse().unwrap())]);
        Base::of(public_url.map(|url| PublicUrl::parse(url).unwrap()).as_ref(), Scheme::Https, &headers)
    }

    fn resource_at(public_url: &str, path: &str, audiences: &[&str]) -> Option<String> {
        let document = base(Some(public_url)).metadata(path, &providers(audiences, &[]))?;
        let document: Value = serde_json::from_str(&document).unwrap();
        Some(document["resource"].as_str().unwrap().to_owned())
    }

    #[test]
    fn metadata_names_issuers_and_scopes() {
        let document =
            base(None).metadata("/.well-known/oauth-protected-resource/mcp", &providers(&["api://x"], &["mcp"]));
        let document: Value = serde_json::from_str(&document.unwrap()).unwrap();
        let expected = json!({
            "resource": "https://e.example:8420/mcp", "authorization_servers": ["https://i.example/t"],
            "bearer_methods_supported": ["header"], "scopes_supported": ["mcp"],
        });
        assert_eq!(document, expected);
    }

    #[test]
    fn there_is_metadata_for_endpoints_and_for_nothing_else() {
        for (path, expected) in [
            ("", Some("https://e.example/mcp")),
            ("/mcp", Some("https://e.example/mcp")),
            ("/mcp/support", Some("https://e.example/mcp/support")),
            ("/mcp/a%20b", Some("https://e.example/mcp/a%20b")),
            ("/", None),
            ("/mcp/", None),
            ("/mcp/a/b", None),
            ("/mcp/a\"b", None),
            ("/mcpx", None),
            ("/other", None),
            ("x", None),
        ] {
            let path = format!("/.well-known/oauth-protected-resource{path}");
            assert_eq!(resource_at("https://e.example", &path, &["api://x"]).as_deref(), expected, "{path}");
        }
        assert_eq!(resource_at("https://e.example", "/mcp", &["api://x"]), None);
        let none = IdentityProviders::new(BTreeMap::new(), Arc::new(|| 0));
        assert_eq!(base(None).metadata("/.well-known/oauth-protected-resource/mcp", &none), None);
    }

    #[test]
    fn a_token_is_asked_for_with_an_audience_that_is_accepted() {
        let at = |path: &str, audiences: &[&str]| {
            resource_at("https://e.example", &format!("/.well-known/oauth-protected-resource{path}"), audiences)
                .unwrap()
        };
        let all = ["https://e.example/mcp", "https://e.example/mcp/support", "https://e.example"];
        assert_eq!(at("/mcp/support", &all), "https://e.example/mcp/support");
        assert_eq!(at("/mcp/other", &all), "https://e.example/mcp");
        assert_eq!(at("/mcp", &all), "https://e.example/mcp");
        assert_eq!(at("/mcp", &["https://e.example/mcp/"]), "https://e.example/mcp/");
        assert_eq!(at("/mcp/supporters", &["https://e.example/mcp/support"]), "https://e.example/mcp/supporters");
        for foreign in [
            "https://f.example/mcp",
            "http://e.example/mcp",
            "https://e.example:1/mcp",
            "client-id",
            "https://e.example/m",
        ] {
            assert_eq!(at("/mcp", &[foreign]), "https://e.example/mcp", "{foreign}");
        }
    }

    #[test]
    fn behind_a_proxy_with_a_path_of_its_own_urls_have_that_path() {
        let place = "https://e.example/gate";
        assert_eq!(
            base(Some(place)).metadata_url("/mcp/support"),
            "https://e.example/.well-known/oauth-protected-resource/gate/mcp/support"
        );
        for path in ["/gate/mcp/support", "/mcp/support"] {
            let path = format!("/.well-known/oauth-protected-resource{path}");
            assert_eq!(resource_at(place, &path, &["x"]).as_deref(), Some("https://e.example/gate/mcp/support"));
        }
    }

    #[test]
    fn a_challenge_leads_to_the_metadata_of_the_endpoint_that_was_asked_for() {
        let base = base(None);
        for (path, expected) in [("/mcp", "/mcp"), ("/mcp/a", "/mcp/a"), ("/mcp/a\"b", "/mcp"), ("/metrics", "/mcp")] {
            let url = base.metadata_url(path);
            assert_eq!(url, format!("https://e.example:8420/.well-known/oauth-protected-resource{expected}"));
        }
    }
}
