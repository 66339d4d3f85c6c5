//! Lists of direct servers: tools, and pages of resources, templates and prompts.

use std::borrow::Cow;
use std::sync::Arc;

use exuvia_gateway::{DirectTool, Gap};
use exuvia_mcp_client::{Listing, offload};
use exuvia_tool::Absent;
use rmcp::ErrorData;
use rmcp::model::{MetaObject, PaginatedRequestParams, Prompt, Tool};
use serde_json::json;

use super::Direct;
use super::directory::{Item, List};
use super::lenient::lenient;
use super::reads::RESOURCES;
use super::results;
use crate::client::client;

/// About how long the items of one page are together, in bytes.
const PAGE_BYTES: usize = 1 << 20;
/// The memory that they may take as trees.
const PAGE_TREE_BYTES: usize = 16 << 20;
/// The key in `_meta` of the notices about omitted items.
const NOTICES_KEY: &str = "exuvia/notices";

/// A part of a list.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
    /// What is missing.
    pub(crate) meta: Option<MetaObject>,
}

/// Where a page begins: at this item of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PageStart {
    server: usize,
    item: usize,
}

/// The items of a page, each with the number of its server.
struct Cut<T> {
    items: Vec<(usize, T)>,
    next: Option<PageStart>,
    /// By server: how many were left out because another server has them.
    taken: Vec<(usize, usize)>,
}

impl Direct<'_> {
    /// A page of the resources or their templates, of all direct servers together.
    ///
    /// # Errors
    ///
    /// There is no such page, or the limit on requests in flight is reached.
    pub(crate) async fn addresses<T>(&self, page: Option<PaginatedRequestParams>) -> Result<Page<T>, ErrorData>
    where
        T: Item + Send + 'static,
    {
        let servers: Vec<&str> = self.shown(RESOURCES).collect();
        let (lists, cut) = self.cut::<T>(&servers, page).await?;
        let mut notices = self.gaps::<T>(&servers, &lists);
        for &(other, owner) in &cut.taken {
            self.shared.directory.report(servers[owner], servers[other]);
            notices.push(format!(
                "{} lists URIs that belong to {}: those of {} are omitted",
                servers[other], servers[owner], servers[other]
            ));
        }
        let items = cut.items.into_iter().map(|(_, item)| item).collect();
        Ok(Page { items, next: cut.next.map(|place| place.cursor(&servers)), meta: self::notices(notices) })
    }

    /// A page of the prompts of all direct servers, by their names for clients.
    ///
    /// # Errors
    ///
    /// There is no such page, or the limit on requests in flight is reached.
    pub(crate) async fn prompts(&self, page: Option<PaginatedRequestParams>) -> Result<Page<Prompt>, ErrorData> {
        let servers: Vec<&str> = self.shown("prompts/get").collect();
        let (lists, cut) = self.cut::<Prompt>(&servers, page).await?;
        let mut notices = self.gaps::<Prompt>(&servers, &lists);
        let mut items = Vec::with_capacity(cut.items.len());
        for (number, mut prompt) in cut.items {
            let (server, name) = (servers[number], self.view.exposed(servers[number], &prompt.name));
            match self.view.owner(&name) {
                Some((owner, _)) if owner != server => {
                    let notice = format!("a prompt of {server} is omitted: its name belongs to {owner}");
                    if !notices.contains(&notice) {
                        self.shared.directory.report_prompts(owner, server);
                        notices.push(notice);
                    }
                }
                _ => {
                    prompt.name = name;
                    items.push(prompt);
                }
            }
        }
        Ok(Page { items, next: cut.next.map(|place| place.cursor(&servers)), meta: self::notices(notices) })
    }

    /// The direct servers of which clients may know that they can be asked for this.
    pub(super) fn shown(&self, method: &'static str) -> impl Iterator<Item = &str> {
        self.view.direct_servers().filter(move |server| self.view.shows_read(server, method))
    }

    /// Reads the lists, or takes those that the pages before are of, and cuts a page out.
    async fn cut<T>(
        &self,
        servers: &[&str],
        page: Option<PaginatedRequestParams>,
    ) -> Result<(Vec<Arc<List>>, Cut<T>), ErrorData>
    where
        T: Item + Send + 'static,
    {
        let cursor = page.and_then(|page| page.cursor);
        let place = match &cursor {
            None => PageStart { server: 0, item: 0 },
            Some(cursor) => PageStart::of(cursor, servers)?,
        };
        let request = self.gateway.request_place(&client(self.context)).map_err(results::failed)?;
        let cancellation = request.cancellation();
        let (directory, asker) = (&self.shared.directory, self.asker());
        let lists = async {
            match cursor {
                None => directory.lists(asker, servers, T::LISTING).await,
                Some(_) => directory.kept(asker, servers, T::LISTING).await,
            }
        };
        let lists = tokio::select! {
            () = self.context.ct.cancelled() => return Err(ErrorData::internal_error("cancelled", None)),
            () = cancellation.cancelled() => return Err(ErrorData::internal_error("cancelled", None)),
            lists = lists => lists,
        };
        let bytes = lists.iter().flat_map(|list| list.items()).map(|item| item.size_bytes()).sum();
        let cut_from = lists.clone();
        let cut = offload(bytes, move || cut(&cut_from, place)).await;
        Ok((lists, cut))
    }

    /// What is missing of the lists.
    fn gaps<T: Item>(&self, servers: &[&str], lists: &[Arc<List>]) -> Vec<String> {
        let what = match T::LISTING {
            Listing::Resources => "resources",
            Listing::ResourceTemplates => "templates of resources",
            Listing::Prompts => "prompts",
        };
        let notice = |(server, list): (&&str, &Arc<List>)| {
            let before = if list.items().is_empty() { "" } else { "; showing what it listed so far" };
            Some(match list.gap? {
                Gap::Late => format!("{server} did not list its {what} in time{before}"),
                Gap::Unavailable => format!("{server} could not list its {what}{before}"),
                Gap::Absent => absent(self.view.absent_direct().iter().find(|absent| absent.name == **server)?),
                Gap::TooLong => {
                    format!("{server} lists too many {what}, or too large ones: the rest is omitted")
                }
            })
        };
        let left_out = |(server, list): (&&str, &Arc<List>)| {
            let unnamed = (list.unnamed() > 0).then(|| {
                format!(
                    "{server} lists {} {what} whose names have invisible or line-breaking characters: they are omitted",
                    list.unnamed()
                )
            });
            let unreadable = (list.unreadable() > 0)
                .then(|| format!("{server} lists {} {what} that cannot be read: they are omitted", list.unreadable()));
            [unnamed, unreadable].into_iter().flatten()
        };
        let all = || servers.iter().zip(lists);
        all().filter_map(notice).chain(all().flat_map(left_out)).collect()
    }
}

