//! Sealing of private parts: ChaCha20-Poly1305 under a key per run.
//!
//! A sealed body is a nonce of 12 random bytes, and the encryption of one byte that says whether the rest is compressed, and the rest. The
//! id of the run and the kind of the event are authenticated with it, so that a body is of no use in another place.

use std::fmt;
use std::io::Read as _;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::hex::Digest;
use crate::{JournalError, JournalErrorKind};

/// What is smaller is not compressed: it would hardly become smaller.
const COMPRESSED_FROM_BYTES: usize = 400;
const COMPRESSION_LEVEL: i32 = 1;
/// The largest body that is opened. What a run may hold is far below; a changed file could ask for any amount of memory.
const MAX_BODY_BYTES: u64 = 512 << 20;
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;

/// The key that the private parts of one run, or of one direct call, are sealed with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct RunKey([u8; 32]);

impl fmt::Debug for RunKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunKey(..)")
    }
}

impl From<[u8; 32]> for RunKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl RunKey {
    /// A random key.
    ///
    /// # Errors
    ///
    /// The system gives no randomness.
    pub(crate) fn generate() -> Result<Self, JournalError> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(no_randomness)?;
        Ok(Self(key))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What the log holds of the key.
    pub(crate) fn commitment(&self) -> Digest {
        Digest::of(&self.0)
    }

    /// Seals the private part of an event.
    ///
    /// # Errors
    ///
    /// The system gives no randomness.
    pub(crate) fn seal(&self, id: &str, kind: &str, body: &[u8]) -> Result<Vec<u8>, JournalError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(no_randomness)?;
        let mut content = packed(body);
        let key = self.cipher()?;
        let tag = key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad(id, kind), &mut content)
            .map_err(|_| JournalError::new(JournalErrorKind::Malformed).caused_by("a body is too large to seal"))?;
        Ok([&nonce, content.as_slice(), tag.as_ref()].concat())
    }

    /// Opens a sealed body.
    ///
    /// # Errors
    ///
    /// It was sealed with another key, for another run or kind, or was changed.
    pub(crate) fn open(&self, id: &str, kind: &str, sealed: &[u8]) -> Result<Vec<u8>, JournalError> {
        let (nonce, content) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(not_authentic)?;
        let mut content = content.to_vec();
        let key = self.cipher()?;
        let content = key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), aad(id, kind), &mut content)
            .map_err(|_| not_authentic())?;
        unpacked(content)
    }

    fn cipher(&self) -> Result<LessSafeKey, JournalError> {
        UnboundKey::new(&CHACHA20_POLY1305, &self.0).map(LessSafeKey::new).map_err(|_| not_authentic())
    }
}

fn aad(id: &str, kind: &str) -> Aad<Vec<u8>> {
    Aad::from([b"exuvia journal 1", id.as_bytes(), kind.as_bytes()].join(&0))
}

fn packed(body: &[u8]) -> Vec<u8> {
    if body.len() >= COMPRESSED_FROM_BYTES
        && let Ok(mut smaller) = zstd::bulk::compress(body, COMPRESSION_LEVEL)
        && smaller.len() < body.len()
    {
        smaller.insert(0, ZSTD);
        return smaller;
    }
    [&[PLAIN], body].concat()
}

fn unpacked(content: &[u8]) -> Result<Vec<u8>, JournalError> {
    match content.split_first() {
        Some((&PLAIN, body)) => Ok(body.to_vec()),
        Some((&ZSTD, body)) => decompressed(body, MAX_BODY_BYTES),
        _ => Err(not_authentic()),
    }
}

/// What zstd made smaller, up to a bound.
///
/// # Errors
///
/// It is malformed, or larger than the bound.
pub(crate) fn decompressed(bytes: &[u8], max_bytes: u64) -> Result<Vec<u8>, JournalError> {
    let malformed = |error| JournalError::new(JournalErrorKind::Malformed).caused_by(error);
    let mut content = Vec::new();
    let decoder = zstd::stream::read::Decoder::new(bytes).map_err(malformed)?;
    decoder.take(max_bytes + 1).read_to_end(&mut content).map_err(malformed)?;
    if content.len() as u64 > max_bytes {
        return Err(malformed(std::io::Error::other("it is larger than anything that is written")));
    }
    Ok(content)
}

fn no_randomness(error: getrandom::Error) -> JournalError {
    JournalError::new(JournalErrorKind::Unavailable).caused_by(error.to_string())
}

fn not_authentic() -> JournalError {
    JournalError::new(JournalErrorKind::Malformed).caused_by("a body does not fit its key, run and kind")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_opens_in_its_place_and_nowhere_else() {
        let (key, other) = (RunKey::generate().expect("key"), RunKey::generate().expect("key"));
        for body in [b"short".to_vec(), b"long ".repeat(10_000)] {
            let sealed = key.seal("01", "call-ended", &body).expect("sealed");
            assert_eq!(key.open("01", "call-ended", &sealed).expect("opened"), body);
            assert!(key.open("02", "call-ended", &sealed).is_err());
            assert!(key.open("01", "run-ended", &sealed).is_err());
            assert!(other.open("01", "call-ended", &sealed).is_err());
            assert!(sealed.len() < 2_000, "{}", sealed.len());
        }
    }

    #[test]
    fn every_changed_byte_of_a_sealed_body_is_found() {
        let key = RunKey::generate().expect("key");
        let sealed = key.seal("01", "call-ended", b"answer").expect("sealed");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open("01", "call-ended", &changed).is_err(), "byte {at}");
        }
        assert!(key.open("01", "call-ended", &sealed[..sealed.len() - 1]).is_err());
    }

    #[test]
    fn no_more_is_decompressed_than_the_bound() {
        let small = zstd::bulk::compress(&vec![0; 1 << 20], 1).expect("compressed");
        assert!(decompressed(&small, 1 << 20).is_ok());
        assert!(decompressed(&small, (1 << 20) - 1).is_err());
    }
}
