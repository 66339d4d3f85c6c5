//! What authorization servers answer, cut down to what is understood before anything else sees it: so neither a message nor
//! a log can hold what a server put where it does not belong.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The longest token, in bytes. It has to fit into a header.
const TOKEN_BYTES: usize = 16 * 1024;

/// How many of the authorization servers that a server names are tried. Nearly all name one.
const AUTHORIZATION_SERVERS: usize = 3;
/// The longest name of one, in bytes.
const NAME_BYTES: usize = 2 * 1024;

/// A token, as RFC 6749 (5.1) has it.
#[derive(Serialize, Deserialize)]
pub(crate) struct TokenAnswer {
    pub(crate) access_token: String,
    token_type: String,
    /// Seconds. Some servers write it as a string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_in: Option<Seconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<String>,
}

/// A number of seconds.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "Value")]
pub(crate) struct Seconds(pub(super) u64);

impl TryFrom<Value> for Seconds {
    type Error = &'static str;

    fn try_from(value: Value) -> Result<Self, Self::Error> {
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        // Some write fractions. What is beyond the range is as good as for ever.
        let seconds: f64 = text.parse().map_err(|_| "not a number of seconds")?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range")]
        Ok(Self(seconds.clamp(0.0, 1e10) as u64))
    }
}

/// The body of a successful answer with a token, without anything else.
pub(crate) fn token(body: &[u8]) -> Result<Vec<u8>, &'static str> {
    // The parser's own message would quote what it did not like.
    let mut answer: TokenAnswer = serde_json::from_slice(body).map_err(|_| "its response contains no token")?;
    if !answer.token_type.eq_ignore_ascii_case("bearer") {
        return Err("its token is not a bearer token");
    }
    let fits =
        |token: &str| !token.is_empty() && token.len() <= TOKEN_BYTES && token.bytes().all(|b| b.is_ascii_graphic());
    if !fits(&answer.access_token) {
        return Err("its token is empty, too long, or has invalid characters");
    }
    answer.refresh_token = answer.refresh_token.filter(|token| fits(token));
    serde_json::to_vec(&answer).map_err(|_| "its response contains no token")
}

/// The body of a successful answer to a registration, without anything else.
pub(crate) fn registration(body: &[u8]) -> Result<Vec<u8>, &'static str> {
    #[derive(Deserialize)]
    struct Registration {
        client_id: String,
        #[serde(default)]
        client_secret: Option<String>,
    }
    let found: Registration = serde_json::from_slice(body).map_err(|_| "its response contains no client")?;
    let fits = |text: &str| text.len() <= TOKEN_BYTES && !text.chars().any(char::is_control);
    if !fits(&found.client_id) || !found.client_secret.as_deref().is_none_or(fits) {
        return Err("its response contains no usable client");
    }
    let kept = json!({"client_id": found.client_id, "client_secret": found.client_secret, "redirect_uris": []});
    serde_json::to_vec(&kept).map_err(|_| "its response contains no client")
}

/// A document about a server or an authorization server, with no more names of authorization servers than are tried.
pub(crate) fn metadata(body: Vec<u8>) -> Vec<u8> {
    const NAMES: &str = "authorization_servers";
    let Ok(Value::Object(mut document)) = serde_json::from_slice(&body) else { return body };
    match document.get_mut(NAMES) {
        Some(Value::Array(names)) => {
            names.retain(|name| name.as_str().is_some_and(|name| name.len() <= NAME_BYTES));
            names.truncate(AUTHORIZATION_SERVERS);
        }
        _ => return body,
    }
    serde_json::to_vec(&document).unwrap_or(body)
}

/// The error code in an answer that is none of success.
pub(crate) fn refusal(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct ErrorAnswer {
        error: String,
    }
    let found: ErrorAnswer = serde_json::from_slice(body).ok()?;
    error_code(&found.error)
}

/// A code, if it has the form that the registered ones have.
pub(crate) fn error_code(code: &str) -> Option<String> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    ((1..=64).contains(&code.len()) && code.bytes().all(plain)).then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_to_a_token_is_kept() {
        let body =
            br#"{"access_token":"a","token_type":"Bearer","expires_in":"3600.5","id_token":"secret","scope":"x"}"#;
        let kept: Value = serde_json::from_slice(&token(body).unwrap()).unwrap();
        assert_eq!(kept, json!({"access_token": "a", "token_type": "Bearer", "expires_in": 3600, "scope": "x"}));
        for body in [
            r#"{"access_token":"a","token_type":"mac"}"#.to_owned(),
            r#"{"access_token":"","token_type":"bearer"}"#.to_owned(),
            r#"{"access_token":"a\r\nX-Evil: 1","token_type":"bearer"}"#.to_owned(),
            format!(r#"{{"access_token":"{}","token_type":"bearer"}}"#, "a".repeat(TOKEN_BYTES + 1)),
            r#"{"access_token":"a","token_type":"bearer","expires_in":"soon"}"#.to_owned(),
            "[]".to_owned(),
        ] {
            assert!(token(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn few_authorization_servers_are_left_of_many() {
        let names: Vec<String> = (0..5000).map(|n| format!("https://as{n}.example")).collect();
        let body = json!({"resource": "r", "authorization_servers": names}).to_string();
        let kept: Value = serde_json::from_slice(&metadata(body.into_bytes())).unwrap();
        assert_eq!(kept, json!({"resource": "r", "authorization_servers": names[..AUTHORIZATION_SERVERS]}));
        for untouched in ["[]", "{}", "none", r#"{"authorization_servers":"a"}"#] {
            assert_eq!(metadata(untouched.as_bytes().to_vec()), untouched.as_bytes());
        }
    }

    #[test]
    fn an_error_is_its_code_and_nothing_else() {
        let body = br#"{"error":"invalid_grant","error_description":"token abc was revoked"}"#;
        assert_eq!(refusal(body), Some("invalid_grant".to_owned()));
        assert_eq!(refusal(br#"{"error":"token abc was revoked"}"#), None);
        assert_eq!(refusal(b"<html>"), None);
    }
}
