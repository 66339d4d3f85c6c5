//! Replaced and removed servers, until the last run that uses them is over.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use exuvia_tool::locked;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::routes::Route;

/// Servers that retire at a time. When there are as many, the next configuration waits until some have gone; one that
/// alone sends off more of them waits until there is none.
const RETIRING: u32 = 64;

/// Servers that end when their last user is gone. Dropping it ends them at once.
#[derive(Debug)]
pub(crate) struct RetiringServers {
    room: Arc<Semaphore>,
    names: Arc<Mutex<Vec<String>>>,
    ends: Mutex<JoinSet<()>>,
    /// Everything ends now.
    over: CancellationToken,
}

/// Room for servers that are about to leave.
#[derive(Debug)]
pub(crate) struct RetirementRoom(Option<OwnedSemaphorePermit>);

impl RetiringServers {
    pub(crate) fn new(over: CancellationToken) -> Self {
        let room = Arc::new(Semaphore::new(RETIRING as usize));
        Self { room, names: Arc::default(), ends: Mutex::default(), over }
    }

    /// Waits until so many servers may leave.
    pub(crate) async fn room_for(&self, servers: usize) -> RetirementRoom {
        let places = u32::try_from(servers).unwrap_or(RETIRING).min(RETIRING);
        if self.room.available_permits() < places as usize {
            tracing::warn!(servers, "reload delayed: too many replaced servers are still in use");
        }
        // The semaphore is never closed.
        RetirementRoom(Arc::clone(&self.room).acquire_many_owned(places).await.ok())
    }

    /// The names of the retiring servers.
    pub(crate) fn names(&self) -> Vec<String> {
        locked(&self.names).clone()
    }

    /// Ends a server when its last user is gone, at the latest after `drain`.
    pub(crate) fn retire(&self, route: Arc<Route>, room: &mut RetirementRoom, drain: Duration) {
        let (server, unused, over) = (Arc::clone(route.server()), route.unused(), self.over.clone());
        let place = room.0.as_mut().and_then(|room| room.split(1));
        let listed = RetiringName::new(server.name().to_owned(), &self.names);
        drop(route);
        let mut ends = locked(&self.ends);
        while ends.try_join_next().is_some() {}
        let runtime = server.runtime().clone();
        let end = async move {
            let _gone = (place, listed);
            tokio::select! {
                () = unused.cancelled() => {}
                () = over.cancelled() => {}
                () = tokio::time::sleep(drain) => {
                    tracing::warn!(server.name = %server.name(), "stopping a replaced or removed server that is still in use");
                }
            }
            server.shut_down().await;
        };
        ends.spawn_on(end, &runtime);
    }

    /// Waits until all have gone.
    pub(crate) async fn all_ended(&self) {
        let mut ends = std::mem::take(&mut *locked(&self.ends));
        while ends.join_next().await.is_some() {}
    }
}

/// A name on the list, until this is dropped.
struct RetiringName {
    name: String,
    names: Arc<Mutex<Vec<String>>>,
}

impl RetiringName {
    fn new(name: String, names: &Arc<Mutex<Vec<String>>>) -> Self {
        locked(names).push(name.clone());
        Self { name, names: Arc::clone(names) }
    }
}

impl Drop for RetiringName {
    fn drop(&mut self) {
        let mut names = locked(&self.names);
        if let Some(place) = names.iter().position(|name| *name == self.name) {
            names.swap_remove(place);
        }
    }
}
