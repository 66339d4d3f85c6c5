//! Keys that are issued, rotated and revoked while daemons serve.

use std::process::Command;
use std::time::{Duration, Instant};

use exuvia_access::Secret;
use exuvia_tests::{Daemon, HttpClient, built};
use serde_json::json;

use super::keys_command::World;
use exuvia_tests::KeyClient as Client;

/// How long a change may take to hold.
const WITHIN: Duration = Duration::from_secs(1);
/// A script that calls a tool for a minute.
const LONG: &str = "import time\nfor n in range(600):\n    ruby.echo(value=n)\n    time.sleep(0.1)\n'all'";
/// One that is over sooner.
const SHORT: &str = "import time\nfor n in range(40):\n    ruby.echo(value=n)\n    time.sleep(0.1)\n'all'";

fn world() -> World {
    let fake = built("exuvia-fake-upstream");
    World::with(&format!(
        "[servers.ruby]\ncommand = {fake:?}\nauto_execute = ['*']\n[roles.support]\n[roles.billing]\n"
    ))
}

/// A daemon of the same user: one of several replicas.
async fn serve(world: &World) -> Daemon {
    let mut command = Command::new(built("exuvia"));
    command.env("XDG_DATA_HOME", &world.data);
    let daemon = Daemon::start_by(command, &["--config", &world.folder.text("exuvia.toml")]);
    daemon.ready().await;
    daemon
}

fn secret(world: &World, arguments: &[&str]) -> String {
    world.done(arguments).stdout.trim().to_owned()
}

/// The memory of a process.
fn resident_bytes(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

async fn status(daemon: &Daemon, secret: &str) -> u16 {
    Client::of(daemon.address(), secret).await.ask("tools/list", json!({})).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_holds_on_every_replica_when_it_is_issued_and_on_none_when_it_is_revoked() {
    let world = world();
    let daemons = [serve(&world).await, serve(&world).await];
    let ci = secret(&world, &["create", "ci", "--role", "support"]);
    let cd = secret(&world, &["create", "cd", "--role", "support"]);
    let (mut revoked, mut others) = (Vec::new(), Vec::new());
    for daemon in &daemons {
        assert_eq!((status(daemon, &ci).await, status(daemon, &cd).await), (200, 200));
        for (secret, code, runs) in [(&ci, LONG, &mut revoked), (&cd, SHORT, &mut others)] {
            let mut client = Client::of(daemon.address(), secret).await;
            runs.push(tokio::spawn(async move { client.run(code).await }));
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.done(&["revoke", "ci"]);
    let begun = Instant::now();
    for daemon in &daemons {
        assert_eq!((status(daemon, &ci).await, status(daemon, &cd).await), (401, 200));
    }
    for run in revoked {
        let answer = run.await.expect("no panic");
        assert!(answer.contains("the key was revoked"), "{answer}");
    }
    assert!(begun.elapsed() < WITHIN, "{:?}", begun.elapsed());
    for run in others {
        let answer = run.await.expect("no panic");
        assert!(answer.contains("all"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_secret_holds_for_its_overlap_alone() {
    let world = world();
    let daemon = serve(&world).await;
    let first = secret(&world, &["create", "ci", "--role", "support"]);
    let mut client = Client::of(daemon.address(), &first).await;
    let running = tokio::spawn(async move { client.run(LONG).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let second = secret(&world, &["rotate", "ci", "--overlap", "1h"]);
    assert_eq!((status(&daemon, &first).await, status(&daemon, &second).await), (200, 200));
    assert!(!running.is_finished());
    let third = secret(&world, &["rotate", "ci"]);
    let (first, second, third) = (status(&daemon, &first), status(&daemon, &second), status(&daemon, &third));
    assert_eq!((first.await, second.await, third.await), (401, 401, 200));
    let answer = running.await.expect("no panic");
    assert!(answer.contains("the key was revoked"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_the_configuration_gives_to_another_key_is_lost_to_the_issued_one() {
    let world = world();
    let daemon = serve(&world).await;
    let issued = secret(&world, &["create", "ci", "--role", "support"]);
    let mut client = Client::of(daemon.address(), &issued).await;
    let running = tokio::spawn(async move { client.run(LONG).await });
    assert_eq!(status(&daemon, &issued).await, 200);
    // Else whoever has either secret would have the records, sessions and budgets of the other.
    let before = std::fs::read_to_string(world.folder.path("exuvia.toml")).expect("a file");
    let key = exuvia_tests::key_table("ci", "support");
    world.folder.write("exuvia.toml", &format!("{before}{key}"));
    let answer = running.await.expect("no panic");
    assert!(answer.contains("the key was revoked"), "{answer}");
    assert_eq!((status(&daemon, &issued).await, status(&daemon, "ci").await), (401, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_expires_while_its_script_runs() {
    let world = world();
    let daemon = serve(&world).await;
    let ci = secret(&world, &["create", "ci", "--role", "support", "--expires", "3s"]);
    let answer = Client::of(daemon.address(), &ci).await.run(LONG).await;
    assert!(answer.contains("the key has expired"), "{answer}");
    assert_eq!(status(&daemon, &ci).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_wrong_keys_are_bounded_and_logged_once_a_minute() {
    let world = world();
    let daemon = serve(&world).await;
    let ci = secret(&world, &["create", "ci", "--role", "support"]);
    let (before, begun) = (resident_bytes(daemon.id()), Instant::now());
    let guessing = (0..4).map(|_| {
        let address = daemon.address();
        tokio::spawn(async move {
            let mut http = HttpClient::connect(address).await;
            let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
            let mut refused = [0, 0];
            for _ in 0..2_500 {
                let bearer = format!("Bearer {}", Secret::generate().expect("randomness").expose());
                let answer = http.post(&[("authorization", &bearer)], &message).await;
                match answer.status {
                    401 => refused[0] += 1,
                    429 => refused[1] += 1,
                    other => panic!("{other}: {answer:?}"),
                }
            }
            refused
        })
    });
    let (mut invalid, mut too_many) = (0, 0);
    for one in guessing.collect::<Vec<_>>() {
        let [one_invalid, one_too_many] = one.await.expect("no panic");
        (invalid, too_many) = (invalid + one_invalid, too_many + one_too_many);
    }
    let took = begun.elapsed();
    assert_eq!(invalid + too_many, 10_000);
    // Ten at once, and one more every six seconds.
    assert!(invalid as u64 <= 11 + took.as_secs() / 6, "{invalid} in {took:?}");
    // Who has a key is not held up by others at the same address.
    assert_eq!(status(&daemon, &ci).await, 200);
    let told = daemon.said().iter().filter(|line| line.contains("logins failed")).count() as u64;
    assert!((1..=1 + took.as_secs().div_ceil(60)).contains(&told), "{:?}", daemon.said());
    let grown = resident_bytes(daemon.id()).saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes more");
}
