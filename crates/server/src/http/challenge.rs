//! The challenge to a client that is not let in: `WWW-Authenticate` (RFC 6750, 3; RFC 9728, 5.1).

use http::HeaderValue;

/// What is wrong with a request's token, in the words of RFC 6750.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rejection<'a> {
    /// There is none: no error code then (RFC 6750, 3.1).
    NoToken,
    /// It cannot be accepted, and why: a text without quotes and backslashes.
    InvalidToken(&'a str),
    /// It has not all of these scopes.
    InsufficientScope(&'a [String]),
}

/// The challenge. `metadata` is where a client finds out who issues tokens, `scopes` is what it should ask for; both are empty
/// where there is no identity provider.
pub(super) fn challenge(rejection: Rejection<'_>, metadata: Option<&str>, scopes: &[String]) -> HeaderValue {
    let mut parameters = Vec::new();
    let mut scopes = scopes;
    match rejection {
        Rejection::NoToken => {}
        Rejection::InvalidToken(why) => {
            parameters.push(quoted("error", "invalid_token"));
            parameters.push(quoted("error_description", why));
        }
        Rejection::InsufficientScope(needed) => {
            parameters.push(quoted("error", "insufficient_scope"));
            scopes = needed;
        }
    }
    if !scopes.is_empty() {
        parameters.push(quoted("scope", &scopes.join(" ")));
    }
    parameters.extend(metadata.map(|metadata| quoted("resource_metadata", metadata)));
    let text = format!("Bearer {}", parameters.join(", "));
    HeaderValue::from_str(text.trim_end()).unwrap_or_else(|_| HeaderValue::from_static("Bearer"))
}

/// A parameter. What would end its text early does not get into it.
fn quoted(name: &str, text: &str) -> String {
    format!("{name}=\"{}\"", text.replace(['"', '\\'], ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rejection: Rejection<'_>, metadata: Option<&str>, scopes: &[&str]) -> String {
        let scopes: Vec<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        challenge(rejection, metadata, &scopes).to_str().unwrap().to_owned()
    }

    #[test]
    fn without_an_identity_provider_a_client_is_told_the_scheme_and_the_error() {
        assert_eq!(told(Rejection::NoToken, None, &[]), "Bearer");
        assert_eq!(
            told(Rejection::InvalidToken("the token has expired"), None, &[]),
            r#"Bearer error="invalid_token", error_description="the token has expired""#
        );
    }

    #[test]
    fn a_client_is_told_where_tokens_come_from_and_which_scopes_to_ask_for() {
        let metadata = Some("https://e.example/.well-known/oauth-protected-resource/mcp");
        assert_eq!(
            told(Rejection::NoToken, metadata, &["mcp", "read"]),
            r#"Bearer scope="mcp read", resource_metadata="https://e.example/.well-known/oauth-protected-resource/mcp""#
        );
        let needed = ["write".to_owned()];
        assert_eq!(
            told(Rejection::InsufficientScope(&needed), metadata, &["mcp"]),
            r#"Bearer error="insufficient_scope", scope="write", resource_metadata="https://e.example/.well-known/oauth-protected-resource/mcp""#
        );
    }

    #[test]
    fn no_text_breaks_out_of_its_quotes() {
        assert_eq!(
            told(Rejection::NoToken, Some("https://e/\", error=\"x\\"), &[]),
            r#"Bearer resource_metadata="https://e/, error=x""#
        );
        assert_eq!(told(Rejection::NoToken, Some("https://e/\r\nX: y"), &[]), "Bearer");
    }
}
