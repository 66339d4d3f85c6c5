//! `[functions]`, resolved.

use super::functions_types::{DEPTH, Functions, PROPOSALS, PROPOSALS_PER_PRINCIPAL};
use super::resolve::Resolver;
use crate::FunctionsConfig;

impl Resolver<'_> {
    pub(super) fn functions(&mut self, written: &Functions) -> FunctionsConfig {
        let dir = written.dir.as_deref().and_then(|dir| self.path(dir, "/functions/dir"));
        FunctionsConfig {
            dir,
            propose: written.propose,
            expose: written.expose,
            depth: written.depth.unwrap_or(DEPTH),
            proposals: written.proposals.unwrap_or(PROPOSALS),
            proposals_per_principal: written.proposals_per_principal.unwrap_or(PROPOSALS_PER_PRINCIPAL),
        }
    }
}
