//! Renewing a token: once for all who want it, in this process and in others, and so that no step loses what the last one had.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use exuvia_config::{ClientCredentials, CodeGrant, Grant};
use exuvia_tool::locked;

use crate::error::{OAuthError, shown};
use crate::grant::{self, Refresh};
use crate::lock::{Lock, Purpose};
use crate::record::{Record, resource};
use crate::reservation::LeftOver;
use crate::scopes;
use crate::source::{CurrentToken, State, TokenRequirement};
use crate::unsaved_tokens::{self, RenewalRight, Unsaved};

/// A server that refuses a token within this time after it was issued because of a refusal would refuse the next one, too.
const NEW: Duration = Duration::from_secs(10);
/// How long another process may take to renew the token: longer than one exchange.
const OTHERS: Duration = Duration::from_secs(25);
/// How long one may take that took too long before.
const STUCK: Duration = Duration::from_millis(500);

impl State {
    pub(crate) async fn renew(&self, want: &TokenRequirement) -> Result<CurrentToken, OAuthError> {
        let renewed = self.renewed(want).await;
        match &renewed {
            Ok(held) => *locked(&self.held) = Some(held.clone()),
            Err(OAuthError::Revoked | OAuthError::Login(_)) => *locked(&self.held) = None,
            Err(_) => {}
        }
        renewed
    }

    async fn renewed(&self, want: &TokenRequirement) -> Result<CurrentToken, OAuthError> {
        self.settle().await?;
        let stored = self.stored().await?;
        if let Some(held) = stored.as_ref().and_then(|record| want.find(record)) {
            return Ok(held);
        }
        self.check_refused(want)?;
        let (record, found) = match &self.oauth.grant {
            Grant::Code(code) => self.refreshed(code, stored, want).await?,
            Grant::ClientCredentials(client) => self.asked_again(client, want).await?,
        };
        let refused = found == TokenOrigin::Fetched && want.other_than.is_some() && want.scopes.is_empty();
        let token = record.token.ok_or(OAuthError::Revoked)?;
        Ok(CurrentToken { token, granted: record.granted, replaced_at: refused.then(Instant::now) })
    }

    /// Waits for a renewal that another process has begun, and finishes one that a process left undone.
    async fn settle(&self) -> Result<(), OAuthError> {
        if self.file.is_being_renewed() && unsaved_tokens::record(self.file.path()).is_none() {
            match self.turn().await? {
                RenewalRight::Lock(_lock) => self.recover().await?,
                RenewalRight::Unsaved(unsaved) => unsaved_tokens::put(&self.file, *unsaved),
            }
        }
        Ok(())
    }

    async fn recover(&self) -> Result<(), OAuthError> {
        match self.file.recover().await? {
            LeftOver::Nothing => Ok(()),
            LeftOver::Spent => {
                Err(OAuthError::Login("its token was being renewed when the process ended, and is lost".to_owned()))
            }
        }
    }

    /// The right to spend the refresh token.
    async fn turn(&self) -> Result<RenewalRight, OAuthError> {
        let within = if self.is_stuck.load(Ordering::Relaxed) { STUCK } else { OTHERS };
        let turn = unsaved_tokens::turn(&self.file, within).await?;
        self.is_stuck.store(turn.is_none(), Ordering::Relaxed);
        if let Some(turn) = turn {
            return Ok(turn);
        }
        let process = self.file.renewing_process().await;
        let process = process.map_or_else(|| "another process".to_owned(), |process| format!("process {process}"));
        Err(OAuthError::Passing(format!(
            "{process} has been renewing {} for too long; resume it if it is stopped, or kill it",
            self.file.path().display()
        )))
    }

    /// Whether another token could be better than the one that was refused. Otherwise a server that refuses everything would
    /// have a token issued for each call.
    fn check_refused(&self, want: &TokenRequirement) -> Result<(), OAuthError> {
        let held = locked(&self.held).clone();
        let Some(held) = held.filter(|held| want.other_than.as_ref() == Some(&held.token.access)) else {
            return Ok(());
        };
        if !want.scopes.is_empty() && scopes::cover(&held.granted, &want.scopes) {
            let wanted = shown(&want.scopes.join(" "));
            return Err(OAuthError::Mend(format!("it requires the scopes `{wanted}`, which the rejected token has")));
        }
        if want.scopes.is_empty() && held.replaced_at.is_some_and(|at| at.elapsed() < NEW) {
            return Err(OAuthError::Mend(format!(
                "it rejects a newly issued token; does its authorization server issue tokens for {}?",
                resource(&self.http.url)
            )));
        }
        Ok(())
    }

    /// What there is for this server and client: in memory where that is newer than the file.
    async fn stored(&self) -> Result<Option<Record>, OAuthError> {
        let record = match unsaved_tokens::record(self.file.path()) {
            Some(record) => record,
            None => match self.file.read().await? {
                Some(record) => record,
                None => return Ok(None),
            },
        };
        record.check(&self.http.url, &self.oauth)?;
        match (record.is_of(&self.oauth), &self.oauth.grant) {
            (true, _) => Ok(Some(record)),
            (false, Grant::ClientCredentials(_)) => Ok(None),
            (false, Grant::Code(_)) => {
                Err(OAuthError::Login("its token was issued for another client or grant than configured".to_owned()))
            }
        }
    }

