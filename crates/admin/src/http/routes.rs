//! The table of operations, and finding one by method and path.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{method_not_allowed, openapi};
use crate::answer::ApiError;
use crate::operation::Operation;

/// All operations of the API.
pub(crate) static ROUTES: LazyLock<Routes> = LazyLock::new(|| Routes::new(crate::api::operations()));

/// Operations, found by method and path.
pub(crate) struct Routes {
    operations: Vec<Operation>,
    /// From a path to the places of its operations.
    by_path: matchit::Router<BTreeMap<String, usize>>,
}

/// An operation and what its path names.
pub(super) struct FoundOperation<'a> {
    pub(super) operation: &'a Operation,
    pub(super) path: Vec<(String, String)>,
}

impl Routes {
    fn new(operations: Vec<Operation>) -> Self {
        let mut paths = BTreeMap::<&'static str, BTreeMap<String, usize>>::new();
        for (place, operation) in operations.iter().enumerate() {
            paths.entry(operation.path).or_default().insert(operation.method.to_string(), place);
        }
        let mut by_path = matchit::Router::new();
        for (path, methods) in paths {
            if let Err(error) = by_path.insert(path, methods) {
                // Not reached: a test asks for each of them.
                tracing::error!(path, %error, "a route of the admin API is left out");
            }
        }
        Self { operations, by_path }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter()
    }

    /// The OpenAPI description, for a listener on this port.
    pub(crate) fn description(&self, port: u16) -> Value {
        openapi::description(&self.operations, port)
    }

    /// The operation at a path.
    ///
    /// # Errors
    ///
    /// There is nothing at that path, or nothing with this method.
    pub(super) fn find(&self, method: &Method, path: &str) -> Result<FoundOperation<'_>, ApiError> {
        let not_found = |_| ApiError::not_found("not found; /api/v1/openapi.json describes what there is");
        let found = self.by_path.at(path).map_err(not_found)?;
        let wanted = if *method == Method::HEAD { Method::GET.as_str() } else { method.as_str() };
        let Some(place) = found.value.get(wanted) else {
            let allowed = found.value.keys().cloned().collect::<Vec<_>>().join(", ");
            return Err(method_not_allowed(&allowed));
        };
        let decoded = |(name, value): (&str, &str)| {
            let value = percent_decode_str(value).decode_utf8().ok()?;
            Some((name.to_owned(), value.into_owned()))
        };
        let path: Option<Vec<_>> = found.params.iter().map(decoded).collect();
        let path = path.ok_or_else(|| ApiError::not_found("the path is no text"))?;
        Ok(FoundOperation { operation: &self.operations[*place], path })
    }
}
