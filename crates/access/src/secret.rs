//! Secrets of keys: what is made, what is kept of one, and what is rejected without a lookup.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// How every secret begins, so that scanners of repositories and logs find it.
pub const SECRET_PREFIX: &str = "exv_";
/// Random characters: 62 to the power of 43 is more than 2 to the power of 256.
const RANDOM_CHARS: usize = 43;
/// Characters of the checksum: 62 to the power of 6 is more than 2 to the power of 32.
const CHECKSUM_CHARS: usize = 6;
const CHARS: usize = SECRET_PREFIX.len() + RANDOM_CHARS + CHECKSUM_CHARS;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The secret of a key: `exv_`, 43 random letters and digits (256 bits), and 6 of a CRC-32 over what is before them. It is shown once; what is kept is its
/// [hash](secret_hash).
///
/// ```
/// use exuvia_access::{Secret, is_secret, secret_hash};
///
/// let secret = Secret::generate().unwrap();
/// assert!(is_secret(secret.expose()));
/// assert_eq!(secret.hash(), secret_hash(secret.expose()));
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// ```
pub struct Secret(String);

impl Secret {
    /// A new one, by the randomness of the system.
    ///
    /// # Errors
    ///
    /// The system has none.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut text = String::with_capacity(CHARS);
        text.push_str(SECRET_PREFIX);
        while text.len() < SECRET_PREFIX.len() + RANDOM_CHARS {
            let mut bytes = [0; RANDOM_CHARS];
            getrandom::fill(&mut bytes)?;
            // Of 64 values two are passed over, so that each character is as likely as another.
            let characters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 63)));
            let rest = SECRET_PREFIX.len() + RANDOM_CHARS - text.len();
            text.extend(characters.take(rest).map(|character| char::from(*character)));
        }
        let checksum = checksum(&text);
        text.push_str(&checksum);
        Ok(Self(text))
    }

    /// The secret itself, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        secret_hash(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The SHA-256 of a secret: what is kept of it. A secret of 256 random bits needs no slower hash and no salt.
#[must_use]
pub fn secret_hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// The beginning of a hash: enough to find its key, whose hash is then compared as a whole and in constant time.
pub(crate) type HashBeginning = [u8; 16];

/// The beginning of a hash.
pub(crate) fn beginning(hash: &[u8; 32]) -> HashBeginning {
    let (beginning, _) = hash.split_first_chunk().unwrap_or((&[0; 16], &[]));
    *beginning
}

/// Whether a text has the form of a secret, with the right checksum: a mistyped or truncated one has not. Says nothing about whether a key has it.
#[must_use]
pub fn is_secret(text: &str) -> bool {
    let Some((content, checksum_of)) = text.split_at_checked(CHARS - CHECKSUM_CHARS) else { return false };
    text.len() == CHARS
        && content
            .strip_prefix(SECRET_PREFIX)
            .is_some_and(|random| random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        && checksum(content) == checksum_of
}

fn checksum(content: &str) -> String {
    let mut rest = crc32fast::hash(content.as_bytes());
    let mut digits = [0; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(rest % 62) as usize];
        rest /= 62;
    }
    digits.map(char::from).iter().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn secret() -> String {
        Secret::generate().expect("randomness").expose().to_owned()
    }

    #[test]
    fn secrets_differ_and_have_one_form() {
        let secrets: BTreeSet<_> = (0..1_000).map(|_| secret()).collect();
        assert_eq!(secrets.len(), 1_000);
        for secret in &secrets {
            assert!(secret.len() == CHARS && secret.starts_with("exv_") && is_secret(secret), "{secret}");
        }
    }

    #[test]
    fn each_character_is_as_likely_as_another() {
        let mut counts = BTreeMap::<char, u32>::new();
        for secret in (0..2_000).map(|_| secret()) {
            secret[4..47].chars().for_each(|character| *counts.entry(character).or_default() += 1);
        }
        // 86,000 characters: 1,387 of each, with a standard deviation of 37.
        assert_eq!(counts.len(), 62);
        assert!(counts.values().all(|count| (1_387 - 260..1_387 + 260).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_secret_that_scanners_know_keeps_its_checksum() {
        let content = format!("exv_{}", "0".repeat(43));
        assert_eq!(format!("{content}{}", checksum(&content)), format!("{content}2BWlL1"));
    }

    proptest! {
        #[test]
        fn a_mistyped_secret_is_none(place in 0..CHARS, other in "[0-9A-Za-z_ ]") {
            let secret = secret();
            let mut typed = secret.clone();
            typed.replace_range(place..=place, &other);
            prop_assert_eq!(is_secret(&typed), typed == secret);
        }

        #[test]
        fn swapped_neighbors_are_noticed(place in 0..CHARS - 1) {
            let secret = secret();
            let mut typed: Vec<char> = secret.chars().collect();
            typed.swap(place, place + 1);
            let typed: String = typed.into_iter().collect();
            prop_assert_eq!(is_secret(&typed), typed == secret);
        }

        #[test]
        fn a_part_of_a_secret_is_none(length in 0..CHARS) {
            prop_assert!(!is_secret(&secret()[..length]));
        }

        #[test]
        fn no_other_text_is_a_secret_and_none_panics(text in "\\PC{0,80}") {
            let prefixed = format!("exv_{text}");
            prop_assert!(!is_secret(&text) && !is_secret(&prefixed));
        }
    }
}
