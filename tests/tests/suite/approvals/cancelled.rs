//! Runs that are cancelled while they wait for approvals.

use exuvia_gateway::NotCancelled;

use super::*;

async fn parked(world: &World) -> (RunId, Approval) {
    let run = world.begin("result = fake.echo(value=1)['value']");
    let id = run.id().clone();
    run.report().await;
    let asked = world.asked(&id, 1).await.remove(0);
    world.until(&id, |state| *state == WaitingState::Parked).await;
    (id, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_run_that_is_cancelled_ends_and_its_approvals_are_void() {
    let world = World::new(20).await;
    let (id, asked) = parked(&world).await;
    let gateway = world.gateway.gateway();
    gateway.cancel_run(&id).await.expect("it waits");
    let state = world.over(&id).await;
    assert_eq!(state, WaitingState::Void("the run was cancelled".to_owned()));
    let void = world.approvals(&id, ApprovalState::Void).await;
    assert_eq!(void[0].void_reason.as_deref(), Some("the run was cancelled"));
    assert!(gateway.answer_approval(&asked.id, true, &answer(&asked, None)).await.is_err(), "nobody can answer");
    let end = world.end(&id);
    assert_eq!((end.outcome.as_str(), end.result), ("cancelled", None));
    assert!(world.pick_up(&id).await.contains("cancelled"), "{}", world.pick_up(&id).await);
    assert!(matches!(gateway.cancel_run(&id).await, Err(NotCancelled::Unknown)), "it is over");
    assert!(world.made().is_empty());
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_run_that_is_cancelled_ends_at_once() {
    let world = World::new(LONG_HOLD_MS).await;
    let run = world.begin("result = fake.echo(value=1)['value']");
    let id = run.id().clone();
    world.asked(&id, 1).await;
    world.gateway.gateway().cancel_run(&id).await.expect("it is in flight");
    assert_eq!(run.report().await.outcome.name(), "cancelled");
    assert_eq!(world.over(&id).await, WaitingState::Done);
    assert_eq!(
        (world.end(&id).outcome.as_str(), world.approvals(&id, ApprovalState::Void).await.len()),
        ("cancelled", 1)
    );
    let unknown = world.gateway.gateway().cancel_run(&RunId::new("none")).await;
    assert!(matches!(unknown, Err(NotCancelled::Unknown)), "{unknown:?}");
    world.gateway.stop().await;
}

/// Whenever it comes: while the run is held, is being parked, is parked, or is being brought back.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cancelled_at_any_moment_ends_once_and_calls_nothing_after_that() {
    let world = World::new(10).await;
    for round in 0..40_u64 {
        let run = world.begin("result = [fake.echo(value=n)['value'] for n in range(2)]");
        let id = run.id().clone();
        let report = tokio::spawn(run.report());
        let asked = world.asked(&id, 1).await.remove(0);
        if round % 2 == 1 {
            world.answer(&asked, true).await;
        }
        tokio::time::sleep(Duration::from_millis(round % 20)).await;
        let cancelled = world.gateway.gateway().cancel_run(&id).await;
        cancelled.unwrap_or_else(|why| panic!("round {round}: {why}"));
        let made = world.made().len();
        report.await.expect("a report");
        world.over(&id).await;
        assert_eq!(world.end(&id).outcome, "cancelled", "round {round}");
        assert!(world.approvals(&id, ApprovalState::Pending).await.is_empty());
        assert_eq!(world.made().len(), made, "round {round}: nothing is called after that");
    }
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_another_process_holds_is_not_cancelled_here() {
    let world = World::new(LONG_HOLD_MS).await;
    let run = world.begin("result = fake.echo(value=1)['value']");
    let id = run.id().clone();
    let asked = world.asked(&id, 1).await.remove(0);
    let other = world.beside().await;
    assert!(matches!(other.gateway.gateway().cancel_run(&id).await, Err(NotCancelled::Elsewhere)));
    world.answer(&asked, true).await;
    assert_eq!(text(&run.report().await), "1");
    other.gateway.stop().await;
    world.gateway.stop().await;
}
