//! Resource, template and prompt lists of direct servers, read page by page within bounds.

use std::sync::Arc;
use std::time::Instant;

use exuvia_access::Identity;
use exuvia_mcp_client::error_code::METHOD_NOT_FOUND;
use exuvia_mcp_client::{Listing, Pages, Relayed, offload};
use exuvia_tool::{CallError, Json, raw};
use tokio_util::sync::CancellationToken;

use crate::call::CallKind;
use crate::plain_items;
use crate::queue::QueuePlace;
use crate::{Client, DirectAnswer, DirectCall, Gateway, View};

/// The most pages that are asked of one list of one server.
const PAGES: usize = 100;
/// The memory that the items of one list of one server take; what follows is left out.
const KEPT_BYTES: usize = 32 << 20;
/// What an item takes beyond its text.
const ITEM_BYTES: usize = 128;
/// The memory that one item may take as a tree; a larger one is left out.
const TREE_BYTES: usize = 4 << 20;

/// A list of one server, as far as it was read.
#[derive(Debug, Clone, Default)]
pub struct ItemList {
    /// The items, as written.
    pub items: Vec<Json>,
    /// What is missing, if anything is.
    pub gap: Option<Gap>,
    /// How many items are left out because their names hold characters that are not seen or break lines.
    pub unnamed: usize,
}

/// Why a list is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// The server has not started.
    Absent,
    /// It was not there in time.
    Late,
    /// The server could not be asked, or did not answer with a list.
    Unavailable,
    /// It is longer than lists may be.
    TooLong,
}

/// The place of a client's request that asks several servers. Frees the place when it is dropped.
#[derive(Debug)]
pub struct RequestPlace(QueuePlace);

impl RequestPlace {
    /// Cancelled when the client is gone or the gateway ends.
    #[must_use]
    pub fn cancellation(&self) -> CancellationToken {
        self.0.cancellation()
    }
}

/// A list as its pages come in.
#[derive(Default)]
struct ListReader {
    pages: Pages,
    items: Vec<Json>,
    bytes: u64,
    kept_bytes: usize,
    number: usize,
    /// An item is left out.
    is_cut: bool,
    /// Items that are left out for their names.
    unnamed: usize,
}

/// What follows a page.
enum Next {
    Page(String),
    Nothing,
    /// More than is read.
    TooMuch,
}

impl Gateway {
    /// A place for a request of a client that asks several servers at a time.
    ///
    /// # Errors
    ///
    /// There is none now.
    pub fn request_place(&self, client: &Client) -> Result<RequestPlace, CallError> {
        self.requests.enter(client).map(RequestPlace).map_err(|busy| DirectCall::busy(&busy))
    }

    /// Reads a list of a direct server of `view` for this identity, as far as it comes until `deadline`.
    pub async fn list(
        &self,
        view: &View,
        identity: &Arc<Identity>,
        server: &str,
        listing: Listing,
        deadline: Instant,
    ) -> ItemList {
        if view.absent_direct().iter().any(|absent| absent.name == server) {
            return ItemList { gap: Some(Gap::Absent), ..ItemList::default() };
        }
        // All pages are asked for by one call: it may have a server of its own.
        let (tools, _over) = self.direct_tools(view, identity, None, CallKind::Read);
        let run = tools.run();
        let (mut reading, mut cursor) = (ListReader::default(), None);
        let gap = loop {
            let asked = run.run_view.routes.list(server, listing, cursor.take(), run.call_context(), run.limits);
            let answer = tokio::time::timeout_at(deadline.into(), self.stopped.run_until_cancelled(asked)).await;
            let result = match answer {
                Err(_) => break Some(Gap::Late),
                Ok(Some(Ok(Relayed::Result(_, result)))) => result,
                Ok(Some(Ok(Relayed::Error { code: METHOD_NOT_FOUND, .. }))) => break None,
                Ok(answer) => {
                    let code = answer.map(|answer| answer.map_or_else(DirectAnswer::Failed, DirectAnswer::Relayed));
                    let code = code.as_ref().map_or("cancelled", DirectAnswer::code);
                    tracing::debug!(server.name = server, list = listing.method(), code, "list request failed");
                    break Some(Gap::Unavailable);
                }
            };
            let most = run.limits.result_bytes;
            let (read, next) = offload(result.size_bytes(), move || reading.with(&result, listing, most)).await;
            reading = read;
            match next {
                Next::Page(next) => cursor = Some(next),
                Next::Nothing => break reading.is_cut.then_some(Gap::TooLong),
                Next::TooMuch => break Some(Gap::TooLong),
            }
        };
        ItemList { items: reading.items, gap, unnamed: reading.unnamed }
    }
}

impl ListReader {
    /// Adds a page, and returns where the next one begins.
    fn with(mut self, result: &Json, listing: Listing, most_bytes: u64) -> (Self, Next) {
        self.bytes += result.size_bytes() as u64;
        self.number += 1;
        let page = raw::elements(raw::member(result.as_str(), listing.member()).unwrap_or("[]"));
        let (listed, mut found) = (self.items.len(), 0);
        for item in page.filter_map(|item| Json::parse(item).ok()) {
            found += 1;
            if !self.pages.is_new(item.as_str()) {
                continue;
            }
            if item.extent().tree_bytes > TREE_BYTES {
                self.is_cut = true;
                continue;
            }
            let Some(item) = plain_items::item(listing, item) else {
                self.unnamed += 1;
                continue;
            };
            self.kept_bytes += item.size_bytes() + ITEM_BYTES;
            if self.kept_bytes > KEPT_BYTES {
                return (self, Next::TooMuch);
            }
            self.items.push(item);
        }
        let next = match self.pages.next(result.as_str(), found, self.items.len() - listed) {
            None => Next::Nothing,
            Some(_) if self.number >= PAGES || self.bytes > most_bytes => Next::TooMuch,
            Some(cursor) => Next::Page(cursor),
        };
        (self, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads these pages as far as the next one is asked for. The items, and how many pages were read.
    fn read(pages: &[&str]) -> (Vec<String>, usize, usize) {
        let (mut reading, mut asked) = (ListReader::default(), 0);
        for page in pages {
            asked += 1;
            let (read, next) = reading.with(&Json::parse(*page).unwrap(), Listing::Prompts, 1 << 20);
            reading = read;
            if !matches!(next, Next::Page(_)) {
                break;
            }
        }
        let items = reading.items.iter().map(|item| item.as_str().to_owned()).collect();
        (items, asked, reading.unnamed)
    }

    #[test]
    fn a_first_page_that_is_given_again_for_an_empty_cursor_is_read_once() {
        let page = r#"{"prompts":[{"name":"a"},{"name":"b"}],"nextCursor":""}"#;
        let both = vec![r#"{"name":"a"}"#.to_owned(), r#"{"name":"b"}"#.to_owned()];
        assert_eq!(read(&[page; 9]), (both, 2, 0));
        // A real empty cursor leads on.
        let last = r#"{"prompts":[{"name":"c"}]}"#;
        assert_eq!(read(&[page, last]).0.len(), 3);
    }

    #[test]
    fn an_item_with_a_name_that_cannot_be_shown_is_left_out_and_counted() {
        let (items, _, unnamed) = read(&[r#"{"prompts":[{"name":"a\nb"},{"name":"c","title":"\u202e"}]}"#]);
        assert_eq!((items, unnamed), (vec![r#"{"name":"c","title":"\\u{202e}"}"#.to_owned()], 1));
    }
}
