//! Saved functions, as configured.

use std::path::PathBuf;

/// The name under which functions are called, as that of a server.
pub(crate) const FUNCTIONS: &str = "functions";

/// Which functions scripts find as `functions`, and who may add some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionsConfig {
    /// The directory of their files. None: there are those alone that were proposed and promoted.
    pub dir: Option<PathBuf>,
    /// Whether scripts may propose some.
    pub propose: bool,
    /// Whether clients are offered functions as tools and skills.
    pub expose: bool,
    /// How deep functions may call each other, the one that a script calls included.
    pub depth: u32,
    /// How many proposals may wait for somebody to promote them.
    pub proposals: u64,
    /// The same, of one principal.
    pub proposals_per_principal: u64,
}

impl FunctionsConfig {
    /// A line for the operator.
    pub(crate) fn summary(&self) -> String {
        let dir = self.dir.as_ref().map_or_else(String::new, |dir| format!(" from {}", dir.display()));
        let propose = if self.propose { "; scripts may propose some" } else { "" };
        format!("functions: those that were promoted{dir}, at most {} deep{propose}", self.depth)
    }
}
