//! Saved functions as the operator has them: the files of the directory, and what is stored. The command line and the admin API do the same
//! with them.

mod diff;
mod error;
mod listed;
mod text;

use std::path::Path;
use std::sync::Arc;

use exuvia_functions::{Function, FunctionFile, FunctionName, read_directory};
use exuvia_gateway::now_ms;
use exuvia_journal::{FunctionAct, FunctionState, FunctionStore, NewFunction, Retirement, StoredFunction};
use exuvia_tool::{Principal, RunId};

pub use diff::function_diff;
pub use error::FunctionsError;
pub use listed::ListedFunction;
pub use text::FunctionText;

/// How many digits of a digest are shown.
const DIGITS: usize = 12;

/// Every function at one moment.
pub struct SavedFunctions {
    store: Arc<dyn FunctionStore>,
    files: Vec<FunctionFile>,
    stored: Vec<StoredFunction>,
}

impl SavedFunctions {
    /// Reads the store. `files`: those of the [directory](function_files).
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn read(store: Arc<dyn FunctionStore>, files: Vec<FunctionFile>) -> Result<Self, FunctionsError> {
        let stored = store.list_functions().await?;
        Ok(Self { store, files, stored })
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn FunctionStore> {
        &self.store
    }

    /// What is stored of a function.
    pub fn versions(&self, name: &str) -> impl Iterator<Item = &StoredFunction> {
        self.stored.iter().filter(move |stored| stored.name == name)
    }

    /// The promoted text of a function.
    fn promoted(&self, name: &str) -> Option<&StoredFunction> {
        self.versions(name).find(|stored| stored.state == FunctionState::Promoted)
    }

    /// Lets scripts call exactly this text. Returns which version it is. Every process knows of it a second later.
    ///
    /// # Errors
    ///
    /// It is no function, or the store cannot be written.
    pub async fn promote(&self, text: &FunctionText) -> Result<u32, FunctionsError> {
        // What cannot be called is not promoted.
        let function = text.function()?;
        let new = NewFunction {
            name: text.name.clone(),
            sha256: function.sha256().to_owned(),
            source: text.source.clone(),
            act: function_act(None),
        };
        Ok(self.store.promote(&new).await?)
    }

    /// Lets nobody call a function any more, and rejects what is proposed under its name; with a digest, this text alone.
    ///
    /// # Errors
    ///
    /// Nothing of it is promoted or proposed, or the store cannot be written.
    pub async fn retire(&self, name: &str, sha256: Option<String>) -> Result<(), FunctionsError> {
        let retirement = Retirement { name: name.to_owned(), sha256, act: function_act(None) };
        match self.store.retire(&retirement).await? {
            0 => Err(FunctionsError::Unknown(format!("nothing of {name:?} is promoted or proposed"))),
            _ => Ok(()),
        }
    }
}

impl FunctionText {
    /// The function that the text is.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn function(&self) -> Result<Function, FunctionsError> {
        let name = self.name.parse::<FunctionName>();
        let function = name.and_then(|name| Function::read(name, &self.source));
        function.map_err(|error| FunctionsError::Invalid(format!("{}: {error}", self.name)))
    }
}

/// The operator, now.
#[must_use]
pub fn function_act(run: Option<RunId>) -> FunctionAct {
    FunctionAct { principal: Principal::Operator, at_ms: now_ms(), run }
}

/// The files of the configured directory. Blocks.
///
/// # Errors
///
/// It cannot be read.
pub fn function_files(dir: Option<&Path>) -> Result<Vec<FunctionFile>, FunctionsError> {
    let read = |dir: &Path| read_directory(dir).map_err(|error| FunctionsError::Directory(dir.to_owned(), error));
    dir.map_or_else(|| Ok(Vec::new()), read)
}
