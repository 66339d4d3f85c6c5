//! What is wrong with a configuration.

use std::fmt;

/// Something in a configuration that cannot be used as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// The file, as it was given.
    pub file: String,
    /// The server, if it concerns one.
    pub server: Option<String>,
    /// The key in the server's entry, if it concerns one.
    pub key: Option<String>,
    /// What is wrong and what to write.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(server) = &self.server {
            write!(f, "mcpServers.{server}")?;
            if let Some(key) = &self.key {
                write!(f, ".{key}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}
