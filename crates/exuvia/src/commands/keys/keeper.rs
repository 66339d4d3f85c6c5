//! Where keys are changed: by a daemon that keeps them in the same store, which records who did it, or else in the store itself.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use exuvia_access::{KeyErrorKind, KeyIssuer, NewKey, Rotation};
use exuvia_admin::{AdminClient, ClientError};
use exuvia_config::JournalConfig;
use exuvia_gateway::now_ms;
use exuvia_journal::{AccessStore, BudgetOverride, StoredKey};
use serde_json::{Value, json};

use crate::commands::daemons::{daemon_with_store, part};
use crate::journal::StorePlace;

/// Who changes keys.
pub(super) struct Keeper {
    /// None: no daemon has this store.
    daemon: Option<AdminClient>,
    store: Arc<dyn AccessStore>,
}

impl Keeper {
    /// # Errors
    ///
    /// The store cannot be opened.
    pub(super) async fn of(journal: &JournalConfig, place: StorePlace) -> Result<Self> {
        let daemon = daemon_with_store(journal, &place).await;
        Ok(Self { daemon, store: place.open().await? })
    }

    /// Issues a key: that, and its secret.
    ///
    /// # Errors
    ///
    /// There is a key of this name, or something is wrong with what it is to have.
    pub(super) async fn create(&mut self, new: NewKey) -> Result<(StoredKey, String)> {
        let Some(daemon) = &mut self.daemon else {
            let (key, secret) = self.issuer().create(new).await?;
            return Ok((key, secret.expose().to_owned()));
        };
        let NewKey { name, role, expires_ms, labels, overrides } = new;
        let overrides = overrides_json(&overrides);
        let body =
            json!({"name": name, "role": role, "expires_ms": expires_ms, "labels": labels, "overrides": overrides});
        let made = daemon.post("/keys", &body).await?;
        self.with_secret(&name, &made).await
    }

    /// Replaces the secret of a key.
    ///
    /// # Errors
    ///
    /// There is no such key, or it holds no more.
    pub(super) async fn rotate(&mut self, name: &str, rotation: Rotation) -> Result<(StoredKey, String)> {
        let Some(daemon) = &mut self.daemon else {
            let (key, secret) = self.issuer().rotate(name, rotation).await?;
            return Ok((key, secret.expose().to_owned()));
        };
        let Rotation { overlap_until_ms, expires_ms } = rotation;
        let overlap_ms = overlap_until_ms.map(|until| until.saturating_sub(now_ms()).max(1));
        let body = json!({"overlap_ms": overlap_ms, "expires_ms": expires_ms});
        let made = daemon.post(&format!("/keys/{}/rotate", part(name)), &body).await?;
        self.with_secret(name, &made).await
    }

    /// Revokes a key. False: none of this name was issued.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(super) async fn revoke(&mut self, name: &str) -> Result<bool> {
        if let Some(daemon) = &mut self.daemon {
            match daemon.post(&format!("/keys/{}/revoke", part(name)), &json!({})).await {
                Ok(_) => return Ok(true),
                Err(ClientError::Refused { code, .. }) if code == "not-found" => return Ok(false),
                // Whatever stands in its way: a key that is to be revoked is.
                Err(_) => {}
            }
        }
        match self.issuer().revoke(name).await {
            Err(error) if error.kind() == KeyErrorKind::NotFound => Ok(false),
            revoked => Ok(revoked.map(|_| true)?),
        }
    }

    /// Gives a key other budgets for a time.
    ///
    /// # Errors
    ///
    /// There is no such key, or it holds no more.
    pub(super) async fn override_budgets(
        &mut self,
        name: &str,
        overrides: Vec<BudgetOverride>,
        remove: &[String],
    ) -> Result<StoredKey> {
        let Some(daemon) = &mut self.daemon else {
            return Ok(self.issuer().override_budgets(name, overrides, remove).await?);
        };
        let body = json!({"overrides": overrides_json(&overrides), "remove": remove});
        daemon.post(&format!("/keys/{}/budgets", part(name)), &body).await?;
        self.key(name).await
    }

    fn issuer(&self) -> KeyIssuer<'_> {
        KeyIssuer::new(&*self.store, now_ms())
    }

    /// A key that a daemon has changed, and the secret that it told.
    async fn with_secret(&self, name: &str, made: &Value) -> Result<(StoredKey, String)> {
        let secret = made["secret"].as_str().context("the daemon told no secret: rotate the key")?;
        Ok((self.key(name).await?, secret.to_owned()))
    }

    async fn key(&self, name: &str) -> Result<StoredKey> {
        self.store.key(name).await?.with_context(|| format!("key {name:?} is not in the store any more"))
    }
}

fn overrides_json(overrides: &[BudgetOverride]) -> Vec<Value> {
    let one = |over: &BudgetOverride| {
        let BudgetOverride { budget, percent, amounts, until_ms } = over;
        json!({"budget": budget, "percent": percent, "amounts": amounts, "until_ms": until_ms})
    };
    overrides.iter().map(one).collect()
}
