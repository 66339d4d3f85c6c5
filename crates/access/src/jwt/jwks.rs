//! Key sets (RFC 7517), as far as they hold keys by which tokens can be verified.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::header::KEY_ID_BYTES;

/// The most keys of a set. Further ones are passed over.
const KEYS: usize = 64;
/// The sizes of an RSA modulus, in bytes: 2048 to 8192 bits.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// A public key of a provider.
pub(super) struct VerificationKey {
    id: Option<String>,
    /// By which it may be used.
    algorithms: Vec<Algorithm>,
    digest: KeyDigest,
    pub(super) key: DecodingKey,
}

/// The same for the same key, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyDigest([u8; 32]);

/// The usable keys of a provider.
#[derive(Default)]
pub(super) struct KeyList(Vec<Arc<VerificationKey>>);

/// What a set has for a token.
pub(super) enum Found {
    Key(Arc<VerificationKey>),
    Missing,
    /// Several keys that it could mean.
    Ambiguous,
}

impl VerificationKey {
    pub(super) fn digest(&self) -> KeyDigest {
        self.digest
    }
}

impl KeyList {
    /// Reads a key set. Keys for anything but signatures, secrets, and keys that are malformed or weak are passed over: what is
    /// signed by them is rejected.
    pub(super) fn read(document: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        // The parser's own message could quote the document.
        let document: Document =
            serde_json::from_slice(document).map_err(|_| "its key set is no JWK set".to_owned())?;
        let key = |value: Value| serde_json::from_value(value).ok().and_then(|key| usable(&key)).map(Arc::new);
        Ok(Self(document.keys.into_iter().filter_map(key).take(KEYS).collect()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one key that a token can mean.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Found {
        let fits = |key: &&Arc<VerificationKey>| {
            key.algorithms.contains(&algorithm) && (id.is_none() || key.id.as_deref() == id)
        };
        let mut found = self.0.iter().filter(fits);
        match (found.next(), found.next()) {
            (Some(key), None) => Found::Key(Arc::clone(key)),
            (Some(_), Some(_)) => Found::Ambiguous,
            (None, _) => Found::Missing,
        }
    }

    /// Whether this key is still one of them.
    pub(super) fn has(&self, digest: KeyDigest) -> bool {
        self.0.iter().any(|key| key.digest == digest)
    }
}

fn usable(jwk: &Jwk) -> Option<VerificationKey> {
    let common = &jwk.common;
    let is_for_signatures = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature))
        && common.key_operations.as_ref().is_none_or(|uses| uses.contains(&KeyOperations::Verify));
    if !is_for_signatures || common.key_id.as_ref().is_some_and(|id| id.len() > KEY_ID_BYTES) {
        return None;
    }
    let (key, mut algorithms, parts) = material(&jwk.algorithm)?;
    if let Some(only) = common.key_algorithm {
        let only = Algorithm::try_from(only).ok()?;
        algorithms.retain(|algorithm| *algorithm == only);
    }
    (!algorithms.is_empty()).then(|| VerificationKey {
        id: common.key_id.clone(),
        digest: KeyDigest::of(&algorithms, &parts),
        algorithms,
        key,
    })
}

/// The key itself, the algorithms of its kind, and the numbers that it consists of.
fn material(parameters: &AlgorithmParameters) -> Option<(DecodingKey, Vec<Algorithm>, Vec<Vec<u8>>)> {
    match parameters {
        AlgorithmParameters::RSA(rsa) => {
            let (n, e) = (number(&rsa.n)?, number(&rsa.e)?);
            let key = DecodingKey::from_rsa_raw_components(&n, &e);
            MODULUS_BYTES.contains(&n.len()).then(|| (key, AlgorithmFamily::Rsa.algorithms().to_vec(), vec![n, e]))
        }
        AlgorithmParameters::EllipticCurve(curve) => {
            let (bytes, algorithm) = match curve.curve {
                EllipticCurve::P256 => (32, Algorithm::ES256),
                EllipticCurve::P384 => (48, Algorithm::ES384),
                _ => return None,
            };
            let point = [vec![4], exactly(&curve.x, bytes)?, exactly(&curve.y, bytes)?].concat();
            Some((DecodingKey::from_ec_der(&point), vec![algorithm], vec![point]))
        }
        AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
            let point = exactly(&pair.x, 32)?;
            Some((DecodingKey::from_ed_der(&point), vec![Algorithm::EdDSA], vec![point]))
        }
        _ => None,
    }
}

/// A number without the zeros that some write before it.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let begin = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[begin..].to_vec())
}

fn exactly(text: &str, bytes: usize) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok().filter(|decoded| decoded.len() == bytes)
}

