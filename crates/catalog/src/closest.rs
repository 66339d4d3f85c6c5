//! Suggestions for misspelled names.

/// How many names are suggested at most.
const MAX_SUGGESTIONS: usize = 3;

/// How many candidates are compared, and how long a name may be: the comparison takes the product of the lengths.
const MAX_CANDIDATES: usize = 10_000;
const MAX_NAME_CHARS: usize = 128;

/// How many candidates are compared letter by letter: those that share most letters with the name.
const MAX_COMPARED: usize = 200;

/// How alike two names must be, from 0 to 1.
const LEAST_LIKENESS: f64 = 0.6;

/// The candidates that `name` may have been meant for, the likeliest first, at most three. Case and separators do not
/// count: `getUser` is as good as `get_user`. Words in another order (`user_get`) and a beginning (`get_us`) are
/// recognized as well.
///
/// ```
/// assert_eq!(exuvia_catalog::closest("getContact", ["get_contacts", "get_orders", "ping"]), ["get_contacts"]);
/// ```
#[must_use]
pub fn closest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Vec<&'c str> {
    let wanted = plain(name);
    let letters = Letters::of(&wanted);
    let promising = |candidate| {
        let words = plain(candidate);
        let most = letters.most_likeness(&Letters::of(&words));
        let most = if shares_words(&wanted, &words) { most.max(0.9) } else { most };
        (most >= LEAST_LIKENESS).then_some((most, words, candidate))
    };
    let mut promising: Vec<_> = candidates.into_iter().take(MAX_CANDIDATES).filter_map(promising).collect();
    if promising.len() > MAX_COMPARED {
        promising.sort_by(|(a, ..), (b, ..)| b.total_cmp(a));
        promising.truncate(MAX_COMPARED);
    }
    let mut scored: Vec<(f64, &str)> = promising
        .into_iter()
        .map(|(_, words, candidate)| (likeness(&wanted, &words), candidate))
        .filter(|(likeness, _)| *likeness >= LEAST_LIKENESS)
        .collect();
    // Stable: equals stay in the order in which they are shown elsewhere.
    scored.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    scored.into_iter().take(MAX_SUGGESTIONS).map(|(_, candidate)| candidate).collect()
}

/// How often each letter stands in a name; letters beyond ASCII share places.
struct Letters {
    counts: [u8; 64],
    chars: usize,
}

impl Letters {
    fn of(words: &[String]) -> Self {
        let mut letters = Self { counts: [0; 64], chars: 0 };
        for character in words.iter().flat_map(|word| word.chars()) {
            let place = (u32::from(character) % 64) as usize;
            letters.counts[place] = letters.counts[place].saturating_add(1);
            letters.chars += 1;
        }
        letters
    }

    /// A bound of what comparing letter by letter can come to: each letter that the longer name has and the other has not is
    /// at least one change.
    fn most_likeness(&self, other: &Self) -> f64 {
        let longer = self.chars.max(other.chars);
        if longer == 0 {
            return 0.0;
        }
        let shared: usize = self.counts.iter().zip(&other.counts).map(|(a, b)| usize::from(*a.min(b))).sum();
        shared as f64 / longer as f64
    }
}

fn shares_words(wanted: &[String], candidate: &[String]) -> bool {
    let is_beginning = || {
        let (whole, other) = (wanted.concat(), candidate.concat());
        whole.len() >= 3 && other.starts_with(&whole)
    };
    wanted.iter().any(|word| candidate.contains(word)) || is_beginning()
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

    #[test]
    fn ten_thousand_long_names_are_soon_compared() {
        let name = |n: usize| format!("{}{n:05}", "abcdefgh".repeat(15));
        let names: Vec<String> = (0..10_000).map(name).collect();
        let begun = std::time::Instant::now();
        for n in 0..5 {
            let found = closest(&format!("{}x", name(n * 100)), names.iter().map(String::as_str));
            assert_eq!(found.len(), 3);
        }
        assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    }
}
