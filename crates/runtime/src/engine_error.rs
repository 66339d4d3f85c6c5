//! Why there is no engine.

use std::fmt;

/// The engine could not start: a defect of the build, a machine that lacks something, or a guest that does not fit.
#[derive(Debug)]
pub struct EngineError(pub(crate) wasmtime::Error);

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the sandbox engine failed to start: {:#}", self.0)
    }
}

impl std::error::Error for EngineError {}
