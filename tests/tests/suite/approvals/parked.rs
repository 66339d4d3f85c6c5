//! Runs that are parked, and brought back by their records.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_parked_and_goes_on_where_it_was() {
    let world = World::new(50).await;
    let run = world.begin(
        "import random, time\nbefore = random.random()\nprint('begun')\nfirst = fake.process()['pid'] > 0\n\
         x = fake.echo(value=before)['value']\nprint('then')\nresult = [first, x == before, random.random() != before]",
    );
    let id = run.id().clone();
    let report = run.report().await;
    let asked = world.asked(&id, 1).await;
    let said = text(&report);
    assert_eq!(report.outcome.name(), "awaiting-approval");
    let expected = format!(
        "awaiting approval; ask the user to answer:\nfake.echo: exuvia approvals approve {}\n\
         then send run=\"{id}\" without code: it goes on, and no finished call is repeated",
        asked[0].id
    );
    assert!(said.starts_with(&expected), "{said}");
    assert_eq!(world.until(&id, |state| *state == WaitingState::Parked).await, WaitingState::Parked);
    assert!(world.gateway.gateway().live_runs().list().is_empty(), "nothing of it is left");
    assert!(world.pick_up(&id).await.starts_with("awaiting approval; ask the user to answer:\nfake.echo: "));
    world.answer(&asked[0], true).await;
    world.over(&id).await;
    assert_eq!(world.result(&id), "[true,true,true]");
    assert_eq!(world.end(&id).log, "begun\nthen\n");
    assert_eq!(world.pick_up(&id).await, "[true,true,true]");
    let made = world.made();
    assert_eq!(made.len(), 2, "no call is repeated: {made:?}");
    world.replays(&id).await;
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_calls_in_sequence_are_each_parked_and_made_once() {
    let world = World::new(0).await;
    let run = world.begin("result = [fake.echo(value=n)['value'] for n in range(3)]");
    let id = run.id().clone();
    run.report().await;
    for number in 1..=3_u64 {
        let asked = world.asked(&id, 1).await;
        assert_eq!(asked[0].call.map(|call| call.0), Some(number));
        world.until(&id, |state| *state == WaitingState::Parked).await;
        world.answer(&asked[0], true).await;
    }
    world.over(&id).await;
    assert_eq!((world.result(&id), world.made()), ("[0,1,2]".to_owned(), vec!["0".to_owned(), "1".into(), "2".into()]));
    let kinds = world.journal.kinds();
    let count = |kind| kinds.iter().filter(|one| **one == kind).count();
    assert_eq!((count("run-parked"), count("run-resumed")), (3, 3), "{kinds:?}");
    world.replays(&id).await;
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_calls_are_asked_together_and_each_answer_goes_to_its_call() {
    let world = World::new(50).await;
    let run = world.begin(
        "import asyncio\nresult = [v['value'] for v in await asyncio.gather(*[fake.echo(value=n) for n in range(10)])]",
    );
    let id = run.id().clone();
    let asked = world.asked(&id, 10).await;
    run.report().await;
    world.until(&id, |state| *state == WaitingState::Parked).await;
    for place in [7, 3, 9, 0, 5, 1, 8, 2, 6, 4] {
        assert_eq!(ids(&world.approvals(&id, ApprovalState::Pending).await).len() + world.approvals(&id, ApprovalState::Approved).await.len(), 10, "none is asked again");
        world.answer(&asked[place], true).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    world.over(&id).await;
    assert_eq!(world.result(&id), "[0,1,2,3,4,5,6,7,8,9]");
    let mut made = world.made();
    made.sort();
    assert_eq!(made, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(world.approvals(&id, ApprovalState::Used).await.len(), 10);
    world.replays(&id).await;
    world.gateway.stop().await;
}
