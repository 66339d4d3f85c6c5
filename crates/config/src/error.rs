//! Errors of a configuration.

use std::fmt;

/// Something in a configuration that cannot be used as it is. Never holds a value of it: values may be secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// The file, as it was given.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// The path of the key, `servers.crm.args`; empty if it concerns the whole file.
    pub key: String,
    /// What is wrong and what to write.
    pub message: String,
}

impl ConfigError {
    /// Something wrong with a whole file.
    pub fn of_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, key: String::new(), message: message.into() }
    }

    /// The same, with its key.
    #[must_use]
    pub fn at_key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    /// The same, with its line.
    #[must_use]
    pub fn at_line(mut self, line: impl Into<Option<usize>>) -> Self {
        self.line = line.into();
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for ConfigError {}
