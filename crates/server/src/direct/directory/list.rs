//! A list that a server gave, and the addresses that are its own by it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use exuvia_gateway::{Gap, ItemList};
use exuvia_mcp_client::Listing;
use exuvia_tool::Json;
use rmcp::model::{Prompt, Resource, ResourceTemplate};
use serde::de::DeserializeOwned;

use super::template::Template;
use crate::direct::lenient::lenient;

/// The longest address, in bytes.
const ADDRESS_BYTES: usize = 4 << 10;
/// What an item takes in memory beside its text and its name, in bytes.
const ITEM_BYTES: usize = 128;
/// The templates of one server that addresses are held against.
const TEMPLATES: usize = 500;

/// An item of a list.
pub(crate) trait Item: DeserializeOwned {
    /// The list that it stands in.
    const LISTING: Listing;
    /// Members without which it is none, with values that would do.
    const NEEDED: &[(&str, &str)];
    /// By what clients ask for it.
    fn key(&self) -> &str;

    /// Reads it, without those of its members that are not of their types.
    fn read(written: &Json) -> Option<Self> {
        lenient(written.as_str(), Self::NEEDED)
    }
}

impl Item for Resource {
    const LISTING: Listing = Listing::Resources;
    const NEEDED: &[(&str, &str)] = &[("uri", "\"\""), ("name", "\"\"")];

    fn key(&self) -> &str {
        &self.uri
    }
}

impl Item for ResourceTemplate {
    const LISTING: Listing = Listing::ResourceTemplates;
    const NEEDED: &[(&str, &str)] = &[("uriTemplate", "\"\""), ("name", "\"\"")];

    fn key(&self) -> &str {
        &self.uri_template
    }
}

impl Item for Prompt {
    const LISTING: Listing = Listing::Prompts;
    const NEEDED: &[(&str, &str)] = &[("name", "\"\"")];

    fn key(&self) -> &str {
        &self.name
    }
}

/// A list as it was read the last time.
#[derive(Debug)]
pub(in crate::direct) struct List {
    /// When it was asked for.
    pub(super) begun: Instant,
    /// What is missing.
    pub(in crate::direct) gap: Option<Gap>,
    /// Items that are left out for their names.
    unnamed: usize,
    contents: Arc<Contents>,
}

#[derive(Debug, Default)]
struct Contents {
    /// The items that can be read, as written.
    items: Vec<Json>,
    /// The addresses and templates of the server, as it lists them.
    names: HashSet<String>,
    templates: Vec<Template>,
    /// Items that are left out because they cannot be read.
    unreadable: usize,
    bytes: usize,
}

impl List {
    /// Reads what was listed, which takes as long as that is. A server that is away keeps what it listed before.
    pub(super) fn read(listing: Listing, listed: ItemList, begun: Instant, before: Option<&Self>) -> Self {
        let ItemList { items, gap, unnamed } = listed;
        let before = before.filter(|before| is_failed(gap) && !before.contents.items.is_empty());
        let contents = match before {
            Some(before) => Arc::clone(&before.contents),
            None => Arc::new(Contents::read(listing, items)),
        };
        Self { begun, gap, unnamed, contents }
    }

    /// How many items are left out for their names.
    pub(in crate::direct) fn unnamed(&self) -> usize {
        self.unnamed
    }

    /// How many are left out because they cannot be read.
    pub(in crate::direct) fn unreadable(&self) -> usize {
        self.contents.unreadable
    }

    /// How much memory it takes, about.
    pub(super) fn size_bytes(&self) -> usize {
        self.contents.bytes
    }

    /// The items.
    pub(in crate::direct) fn items(&self) -> &[Json] {
        &self.contents.items
    }

    /// Whether the server did not give it the last time.
    pub(super) fn is_failed(&self) -> bool {
        is_failed(self.gap)
    }

    /// Whether the server lists this address, or a template that is written so.
    pub(in crate::direct) fn has(&self, address: &str) -> bool {
        self.contents.names.contains(address)
    }

