//! `exuvia keys`: issuing, rotating and revoking keys, by the daemon that has them or beside it.

mod keeper;
mod listed;

use std::io::{Read as _, Write as _, stdin, stdout};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use exuvia_access::{NewKey, Rotation, Secret, is_secret, secret_hash};
use exuvia_config::{AccessConfig, ConfigErrors, JournalConfig, Paths, Sources};
use exuvia_gateway::now_ms;
use exuvia_journal::{BudgetOverride, StoredKey};
use serde_json::Value;

use super::runs::{printed, printed_json, utc};
use crate::app::from_files;
use crate::journal::StorePlace;
use crate::keys_args::{CreateArgs, KeysArgs, KeysCommand};
use crate::terminal::Terminal;
use keeper::Keeper;

/// How long it takes until every process knows of a change.
const KNOWN_BY_ALL: Duration = Duration::from_secs(1);
/// The most that is read for a secret, in bytes.
const SECRET_BYTES: u64 = 4 << 10;

pub(crate) async fn keys(args: KeysArgs) -> Result<ExitCode> {
    if let KeysCommand::Hash = args.command {
        return hash();
    }
    let (journal, json_of) = (args.journal, listed::json);
    let known = from_files(move || {
        let sources = Sources { config: journal.config.clone(), ..Sources::default() };
        let (configured, access) = sources.access(&Paths::of_user());
        Ok(Known { journal: journal.in_place(configured?), access })
    });
    let (known, terminal) = (known.await?, Terminal::new());
    match args.command {
        KeysCommand::Create(args) => create(known, args, &terminal).await,
        KeysCommand::List { json } => {
            let found = known.listed(&terminal).await?;
            if json { printed_json(&listed::all_json(&found)) } else { printed(&listed::table_of(&found)) }
        }
        KeysCommand::Show { name, json } => {
            let found = known.listed(&terminal).await?;
            let key = found.iter().find(|key| key.name() == name);
            let key = key
                .with_context(|| format!("there is no key {name:?}; `exuvia keys list` shows those that there are"))?;
            if json { printed_json(&json_of(key)) } else { printed(&listed::text(key)) }
        }
        KeysCommand::Rotate { name, overlap, expires, json } => {
            known.check_issued(&name)?;
            let rotation = Rotation { overlap_until_ms: overlap, expires_ms: expires };
            let (key, secret) = known.keeper().await?.rotate(&name, rotation).await?;
            let old = overlap.map_or("the old secret holds no longer".to_owned(), |until| {
                format!("the old secret holds until {}", utc(until))
            });
            told_secret(&key, &secret, json, &terminal, &format!("rotated: {name}; {old}")).await
        }
        KeysCommand::Revoke { names } => {
            let mut keeper = known.keeper().await?;
            for name in &names {
                if !keeper.revoke(name).await? {
                    known.check_issued(name)?;
                    bail!("there is no issued key {name:?}; `exuvia keys list` shows those that there are");
                }
                terminal.print(&format!("revoked: {name}"));
            }
            tokio::time::sleep(KNOWN_BY_ALL).await;
            Ok(ExitCode::SUCCESS)
        }
        KeysCommand::Override { name, overrides, remove } => {
            known.check_issued(&name)?;
            known.check_budgets(&overrides)?;
            let key = known.keeper().await?.override_budgets(&name, overrides, &remove).await?;
            terminal.print(&format!("budgets of {name}: {}", listed::overrides(&key.overrides)));
            tokio::time::sleep(KNOWN_BY_ALL).await;
            Ok(ExitCode::SUCCESS)
        }
        KeysCommand::Hash => Ok(ExitCode::SUCCESS),
    }
}

/// What the configuration says.
struct Known {
    journal: JournalConfig,
    /// Roles and keys, unless something is wrong with them.
    access: Result<AccessConfig, ConfigErrors>,
}

impl Known {
    async fn keeper(&self) -> Result<Keeper> {
        match StorePlace::of(&self.journal)? {
            StorePlace::Memory => {
                bail!("the journal is in memory: issued keys are kept where it is; set `path` or `url` in [journal]")
            }
            place => Keeper::of(&self.journal, place).await,
        }
    }

    /// Checks that a key is not one of the configuration.
    fn check_issued(&self, name: &str) -> Result<()> {
        if self.access.as_ref().is_ok_and(|access| access.keys.contains_key(name)) {
            bail!("key {name:?} is defined in the configuration: change it there, as [keys.{name}]");
        }
        Ok(())
    }

