//! The error message for an unknown name.

use exuvia_catalog::closest;

/// How much of a name is repeated.
const NAME_CHARS: usize = 200;

/// `there is no tool of crm named "get_contact"; did you mean get_contacts?`
pub(crate) fn unknown<'a>(what: &str, name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let closest = closest(name, candidates);
    let hint = if closest.is_empty() { String::new() } else { format!("; did you mean {}?", closest.join(", ")) };
    format!("unknown {what} {}{hint}", exuvia_text::quoted(name, NAME_CHARS))
}
