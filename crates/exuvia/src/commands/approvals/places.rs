//! Where approvals are: with the daemons that run, which are asked, and in the journals of other processes.

use anyhow::{Error, Result, anyhow, bail};
use exuvia_admin::{AdminClient, ClientError};
use exuvia_approvals::read_approval;
use exuvia_gateway::now_ms;
use exuvia_journal::{Approval, ApprovalAnswer, ApprovalChannel, ApprovalContent, ApprovalFilter};
use exuvia_tool::Principal;
use serde_json::{Value, json};

use crate::app::from_files;
use crate::commands::daemons::{daemons, part};
use crate::journal::{ApprovalStores, StoredApprovals};
use crate::journal_args::JournalArgs;

/// Items of one part of a daemon's list.
const PAGE: usize = 500;

/// Where approvals are.
pub(super) struct Places {
    pub(super) daemons: Vec<AdminClient>,
    stores: Result<ApprovalStores>,
}

/// An approval, what it is about, and where it is.
pub(super) struct Found {
    pub(super) approval: Approval,
    pub(super) content: Option<ApprovalContent>,
    /// All that a daemon says of it. Null: it is in a journal that is read here.
    pub(super) said: Value,
    /// Which daemon has it. None: it is in a journal.
    daemon: Option<usize>,
}

impl Places {
    /// # Errors
    ///
    /// There is neither a daemon nor a journal that could be read.
    pub(super) async fn open(args: JournalArgs) -> Result<Self> {
        let journal = from_files(move || args.load()).await?;
        let daemons = daemons(&journal).await;
        match ApprovalStores::open(journal).await {
            Err(error) if daemons.is_empty() => Err(error),
            stores => Ok(Self { daemons, stores }),
        }
    }

    /// The journals that are read here.
    pub(super) fn stores(&self) -> Option<&ApprovalStores> {
        self.stores.as_ref().ok()
    }

    /// The same, alone.
    pub(super) fn into_stores(self) -> Option<ApprovalStores> {
        self.stores.ok()
    }

    /// Those that fit, the latest first.
    ///
    /// # Errors
    ///
    /// No place can be read.
    pub(super) async fn list(&mut self, filter: &ApprovalFilter) -> Result<Vec<Approval>> {
        let (mut all, mut failure) = (Vec::new(), None);
        for daemon in &mut self.daemons {
            match listed(daemon, filter).await {
                Ok(found) => all.extend(found),
                Err(error) => failure = Some(error),
            }
        }
        match &self.stores {
            Ok(stores) => all.extend(stores.list(filter).await?),
            Err(_) => failure.map_or(Ok(()), Err)?,
        }
        all.sort_by(|one, other| other.id.cmp(&one.id));
        all.dedup_by(|one, other| one.id == other.id);
        if filter.limit > 0 {
            all.truncate(filter.limit);
        }
        Ok(all)
    }

    /// The approval of this id.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be read.
    pub(super) async fn find(&mut self, id: &str) -> Result<Found> {
        self.found(id, false).await
    }

    /// The same, with what a daemon suggests.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub(super) async fn find_with_suggestion(&mut self, id: &str) -> Result<Found> {
        self.found(id, true).await
    }

    async fn found(&mut self, id: &str, suggests: bool) -> Result<Found> {
        let mut failure = None;
        for (number, daemon) in self.daemons.iter_mut().enumerate() {
            match daemon.get(&format!("/approvals/{}?suggestion={suggests}", part(id))).await {
                Ok(said) => return Found::said(said, number),
                Err(ClientError::Refused { code, .. }) if code == "not-found" => {}
                Err(error) => failure = Some(error),
            }
        }
        match (&self.stores, failure) {
            (Ok(stores), _) => {
                let (stored, approval) = stores.find(id).await?;
                let content = stored.store.content(&approval.id).await?;
                Ok(Found { approval, content, said: Value::Null, daemon: None })
            }
            (Err(_), Some(error)) => Err(error.into()),
            (Err(_), None) => Err(unknown(id)),
        }
    }

    /// The journal that has it.
    ///
    /// # Errors
    ///
    /// It is with a daemon alone.
    pub(super) async fn store_of(&self, found: &Found) -> Result<&StoredApprovals> {
        let stores = self.stores.as_ref().map_err(|error| anyhow!("{error:#}"))?;
        Ok(stores.find(found.approval.id.as_str()).await?.0)
    }

    /// Answers what was found, as it was shown.
    ///
    /// # Errors
    ///
    /// It cannot be answered any more, or not by this way.
    pub(super) async fn answer(&mut self, found: &Found, allow: bool, reason: Option<String>) -> Result<Found> {
        let (id, shown_sha256) = (&found.approval.id, found.approval.shown_sha256.clone());
        let Some(number) = found.daemon else {
            let (by, channel, at_ms) = (Principal::Operator, ApprovalChannel::Cli, now_ms());
            let answer = ApprovalAnswer { by, channel, at_ms, reason, shown_sha256 };
            let approval = self.store_of(found).await?.store.answer(id, allow, &answer).await?;
            return Ok(Found { approval, content: found.content.clone(), said: Value::Null, daemon: None });
        };
        let Some(daemon) = self.daemons.get_mut(number) else { bail!("the daemon is gone") };
        let how = if allow { "approve" } else { "deny" };
        let body = json!({"shown_sha256": shown_sha256, "reason": reason});
        Found::said(daemon.post(&format!("/approvals/{}/{how}", part(id.as_str())), &body).await?, number)
    }
}

impl Found {
    fn said(said: Value, daemon: usize) -> Result<Self> {
        let (approval, content) = read_approval(said.clone()).map_err(other_version)?;
        Ok(Self { approval, content, said, daemon: Some(daemon) })
    }
}

/// What a daemon lists.
async fn listed(daemon: &mut AdminClient, filter: &ApprovalFilter) -> Result<Vec<Approval>> {
    let most = if filter.limit == 0 { usize::MAX } else { filter.limit };
    let mut query = format!("/approvals?limit={}", most.min(PAGE));
    if let Some(state) = filter.state {
        query += &format!("&state={state}");
    }
    if let Some(principal) = &filter.principal {
        query += &format!("&principal={}", part(&principal.to_string()));
    }
    let (mut all, mut next) = (Vec::new(), String::new());
    loop {
        let mut found = daemon.get(&(query.clone() + &next)).await?;
        for item in found["items"].as_array_mut().into_iter().flatten() {
            all.push(read_approval(item.take()).map_err(other_version)?.0);
        }
        match found["next"].as_str() {
            Some(before) if all.len() < most => next = format!("&before={}", part(before)),
            _ => return Ok(all),
        }
    }
}

fn other_version(error: serde_json::Error) -> Error {
    anyhow!("the daemon is of another version of the program: restart it ({error})")
}

fn unknown(id: &str) -> Error {
    anyhow!("there is no approval {id:?}; `exuvia approvals list --state all` shows those that there are")
}
