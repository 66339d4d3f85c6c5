//! Issuing, rotating and revoking keys in their store.

use std::collections::BTreeMap;

use exuvia_journal::{AccessStore, AccessStoreErrorKind, BudgetOverride, PreviousSecret, StoredKey};

use super::{KeyError, KeyErrorKind};
use crate::Secret;

/// The longest name of a key, in bytes: it is a part of records, metrics and file names.
const NAME_BYTES: usize = 64;
/// The most labels, and the most budget overrides, of a key.
const MOST: usize = 16;
/// The longest label, in characters.
const LABEL_CHARS: usize = 64;
/// How often a change is tried again that another process was faster with.
const ATTEMPTS: usize = 8;

/// Who issues, rotates and revokes keys. Changes hold in every process within a second.
pub struct KeyIssuer<'a> {
    store: &'a dyn AccessStore,
    /// The time of day, in milliseconds since the epoch.
    now_ms: u64,
}

/// A key to be issued.
#[derive(Debug, Clone, Default)]
pub struct NewKey {
    /// Its name: at most 64 letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The role that it has.
    pub role: String,
    /// When it stops to hold, in milliseconds since the epoch. None: when it is revoked.
    pub expires_ms: Option<u64>,
    /// What it is labelled with: at most 16 labels of at most 64 characters.
    pub labels: BTreeMap<String, String>,
    /// Budgets that are other ones for it: at most 16.
    pub overrides: Vec<BudgetOverride>,
}

/// How a secret is replaced.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rotation {
    /// Until when the secret so far holds beside the new one, in milliseconds since the epoch. None: it stops to hold now.
    pub overlap_until_ms: Option<u64>,
    /// When the key stops to hold, in milliseconds since the epoch. None: as before.
    pub expires_ms: Option<u64>,
}

impl<'a> KeyIssuer<'a> {
    /// Who does so at this time, in milliseconds since the epoch.
    pub fn new(store: &'a dyn AccessStore, now_ms: u64) -> Self {
        Self { store, now_ms }
    }

    /// Issues a key. Returns it with its secret, which nobody can read again.
    ///
    /// # Errors
    ///
    /// [`Malformed`](KeyErrorKind::Malformed), [`Exists`](KeyErrorKind::Exists) or [`Store`](KeyErrorKind::Store).
    pub async fn create(&self, new: NewKey) -> Result<(StoredKey, Secret), KeyError> {
        let NewKey { name, role, expires_ms, labels, overrides } = new;
        check_name(&name)?;
        check_labels(&labels)?;
        self.check_time("the expiry", expires_ms)?;
        let overrides = self.merged(Vec::new(), overrides)?;
        let (secret, now) = (generated()?, self.now_ms);
        let mut key = StoredKey {
            name,
            revision: 0,
            role,
            hash: secret.hash(),
            previous: None,
            created_ms: now,
            rotated_ms: now,
            expires_ms,
            revoked_ms: None,
            labels,
            overrides,
        };
        match self.store.put_key(&key).await {
            Ok(revision) => key.revision = revision,
            Err(error) if error.kind() == AccessStoreErrorKind::Conflict => return Err(self.exists(&key.name).await?),
            Err(error) => return Err(error.into()),
        }
        Ok((key, secret))
    }

    /// Replaces the secret of a key, also of one that has expired where it gets a new expiry.
    ///
    /// # Errors
    ///
    /// [`NotFound`](KeyErrorKind::NotFound), [`Ended`](KeyErrorKind::Ended), [`Malformed`](KeyErrorKind::Malformed) or [`Store`](KeyErrorKind::Store).
    pub async fn rotate(&self, name: &str, rotation: Rotation) -> Result<(StoredKey, Secret), KeyError> {
        self.check_time("the expiry", rotation.expires_ms)?;
        self.check_time("the end of the overlap", rotation.overlap_until_ms)?;
        let (secret, now) = (generated()?, self.now_ms);
        let key = self.changed(name, |key| {
            key.expires_ms = rotation.expires_ms.or(key.expires_ms);
            self.check_holds(key)?;
            let replaced = std::mem::replace(&mut key.hash, secret.hash());
            key.previous = rotation.overlap_until_ms.map(|until_ms| PreviousSecret { hash: replaced, until_ms });
            key.rotated_ms = now;
            Ok(true)
        });
        Ok((key.await?, secret))
    }

    /// Revokes a key: none of its secrets holds any more. One that is revoked already stays so.
    ///
    /// # Errors
    ///
    /// [`NotFound`](KeyErrorKind::NotFound) or [`Store`](KeyErrorKind::Store).
    pub async fn revoke(&self, name: &str) -> Result<StoredKey, KeyError> {
        let change = |key: &mut StoredKey| {
            let is_new = key.revoked_ms.is_none();
            key.revoked_ms.get_or_insert(self.now_ms);
            key.previous = None;
            Ok(is_new)
        };
        self.changed(name, change).await
    }

