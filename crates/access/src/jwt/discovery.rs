//! Where a provider's keys are, as it says itself.

use exuvia_config::Issuer;
use exuvia_oauth::Documents;
use serde::Deserialize;
use url::Url;

/// The longest metadata document, in bytes.
const METADATA_BYTES: usize = 256 << 10;

/// The places of metadata, in the order in which MCP asks for them: of RFC 8414, then of OpenID Connect Discovery, before the
/// issuer's path and after it.
fn places(issuer: &Issuer) -> Vec<Url> {
    let path = issuer.url().path().trim_end_matches('/');
    let mut paths = vec![
        format!("/.well-known/oauth-authorization-server{path}"),
        format!("/.well-known/openid-configuration{path}"),
        format!("{path}/.well-known/openid-configuration"),
    ];
    paths.dedup();
    let place = |path: String| {
        let mut place = issuer.url().clone();
        place.set_path(&path);
        place
    };
    paths.into_iter().map(place).collect()
}

/// The address of the provider's key set.
pub(super) async fn key_set(issuer: &Issuer, documents: &Documents) -> Result<Url, String> {
    let mut why = None;
    for place in places(issuer) {
        let Some(document) = documents.read(&place, METADATA_BYTES).await? else { continue };
        match address(&document, issuer) {
            Ok(address) => return Ok(address),
            Err(wrong) => why = why.or(Some(wrong)),
        }
    }
    Err(why.unwrap_or("it publishes no metadata (RFC 8414, OpenID Connect Discovery); set `jwks_uri`").to_owned())
}

/// The address in a metadata document, which must be that of this issuer, letter by letter (RFC 8414, 3.3): whoever can have
/// another document served at its place would else choose the keys.
pub(super) fn address(document: &[u8], issuer: &Issuer) -> Result<Url, &'static str> {
    #[derive(Deserialize)]
    struct Metadata {
        issuer: String,
        jwks_uri: Option<String>,
    }
    // The parser's own message could quote the document.
    let metadata: Metadata = serde_json::from_slice(document).map_err(|_| "its metadata is malformed")?;
    if metadata.issuer != issuer.as_str() {
        return Err("its metadata names another issuer; write `issuer` exactly as it does");
    }
    let address = metadata.jwks_uri.ok_or("its metadata has no `jwks_uri`; set it here")?;
    address.parse().map_err(|_| "the `jwks_uri` of its metadata is no URL")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(text: &str) -> Issuer {
        Issuer::parse(text).unwrap()
    }

    #[test]
    fn metadata_is_looked_for_at_three_places_or_at_two() {
        let places = |text: &str| places(&issuer(text)).iter().map(Url::to_string).collect::<Vec<_>>();
        assert_eq!(
            places("https://i.example/t/v2.0"),
            [
                "https://i.example/.well-known/oauth-authorization-server/t/v2.0",
                "https://i.example/.well-known/openid-configuration/t/v2.0",
                "https://i.example/t/v2.0/.well-known/openid-configuration",
            ]
        );
        for text in ["https://i.example", "https://i.example/"] {
            assert_eq!(
                places(text),
                [
                    "https://i.example/.well-known/oauth-authorization-server",
                    "https://i.example/.well-known/openid-configuration",
                ]
            );
        }
    }

    #[test]
    fn metadata_of_another_issuer_leads_nowhere() {
        let of = |document: &str| address(document.as_bytes(), &issuer("https://i.example/"));
        let url = of(r#"{"issuer":"https://i.example/","jwks_uri":"https://k.example/keys?v=2","x":[1]}"#).unwrap();
        assert_eq!(url.as_str(), "https://k.example/keys?v=2");
        for (document, why) in [
            (r#"{"issuer":"https://i.example","jwks_uri":"https://k.example"}"#, "another issuer"),
            (r#"{"issuer":"https://j.example/","jwks_uri":"https://k.example"}"#, "another issuer"),
            (r#"{"jwks_uri":"https://k.example"}"#, "malformed"),
            (r#"{"issuer":"https://i.example/"}"#, "no `jwks_uri`"),
            (r#"{"issuer":"https://i.example/","jwks_uri":"keys"}"#, "no URL"),
            ("<html>", "malformed"),
        ] {
            let told = of(document).unwrap_err();
            assert!(told.contains(why), "{document}: {told}");
        }
    }
}
