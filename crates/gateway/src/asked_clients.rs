//! Which clients reach a person when they are asked: several decline by themselves.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use exuvia_tool::{Principal, locked};

use crate::Client;

/// A person takes longer to decline.
const AT_ONCE: Duration = Duration::from_millis(300);
/// The most clients that are remembered. Of more, the one that answered the longest ago is forgotten.
const CLIENTS: usize = 1_000;

/// What came of asking clients about approvals, by principal and by the name that a client gives itself. In memory.
#[derive(Debug, Default)]
pub struct AskedClients(Mutex<HashMap<(Principal, String), Asked>>);

#[derive(Debug, Default, Clone)]
struct Asked {
    has_accepted: bool,
    at_ms: u64,
    unreached: Option<(u64, &'static str)>,
}

/// A client whose last answer seems to be no person's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnreachedClient {
    /// For whom it acts.
    pub principal: Principal,
    /// What it calls itself. Untrusted text of at most 200 characters.
    pub name: String,
    /// When it was asked last, in milliseconds since the epoch.
    pub at_ms: u64,
    /// Why nobody seems to have been asked.
    pub why: &'static str,
}

impl AskedClients {
    /// A person answered.
    pub fn accepted(&self, client: &Client, at_ms: u64) {
        self.note(client, at_ms, |asked| (asked.has_accepted, asked.unreached) = (true, None));
    }

    /// The client declined, or made no choice, so long after it was asked. Returns why nobody seems to have been asked; None: a person
    /// did not want to answer here.
    pub fn refused(&self, client: &Client, after: Duration, at_ms: u64) -> Option<&'static str> {
        self.note(client, at_ms, |asked| {
            let why = match asked.has_accepted {
                _ if after < AT_ONCE => Some("it declined at once"),
                false => Some("it declined, and has never accepted anything"),
                true => None,
            };
            asked.unreached = why.map(|why| (at_ms, why));
            why
        })
    }

    /// Whether this client does not seem to reach a person.
    #[must_use]
    pub fn is_unreached(&self, client: &Client) -> bool {
        let asked = locked(&self.0).get(&key(client)).cloned();
        asked.is_some_and(|asked| asked.unreached.is_some())
    }

    /// The clients that do not seem to reach a person, the latest first.
    #[must_use]
    pub fn unreached(&self) -> Vec<UnreachedClient> {
        let asked = locked(&self.0);
        let unreached = asked.iter().filter_map(|((principal, name), asked)| {
            let (at_ms, why) = asked.unreached?;
            Some(UnreachedClient { principal: principal.clone(), name: name.clone(), at_ms, why })
        });
        let mut unreached: Vec<_> = unreached.collect();
        unreached.sort_by_key(|client| std::cmp::Reverse(client.at_ms));
        unreached
    }

    fn note<T>(&self, client: &Client, at_ms: u64, note: impl FnOnce(&mut Asked) -> T) -> T {
        let key = key(client);
        let mut clients = locked(&self.0);
        if clients.len() >= CLIENTS && !clients.contains_key(&key) {
            let oldest = clients.iter().min_by_key(|(_, asked)| asked.at_ms).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| clients.remove(&oldest));
        }
        let asked = clients.entry(key).or_default();
        asked.at_ms = at_ms;
        note(asked)
    }
}

/// By what a client is known.
fn key(client: &Client) -> (Principal, String) {
    (client.principal().clone(), client.claims().name.clone().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use exuvia_journal::ClientClaims;

    use super::*;

    fn client(name: &str) -> Client {
        Client::new("connection 1").claiming(ClientClaims { name: Some(name.to_owned()), ..ClientClaims::default() })
    }

    #[test]
    fn a_refusal_is_a_persons_if_it_takes_its_time_and_the_client_has_accepted_before() {
        let (clients, late) = (AskedClients::default(), Duration::from_secs(2));
        let (one, other) = (client("one"), client("other"));
        assert!(clients.refused(&one, late, 1).is_some(), "it has never accepted anything");
        clients.accepted(&one, 2);
        assert_eq!((clients.refused(&one, late, 3), clients.unreached()), (None, Vec::new()));
        assert!(clients.refused(&one, AT_ONCE / 2, 4).is_some() && clients.refused(&other, late, 5).is_some());
        let names: Vec<_> = clients.unreached().into_iter().map(|client| (client.name, client.at_ms)).collect();
        assert_eq!(names, [("other".to_owned(), 5), ("one".to_owned(), 4)]);
    }

    #[test]
    fn the_client_that_answered_the_longest_ago_is_forgotten() {
        let clients = AskedClients::default();
        for n in 0..=CLIENTS as u64 {
            clients.refused(&client(&n.to_string()), AT_ONCE, n);
        }
        let unreached = clients.unreached();
        assert_eq!((unreached.len(), unreached.iter().any(|client| client.name == "0")), (CLIENTS, false));
    }
}
