//! What was found, bounded.

/// How many findings are kept.
const KEPT: usize = 100;

/// What was found of one kind: how often, and the first hundred.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Findings {
    /// How often.
    pub count: u64,
    /// The first of them, a sentence each.
    pub first: Vec<String>,
}

impl Findings {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn add(&mut self, finding: impl Into<String>) {
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.push(finding.into());
        }
    }
}
