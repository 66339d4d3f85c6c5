//! No secret gets out: those of the environments of servers, of their headers and URLs, of commands for headers, of logins, of keys and
//! of users. Each is looked for in every form, in all that a daemon answers, logs, exports, counts, stores and shows of its process.
//!
//! The secrets hold characters that each form writes in another way. What a server itself says of its own secret, in a result, is not
//! looked at: the gateway passes results on.

mod commands;
mod echoing;
mod use_of_it;
mod world;

use exuvia_tests::SecretSearch;
use world::World;

/// What was found where.
struct Leaks {
    search: SecretSearch,
    found: Vec<String>,
    looked_at: Vec<(String, usize)>,
}

impl Leaks {
    fn new(search: SecretSearch) -> Self {
        Self { search, found: Vec::new(), looked_at: Vec::new() }
    }

    /// Looks at something that nobody may find a secret in.
    fn look(&mut self, surface: &str, bytes: impl AsRef<[u8]>) {
        self.look_but(surface, bytes, "no secret");
    }

    /// The same of something in which the secrets whose names begin so may be.
    fn look_but(&mut self, surface: &str, bytes: impl AsRef<[u8]>, allowed: &str) {
        let bytes = bytes.as_ref();
        let found = self.search.found_in(bytes).into_iter().filter(|found| !found.starts_with(allowed));
        self.found.extend(found.map(|found| format!("{surface}: {found}")));
        self.looked_at.push((surface.to_owned(), bytes.len()));
    }

    /// Nothing was found, and each of these was looked at and is not empty.
    fn none_of(&self, surfaces: &[&str]) {
        assert!(self.found.is_empty(), "{} times:\n{}", self.found.len(), self.found.join("\n"));
        for surface in surfaces {
            let bytes: usize =
                self.looked_at.iter().filter(|(name, _)| name.starts_with(surface)).map(|(_, n)| n).sum();
            assert!(bytes > 0, "nothing of {surface} was looked at: {:?}", self.looked_at);
        }
    }
}

/// What a daemon shows of itself, whatever it was used for.
const SURFACES: [&str; 9] = [
    "answers",
    "log",
    "spans",
    "metrics",
    "process",
    "file exuvia/journal",
    "file exuvia/access",
    "file",
    "exported runs",
];

async fn nothing_gets_out(format: &str) {
    let world = World::new(format).await;
    let mut leaks = Leaks::new(world.search());
    let mut daemon = world.serves().await;
    world.is_used(&daemon, &mut leaks).await;
    world.look_at_process(&daemon, &mut leaks);
    world.look_at_files(&mut leaks);
    world.is_misconfigured(&daemon).await;
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    daemon.ends_within(world::PATIENCE).await;
    leaks.look("log", [daemon.began(), &daemon.said()].concat().join("\n"));
    leaks.look("spans", world.spans());
    world.look_at_files(&mut leaks);
    world.exports(&mut leaks).await;
    leaks.none_of(&SURFACES);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_gets_out_of_a_daemon_in_any_form() {
    nothing_gets_out("text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_gets_out_of_a_daemon_whose_log_is_json() {
    nothing_gets_out("json").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_gets_out_of_commands() {
    let world = World::new("text").await;
    let mut leaks = Leaks::new(world.search());
    world.commands(&mut leaks).await;
    leaks.none_of(&["config check", "keys list", "tools", "run", "a wrong file", "budgets list"]);
}
