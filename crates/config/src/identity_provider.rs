//! Identity providers: authorization servers whose access tokens clients may present.

use std::fmt;

use http::uri::PathAndQuery;
use rustls::pki_types::CertificateDer;
use schemars::JsonSchema;
use serde::Deserialize;
use url::Url;

use crate::choices::values_only;
use crate::{Http, Proxy, is_loopback};

/// An identity provider: whose tokens are accepted, for what, and which role they give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityProviderConfig {
    /// Who issues the tokens.
    pub issuer: Issuer,
    /// Who the tokens have to be meant for: one of these is in `aud`. Never empty.
    pub audiences: Vec<String>,
    /// The scopes that a token must have, all of them. Empty: none.
    pub scopes: Vec<String>,
    /// Which role a token gives: that of the first entry that fits.
    pub roles: Vec<RoleMapping>,
    /// The role where no entry fits. None: such a token is rejected.
    pub default_role: Option<String>,
    /// Where the provider's public keys are. None: its metadata says so.
    pub jwks_uri: Option<Url>,
    /// The algorithms by which tokens may be signed. Never empty, and never one with a shared secret.
    pub algorithms: Vec<SigningAlgorithm>,
    /// Who may have signed the provider's certificate, beside those that the system trusts.
    pub ca: Vec<CertificateDer<'static>>,
    /// The proxy for requests to the provider. Proxy variables of the environment are ignored.
    pub proxy: Option<Proxy>,
}

/// An issuer identifier (RFC 8414, 2): an https URL without query and fragment, or an http URL on loopback. Tokens have it
/// letter by letter, so it is kept as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    url: Url,
}

/// An entry of the list from claims to roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleMapping {
    /// Where in the token's claims the value is.
    pub claim: ClaimPath,
    /// The value: the claim is this text, or an array with this text in it.
    pub value: String,
    /// The role that it gives.
    pub role: String,
}

/// Names a claim: by its name, or by a JSON pointer (RFC 6901) to a value within a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath {
    parts: Vec<String>,
}

/// An algorithm for signatures by a private key (RFC 7518, 3.1; RFC 8037). There is none with a shared secret here: whoever
/// knows a provider's public key could sign with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[schemars(transform = values_only)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA with P-256 and SHA-256.
    ES256,
    /// ECDSA with P-384 and SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

impl SigningAlgorithm {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
    ];
}

impl IdentityProviderConfig {
    /// A provider whose tokens for this audience are accepted; no role yet.
    #[must_use]
    pub fn new(issuer: Issuer, audience: impl Into<String>) -> Self {
        Self {
            issuer,
            audiences: vec![audience.into()],
            scopes: Vec::new(),
            roles: Vec::new(),
            default_role: None,
            jwks_uri: None,
            algorithms: SigningAlgorithm::ALL.to_vec(),
            ca: Vec::new(),
            proxy: None,
        }
    }

    /// Where its documents are read: its keys, or else its metadata.
    #[must_use]
    pub fn http(&self) -> Http {
        let mut http = Http::new(self.jwks_uri.as_ref().unwrap_or(&self.issuer.url).clone());
        http.ca.clone_from(&self.ca);
        http.proxy.clone_from(&self.proxy);
        http
    }

    /// The roles that its tokens can give.
    pub fn role_names(&self) -> impl Iterator<Item = &str> {
        self.roles.iter().map(|mapping| mapping.role.as_str()).chain(self.default_role.as_deref())
    }
}

impl Issuer {
    /// Reads an issuer identifier.
    ///
    /// # Errors
    ///
    /// What is wrong with it, without quoting it.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(Self { url: public_url(text)?, text: text.to_owned() })
    }

    /// As tokens have it in `iss`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same as a URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl ClaimPath {
    /// Reads a claim's name, or a JSON pointer, which begins with `/`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(pointer) = text.strip_prefix('/') else {
            return match text.is_empty() {
                true => Err("must be the name of a claim, or a JSON pointer such as /realm_access/roles".to_owned()),
                false => Ok(Self { parts: vec![text.to_owned()] }),
            };
        };
        let part = |part: &str| {
            let rest = part.replace("~0", "").replace("~1", "");
            match rest.contains('~') {
                true => Err("is no JSON pointer: write ~ as ~0 and / within a name as ~1".to_owned()),
                false => Ok(part.replace("~1", "/").replace("~0", "~")),
            }
        };
        Ok(Self { parts: pointer.split('/').map(part).collect::<Result<_, _>>()? })
    }

    /// The names that lead there from the claims, the outermost first. Never empty.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        &self.parts
    }
}

