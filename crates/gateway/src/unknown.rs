//! The sentence for a name that does not exist.

use exuvia_catalog::closest;

/// `there is no tool of crm named "get_contact"; did you mean get_contacts?`
pub(crate) fn unknown<'a>(what: &str, name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let closest = closest(name, candidates);
    let hint = if closest.is_empty() { String::new() } else { format!("; did you mean {}?", closest.join(", ")) };
    format!("there is no {what} named {name:?}{hint}")
}
