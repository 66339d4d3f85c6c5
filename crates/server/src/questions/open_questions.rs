//! The limit on open questions of one client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use exuvia_gateway::Client;

/// Questions that one client may have before it at the same time. A further one is declined.
const PER_CLIENT: usize = 16;

/// The questions that clients have not answered yet.
#[derive(Debug, Default)]
pub(crate) struct OpenQuestions(Mutex<HashMap<Client, usize>>);

/// The place of one of them. Dropping it frees the place.
#[derive(Debug)]
pub(crate) struct QuestionPlace {
    all: Arc<OpenQuestions>,
    client: Client,
}

impl OpenQuestions {
    fn counts(&self) -> MutexGuard<'_, HashMap<Client, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.counts().values().sum()
    }

    /// A place for one more question to this client. `None`: it has enough before it.
    pub(crate) fn enter(self: &Arc<Self>, client: Client) -> Option<QuestionPlace> {
        let mut counts = self.counts();
        let count = counts.entry(client.clone()).or_default();
        if *count >= PER_CLIENT {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(QuestionPlace { all: Arc::clone(self), client })
    }
}

impl Drop for QuestionPlace {
    fn drop(&mut self) {
        let mut counts = self.all.counts();
        if let Some(count) = counts.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_places_of_its_own_and_leaves_nothing_behind() {
        let open = Arc::<OpenQuestions>::default();
        let [a, b] = ["a", "b"].map(Client::new);
        let places: Vec<_> = (0..PER_CLIENT).map(|_| open.enter(a.clone()).unwrap()).collect();
        assert!(open.enter(a).is_none());
        drop((open.enter(b), places));
        assert!(open.counts().is_empty());
    }
}
