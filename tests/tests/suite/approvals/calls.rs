//! Calls that are held and answered while their run waits.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_held_call_that_is_approved_is_made_and_the_script_goes_on() {
    let world = World::new(LONG_HOLD_MS).await;
    let run = world.begin("x = fake.echo(value='one')\nresult = [x['value'], fake.echo(value='two')['value']]");
    let id = run.id().clone();
    for (number, value) in [(1_u32, "\"one\""), (2, "\"two\"")] {
        let asked = world.asked(&id, 1).await;
        assert_eq!((asked[0].call.map(|call| call.0), asked[0].line), (Some(u64::from(number)), Some(number)));
        assert_eq!(world.made().len() + 1, number as usize, "nothing is sent before");
        let content = world.store.content(&asked[0].id).await.expect("read").expect("kept");
        assert_eq!(content.arguments, format!("{{\"value\":{value}}}"));
        world.answer(&asked[0], true).await;
    }
    let report = run.report().await;
    assert_eq!(text(&report), "[\"one\",\"two\"]");
    assert_eq!(world.made(), ["\"one\"", "\"two\""]);
    world.over(&id).await;
    world.replays(&id).await;
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_call_raises_what_a_script_can_catch() {
    let world = World::new(LONG_HOLD_MS).await;
    let run = world.begin(
        "try:\n    fake.echo(value=1)\nexcept ToolDenied as error:\n    said = error.message\nresult = [said, fake.process()['pid'] > 0]",
    );
    let id = run.id().clone();
    let asked = world.asked(&id, 1).await;
    let reason = answer(&asked[0], Some("not on a Sunday"));
    world.gateway.gateway().answer_approval(&asked[0].id, false, &reason).await.expect("answered");
    let report = run.report().await;
    assert_eq!(
        text(&report).lines().next(),
        Some("[\"fake.echo was not called: a person denied it: not on a Sunday\",true]")
    );
    assert!(!world.made().contains(&"1".to_owned()), "{:?}", world.made());
    world.over(&id).await;
    world.replays(&id).await;
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_nobody_answers_in_time_expires() {
    let limits = Limits { hold_ms: LONG_HOLD_MS, ..Limits::default() };
    let world = World::with(limits, |approvals| approvals.expires = Duration::from_millis(200)).await;
    let run = world.begin("try:\n    fake.echo(value=1)\nexcept ToolDenied as error:\n    result = error.message");
    let id = run.id().clone();
    let asked = world.asked(&id, 1).await;
    let report = run.report().await;
    assert!(text(&report).starts_with("\"fake.echo was not called: nobody approved it in time\""), "{}", text(&report));
    let late = world.gateway.gateway().answer_approval(&asked[0].id, true, &answer(&asked[0], None)).await;
    assert!(late.is_err() && world.made().is_empty());
    world.gateway.stop().await;
}

/// A person takes longer than the script's own timeout, the call's and the run's together.
#[tokio::test(flavor = "multi_thread")]
async fn no_time_of_a_script_runs_while_it_waits_for_a_person_alone() {
    let limits = Limits { hold_ms: LONG_HOLD_MS, call_timeout_ms: 400, wall_ms: 1_500, ..Limits::default() };
    let world = World::with(limits, |_| {}).await;
    let run = world.begin(
        "import asyncio, time\nbegun = time.monotonic()\nasync def one(n):\n    async with asyncio.timeout(0.5):\n        \
         return (await fake.echo(value=n))['value']\nresult = [await one(1), await one(2), time.monotonic() - begun < 0.5]",
    );
    let id = run.id().clone();
    for _ in 0..2 {
        let asked = world.asked(&id, 1).await;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        world.answer(&asked[0], true).await;
    }
    let report = run.report().await;
    assert_eq!(text(&report), "[1,2,true]");
    assert!(report.usage.wall_ms < 1_000, "{:?}", report.usage);
    world.over(&id).await;
    world.replays(&id).await;
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_runs_as_long_as_another_call_is_out() {
    let world = World::new(LONG_HOLD_MS).await;
    let run = world.begin(
        "import asyncio\nasync def late():\n    async with asyncio.timeout(0.3):\n        await fake.echo(value=1)\n\
         async def other():\n    return (await fake.work(steps=1, step_ms=1500))['value']\n\
         done = await asyncio.gather(late(), other(), return_exceptions=True)\nresult = [type(done[0]).__name__, done[1]]",
    );
    let report = run.report().await;
    assert_eq!(text(&report).lines().next(), Some("[\"TimeoutError\",\"done\"]"));
    assert!(!world.made().contains(&"1".to_owned()));
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_calls_go_on_and_are_delivered_while_one_is_held() {
    let world = World::new(LONG_HOLD_MS).await;
    let run = world.begin(
        "import asyncio\ncalls = [fake.echo(value='held'), fake.work(steps=1, step_ms=20), fake.work(steps=1, step_ms=1)]\n\
         for call in asyncio.as_completed(calls):\n    print((await call)['value'])\nresult = 1",
    );
    let id = run.id().clone();
    let asked = world.asked(&id, 1).await;
    let begun = Instant::now();
    while world.made().len() < 2 {
        assert!(begun.elapsed() < PATIENCE, "what comes after a held call waits for it");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.answer(&asked[0], true).await;
    let report = run.report().await;
    assert_eq!(report.logs.text, "done\ndone\nheld\n");
    world.over(&id).await;
    world.replays(&id).await;
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_used_once_and_by_its_own_run() {
    let world = World::new(LONG_HOLD_MS).await;
    let source = "result = [fake.echo(value=7)['value'], fake.echo(value=7)['value']]";
    let (one, two) = (world.begin(source), world.begin(source));
    let (first, second) = (one.id().clone(), two.id().clone());
    let asked = world.asked(&first, 1).await;
    let other = world.asked(&second, 1).await;
    world.answer(&asked[0], true).await;
    // The same call of the same script is asked about again, in either run.
    let again = world.asked(&first, 1).await;
    assert_ne!(ids(&again), ids(&asked));
    assert_eq!(ids(&world.asked(&second, 1).await), ids(&other));
    assert_eq!(world.made(), ["7"]);
    assert!(!world.store.take(&asked[0].id, now_ms()).await.expect("read"), "it is used");
    let twice = world.gateway.gateway().answer_approval(&asked[0].id, true, &answer(&asked[0], None)).await;
    assert!(twice.is_err());
    for (run, approval) in [(&first, &again[0]), (&second, &other[0])] {
        assert_eq!(approval.run, *run);
        world.answer(approval, false).await;
    }
    assert_eq!(one.report().await.outcome.name(), "denied");
    assert_eq!(two.report().await.outcome.name(), "denied");
    assert_eq!(world.made(), ["7"]);
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_stands_only_in_the_place_of_the_grant() {
    type Change = fn(&World);
    let changes: [(Change, &str); 2] = [
        (|world| world.policy(OnUnlisted::AskAtCall, &[], &["echo"]), "fake.echo may not be called by this script"),
        (|world| world.policy(OnUnlisted::Deny, &[], &[]), "fake.echo may not be called by this script"),
    ];
    for (change, said) in changes {
        let world = World::new(LONG_HOLD_MS).await;
        let run = world.begin("try:\n    fake.echo(value=1)\nexcept ToolDenied as error:\n    result = error.message");
        let id = run.id().clone();
        let asked = world.asked(&id, 1).await;
        change(&world);
        world.answer(&asked[0], true).await;
        let report = run.report().await;
        assert!(text(&report).contains(said), "{}", text(&report));
        assert!(world.made().is_empty());
        world.gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_cancelled_makes_its_approvals_void() {
    let world = World::new(LONG_HOLD_MS).await;
    let run = world.begin("fake.echo(value=1)");
    let id = run.id().clone();
    let asked = world.asked(&id, 1).await;
    run.cancellation().cancel();
    assert_eq!(run.report().await.outcome.name(), "cancelled");
    world.over(&id).await;
    assert_eq!(ids(&world.approvals(&id, ApprovalState::Void).await), ids(&asked));
    let late = world.gateway.gateway().answer_approval(&asked[0].id, true, &answer(&asked[0], None)).await;
    assert!(late.is_err() && world.made().is_empty());
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_operator_answers_for_a_call_of_their_own() {
    let world = World::new(LONG_HOLD_MS).await;
    let run = world.begin("fake.echo(value=1)");
    let asked = world.asked(run.id(), 1).await;
    let other_content = ApprovalAnswer { shown_sha256: "00".to_owned(), ..answer(&asked[0], None) };
    let gateway = world.gateway.gateway();
    assert!(gateway.answer_approval(&asked[0].id, true, &other_content).await.is_err());
    assert_eq!(world.approvals(run.id(), ApprovalState::Pending).await.len(), 1);
    drop(run);
    world.gateway.stop().await;
}