    /// Checks that there are budgets for these overrides: of another one nobody would notice that it does nothing.
    fn check_budgets(&self, overrides: &[BudgetOverride]) -> Result<()> {
        let access = match &self.access {
            Ok(access) => access,
            Err(_) if overrides.is_empty() => return Ok(()),
            Err(errors) => bail!("{errors}"),
        };
        let Some(unknown) = overrides.iter().find(|over| !access.budgets.contains_key(&over.budget)) else {
            return Ok(());
        };
        let (budget, budgets) = (&unknown.budget, access.budgets.keys().map(String::as_str).collect::<Vec<_>>());
        match budgets.is_empty() {
            true => bail!("unknown budget {budget:?}: the configuration defines none"),
            false => bail!("unknown budget {budget:?}: the configuration defines {}", budgets.join(", ")),
        }
    }

    /// All keys, by their names.
    async fn listed(&self, terminal: &Terminal) -> Result<Vec<listed::Listed>> {
        let mut found = Vec::new();
        match &self.access {
            Ok(access) => found.extend(access.keys.iter().map(|(name, key)| listed::Listed::configured(name, key))),
            Err(errors) => terminal.print(&format!("keys of the configuration are left out: {errors}")),
        }
        let place = StorePlace::of(&self.journal)?;
        if place != StorePlace::Memory && !place.is_missing() {
            let issued = place.open().await?.keys_since(0).await?.keys;
            found.extend(issued.into_iter().map(|key| listed::Listed::issued(key, now_ms())));
        }
        found.sort_by(|one, other| one.name().cmp(other.name()));
        Ok(found)
    }
}

async fn create(known: Known, args: CreateArgs, terminal: &Terminal) -> Result<ExitCode> {
    let access = match &known.access {
        Ok(access) => access,
        Err(errors) => bail!("{errors}"),
    };
    if !access.roles.contains_key(&args.role) {
        let roles: Vec<_> = access.roles.keys().map(String::as_str).collect();
        match roles.is_empty() {
            true => bail!("unknown role {:?}: the configuration defines none; add [roles.{}]", args.role, args.role),
            false => bail!("unknown role {:?}: the configuration defines {}", args.role, roles.join(", ")),
        }
    }
    known.check_issued(&args.name)?;
    known.check_budgets(&args.overrides)?;
    let labels = args.labels.into_iter().collect();
    if args.is_static {
        let secret = Secret::generate().context("the system has no randomness")?;
        printed(&format!("{}\n", secret.expose()))?;
        terminal.print(&listed::configuration(&args.name, &args.role, &secret, args.expires, &labels));
        return Ok(ExitCode::SUCCESS);
    }
    let (name, role) = (args.name, args.role);
    let new = NewKey { name, role, expires_ms: args.expires, labels, overrides: args.overrides };
    let (key, secret) = known.keeper().await?.create(new).await?;
    let expires = key.expires_ms.map_or("does not expire".to_owned(), |at| format!("expires at {}", utc(at)));
    let told = format!("created: {}, role {}, {expires}. Its secret is not shown again", key.name, key.role);
    told_secret(&key, &secret, args.json, terminal, &told).await
}

/// Prints a secret alone, and ends when every process knows it.
async fn told_secret(key: &StoredKey, secret: &str, json: bool, terminal: &Terminal, told: &str) -> Result<ExitCode> {
    let lost = || format!("the secret of {} is lost: rotate the key", key.name);
    match json {
        true => {
            let mut value = listed::json(&listed::Listed::issued(key.clone(), now_ms()));
            value["secret"] = Value::from(secret);
            printed_json(&value).with_context(lost)?;
        }
        false => drop(printed(&format!("{secret}\n")).with_context(lost)?),
    }
    stdout().flush().with_context(lost)?;
    terminal.print(told);
    tokio::time::sleep(KNOWN_BY_ALL).await;
    Ok(ExitCode::SUCCESS)
}

fn hash() -> Result<ExitCode> {
    let mut text = String::new();
    stdin().take(SECRET_BYTES).read_to_string(&mut text).context("standard input")?;
    let secret = text.trim();
    if !is_secret(secret) {
        bail!(
            "this is no secret of a key: it is `exv_` and 49 letters and digits, the last of which are a checksum; \
             `exuvia keys create NAME --role ROLE --static` makes one"
        );
    }
    printed(&format!("{}\n", listed::hash_text(&secret_hash(secret))))
}
