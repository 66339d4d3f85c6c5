//! What the direct servers of a profile list beside tools, and whose an address is.
//!
//! An address belongs to the first server, in the order of the profile, that lists it; else to the first one of which a template
//! can become it. What one server lists pushes nothing out that another one lists.

mod kept_lists;
mod list;
mod template;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use exuvia_access::Identity;
use exuvia_gateway::{Gap, Gateway, ItemList, View};
use exuvia_mcp_client::{Listing, offload};
use futures_util::future::join_all;
use tokio::time::timeout_at;

use kept_lists::{KeptLists, Shelf};
pub(super) use list::{Item, List};

/// How long lists may take that a client waits for.
const TIME: Duration = Duration::from_secs(10);
/// For how long a list holds when it has not what is looked for.
const FRESH: Duration = Duration::from_secs(5);
/// For how long a server is not asked again, on behalf of reads, that did not give its list.
const PAUSE: Duration = Duration::from_secs(60);

/// The lists that are known. A server has one of each kind, in which its own number counts alone.
#[derive(Debug)]
pub(super) struct Directory {
    kept: Arc<KeptLists>,
    shelves: Mutex<HashMap<(String, Listing), Arc<Shelf>>>,
    /// The pairs of servers that were reported to list the same, and the lists of which items were reported to be left out.
    reported: Mutex<HashSet<(String, String)>>,
}

/// With whom lists are asked for.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) view: &'a View,
    pub(super) identity: &'a Arc<Identity>,
}

impl Default for Directory {
    fn default() -> Self {
        Self { kept: KeptLists::of_process(), shelves: Mutex::default(), reported: Mutex::default() }
    }
}

impl Directory {
    fn shelf(&self, server: &str, listing: Listing) -> Arc<Shelf> {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(shelves.entry((server.to_owned(), listing)).or_insert_with(|| Shelf::of(&self.kept)))
    }

    /// Forgets servers that are not there any more.
    fn retain(&self, view: &View) {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        shelves.retain(|(server, _), _| view.direct_servers().any(|direct| direct == server));
    }

    /// The lists of these servers, in this order, read concurrently and shared with later callers. A server that does not
    /// answer in time has its previous list, if there is one.
    pub(super) async fn lists(&self, asker: Asker<'_>, servers: &[&str], listing: Listing) -> Vec<Arc<List>> {
        self.retain(asker.view);
        let now = Instant::now();
        join_all(servers.iter().map(|server| self.since(asker, server, listing, now))).await
    }

    /// The same, without asking again whom was asked before.
    pub(super) async fn kept(&self, asker: Asker<'_>, servers: &[&str], listing: Listing) -> Vec<Arc<List>> {
        let one = |server| async move {
            let kept = self.shelf(server, listing).list();
            match kept {
                Some(list) => list,
                None => self.since(asker, server, listing, Instant::now()).await,
            }
        };
        join_all(servers.iter().map(|&server| one(server))).await
    }

    /// A list that was asked for after `since`.
    async fn since(&self, asker: Asker<'_>, server: &str, listing: Listing, since: Instant) -> Arc<List> {
        let (shelf, deadline) = (self.shelf(server, listing), Instant::now() + TIME);
        let turn = timeout_at(deadline.into(), shelf.turn.lock()).await;
        let before = shelf.list();
        if let Some(list) = before.as_ref().filter(|list| list.begun >= since) {
            return Arc::clone(list);
        }
        let begun = Instant::now();
        let listed = match turn {
            Ok(_) => asker.gateway.list(asker.view, asker.identity, server, listing, deadline).await,
            Err(_) => ItemList { gap: Some(Gap::Late), ..ItemList::default() },
        };
        let bytes = listed.items.iter().map(|item| item.size_bytes()).sum();
        let kept = before.clone();
        let read = offload(bytes, move || Arc::new(List::read(listing, listed, begun, kept.as_deref()))).await;
        // A server that has not started is asked as soon as it has.
        if turn.is_ok() && read.gap != Some(Gap::Absent) {
            self.kept.keep(&shelf, Arc::clone(&read));
        }
        // Clients may ask for it as often as they like.
        if read.is_failed() && !before.is_some_and(|before| before.is_failed()) {
            tracing::warn!(server.name = server, list = listing.method(), "list request failed");
        }
        if read.unnamed() + read.unreadable() > 0 {
            self.report_items(server, listing, &read);
        }
        read
    }