impl PageStart {
    /// Where a cursor of ours leads to.
    fn of(cursor: &str, servers: &[&str]) -> Result<Self, ErrorData> {
        let place = cursor.split_once(' ').and_then(|(item, server)| {
            let server = servers.iter().position(|&other| other == server)?;
            Some(Self { server, item: item.parse().ok()? })
        });
        place.ok_or_else(|| ErrorData::invalid_params("the cursor has expired: list again without one", None))
    }

    fn cursor(self, servers: &[&str]) -> String {
        format!("{} {}", self.item, servers[self.server])
    }
}

/// Cuts a page out of lists. An address that an earlier server lists as well is left out.
fn cut<T: Item>(lists: &[Arc<List>], from: PageStart) -> Cut<T> {
    let mut page = Cut { items: Vec::new(), next: None, taken: Vec::new() };
    let (mut bytes, mut tree_bytes) = (0, 0);
    for (server, list) in lists.iter().enumerate().skip(from.server) {
        let first = if server == from.server { from.item } else { 0 };
        for (number, item) in list.items().iter().enumerate().skip(first) {
            let is_full = bytes + item.size_bytes() > PAGE_BYTES;
            if bytes > 0 && (is_full || tree_bytes + item.extent().tree_bytes > PAGE_TREE_BYTES) {
                page.next = Some(PageStart { server, item: number });
                return page;
            }
            let Some(read) = T::read(item) else { continue };
            let owner = lists[..server].iter().position(|earlier| earlier.has(read.key()));
            match owner {
                Some(owner) if page.taken.contains(&(server, owner)) => {}
                Some(owner) => page.taken.push((server, owner)),
                None => {
                    bytes += item.size_bytes();
                    tree_bytes += item.extent().tree_bytes;
                    page.items.push((server, read));
                }
            }
        }
    }
    page
}

/// What `_meta` reports about an incomplete list.
pub(crate) fn notices(notices: Vec<String>) -> Option<MetaObject> {
    if notices.is_empty() {
        return None;
    }
    let mut meta = MetaObject::default();
    meta.insert(NOTICES_KEY.into(), json!(notices));
    Some(meta)
}

/// The notice about an unavailable server. A script may retry; a client need not: it is notified when tools have come.
pub(crate) fn absent(absent: &Absent) -> String {
    let name = &absent.name;
    match absent.reason() {
        Some(reason) => format!("{name} did not start: {reason}"),
        None if absent.is_starting() => format!("{name} is still starting"),
        None => format!("{name} did not start"),
    }
}

/// The key in `_meta` of a tool's server and original name, where its public name differs.
const ORIGINAL_KEY: &str = "exuvia/original";

/// A tool as clients are shown it: as its server lists it, under its name for clients. A hint that is none of the protocol's is left
/// out.
pub(crate) fn tool(direct: &DirectTool) -> Tool {
    let read = lenient::<Tool>(direct.written.as_str(), &[("name", "\"\""), ("inputSchema", "{}")]);
    let mut tool = read.unwrap_or_else(|| Tool::new(direct.name.clone(), "", Arc::default()));
    tool.name = Cow::Owned(direct.name.clone());
    if direct.name != direct.tool.tool {
        let original = json!({"server": direct.tool.server, "tool": direct.tool.tool});
        tool.meta.get_or_insert_default().insert(ORIGINAL_KEY.into(), original);
    }
    tool
}
