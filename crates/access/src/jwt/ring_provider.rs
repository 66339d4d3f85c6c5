//! ring as the cryptography of `jsonwebtoken`, which is compiled without its own: that would be a second RSA in the program,
//! whose signing takes a time that depends on its secret, or a library that needs cmake. Only signatures are verified here;
//! nothing is signed.

use exuvia_config::SigningAlgorithm;
use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind, new_error};
use jsonwebtoken::signature::{Error as SignatureError, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(unsupported()),
    verifier_factory: |algorithm, key| Ok(Box::new(RingVerifier::new(*algorithm, key)?)),
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| Err(unsupported()),
        rsa_pub_components_from_public_key: |_| Err(unsupported()),
        ec_pub_components_from_private_key: |_, _| Err(unsupported()),
        ed_pub_components_from_private_key: |_, _| Err(unsupported()),
        compute_digest: |_, _| Err(unsupported()),
    },
};

/// Has the library verify with ring, in this process. One that a program around this one chose before stays.
pub(super) fn install() {
    let _ = PROVIDER.install_default();
}

/// The library's name of an algorithm.
pub(super) fn algorithm(algorithm: SigningAlgorithm) -> Algorithm {
    match algorithm {
        SigningAlgorithm::RS256 => Algorithm::RS256,
        SigningAlgorithm::RS384 => Algorithm::RS384,
        SigningAlgorithm::RS512 => Algorithm::RS512,
        SigningAlgorithm::PS256 => Algorithm::PS256,
        SigningAlgorithm::PS384 => Algorithm::PS384,
        SigningAlgorithm::PS512 => Algorithm::PS512,
        SigningAlgorithm::ES256 => Algorithm::ES256,
        SigningAlgorithm::ES384 => Algorithm::ES384,
        SigningAlgorithm::EdDSA => Algorithm::EdDSA,
    }
}

fn unsupported() -> Error {
    new_error(ErrorKind::UnsupportedAlgorithm)
}

/// Verifies by one key.
struct RingVerifier {
    algorithm: Algorithm,
    primitive: Primitive,
    key: DecodingKey,
}

#[derive(Clone, Copy)]
enum Primitive {
    Rsa(&'static RsaParameters),
    Other(&'static dyn VerificationAlgorithm),
}

impl RingVerifier {
    fn new(algorithm: Algorithm, key: &DecodingKey) -> Result<Self, Error> {
        let primitive = primitive(algorithm).ok_or_else(unsupported)?;
        if key.family() != algorithm.family() || key.family() == AlgorithmFamily::Hmac {
            return Err(new_error(ErrorKind::InvalidKeyFormat));
        }
        Ok(Self { algorithm, primitive, key: key.clone() })
    }
}

/// None: an algorithm with a shared secret.
fn primitive(algorithm: Algorithm) -> Option<Primitive> {
    Some(match algorithm {
        Algorithm::RS256 => Primitive::Rsa(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Primitive::Rsa(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Primitive::Rsa(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Primitive::Rsa(&RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Primitive::Rsa(&RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Primitive::Rsa(&RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 => Primitive::Other(&ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Primitive::Other(&ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => Primitive::Other(&ED25519),
        _ => return None,
    })
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let verified = match (self.primitive, self.key.kind()) {
            (Primitive::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            (Primitive::Rsa(parameters), DecodingKeyKind::SecretOrDer(der)) => {
                UnparsedPublicKey::new(parameters, der).verify(message, signature)
            }
            (Primitive::Other(algorithm), DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(algorithm, point).verify(message, signature)
            }
            (Primitive::Other(_), DecodingKeyKind::RsaModulusExponent { .. }) => return Err(SignatureError::new()),
        };
        verified.map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_secret_verifies_nothing() {
        let secret = DecodingKey::from_secret(b"secret").unwrap();
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            assert!(RingVerifier::new(algorithm, &secret).is_err(), "{algorithm:?}");
        }
        assert!(RingVerifier::new(Algorithm::RS256, &secret).is_err());
        assert!(RingVerifier::new(Algorithm::HS256, &DecodingKey::from_rsa_raw_components(&[1; 256], &[3])).is_err());
    }

    #[test]
    fn a_key_of_one_family_is_no_key_of_another() {
        let rsa = DecodingKey::from_rsa_raw_components(&[0xc1; 256], &[1, 0, 1]);
        let point = DecodingKey::from_ec_der(&[4; 65]);
        assert!(
            RingVerifier::new(Algorithm::PS512, &rsa).is_ok() && RingVerifier::new(Algorithm::ES256, &point).is_ok()
        );
        assert!(
            RingVerifier::new(Algorithm::ES256, &rsa).is_err() && RingVerifier::new(Algorithm::EdDSA, &point).is_err()
        );
    }
}