    /// Everything that can fail is done before the refresh token is sent; from there on nothing is lost that this process or
    /// another one could still use.
    async fn refreshed(
        &self,
        code: &CodeGrant,
        stored: Option<Record>,
        want: &TokenRequirement,
    ) -> Result<(Record, TokenOrigin), OAuthError> {
        let stored = stored.ok_or_else(|| OAuthError::Login("not logged in".to_owned()))?;
        if stored.token.is_some() && !scopes::cover(&stored.granted, &want.scopes) {
            return Err(self.demanded(want).await);
        }
        let refresh = Refresh::prepare(&self.http, code, &stored).await?;
        let (record, held) = self.to_spend().await?;
        if want.find(&record).is_some() {
            self.put_back(&record, held);
            return Ok((record, TokenOrigin::There));
        }
        let room = match self.file.reserve(&record).await {
            Ok(room) => Some(room),
            Err(problem) => {
                tracing::warn!(server.name = %self.server, %problem, "no disk space for the renewed token");
                None
            }
        };
        match refresh.send(record.clone()).await {
            Ok(renewed) => {
                if let Err(problem) = self.file.keep(room, &renewed, &held.spent).await {
                    tracing::warn!(
                        server.name = %self.server, %problem,
                        "renewed token not written; used from memory until it can be"
                    );
                    self.put_back(&renewed, Spend { is_unsaved: true, ..held });
                }
                Ok((renewed, TokenOrigin::Fetched))
            }
            Err(problem) => {
                self.file.release().await;
                self.not_refreshed(&problem, record, held).await;
                Err(problem)
            }
        }
    }

    /// What is to be renewed, and the right to do so.
    async fn to_spend(&self) -> Result<(Record, Spend), OAuthError> {
        match self.turn().await? {
            RenewalRight::Unsaved(unsaved) => {
                let Unsaved { record, spent, lock, .. } = *unsaved;
                Ok((record, Spend { spent, lock, is_unsaved: true }))
            }
            RenewalRight::Lock(lock) => {
                self.recover().await?;
                // Another process may have been quicker.
                let record = self.stored().await?.ok_or(OAuthError::Revoked)?;
                let spent = record.refresh().ok_or(OAuthError::Revoked)?.to_owned();
                Ok((record, Spend { spent, lock, is_unsaved: false }))
            }
        }
    }

    /// Goes on trying to write what only this process has.
    fn put_back(&self, record: &Record, held: Spend) {
        let Spend { spent, lock, is_unsaved } = held;
        if is_unsaved {
            unsaved_tokens::put(
                &self.file,
                Unsaved { server: self.server.clone(), login: self.login.clone(), record: record.clone(), spent, lock },
            );
        }
    }

    /// The authorization server did not take the refresh token, or did not answer.
    async fn not_refreshed(&self, problem: &OAuthError, mut record: Record, held: Spend) {
        if *problem != OAuthError::Revoked {
            return self.put_back(&record, held);
        }
        record.token = None;
        if let Err(problem) = self.file.write(record).await {
            tracing::warn!(server.name = %self.server, %problem, "revoked token not deleted from its file");
        }
        drop(held);
    }

    /// Notes what the next login has to ask for.
    async fn demanded(&self, want: &TokenRequirement) -> OAuthError {
        let noted = async {
            match self.turn().await? {
                RenewalRight::Unsaved(mut unsaved) => {
                    unsaved.record.demanded = scopes::both(&unsaved.record.demanded, &want.scopes);
                    unsaved_tokens::put(&self.file, *unsaved);
                }
                RenewalRight::Lock(_lock) => {
                    self.recover().await?;
                    if let Some(mut record) = self.stored().await? {
                        record.demanded = scopes::both(&record.demanded, &want.scopes);
                        self.file.write(record).await?;
                    }
                }
            }
            Ok::<_, OAuthError>(())
        };
        match noted.await {
            Err(problem @ OAuthError::Login(_)) => problem,
            _ => OAuthError::Scopes(want.scopes.clone()),
        }
    }

    /// A token for the gateway itself. No refresh token is spent, so it is requested even without reserved disk space or when
    /// the lock is not released in time.
    async fn asked_again(
        &self,
        client: &ClientCredentials,
        want: &TokenRequirement,
    ) -> Result<(Record, TokenOrigin), OAuthError> {
        let within = if self.is_stuck.load(Ordering::Relaxed) { STUCK } else { OTHERS };
        let lock = self.file.lock(Purpose::Other, within).await;
        self.is_stuck.store(matches!(lock, Ok(None)), Ordering::Relaxed);
        // Another process may have been quicker.
        let stored = self.stored().await?;
        if let Some(record) = stored.as_ref().filter(|record| want.find(record).is_some()) {
            return Ok((record.clone(), TokenOrigin::There));
        }
        let demanded = stored.map(|record| record.demanded).unwrap_or_default();
        let demanded = scopes::both(&demanded, &want.scopes);
        let challenge = want.challenge.as_deref();
        let record = grant::client_credentials(&self.http, &self.oauth, client, &demanded, challenge).await?;
        if !scopes::cover(&record.granted, &want.scopes) {
            let wanted = shown(&want.scopes.join(" "));
            return Err(OAuthError::Mend(format!(
                "it requires the scopes `{wanted}`, which its authorization server does not grant to client `{}`",
                client.client_id
            )));
        }
        if let Err(problem) = self.file.write(record.clone()).await {
            tracing::warn!(server.name = %self.server, %problem, "token file not written; the token is kept in memory only");
        }
        Ok((record, TokenOrigin::Fetched))
    }
}

/// The right to spend a refresh token.
struct Spend {
    /// The refresh token in the file.
    spent: String,
    lock: Lock,
    /// The file does not have what is to be spent.
    is_unsaved: bool,
}

/// Where a token was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TokenOrigin {
    There,
    Fetched,
}