    /// Gives a key other budgets for a time, in place of other overrides of the same budgets. Those that have ended, and those of the budgets in
    /// `removed`, are forgotten.
    ///
    /// # Errors
    ///
    /// As for [`rotate`](Self::rotate).
    pub async fn override_budgets(
        &self,
        name: &str,
        overrides: Vec<BudgetOverride>,
        removed: &[String],
    ) -> Result<StoredKey, KeyError> {
        let change = |key: &mut StoredKey| {
            self.check_holds(key)?;
            let before = std::mem::take(&mut key.overrides);
            let kept = before.into_iter().filter(|over| !removed.contains(&over.budget)).collect();
            key.overrides = self.merged(kept, overrides.clone())?;
            Ok(true)
        };
        self.changed(name, change).await
    }

    /// Changes a key as it is, again if another process was faster. `change` says whether there is anything to write.
    async fn changed(
        &self,
        name: &str,
        change: impl Fn(&mut StoredKey) -> Result<bool, KeyError>,
    ) -> Result<StoredKey, KeyError> {
        let mut attempts = ATTEMPTS;
        loop {
            let mut key = self.store.key(name).await?.ok_or_else(|| not_found(name))?;
            if !change(&mut key)? {
                return Ok(key);
            }
            attempts -= 1;
            match self.store.put_key(&key).await {
                Ok(revision) => return Ok(StoredKey { revision, ..key }),
                Err(error) if error.kind() == AccessStoreErrorKind::Conflict && attempts > 0 => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Why a name cannot be had.
    async fn exists(&self, name: &str) -> Result<KeyError, KeyError> {
        let key = self.store.key(name).await?;
        let message = match key.is_some_and(|key| key.ended_ms().is_some_and(|ended| ended <= self.now_ms)) {
            true => format!(
                "key {name:?} was revoked or has expired, and its name stays its own for 90 days: choose another name"
            ),
            false => format!("there is a key {name:?}: `exuvia keys rotate {name}` gives it a new secret"),
        };
        Ok(KeyError::new(KeyErrorKind::Exists, message))
    }

    fn check_holds(&self, key: &StoredKey) -> Result<(), KeyError> {
        if key.revoked_ms.is_some() {
            return Err(KeyError::new(
                KeyErrorKind::Ended,
                format!("key {:?} was revoked: create another one", key.name),
            ));
        }
        if key.expires_ms.is_some_and(|expires| expires <= self.now_ms) {
            let message = format!("key {:?} has expired: rotate it with a new expiry", key.name);
            return Err(KeyError::new(KeyErrorKind::Ended, message));
        }
        Ok(())
    }

    /// The first overrides with the second ones in their place, without those that have ended.
    fn merged(&self, before: Vec<BudgetOverride>, new: Vec<BudgetOverride>) -> Result<Vec<BudgetOverride>, KeyError> {
        let mut merged = BTreeMap::new();
        for over in new.iter() {
            self.check_time("the end of a budget override", Some(over.until_ms))?;
            if over.budget.is_empty() || over.budget.len() > NAME_BYTES || over.amounts.len() > MOST {
                return Err(malformed(format!(
                    "budget override {:?} names no budget, or too many amounts",
                    over.budget
                )));
            }
        }
        for over in before.into_iter().filter(|over| over.until_ms > self.now_ms).chain(new) {
            merged.insert(over.budget.clone(), over);
        }
        match merged.len() {
            ..=MOST => Ok(merged.into_values().collect()),
            _ => Err(malformed(format!("a key has at most {MOST} budget overrides"))),
        }
    }

    fn check_time(&self, what: &str, at_ms: Option<u64>) -> Result<(), KeyError> {
        match at_ms {
            Some(at_ms) if at_ms <= self.now_ms => Err(malformed(format!("{what} must be in the future"))),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for KeyIssuer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyIssuer").finish_non_exhaustive()
    }
}

fn check_name(name: &str) -> Result<(), KeyError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > NAME_BYTES || !name.chars().all(is_plain) {
        return Err(malformed(format!("the name of a key is at most {NAME_BYTES} letters, digits, '-', '_' and '.'")));
    }
    Ok(())
}

fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), KeyError> {
    let is_label =
        |text: &String| !text.is_empty() && text.chars().count() <= LABEL_CHARS && !text.chars().any(char::is_control);
    if labels.len() > MOST || !labels.iter().all(|(key, value)| is_label(key) && is_label(value)) {
        return Err(malformed(format!(
            "a key has at most {MOST} labels of at most {LABEL_CHARS} characters each, without control characters"
        )));
    }
    Ok(())
}

fn generated() -> Result<Secret, KeyError> {
    Secret::generate()
        .map_err(|error| KeyError::new(KeyErrorKind::Store, format!("the system has no randomness: {error}")))
}

fn not_found(name: &str) -> KeyError {
    KeyError::new(
        KeyErrorKind::NotFound,
        format!("there is no issued key {name:?}; `exuvia keys list` shows those that there are"),
    )
}

fn malformed(message: String) -> KeyError {
    KeyError::new(KeyErrorKind::Malformed, message)
}
