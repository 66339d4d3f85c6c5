//! Keys that tokens are signed with.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use serde_json::{Value, json};

use crate::data;

/// A key, with its name and the algorithm that it is used by.
pub struct SigningKey {
    id: String,
    algorithm: &'static str,
    material: Material,
}

enum Material {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair, &'static str),
    Ed(Ed25519KeyPair),
}

impl SigningKey {
    /// A new key; for RSA the one of `tests/data/keys`.
    ///
    /// # Panics
    ///
    /// There is no such algorithm.
    #[must_use]
    pub fn new(id: &str, algorithm: &'static str) -> Self {
        let ec = |algorithm, curve| Material::Ec(new_ec(algorithm), curve);
        let material = match algorithm {
            "RS256" => Material::Rsa(rsa(), &RSA_PKCS1_SHA256),
            "RS384" => Material::Rsa(rsa(), &RSA_PKCS1_SHA384),
            "RS512" => Material::Rsa(rsa(), &RSA_PKCS1_SHA512),
            "PS256" => Material::Rsa(rsa(), &RSA_PSS_SHA256),
            "PS384" => Material::Rsa(rsa(), &RSA_PSS_SHA384),
            "PS512" => Material::Rsa(rsa(), &RSA_PSS_SHA512),
            "ES256" => ec(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
            "ES384" => ec(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
            "EdDSA" => {
                let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
                Material::Ed(Ed25519KeyPair::from_pkcs8(document.as_ref()).expect("a key"))
            }
            other => panic!("no algorithm {other}"),
        };
        Self { id: id.to_owned(), algorithm, material }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public key, as key sets have it. It names no algorithm.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.material {
            Material::Rsa(pair, _) => {
                let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "use": "sig", "kid": self.id, "n": text(&public.n), "e": text(&public.e)})
            }
            Material::Ec(pair, curve) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
                json!({"kty": "EC", "use": "sig", "kid": self.id, "crv": curve, "x": text(x), "y": text(y)})
            }
            Material::Ed(pair) => {
                json!({"kty": "OKP", "use": "sig", "kid": self.id, "crv": "Ed25519", "x": text(pair.public_key().as_ref())})
            }
        }
    }

    /// A token with these claims.
    #[must_use]
    pub fn token(&self, claims: &Value) -> String {
        self.signed(&json!({"typ": "at+jwt", "alg": self.algorithm, "kid": self.id}), &claims.to_string())
    }

    /// A token with this header, and these claims as they are written.
    ///
    /// # Panics
    ///
    /// It cannot be signed.
    #[must_use]
    pub fn signed(&self, header: &Value, claims: &str) -> String {
        compact(&header.to_string(), claims, |message| self.sign(message))
    }

    /// The signature of a message.
    ///
    /// # Panics
    ///
    /// It cannot be signed.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.material {
            Material::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).expect("a signature");
                signature
            }
            Material::Ec(pair, _) => pair.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Material::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

/// A JWT of this header, these claims and the signature over both.
pub fn compact(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn new_ec(algorithm: &'static EcdsaSigningAlgorithm) -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
    EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).expect("a key")
}

fn rsa() -> RsaKeyPair {
    let text = fs::read_to_string(data("keys/rsa_2048.pem")).expect("the key");
    let inner: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(inner).expect("base64")).expect("a key")
}
