//! The end of a paged list: a page without a cursor, or pages that bring nothing new.
//!
//! Any text is a cursor, the empty one as well. Some servers mean by the empty one that there is no more, and give the first page
//! again when they are asked for it; some give one cursor for ever. Neither may cost a thousand requests.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use exuvia_tool::raw;

/// So many pages in a row with nothing new on them are the end. Servers that filter what they list may have some.
const FRUITLESS: usize = 3;

/// The pages of one list that were asked for.
#[derive(Debug, Default)]
pub struct Pages {
    hasher: RandomState,
    cursors: HashSet<u64>,
    items: HashSet<u64>,
    fruitless: usize,
}

impl Pages {
    /// Whether an item stood on no page before, as it is written.
    pub fn is_new(&mut self, item: &str) -> bool {
        self.items.insert(self.hasher.hash_one(item))
    }

    /// Takes in a page, the result of the request for it as written: of this many items, so many of them new. Gives the cursor of
    /// the page to ask for next.
    pub fn next(&mut self, page: &str, items: usize, new: usize) -> Option<String> {
        let cursor = serde_json::from_str::<String>(raw::member(page, "nextCursor")?).ok()?;
        let is_first = self.cursors.is_empty();
        let is_asked_for = !self.cursors.insert(self.hasher.hash_one(&cursor));
        let repeats = items > 0 && new == 0 && !is_first;
        self.fruitless = if new == 0 { self.fruitless + 1 } else { 0 };
        (!is_asked_for && !repeats && self.fruitless < FRUITLESS).then_some(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pages are asked for, of which the cursors and the numbers of items and of new items are these.
    fn asked(pages: impl IntoIterator<Item = (&'static str, usize, usize)>) -> usize {
        let mut list = Pages::default();
        let goes_on = |&(cursor, items, new): &(&str, usize, usize)| {
            list.next(&format!(r#"{{"nextCursor":{cursor}}}"#), items, new).is_some()
        };
        1 + pages.into_iter().take_while(goes_on).count()
    }

    #[test]
    fn a_list_ends_where_there_is_no_cursor() {
        assert_eq!(asked([("null", 2, 2)]), 1);
        assert_eq!(asked([("7", 2, 2)]), 1);
        assert_eq!(asked([("\"a\"", 2, 2), ("\"\"", 2, 2), ("\"b\"", 1, 1), ("null", 1, 1)]), 4);
    }

    #[test]
    fn a_list_ends_where_asking_on_brings_nothing() {
        assert_eq!(asked([("\"\"", 2, 2); 9]), 2, "a cursor that was asked for");
        assert_eq!(asked([("\"a\"", 1, 1), ("\"b\"", 1, 1), ("\"a\"", 1, 1), ("\"b\"", 1, 1)]), 3);
        let cursors = ["\"1\"", "\"2\"", "\"3\"", "\"4\"", "\"5\"", "\"6\""];
        assert_eq!(asked(cursors.map(|cursor| (cursor, 2, usize::from(cursor == "\"1\"")))), 2, "the same items");
        assert_eq!(asked(cursors.map(|cursor| (cursor, 0, 0))), 3, "no items");
        assert_eq!(asked(cursors.map(|cursor| (cursor, 1, usize::from(cursor == "\"3\"")))), 2);
        assert_eq!(
            asked(cursors.map(|cursor| (cursor, usize::from(cursor > "\"2\""), usize::from(cursor > "\"2\"")))),
            7
        );
    }
}
