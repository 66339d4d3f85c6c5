//! What a setup did, kept so that it can be undone: the files before and after it.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use exuvia_config::{ClientPaths, KnownClient, Paths};
use serde::{Deserialize, Serialize};

use super::diff::Secrets;
use super::files;
use super::plan::{Change, Plan};
use crate::setup_args::Scope;

const RECORD: &str = "record.json";

/// A setup that was made.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    /// The configuration that servers were moved to.
    pub(super) config: PathBuf,
    /// What was added to its end.
    pub(super) block: String,
    pub(super) files: Vec<RecordedFile>,
    #[serde(skip)]
    folder: PathBuf,
}

/// A file that was changed.
#[derive(Serialize, Deserialize)]
pub(super) struct RecordedFile {
    pub(super) file: PathBuf,
    /// None: there was none.
    pub(super) before: Option<String>,
    pub(super) after: String,
    pub(super) objects: Vec<Vec<String>>,
}

/// Where the setups of a client are kept, the latest under the highest number.
pub(super) fn folder(client: KnownClient, scope: Scope, project: &Path) -> Result<PathBuf> {
    let root = Paths::of_user().setup_dir.context("no home directory: set HOME or XDG_DATA_HOME")?;
    let of_project = match scope {
        Scope::User => String::new(),
        // A path as one name of a file.
        Scope::Local | Scope::Project => {
            let digest = ring::digest::digest(&ring::digest::SHA256, project.as_os_str().as_encoded_bytes());
            let digits: String = digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            format!("-{digits}")
        }
    };
    Ok(root.join(format!("{}-{}{of_project}", client.name(), scope.name())))
}

impl Record {
    /// Keeps what a plan is about to do.
    pub(super) fn keep(plan: &Plan, folder: &Path) -> Result<Self> {
        let number = numbers(folder)?.last().map_or(1, |last| last + 1);
        let own = folder.join(number.to_string());
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&own).with_context(|| own.display().to_string())?;
        let file = |change: &Change| RecordedFile {
            file: change.file.clone(),
            before: change.before.clone(),
            after: change.after.clone(),
            objects: change.objects.clone(),
        };
        let record = Self {
            config: plan.config.clone(),
            block: plan.block.clone(),
            files: plan.changes.iter().map(file).collect(),
            folder: own,
        };
        let text = serde_json::to_string(&record)?;
        files::replace(&record.folder.join(RECORD), None, Some(&text), files::PRIVATE)?;
        Ok(record)
    }

    /// The latest.
    pub(super) fn latest(folder: &Path) -> Result<Self> {
        let Some(number) = numbers(folder)?.pop() else { bail!("there is no setup of this client and scope to undo") };
        let own = folder.join(number.to_string());
        let file = own.join(RECORD);
        let text = files::read(&file)?.with_context(|| format!("{}: is missing", file.display()))?;
        let record: Self = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
        Ok(Self { folder: own, ..record })
    }

    /// What the moved servers are given, which is not to be shown.
    pub(super) fn secrets(&self, client: KnownClient, paths: &ClientPaths) -> Secrets {
        let mut secrets = Secrets::default();
        for place in client.places(paths).unwrap_or_default() {
            let before = self.files.iter().find(|file| file.file == place.file).and_then(|file| file.before.as_deref());
            let servers = before.map(|text| client.servers(&place, text, paths)).unwrap_or_default();
            servers.movable.iter().for_each(|server| secrets.add(server));
        }
        secrets
    }

    /// Forgets it.
    pub(super) fn remove(&self) -> Result<()> {
        fs::remove_dir_all(&self.folder).with_context(|| self.folder.display().to_string())
    }

    pub(super) fn place(&self) -> &Path {
        &self.folder
    }
}

fn numbers(folder: &Path) -> Result<Vec<u64>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| folder.display().to_string()),
    };
    let mut numbers: Vec<u64> = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}
