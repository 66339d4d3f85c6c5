//! The error for a name that no stub has.

use std::fmt;

/// No stub file and no tool has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotFound {
    /// What was asked for.
    pub file: String,
    /// Files and tools that may have been meant, the likeliest first.
    pub closest: Vec<String>,
    /// Some of the tools that there are, if its server is known and none of them is close.
    pub listed: Option<String>,
    /// What is the matter with the server that it would be of, if that is not there, or with a tool that is withheld.
    pub absent: Option<String>,
    /// Whether it is a server, where a tool is asked for.
    pub is_server: bool,
}

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(absent) = &self.absent {
            return f.write_str(absent);
        }
        if let Some(listed) = self.listed.as_ref().filter(|_| self.is_server) {
            let file = exuvia_text::quoted(&self.file, 120);
            return write!(f, "{file} is a server, which readToolFile shows; name one of its tools: {listed}");
        }
        write!(f, "no stub file or tool {}", exuvia_text::quoted(&self.file, 120))?;
        match self.closest.as_slice() {
            [] if self.listed.is_some() => write!(f, "; its tools: {}", self.listed.as_deref().unwrap_or_default()),
            [] => f.write_str("; listToolFiles lists and finds them"),
            closest => write!(f, "; did you mean {}?", closest.join(" or ")),
        }
    }
}

impl std::error::Error for NotFound {}
