//! What is known of functions: files of the directory, and what is stored.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use exuvia_config::Config;
use exuvia_functions::{FunctionFile, read_directory};
use exuvia_journal::{FunctionState, FunctionStore, StoredFunction};

use crate::app::from_files;
use crate::functions_args::Which;
use crate::journal::StorePlace;

/// Everything that is known.
pub(super) struct Known {
    pub(super) store: Arc<dyn FunctionStore>,
    pub(super) files: Vec<FunctionFile>,
    pub(super) stored: Vec<StoredFunction>,
}

/// One text of a function.
pub(super) struct Text {
    pub(super) name: String,
    pub(super) sha256: String,
    pub(super) source: String,
    /// None: it is a file of the directory, and not stored.
    pub(super) stored: Option<StoredFunction>,
}

impl Text {
    /// Where it is.
    pub(super) fn place(&self) -> &'static str {
        self.stored.as_ref().map_or("file", |stored| stored.state.name())
    }
}

impl Known {
    pub(super) async fn read(config: &Config) -> Result<Self> {
        let store = match StorePlace::of(&config.journal)? {
            StorePlace::Memory => {
                bail!("the journal is in memory: functions are kept where it is; set `path` or `url` in [journal]")
            }
            place => place.opened().await?.functions,
        };
        let dir = config.functions.as_ref().and_then(|functions| functions.dir.clone());
        let files = from_files(move || match dir {
            Some(dir) => read_directory(&dir).with_context(|| format!("the directory of functions, {}", dir.display())),
            None => Ok(Vec::new()),
        });
        let (files, stored) = (files.await?, store.list_functions().await?);
        Ok(Self { store, files, stored })
    }

    /// The promoted text of a function.
    pub(super) fn promoted(&self, name: &str) -> Option<&StoredFunction> {
        self.stored.iter().find(|stored| stored.name == name && stored.state == FunctionState::Promoted)
    }

    pub(super) async fn promoted_text(&self, name: &str) -> Result<Option<Text>> {
        match self.promoted(name) {
            Some(stored) => self.of(stored).await.map(Some),
            None => Ok(None),
        }
    }

    /// The text that is meant.
    pub(super) async fn text(&self, which: &Which) -> Result<Text> {
        let Which { name, sha256 } = which;
        let file = self.files.iter().find(|file| file.name == *name);
        let stored: Vec<&StoredFunction> = self.stored.iter().filter(|stored| stored.name == *name).collect();
        if let Some(digits) = sha256 {
            return self.with_digest(name, digits, file, &stored).await;
        }
        if let Some(file) = file {
            return of_file(file);
        }
        let proposed: Vec<_> = stored.iter().filter(|stored| stored.state == FunctionState::Proposed).collect();
        match (proposed.as_slice(), self.promoted(name)) {
            ([one], _) => self.of(one).await,
            ([], Some(promoted)) => self.of(promoted).await,
            ([], None) => bail!("there is no function {name:?}; `exuvia functions list` shows those that there are"),
            (several, _) => {
                let digests: Vec<_> = several.iter().map(|stored| &stored.sha256[..12]).collect();
                bail!("{} texts of {name} are proposed: choose one by --sha256 {}", several.len(), digests.join(", "))
            }
        }
    }

    async fn with_digest(
        &self,
        name: &str,
        digits: &str,
        file: Option<&FunctionFile>,
        stored: &[&StoredFunction],
    ) -> Result<Text> {
        let found: Vec<_> = stored.iter().filter(|stored| stored.sha256.starts_with(digits)).collect();
        let of_file = file.map(of_file).and_then(Result::ok).filter(|text| text.sha256.starts_with(digits));
        let is_other = |text: &Text| found.iter().all(|stored| stored.sha256 != text.sha256);
        match (found.as_slice(), of_file) {
            ([one], None) => self.of(one).await,
            ([one], Some(text)) if !is_other(&text) => self.of(one).await,
            ([], Some(text)) => Ok(text),
            ([], None) => bail!("no text of {name} has a digest that begins with {digits:?}"),
            _ => bail!("several texts of {name} have digests that begin with {digits:?}: give more digits"),
        }
    }

    async fn of(&self, stored: &StoredFunction) -> Result<Text> {
        let StoredFunction { name, sha256, .. } = stored;
        let source = self.store.function_source(name, sha256).await?;
        let source = source.with_context(|| format!("this text of {name} was removed meanwhile"))?;
        Ok(Text { name: name.clone(), sha256: sha256.clone(), source, stored: Some(stored.clone()) })
    }
}

fn of_file(file: &FunctionFile) -> Result<Text> {
    let function = file.function.as_ref().map_err(|error| anyhow::anyhow!("{}: {error}", file.name))?;
    let (sha256, source) = (function.sha256().to_owned(), function.source().to_owned());
    Ok(Text { name: file.name.clone(), sha256, source, stored: None })
}
