//! What is kept of a key, as versioned JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AccessStoreError, AccessStoreErrorKind, BudgetOverride, PreviousSecret, StoredKey};
use crate::hex::Digest;

/// The version of the format.
const VERSION: u32 = 1;
/// The largest key that is kept, in bytes of JSON.
const MAX_BYTES: usize = 64 << 10;

/// The version alone, which is read first.
#[derive(Deserialize)]
struct Versioned {
    v: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    v: u32,
    role: String,
    hash: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<Previous>,
    created_ms: u64,
    rotated_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    overrides: Vec<Override>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Previous {
    hash: Digest,
    until_ms: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Override {
    budget: String,
    percent: u32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    amounts: BTreeMap<String, u64>,
    until_ms: u64,
}

/// A key as it is kept.
///
/// # Errors
///
/// It is too large.
pub(super) fn encode(key: &StoredKey) -> Result<String, AccessStoreError> {
    let previous =
        key.previous.as_ref().map(|previous| Previous { hash: Digest(previous.hash), until_ms: previous.until_ms });
    let overrides = key.overrides.iter().cloned().map(|over| {
        let BudgetOverride { budget, percent, amounts, until_ms } = over;
        Override { budget, percent, amounts, until_ms }
    });
    let written = Key {
        v: VERSION,
        role: key.role.clone(),
        hash: Digest(key.hash),
        previous,
        created_ms: key.created_ms,
        rotated_ms: key.rotated_ms,
        expires_ms: key.expires_ms,
        revoked_ms: key.revoked_ms,
        labels: key.labels.clone(),
        overrides: overrides.collect(),
    };
    let json = serde_json::to_string(&written).map_err(|error| malformed(&key.name, &error.to_string()))?;
    match json.len() {
        ..=MAX_BYTES => Ok(json),
        _ => Err(malformed(&key.name, &format!("it is larger than {MAX_BYTES} bytes"))),
    }
}

/// The key that was kept.
///
/// # Errors
///
/// A newer program wrote it, or it is malformed.
pub(super) fn decode(name: String, revision: u64, json: &str) -> Result<StoredKey, AccessStoreError> {
    let Versioned { v } = serde_json::from_str(json).map_err(|error| malformed(&name, &error.to_string()))?;
    if v > VERSION {
        let cause = format!("key {name:?} has format {v}, this program reads up to {VERSION}: use the newer program");
        return Err(AccessStoreError::new(AccessStoreErrorKind::Newer).caused_by(cause));
    }
    let key: Key = serde_json::from_str(json).map_err(|error| malformed(&name, &error.to_string()))?;
    let overrides = key.overrides.into_iter().map(|over| {
        let Override { budget, percent, amounts, until_ms } = over;
        BudgetOverride { budget, percent, amounts, until_ms }
    });
    Ok(StoredKey {
        name,
        revision,
        role: key.role,
        hash: key.hash.0,
        previous: key.previous.map(|old| PreviousSecret { hash: old.hash.0, until_ms: old.until_ms }),
        created_ms: key.created_ms,
        rotated_ms: key.rotated_ms,
        expires_ms: key.expires_ms,
        revoked_ms: key.revoked_ms,
        labels: key.labels,
        overrides: overrides.collect(),
    })
}

fn malformed(name: &str, cause: &str) -> AccessStoreError {
    AccessStoreError::new(AccessStoreErrorKind::Malformed).caused_by(format!("key {name:?}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> StoredKey {
        StoredKey {
            name: "ci".into(),
            revision: 7,
            role: "support".into(),
            hash: [1; 32],
            previous: Some(PreviousSecret { hash: [2; 32], until_ms: 9 }),
            created_ms: 3,
            rotated_ms: 4,
            expires_ms: Some(u64::MAX),
            revoked_ms: Some(6),
            labels: BTreeMap::from([("team".into(), "billing".into())]),
            overrides: vec![BudgetOverride {
                budget: "day".into(),
                percent: 200,
                amounts: BTreeMap::from([("runs".into(), 5)]),
                until_ms: 8,
            }],
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let json = encode(&key()).expect("small");
        assert_eq!(decode("ci".into(), 7, &json).expect("a key"), key());
        let least =
            r#"{"v":1,"role":"r","hash":"HASH","created_ms":1,"rotated_ms":1}"#.replace("HASH", &"0a".repeat(32));
        assert_eq!(decode("ci".into(), 1, &least).expect("a key").hash, [10; 32]);
    }

    #[test]
    fn a_key_of_a_newer_program_is_refused_as_such() {
        let json = encode(&key()).expect("small").replace("\"v\":1", "\"v\":2,\"more\":true");
        assert_eq!(decode("ci".into(), 7, &json).expect_err("newer").kind(), AccessStoreErrorKind::Newer);
    }

    #[test]
    fn what_is_no_key_is_named_and_nothing_of_it_is_shown() {
        for json in ["", "{}", "{\"v\":1}", r#"{"v":1,"role":"r","hash":"0","created_ms":1,"rotated_ms":1}"#] {
            let error = decode("ci".into(), 7, json).expect_err("malformed");
            assert_eq!(error.kind(), AccessStoreErrorKind::Malformed);
            assert!(format!("{error:#}").contains("\"ci\""), "{error:#}");
        }
    }

    #[test]
    fn a_key_that_is_too_large_is_not_kept() {
        let key = StoredKey { role: "r".repeat(MAX_BYTES), ..key() };
        assert_eq!(encode(&key).expect_err("too large").kind(), AccessStoreErrorKind::Malformed);
    }
}