    /// Tells the operator, once for each list, that items of it are left out.
    fn report_items(&self, server: &str, listing: Listing, list: &List) {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.insert((listing.method().to_owned(), server.to_owned())) {
            let (unnamed, unreadable) = (list.unnamed(), list.unreadable());
            tracing::warn!(
                server.name = server,
                list = listing.method(),
                unnamed,
                unreadable,
                "items omitted: invalid names or unreadable"
            );
        }
    }

    /// Reads the lists of addresses that are not known, and those that are older than this.
    async fn look(&self, asker: Asker<'_>, servers: &[&str], oldest: Duration) {
        let is_due = |list: &List| {
            let age = list.begun.elapsed();
            age > oldest && (!list.is_failed() || age > PAUSE)
        };
        let kinds = [Listing::Resources, Listing::ResourceTemplates];
        let all = servers.iter().flat_map(|&server| kinds.map(|listing| (server, listing)));
        let due = all.filter(|&(server, listing)| self.shelf(server, listing).list().as_deref().is_none_or(is_due));
        let since = Instant::now().checked_sub(FRESH).unwrap_or_else(Instant::now);
        join_all(due.map(|(server, listing)| self.since(asker, server, listing, since))).await;
    }

    /// The server of an address, or of a template as it is written. `None`: no server lists it.
    pub(super) async fn owner<'a>(&self, asker: Asker<'_>, servers: &[&'a str], address: &str) -> Option<&'a str> {
        for oldest in [Duration::MAX, FRESH] {
            self.look(asker, servers, oldest).await;
            let owner = match self.listed_by(servers, address) {
                Some(owner) => Some(owner),
                None => self.matched_by(servers, address).await,
            };
            if owner.is_some() {
                return owner;
            }
        }
        None
    }

    fn listed_by<'a>(&self, servers: &[&'a str], address: &str) -> Option<&'a str> {
        let lists = |server: &str| {
            let has = |listing| self.shelf(server, listing).list().as_ref().is_some_and(|list| list.has(address));
            has(Listing::Resources) || has(Listing::ResourceTemplates)
        };
        let mut listed = servers.iter().copied().filter(|server| lists(server));
        let owner = listed.next()?;
        listed.for_each(|other| self.report(owner, other));
        Some(owner)
    }

    async fn matched_by<'a>(&self, servers: &[&'a str], address: &str) -> Option<&'a str> {
        let known = |&server: &&'a str| {
            let list = self.shelf(server, Listing::ResourceTemplates).list()?;
            Some((server, list))
        };
        let lists: Vec<(&str, Arc<List>)> = servers.iter().filter_map(known).collect();
        let steps = lists.iter().map(|(_, list)| list.steps(address)).sum();
        let (templates, text): (Vec<_>, _) =
            (lists.iter().map(|(_, list)| Arc::clone(list)).collect(), address.to_owned());
        let matching = move || templates.iter().map(|list| list.matches(&text)).collect::<Vec<_>>();
        let matching = offload(steps, matching).await;
        let mut matching = lists.iter().zip(matching).filter(|(_, matches)| *matches).map(|((server, _), _)| *server);
        let owner = matching.next()?;
        matching.for_each(|other| self.report(owner, other));
        Some(owner)
    }

    /// Tells the operator, once for each two, that prompts of a server have names of another's.
    pub(super) fn report_prompts(&self, owner: &str, other: &str) {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.insert((format!("prompts of {owner}"), other.to_owned())) {
            tracing::warn!(server.name = other, owner, "prompt omitted: its name belongs to another server");
        }
    }

    /// Tells the operator, once for each two, that two servers list the same.
    pub(super) fn report(&self, owner: &str, other: &str) {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.insert((owner.to_owned(), other.to_owned())) {
            tracing::warn!(
                server.name = other,
                owner,
                "resource URIs belong to another server, which comes first in the profile"
            );
        }
    }
}