impl KeyDigest {
    /// Of a key for these algorithms. One that may be used otherwise is another key.
    fn of(algorithms: &[Algorithm], parts: &[Vec<u8>]) -> Self {
        let mut hash = Sha256::new();
        hash.update(format!("{algorithms:?}"));
        for part in parts {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rsa(changed: Value) -> Value {
        let mut key = json!({"kty": "RSA", "kid": "r", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode([0xc1; 256])});
        for (name, value) in changed.as_object().unwrap() {
            key[name] = value.clone();
        }
        key
    }

    fn ec(x: usize) -> Value {
        json!({"kty": "EC", "kid": "e", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(vec![1; x]), "y": URL_SAFE_NO_PAD.encode([2; 32])})
    }

    fn list(keys: &[Value]) -> KeyList {
        KeyList::read(json!({"keys": keys}).to_string().as_bytes()).unwrap()
    }

    fn fits(key: &Value, algorithm: Algorithm) -> bool {
        matches!(list(std::slice::from_ref(key)).find(None, algorithm), Found::Key(_))
    }

    #[test]
    fn a_key_is_used_by_the_algorithms_of_its_kind_and_by_the_one_that_it_names() {
        assert!(fits(&rsa(json!({})), Algorithm::RS256) && fits(&rsa(json!({})), Algorithm::PS512));
        assert!(!fits(&rsa(json!({})), Algorithm::ES256) && !fits(&rsa(json!({})), Algorithm::HS256));
        let bound = rsa(json!({"alg": "PS256"}));
        assert!(fits(&bound, Algorithm::PS256) && !fits(&bound, Algorithm::RS256));
        assert!(
            fits(&ec(32), Algorithm::ES256) && !fits(&ec(32), Algorithm::ES384) && !fits(&ec(32), Algorithm::EdDSA)
        );
        let ed = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode([3; 32])});
        assert!(fits(&ed, Algorithm::EdDSA));
    }

    #[test]
    fn keys_for_other_purposes_and_weak_ones_are_passed_over() {
        for key in [
            rsa(json!({"use": "enc"})),
            rsa(json!({"key_ops": ["encrypt"]})),
            rsa(json!({"alg": "RSA-OAEP"})),
            rsa(json!({"alg": "ES256"})),
            rsa(json!({"alg": "HS256"})),
            rsa(json!({"n": URL_SAFE_NO_PAD.encode([0xc1; 128])})),
            rsa(json!({"n": "~"})),
            rsa(json!({"e": ""})),
            rsa(json!({"kid": "x".repeat(257)})),
            ec(31),
            json!({"kty": "oct", "kid": "s", "k": "c2VjcmV0"}),
            json!({"kty": "EC", "crv": "P-521", "x": "AQ", "y": "AQ"}),
            json!({"kty": "new"}),
            json!(7),
        ] {
            assert!(list(std::slice::from_ref(&key)).is_empty(), "{key}");
            assert!(!list(&[key, ec(32)]).is_empty());
        }
        assert!(!list(&[rsa(json!({"use": "sig", "key_ops": ["verify"], "x5c": ["x"], "iat": 1}))]).is_empty());
    }

    #[test]
    fn a_key_is_found_by_its_name_or_when_there_is_one_only() {
        let two = list(&[rsa(json!({"kid": "a"})), rsa(json!({"kid": "b"})), ec(32)]);
        assert!(matches!(two.find(Some("b"), Algorithm::RS256), Found::Key(key) if key.id.as_deref() == Some("b")));
        assert!(matches!(two.find(Some("c"), Algorithm::RS256), Found::Missing));
        assert!(matches!(two.find(Some("a"), Algorithm::ES256), Found::Missing));
        assert!(matches!(two.find(None, Algorithm::RS256), Found::Ambiguous));
        assert!(matches!(two.find(None, Algorithm::ES256), Found::Key(_)));
        assert!(matches!(list(&[rsa(json!({})), rsa(json!({}))]).find(Some("r"), Algorithm::RS256), Found::Ambiguous));
    }

    #[test]
    fn a_key_is_the_same_under_another_name_and_with_zeros_before_it() {
        let digest = |key: Value| list(&[key]).0[0].digest;
        let padded = [vec![0, 0], vec![0xc1; 256]].concat();
        assert_eq!(digest(rsa(json!({}))), digest(rsa(json!({"kid": "new", "n": URL_SAFE_NO_PAD.encode(padded)}))));
        assert_ne!(digest(rsa(json!({}))), digest(rsa(json!({"n": URL_SAFE_NO_PAD.encode([0xc3; 256])}))));
        assert_ne!(digest(rsa(json!({}))), digest(rsa(json!({"alg": "RS256"}))));
    }

    #[test]
    fn a_set_is_bounded_and_may_be_empty() {
        let many: Vec<Value> = (0..100).map(|n| rsa(json!({"kid": n.to_string()}))).collect();
        assert_eq!(list(&many).0.len(), KEYS);
        assert!(list(&[]).is_empty());
        for wrong in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
            assert!(KeyList::read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
