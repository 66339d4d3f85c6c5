//! Runs that were parked by another version of the program, whose guest is another one.

use exuvia_journal::{Object, ObjectKind};
use exuvia_replay::sha256_hex;
use exuvia_runtime::{GUEST_COMPONENT, GUEST_DIGEST};

use super::*;

/// A custom section of a component, which changes its digest and nothing else: a WebAssembly section with id 0, of 2 bytes, with a name of 1.
const SECTION: [u8; 4] = [0, 2, 1, b'x'];
/// Longer than a guest takes to be compiled on a busy machine.
const COMPILED: Duration = Duration::from_secs(240);

fn guest(bytes: Vec<u8>) -> Object {
    Object { kind: ObjectKind::Guest, sha256: sha256_hex(&bytes), bytes }
}

/// A run that waits for an approval, its gateway gone, and what is recorded of it as if it had been made with this guest.
async fn parked_with(guest: &str) -> (World, RunId, Approval) {
    let world = World::new(20).await;
    let run = world.begin("import random\nx = random.random()\nresult = fake.echo(value=x)['value'] == x");
    let id = run.id().clone();
    run.report().await;
    world.until(&id, |state| *state == WaitingState::Parked).await;
    let asked = world.asked(&id, 1).await.remove(0);
    let World { gateway, journal, store, made, folder } = world;
    gateway.stop_dead().await;
    let journal = Arc::new(journal.made_with(guest));
    let later = World::beside_of(&journal, &store).await;
    drop((made, folder));
    (later, id, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_another_guest_goes_on_with_that_and_is_replayed_by_it() {
    let component = zstd::decode_all(GUEST_COMPONENT).expect("a guest");
    assert_eq!(sha256_hex(&component), GUEST_DIGEST);
    let other = guest([component.as_slice(), &SECTION].concat());
    let (world, id, asked) = parked_with(&other.sha256).await;
    world.journal.keep(Arc::new(other.clone())).await.expect("kept");
    world.answer(&asked, true).await;
    let begun = Instant::now();
    while world.store.waiting(&id).await.expect("read").is_some_and(|run| run.state.goes_on()) {
        assert!(begun.elapsed() < COMPILED, "{:?}", world.journal.kinds());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((world.result(&id), world.made().len()), ("true".to_owned(), 1));
    let replay = Replay::load(&*world.journal, &id).await.expect("it is replayable");
    assert!(replay.run(engine()).await.is_err(), "it was made with another guest");
    let engines = world.gateway.gateway().guest_engines();
    let engine = engines.of(&other.sha256, &*world.journal).await.expect("it is there");
    assert_eq!(replay.run(&engine).await.expect("on its guest").verdict, Verdict::Same);
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_a_guest_that_is_not_kept_or_is_none_is_void_with_the_reason() {
    let none = guest(b"no component".to_vec());
    for (kept, reason) in [(false, "which the journal has not kept"), (true, "which this program cannot run: ")] {
        let (world, id, asked) = parked_with(&none.sha256).await;
        if kept {
            world.journal.keep(Arc::new(none.clone())).await.expect("kept");
        }
        world.answer(&asked, true).await;
        let state = world.over(&id).await;
        let expected = format!("not replayable: made with guest {}, {reason}", none.sha256);
        assert!(matches!(&state, WaitingState::Void(why) if why.starts_with(&expected)), "{state:?}");
        assert!(world.pick_up(&id).await.starts_with("the run cannot go on: "), "{}", world.pick_up(&id).await);
        assert!(world.made().is_empty());
        world.gateway.stop().await;
    }
}
