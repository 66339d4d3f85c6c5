//! Names that somebody may have meant.

/// How many names are suggested at most.
const MAX_SUGGESTIONS: usize = 3;

/// How many candidates are compared, and how long a name may be: the comparison takes the product of the lengths.
const MAX_CANDIDATES: usize = 10_000;
const MAX_NAME_CHARS: usize = 128;

/// How alike two names must be, from 0 to 1.
const LEAST_LIKENESS: f64 = 0.6;

/// The candidates that `name` may have been meant for, the likeliest first, at most three. Case and separators do not
/// count: `getUser` is as good as `get_user`. Words in another order (`user_get`) and a beginning (`get_us`) are
/// recognised as well.
///
/// ```
/// assert_eq!(exuvia_catalog::closest("getContact", ["get_contacts", "get_orders", "ping"]), ["get_contacts"]);
/// ```
#[must_use]
pub fn closest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Vec<&'c str> {
    let wanted = plain(name);
    let mut scored: Vec<(f64, &str)> = candidates
        .into_iter()
        .take(MAX_CANDIDATES)
        .map(|candidate| (likeness(&wanted, &plain(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= LEAST_LIKENESS)
        .collect();
    // Stable: equals stay in the order in which they are shown elsewhere.
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    scored.into_iter().take(MAX_SUGGESTIONS).map(|(_, candidate)| candidate).collect()
}

fn likeness(wanted: &[String], candidate: &[String]) -> f64 {
    let (whole, other) = (wanted.concat(), candidate.concat());
    if whole.is_empty() || other.is_empty() {
        return 0.0;
    }
    let spelling = strsim::normalized_damerau_levenshtein(&whole, &other);
    let is_beginning = whole.len() >= 3 && other.starts_with(&whole);
    let shared = wanted.iter().filter(|word| candidate.contains(word)).count();
    let in_common = 2.0 * shared as f64 / (wanted.len() + candidate.len()) as f64;
    spelling.max(if is_beginning { 0.8 } else { 0.0 }).max(0.9 * in_common)
}

fn plain(name: &str) -> Vec<String> {
    let bounded: String = name.chars().take(MAX_NAME_CHARS).collect();
    crate::text::words(&bounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOLS: [&str; 6] = ["get_contacts", "get_contact_list", "create_issue", "ping", "listOrders", "delete_many"];

    #[test]
    fn the_likeliest_name_comes_first() {
        assert_eq!(closest("get_contact", TOOLS), ["get_contacts", "get_contact_list"]);
        assert_eq!(closest("list_orders", TOOLS), ["listOrders"]);
        assert_eq!(closest("issue_create", TOOLS), ["create_issue"]);
        assert_eq!(closest("crate_issue", TOOLS), ["create_issue"]);
        assert_eq!(closest("del", TOOLS), ["delete_many"]);
    }

    #[test]
    fn a_name_like_no_other_gets_no_suggestion() {
        assert!(closest("weather", TOOLS).is_empty());
        assert!(closest("", TOOLS).is_empty() && closest("_", TOOLS).is_empty());
    }
}
