//! A script.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Limit, LimitHit, Limits};

/// Python source. Plain data: whether it compiles is found out where it runs. Clones share the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Script {
    source: Arc<String>,
}

impl Script {
    /// A script of this source, byte for byte.
    pub fn new(source: impl Into<String>) -> Self {
        Self { source: Arc::new(source.into()) }
    }

    /// The source.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The source, which is shared and not copied.
    #[must_use]
    pub fn shared_source(&self) -> Arc<String> {
        Arc::clone(&self.source)
    }

    /// Why a run would not take it, if its size is over the limit.
    #[must_use]
    pub fn too_large(&self, limits: &Limits) -> Option<LimitHit> {
        let size = self.source.len();
        (size > limits.source_bytes).then(|| LimitHit {
            limit: Limit::SourceBytes,
            message: format!(
                "the script is {size} bytes, source_bytes allows {}: fetch data with tools instead of writing it out",
                limits.source_bytes
            ),
            error: None,
        })
    }
}
