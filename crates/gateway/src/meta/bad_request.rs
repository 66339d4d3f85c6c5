//! What is wrong with a call of a meta-tool.

use std::fmt;

use crate::unknown_name::unknown;

/// A request that cannot be answered as it is. The message is whole, since a model reads it and nothing else: it has no source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRequest {
    kind: BadRequestKind,
    message: String,
}

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BadRequestKind {
    /// The arguments are not those that the tool takes.
    Arguments,
    /// Nothing has the name that the request names: no meta-tool, server, tool or file.
    Unknown,
    /// The queue is full.
    Busy,
    /// The gateway is shutting down.
    ShuttingDown,
}

impl BadRequest {
    pub(super) fn new(kind: BadRequestKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(super) fn unknown<'a>(what: &str, name: &str, candidates: impl Iterator<Item = &'a str>) -> Self {
        Self::new(BadRequestKind::Unknown, unknown(what, name, candidates))
    }

    /// What is wrong.
    #[must_use]
    pub fn kind(&self) -> BadRequestKind {
        self.kind
    }
}

impl fmt::Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BadRequest {}
