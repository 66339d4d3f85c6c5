//! The keys of a policy, as the operator wrote them.

use std::fmt;

/// A place in what the operator wrote: the keys that lead to it, from the outermost one. `Display` joins them by dots.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<String>);

impl Key {
    pub(crate) fn of(part: &str) -> Self {
        Self(vec![part.to_owned()])
    }

    pub(crate) fn of_server(server: &str) -> Self {
        Self::of("servers").below(server)
    }

    pub(crate) fn of_role(role: &str) -> Self {
        Self::of("roles").below(role)
    }

    pub(crate) fn below(&self, part: &str) -> Self {
        Self(self.0.iter().map(String::as_str).chain([part]).map(str::to_owned).collect())
    }

    /// The keys, from the outermost one.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}
