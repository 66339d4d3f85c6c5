//! The views of roles, made when they are first asked for and kept as far as there is room.

use std::collections::HashMap;
use std::sync::Arc;

use crate::public_names::NameOwners;
use crate::view::View;
use crate::weighed_cache::WeighedCache;

/// A profile, none for those who name none, and a role.
pub(crate) type RoleViewKey = (Option<String>, String);

/// How many tools all views that are kept show together: 256 views of 2,000 tools, or 4,000 of 50. One that is not kept is made again.
const KEPT_TOOLS: usize = 532_000;
/// What a view counts beside its tools.
const VIEW_TOOLS: usize = 78;
/// How many names of tools are kept over changes, of all roles together.
const KEPT_NAMES: usize = 1_000_000;

/// The views that are kept.
#[derive(Debug)]
pub(crate) struct RoleViews {
    /// The names that were given before, which are not given to other tools.
    names: HashMap<RoleViewKey, Arc<NameOwners>>,
    views: WeighedCache<RoleViewKey, View>,
}

impl RoleViews {
    /// None yet, which give no name to another tool than those before did.
    pub(crate) fn after(before: Option<&Self>) -> Self {
        let names = before.map(Self::given_names).unwrap_or_default();
        Self { names, views: WeighedCache::new(KEPT_TOOLS) }
    }

    /// A view that is kept.
    pub(crate) fn kept(&self, key: &RoleViewKey) -> Option<Arc<View>> {
        self.views.get(key)
    }

    /// A view, which is made if it is not kept. `make` is given the names that it gave before.
    pub(crate) fn get_or_make(&self, key: &RoleViewKey, make: impl FnOnce(Option<&NameOwners>) -> View) -> Arc<View> {
        let made = || make(self.names.get(key).map(|names| &**names));
        self.views.get_or_make(key, made, |view| VIEW_TOOLS + view.tool_count())
    }

    /// The names that were given to those who have roles, in the views of now and in those before.
    fn given_names(&self) -> HashMap<RoleViewKey, Arc<NameOwners>> {
        let mut names = self.names.clone();
        let mut count: usize = names.values().map(|names| names.len()).sum();
        for (key, view) in self.views.all() {
            let before = names.get(&key).map_or(0, |names| names.len());
            let with_it = count - before + view.names().len();
            if with_it <= KEPT_NAMES || before > 0 {
                names.insert(key, Arc::clone(view.names()));
                count = with_it;
            }
        }
        names
    }
}