    /// Whether one of its templates can become this address.
    pub(super) fn matches(&self, address: &str) -> bool {
        address.len() <= ADDRESS_BYTES && self.contents.templates.iter().any(|template| template.matches(address))
    }

    /// About how many steps that takes.
    pub(super) fn steps(&self, address: &str) -> usize {
        self.contents.templates.len().saturating_mul(address.len())
    }
}

fn is_failed(gap: Option<Gap>) -> bool {
    matches!(gap, Some(Gap::Absent | Gap::Late | Gap::Unavailable))
}

impl Contents {
    fn read(listing: Listing, items: Vec<Json>) -> Self {
        let name = match listing {
            Listing::Resources => name_of::<Resource>,
            Listing::ResourceTemplates => name_of::<ResourceTemplate>,
            Listing::Prompts => name_of::<Prompt>,
        };
        let mut contents = Self::default();
        for item in items {
            let Some(name) = name(&item).filter(|name| name.len() <= ADDRESS_BYTES) else {
                contents.unreadable += 1;
                continue;
            };
            // The item, its name twice, and what stands around them.
            contents.bytes += item.size_bytes() + 2 * name.len() + ITEM_BYTES;
            contents.items.push(item);
            if listing == Listing::Prompts || !contents.names.insert(name.clone()) {
                continue;
            }
            if listing == Listing::ResourceTemplates && contents.templates.len() < TEMPLATES {
                contents.templates.extend(Template::parse(&name));
            }
        }
        contents
    }
}

/// The name of an item, if it can be read.
fn name_of<T: Item>(item: &Json) -> Option<String> {
    T::read(item).map(|item| item.key().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(items: &[&str], gap: Option<Gap>) -> ItemList {
        ItemList { items: items.iter().map(|item| Json::parse(*item).unwrap()).collect(), gap, unnamed: 0 }
    }

    #[test]
    fn a_server_that_is_away_keeps_what_it_listed() {
        let (begun, listing) = (Instant::now(), Listing::Resources);
        let [a, b] = [r#"{"uri":"x://a","name":"a"}"#, r#"{"uri":"x://b","name":"b"}"#];
        let first = List::read(listing, listed(&[a, "7", "{}"], None), begun, None);
        assert!(first.has("x://a") && first.items().len() == 1 && !first.is_failed());
        assert_eq!(first.unreadable(), 2);
        for gap in [Gap::Late, Gap::Unavailable] {
            let away = List::read(listing, listed(&[b], Some(gap)), begun, Some(&first));
            assert!(away.has("x://a") && !away.has("x://b") && away.is_failed());
        }
        for gap in [None, Some(Gap::TooLong)] {
            let other = List::read(listing, listed(&[b], gap), begun, Some(&first));
            assert!(!other.has("x://a") && other.has("x://b") && !other.is_failed());
        }
        let partly = List::read(listing, listed(&[b], Some(Gap::Late)), begun, None);
        assert!(partly.has("x://b") && partly.is_failed());
    }

    #[test]
    fn one_member_that_is_not_of_its_type_does_not_cost_the_item() {
        let item = r#"{"uri":"x://a","name":"a","size":"large","annotations":7}"#;
        let list = List::read(Listing::Resources, listed(&[item], None), Instant::now(), None);
        assert!(list.has("x://a") && list.unreadable() == 0);
        assert_eq!(Resource::read(&list.items()[0]).unwrap().size, None);
    }

    #[test]
    fn templates_are_known_as_they_are_written_and_by_what_they_become() {
        let template = r#"{"uriTemplate":"x://{a}","name":"a"}"#;
        let list = List::read(Listing::ResourceTemplates, listed(&[template], None), Instant::now(), None);
        assert!(list.has("x://{a}") && !list.has("x://1") && list.matches("x://1"));
        assert!(!list.matches(&format!("x://{}", "1".repeat(ADDRESS_BYTES))));
    }
}