/// Where clients reach the listener, where that is not the address on which it listens: behind a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    path: String,
}

impl PublicUrl {
    /// Reads the URL below which `/mcp` is.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = public_url(text)?;
        let path = url.path().trim_end_matches('/').to_owned();
        Ok(Self { origin: url.origin().ascii_serialization(), path })
    }

    /// Scheme, host and port: `https://exuvia.example`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Host and, if it is not that of the scheme, port: `exuvia.example`.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.origin.split_once("://").map_or(&self.origin, |(_, authority)| authority)
    }

    /// What stands before `/mcp`: empty, or `/gateway`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// An https URL, or an http URL on loopback, without credentials, query and fragment.
fn public_url(text: &str) -> Result<Url, String> {
    let url = document_url(text)?;
    if url.query().is_some() {
        return Err("must not have a query".to_owned());
    }
    Ok(url)
}

/// Where a document is: an https URL, or an http URL on loopback, without credentials and fragment.
pub(crate) fn document_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}; write https://HOST/PATH"))?;
    let is_safe = url.scheme() == "https" || url.scheme() == "http" && is_loopback(&url);
    if !is_safe {
        return Err("must begin with https://; http:// is for loopback addresses only".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain credentials".to_owned());
    }
    if url.fragment().is_some() {
        return Err("must not have a fragment".to_owned());
    }
    // What is requested there goes through a second parser.
    match url[url::Position::BeforePath..].parse::<PathAndQuery>() {
        Ok(_) => Ok(url),
        Err(_) => Err("contains a character that is invalid in a URL; write it as %XX".to_owned()),
    }
}

/// Checks an audience.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn audience(text: &str) -> Result<(), String> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err("an audience is a text without control characters, such as https://exuvia.example/mcp".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_kept_letter_by_letter() {
        for text in ["https://a.example", "https://a.example/", "https://A.example/t/v2.0", "http://127.0.0.1:9/x"] {
            assert_eq!(Issuer::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn an_issuer_is_an_https_url_and_nothing_else() {
        for text in [
            "",
            "a.example",
            "http://a.example",
            "ftp://a.example",
            "https://u:s3cret@a.example",
            "https://a.example/?s3cret",
            "https://a.example/#s3cret",
            "http://10.0.0.1",
        ] {
            let message = Issuer::parse(text).unwrap_err();
            assert!(!message.contains("s3cret"), "{text}: {message}");
        }
    }

    #[test]
    fn a_claim_is_a_name_or_a_pointer() {
        let parts = |text: &str| ClaimPath::parse(text).unwrap().parts().to_vec();
        assert_eq!(parts("groups"), ["groups"]);
        // Dots and slashes belong to a name: providers name claims by URLs.
        assert_eq!(parts("https://a.example/roles"), ["https://a.example/roles"]);
        assert_eq!(parts("/realm_access/roles"), ["realm_access", "roles"]);
        assert_eq!(parts("/a~1b/c~0d/~01"), ["a/b", "c~d", "~1"]);
        for text in ["", "/a~b", "/~"] {
            assert!(ClaimPath::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_public_url_is_an_origin_and_perhaps_a_path() {
        let parts = |text: &str| {
            let url = PublicUrl::parse(text).unwrap();
            (url.origin().to_owned(), url.path().to_owned())
        };
        assert_eq!(parts("https://a.example"), ("https://a.example".to_owned(), String::new()));
        assert_eq!(PublicUrl::parse("https://A.example:443/x").unwrap().authority(), "a.example");
        assert_eq!(parts("https://A.example:8443/gate/"), ("https://a.example:8443".to_owned(), "/gate".to_owned()));
        assert!(PublicUrl::parse("http://a.example").is_err());
    }
}
