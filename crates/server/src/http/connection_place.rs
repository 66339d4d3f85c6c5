//! Who holds which connections: no address and no principal all of them.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use exuvia_access::Identity;
use exuvia_tool::Principal;
use ipnet::IpNet;

use super::HttpConfig;
use super::address::counted;
use super::shares::{Share, Shares};
use crate::client::Peer;

/// The open connections of each address and of each principal. Those of this machine and of trusted proxies, behind which others are, are
/// not counted by address; those of the operator are not counted by principal.
pub(super) struct ConnectionShares {
    of_addresses: Arc<Shares<IpAddr>>,
    of_principals: Arc<Shares<Principal>>,
    trusted_proxies: Vec<IpNet>,
}

/// The place of one connection, until it is dropped.
pub(super) struct ConnectionPlace {
    peer: Peer,
    _of_address: Option<Share<IpAddr>>,
    /// Who uses it.
    user: Mutex<Option<User>>,
}

struct User {
    identity: Arc<Identity>,
    /// None: it is not counted.
    _share: Option<Share<Principal>>,
}

/// The principal has too many connections.
#[derive(Debug)]
pub(super) struct TooMany;

impl ConnectionShares {
    pub(super) fn new(config: &HttpConfig) -> Self {
        Self {
            of_addresses: Shares::half_of(config.connections),
            of_principals: Shares::half_of(config.connections),
            trusted_proxies: config.trusted_proxies.clone(),
        }
    }

    /// The place of a new connection. None: its address has too many.
    pub(super) fn enter(&self, peer: Peer) -> Option<ConnectionPlace> {
        let address = peer.address.ip().to_canonical();
        let is_free = address.is_loopback() || self.trusted_proxies.iter().any(|net| net.contains(&address));
        let of_address = match is_free {
            true => None,
            false => Some(self.of_addresses.take(counted(address), 1)?),
        };
        Some(ConnectionPlace { peer, _of_address: of_address, user: Mutex::default() })
    }

    /// Lets this identity use a connection. Returns who used it before, if that was another principal.
    ///
    /// # Errors
    ///
    /// It has too many.
    pub(super) fn take(
        &self,
        place: &ConnectionPlace,
        identity: &Arc<Identity>,
    ) -> Result<Option<Arc<Identity>>, TooMany> {
        let mut user = place.user.lock().unwrap_or_else(PoisonError::into_inner);
        if user.as_ref().is_some_and(|user| user.identity.principal() == identity.principal()) {
            return Ok(None);
        }
        let share = match identity.principal() {
            Principal::Operator => None,
            principal => Some(self.of_principals.take(principal.clone(), 1).ok_or(TooMany)?),
        };
        let before = user.replace(User { identity: Arc::clone(identity), _share: share });
        Ok(before.map(|before| before.identity))
    }
}

impl ConnectionPlace {
    /// The other end.
    pub(super) fn peer(&self) -> Peer {
        self.peer
    }

    /// Who used it last.
    pub(super) fn identity(&self) -> Option<Arc<Identity>> {
        let user = self.user.lock().unwrap_or_else(PoisonError::into_inner);
        user.as_ref().map(|user| Arc::clone(&user.identity))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use exuvia_access::{Access, secret_hash};
    use exuvia_config::{AccessConfig, KeyConfig, RoleConfig};

    use super::*;

    fn shares(connections: usize) -> ConnectionShares {
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        ConnectionShares::new(&HttpConfig { connections, trusted_proxies, ..HttpConfig::default() })
    }

    fn peer(address: [u8; 4]) -> Peer {
        Peer::new(SocketAddr::from((address, 9)))
    }

    #[test]
    fn an_address_has_half_of_the_connections_but_not_this_machine_and_no_proxy() {
        let shares = shares(4);
        let enter = |address| shares.enter(peer(address));
        let held = [enter([192, 0, 2, 1]), enter([192, 0, 2, 1])];
        assert!(held.iter().all(Option::is_some) && enter([192, 0, 2, 1]).is_none());
        assert!(enter([192, 0, 2, 2]).is_some(), "another one has its own");
        for address in [[127, 0, 0, 1], [10, 1, 2, 3]] {
            let many: Vec<_> = (0..9).map(|_| enter(address)).collect();
            assert!(many.iter().all(Option::is_some), "{address:?}");
        }
        drop(held);
        assert!(enter([192, 0, 2, 1]).is_some());
    }

    async fn identities() -> [Arc<Identity>; 2] {
        let key = |name: &&str| {
            let (role, hash) = ("all".to_owned(), secret_hash(name));
            ((*name).to_owned(), KeyConfig { role, hash, expires_ms: None, labels: Default::default() })
        };
        let roles = [("all".to_owned(), RoleConfig::default())].into();
        let config = AccessConfig { roles, keys: ["ada", "bob"].iter().map(key).collect(), ..AccessConfig::default() };
        let access = Access::new(config, || 0);
        let identity = async |name| access.authenticate(Some(name), [127, 0, 0, 1].into()).await.unwrap();
        [identity("ada").await, identity("bob").await]
    }

    #[tokio::test]
    async fn a_principal_has_half_of_the_connections_and_leaves_those_that_others_use_now() {
        let shares = shares(4);
        let [ada, bob] = identities().await;
        let places: Vec<_> = (0..4).map(|_| shares.enter(peer([127, 0, 0, 1])).unwrap()).collect();
        assert!(matches!(shares.take(&places[0], &ada), Ok(None)));
        assert!(matches!(shares.take(&places[0], &ada), Ok(None)), "it is counted once");
        assert!(shares.take(&places[1], &ada).is_ok() && shares.take(&places[2], &ada).is_err());
        let before = shares.take(&places[1], &bob).unwrap().expect("it was used");
        assert_eq!(before.principal(), ada.principal());
        assert!(shares.take(&places[2], &ada).is_ok(), "the other one has the place of the first");
        let operator = Identity::operator();
        assert!(places.iter().all(|place| shares.take(place, &operator).is_ok()), "the operator is not counted");
        assert!(shares.of_principals.take(ada.principal().clone(), 2).is_some(), "nothing is left behind");
    }
}
