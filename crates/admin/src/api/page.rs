//! What several operations take and give: parts of lists, and what was done.

use schemars::JsonSchema;
use serde::Serialize;

/// A part of a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub(super) struct Page<T> {
    /// What it has, in order.
    pub(super) items: Vec<T>,
    /// What `before` takes for the next part. Null: this was the last.
    pub(super) next: Option<String>,
}

impl<T> Page<T> {
    /// All there is.
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// Something was done.
#[derive(Serialize, JsonSchema)]
pub(super) struct Done {
    /// True.
    pub(super) done: bool,
}

impl Done {
    pub(super) const DONE: Self = Self { done: true };
}
