//! Who may have used something of a budget.

use exuvia_access::budget::Member;
use exuvia_config::AccessConfig;
use exuvia_journal::{AccessStore, AccessStoreError, StoredKey};
use exuvia_tool::Principal;

/// The operator and all keys. Users of identity providers are known to the gateway alone.
///
/// # Errors
///
/// The store cannot be read.
pub async fn budget_members(access: &AccessConfig, store: &dyn AccessStore) -> Result<Vec<Member>, AccessStoreError> {
    let operator =
        Member { principal: Principal::Operator, role: None, labels: Default::default(), overrides: Vec::new() };
    let configured = access.keys.iter().map(|(name, key)| Member {
        principal: Principal::Key(name.as_str().into()),
        role: Some(key.role.clone()),
        labels: key.labels.clone(),
        overrides: Vec::new(),
    });
    let issued =
        store.keys_since(0).await?.keys.into_iter().map(|StoredKey { name, role, labels, overrides, .. }| Member {
            principal: Principal::Key(name.into()),
            role: Some(role),
            labels,
            overrides,
        });
    Ok([operator].into_iter().chain(configured).chain(issued).collect())
}
