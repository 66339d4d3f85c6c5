//! Finding the text of a function that is meant.

use exuvia_functions::FunctionFile;
use exuvia_journal::{FunctionState, StoredFunction};

use super::{DIGITS, FunctionsError, SavedFunctions};

/// One text of a function.
#[derive(Debug, Clone)]
pub struct FunctionText {
    /// The function's name.
    pub name: String,
    /// The SHA-256 of the text, in lower-case hexadecimal digits.
    pub sha256: String,
    /// The text.
    pub source: String,
    /// What is stored of it. None: it is a file of the directory, and not stored.
    pub stored: Option<StoredFunction>,
}

impl FunctionText {
    /// Where it is: `file`, or how far the stored text is.
    #[must_use]
    pub fn place(&self) -> &'static str {
        self.stored.as_ref().map_or("file", |stored| stored.state.name())
    }
}

impl SavedFunctions {
    /// The promoted text of a function. None: nothing of it is promoted.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn promoted_text(&self, name: &str) -> Result<Option<FunctionText>, FunctionsError> {
        match self.promoted(name) {
            Some(stored) => self.of(stored).await.map(Some),
            None => Ok(None),
        }
    }

    /// The text whose digest begins with these digits. Without digits: the file in the directory, else the only proposed text, else the
    /// promoted one.
    ///
    /// # Errors
    ///
    /// There is none, or more than one; or the store cannot be read.
    pub async fn text(&self, name: &str, sha256: Option<&str>) -> Result<FunctionText, FunctionsError> {
        let file = self.files.iter().find(|file| file.name == name);
        let stored: Vec<&StoredFunction> = self.versions(name).collect();
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
            ([], None) => Err(FunctionsError::Unknown(format!("there is no function {name:?}"))),
            (several, _) => {
                let digests: Vec<_> = several.iter().map(|stored| &stored.sha256[..DIGITS]).collect();
                let message = format!("{} texts of {name} are proposed: {}", several.len(), digests.join(", "));
                Err(FunctionsError::Ambiguous(message))
            }
        }
    }

    async fn with_digest(
        &self,
        name: &str,
        digits: &str,
        file: Option<&FunctionFile>,
        stored: &[&StoredFunction],
    ) -> Result<FunctionText, FunctionsError> {
        let found: Vec<_> = stored.iter().filter(|stored| stored.sha256.starts_with(digits)).collect();
        let of_file = file.map(of_file).and_then(Result::ok).filter(|text| text.sha256.starts_with(digits));
        let is_other = |text: &FunctionText| found.iter().all(|stored| stored.sha256 != text.sha256);
        match (found.as_slice(), of_file) {
            ([one], None) => self.of(one).await,
            ([one], Some(text)) if !is_other(&text) => self.of(one).await,
            ([], Some(text)) => Ok(text),
            ([], None) => {
                Err(FunctionsError::Unknown(format!("no text of {name} has a digest that begins with {digits:?}")))
            }
            _ => Err(FunctionsError::Ambiguous(format!(
                "several texts of {name} have digests that begin with {digits:?}: give more digits"
            ))),
        }
    }

    async fn of(&self, stored: &StoredFunction) -> Result<FunctionText, FunctionsError> {
        let StoredFunction { name, sha256, .. } = stored;
        let source = self.store.function_source(name, sha256).await?;
        let removed = || FunctionsError::Unknown(format!("this text of {name} was removed meanwhile"));
        let source = source.ok_or_else(removed)?;
        Ok(FunctionText { name: name.clone(), sha256: sha256.clone(), source, stored: Some(stored.clone()) })
    }
}

fn of_file(file: &FunctionFile) -> Result<FunctionText, FunctionsError> {
    let invalid = |error| FunctionsError::Invalid(format!("{}: {error}", file.name));
    let function = file.function.as_ref().map_err(invalid)?;
    let (sha256, source) = (function.sha256().to_owned(), function.source().to_owned());
    Ok(FunctionText { name: file.name.clone(), sha256, source, stored: None })
}
