//! The header of a token: how it says that it is signed. Nothing of it is trusted but the name of a key that is known.

use jsonwebtoken::{Algorithm, Header, decode_header};

use super::error::InvalidToken;

/// The longest name of a key, in bytes.
pub(super) const KEY_ID_BYTES: usize = 256;
/// Kinds of token, in lower case, as access tokens say it of themselves. RFC 9068 asks for the first; providers from before it
/// say the last, or nothing.
const TYPES: [&str; 3] = ["at+jwt", "application/at+jwt", "jwt"];

/// What of a header is used.
pub(super) struct TokenHeader {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
}

/// Reads the header. Keys and places of keys in it (`jwk`, `jku`, `x5c`, `x5u`) are passed over.
pub(super) fn read(token: &str) -> Result<TokenHeader, InvalidToken> {
    // An algorithm that the library does not know, such as `none`, is an error here.
    let Header { typ, alg, kid, crit, .. } = decode_header(token).map_err(|_| InvalidToken::Malformed)?;
    if crit.is_some() {
        return Err(InvalidToken::Malformed);
    }
    if typ.is_some_and(|typ| !TYPES.contains(&typ.to_ascii_lowercase().as_str())) {
        return Err(InvalidToken::Type);
    }
    if kid.as_ref().is_some_and(|kid| kid.len() > KEY_ID_BYTES) {
        return Err(InvalidToken::Key);
    }
    Ok(TokenHeader { algorithm: alg, key_id: kid })
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn of(header: &str) -> Result<Option<String>, InvalidToken> {
        read(&format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header))).map(|header| header.key_id)
    }

    #[test]
    fn a_header_names_a_key_and_an_algorithm() {
        assert_eq!(of(r#"{"alg":"RS256","kid":"a","typ":"at+jwt"}"#), Ok(Some("a".to_owned())));
        for typ in ["JWT", "jwt", "application/at+JWT"] {
            assert_eq!(of(&format!(r#"{{"alg":"ES256","typ":"{typ}"}}"#)), Ok(None), "{typ}");
        }
        assert_eq!(of(r#"{"alg":"EdDSA","x5t":"a","n":1,"o":{"p":[2.5]}}"#), Ok(None));
    }

    #[test]
    fn other_kinds_of_token_and_what_has_to_be_understood_are_rejected() {
        for (header, why) in [
            (r#"{"alg":"none"}"#, InvalidToken::Malformed),
            (r#"{"alg":"None"}"#, InvalidToken::Malformed),
            (r#"{"typ":"JWT"}"#, InvalidToken::Malformed),
            (r#"{"alg":"RS256","alg":"HS256"}"#, InvalidToken::Malformed),
            (r#"{"alg":"RS256","crit":["exp"],"exp":1}"#, InvalidToken::Malformed),
            (r#"{"alg":"RS256","crit":["b64"],"b64":true}"#, InvalidToken::Malformed),
            (r#"{"alg":"RS256","typ":"dpop+jwt"}"#, InvalidToken::Type),
            (r#"{"alg":"RS256","typ":"logout+jwt"}"#, InvalidToken::Type),
            ("[]", InvalidToken::Malformed),
        ] {
            assert_eq!(of(header), Err(why), "{header}");
        }
        assert_eq!(of(&format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "x".repeat(257))), Err(InvalidToken::Key));
    }
}
