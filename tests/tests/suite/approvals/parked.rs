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
        "awaiting approval; ask the user to answer:\nfake.echo, call 2 on line 5: exuvia approvals approve {}\n\
         then send run=\"{id}\" without code: it goes on, and no finished call is repeated",
        asked[0].id
    );
    assert!(said.starts_with(&expected), "{said}");
    assert_eq!(world.until(&id, |state| *state == WaitingState::Parked).await, WaitingState::Parked);
    assert!(world.gateway.gateway().live_runs().list().is_empty(), "nothing of it is left");
    assert!(
        world
            .pick_up(&id)
            .await
            .starts_with("awaiting approval; ask the user to answer:\nfake.echo, call 2 on line 5: ")
    );
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
async fn two_approvals_may_each_take_longer_than_the_time_of_the_run() {
    let limits = Limits { hold_ms: 20, wall_ms: 1_000, call_timeout_ms: 300, ..Limits::default() };
    let world = World::with(limits, |_| {}).await;
    let run = world.begin(
        "import asyncio, time\nbegun = time.monotonic()\nasync def one(n):\n    async with asyncio.timeout(0.4):\n        \
         return (await fake.echo(value=n))['value']\nresult = [await one(1), await one(2), time.monotonic() - begun < 0.8]",
    );
    let id = run.id().clone();
    run.report().await;
    for _ in 0..2 {
        let asked = world.asked(&id, 1).await;
        world.until(&id, |state| *state == WaitingState::Parked).await;
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        world.answer(&asked[0], true).await;
    }
    world.over(&id).await;
    assert_eq!(world.result(&id), "[1,2,true]");
    assert!(world.end(&id).usage.wall_ms < 1_000, "{:?}", world.end(&id).usage);
    world.replays(&id).await;
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_call_is_denied_or_expires_and_the_script_catches_it() {
    for expires in [None, Some(Duration::from_millis(300))] {
        let limits = Limits { hold_ms: 20, ..Limits::default() };
        let world = World::with(limits, |approvals| approvals.expires = expires.unwrap_or(approvals.expires)).await;
        let run = world.begin(
            "import asyncio\ndone = await asyncio.gather(*[fake.echo(value=n) for n in range(2)], return_exceptions=True)\n\
             result = [type(one).__name__ if isinstance(one, Exception) else one['value'] for one in done]",
        );
        let id = run.id().clone();
        run.report().await;
        let asked = world.asked(&id, 2).await;
        let expected = if expires.is_none() {
            world.answer(&asked[0], false).await;
            // The other one is not asked again.
            assert_eq!(ids(&world.asked(&id, 1).await), ids(&asked[1..]));
            world.until(&id, |state| *state == WaitingState::Parked).await;
            world.answer(&asked[1], true).await;
            "[\"ToolDenied\",1]"
        } else {
            "[\"ToolDenied\",\"ToolDenied\"]"
        };
        world.over(&id).await;
        assert_eq!(world.result(&id), expected);
        world.replays(&id).await;
        world.gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_before_is_not_repeated_whatever_it_was() {
    let world = World::new(20).await;
    let run = world.begin(
        "import asyncio, random, time\nseen = [mcp.search('echo')[:3], random.random(), time.time() > 0]\n\
         pid = fake.process()['pid']\ntry:\n    fake.nothing()\nexcept AttributeError as error:\n    seen.append(str(error))\n\
         others = asyncio.gather(*[fake.work(steps=1, step_ms=n) for n in (9, 1, 5)])\n\
         held = (await fake.echo(value=len(seen)))['value']\nothers = await others\n\
         result = [held, [one['value'] for one in others], fake.process()['pid'] == pid]",
    );
    let id = run.id().clone();
    run.report().await;
    let asked = world.asked(&id, 1).await;
    world.until(&id, |state| *state == WaitingState::Parked).await;
    assert_eq!(world.made().len(), 4);
    world.answer(&asked[0], true).await;
    world.over(&id).await;
    assert_eq!(world.result(&id), "[4,[\"done\",\"done\",\"done\"],true]");
    assert_eq!(world.made().len(), 6);
    world.replays(&id).await;
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_is_asked_about_before_it_starts_waits_without_an_instance() {
    for (hold_ms, allow) in [(20, true), (20, false), (LONG_HOLD_MS, true), (LONG_HOLD_MS, false)] {
        let world = World::new(hold_ms).await;
        world.policy(OnUnlisted::AskBefore, &[], &[]);
        let run = world.begin("a = fake.echo(value=1)\nresult = [a['value'], fake.echo(value=2)['value']]");
        let id = run.id().clone();
        let asked = world.asked(&id, 1).await;
        assert_eq!((asked[0].call, &asked[0].tool), (None, &None));
        let content = world.store.content(&asked[0].id).await.expect("read").expect("kept");
        let calls: Vec<_> = content.calls.iter().map(|call| (call.tool.tool.as_str(), &*call.lines)).collect();
        assert_eq!(calls, [("echo", &[1, 2][..])]);
        let mut early = None;
        if hold_ms == 20 {
            let said = text(&run.report().await);
            let begins =
                "awaiting approval; ask the user to answer:\nthe start of the script: exuvia approvals approve ";
            assert!(said.starts_with(begins), "{said}");
            world.until(&id, |state| *state == WaitingState::Parked).await;
        } else {
            early = Some(run);
        }
        world.answer(&asked[0], allow).await;
        if let Some(run) = early {
            let report = run.report().await;
            assert_eq!(report.outcome.name(), if allow { "returned" } else { "denied" }, "{report:?}");
        }
        world.over(&id).await;
        if allow {
            assert_eq!((world.result(&id), world.made().len()), ("[1,2]".to_owned(), 2));
            world.replays(&id).await;
        } else {
            assert_eq!((&*world.end(&id).outcome, world.made().len()), ("denied", 0));
            assert!(world.pick_up(&id).await.contains("the script was not run: a person denied it"));
        }
        world.gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_parked_when_the_gateway_ends_and_another_one_brings_it_back() {
    let world = World::new(LONG_HOLD_MS).await;
    let run = world.begin("result = [fake.process()['pid'] > 0, fake.echo(value=1)['value']]");
    let id = run.id().clone();
    let asked = world.asked(&id, 1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.gateway.gateway().cancel_runs();
    assert_eq!(run.report().await.outcome.name(), "awaiting-approval");
    world.until(&id, |state| *state == WaitingState::Parked).await;
    let other = world.beside().await;
    other.answer(&asked[0], true).await;
    other.over(&id).await;
    assert_eq!(other.result(&id), "[true,1]");
    assert_eq!((world.made().len(), other.made().len()), (1, 1));
    other.replays(&id).await;
    world.gateway.stop().await;
    other.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_left_is_brought_back_and_a_call_of_unknown_outcome_is_asked_about_anew() {
    for allow in [true, false] {
        let world = World::with(Limits { hold_ms: LONG_HOLD_MS, ..Limits::default() }, |approvals| {
            approvals.lease = Duration::from_millis(600);
        })
        .await;
        let run = world.begin(
            "import random\nx = random.random()\nfirst = fake.echo(value=x)['value'] == x\ntry:\n    fake.hang()\n    \
             said = 'made'\nexcept ToolDenied as error:\n    said = error.message\nresult = [first, said]",
        );
        let id = run.id().clone();
        for _ in 0..2 {
            let asked = world.asked(&id, 1).await;
            assert!(!asked[0].may_have_happened);
            world.answer(&asked[0], true).await;
        }
        while world.made().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let other = world.beside().await;
        // As if its process were killed: nothing of it is polled any more.
        std::mem::forget(run);
        world.gateway.stop_dead().await;
        let asked = other.asked(&id, 1).await;
        assert!(asked[0].may_have_happened && asked[0].tool.as_ref().is_some_and(|tool| tool.tool == "hang"));
        if allow {
            // It is made again, and hangs again: its own timeout ends it.
            other.answer(&asked[0], true).await;
            while other.made().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            other.gateway.gateway().live_runs().cancel(&id);
            other.over(&id).await;
            assert_eq!(other.end(&id).outcome, "cancelled");
        } else {
            other.answer(&asked[0], false).await;
            other.over(&id).await;
            assert_eq!(other.result(&id), "[true,\"fake.hang was not called: a person denied it\"]");
            assert!(other.made().is_empty());
            other.replays(&id).await;
        }
        other.gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_brought_back_is_void_with_the_reason() {
    let world = World::new(20).await;
    let run = world.begin("result = fake.echo(value=1)['value']");
    let id = run.id().clone();
    run.report().await;
    let asked = world.asked(&id, 1).await;
    world.until(&id, |state| *state == WaitingState::Parked).await;
    world.journal.forget_objects();
    world.answer(&asked[0], true).await;
    let state = world.over(&id).await;
    assert!(matches!(&state, WaitingState::Void(why) if why.contains("no longer in the journal")), "{state:?}");
    assert_eq!(world.end(&id).outcome, "void");
    let said = world.pick_up(&id).await;
    assert!(said.starts_with("the run cannot go on: not replayable: the servers and tools that it saw"), "{said}");
    assert!(world.made().is_empty());
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_changed_while_a_run_was_parked_holds() {
    let world = World::new(20).await;
    let run = world.begin("try:\n    fake.echo(value=1)\nexcept ToolDenied as error:\n    result = error.message");
    let id = run.id().clone();
    run.report().await;
    let asked = world.asked(&id, 1).await;
    world.until(&id, |state| *state == WaitingState::Parked).await;
    world.policy(OnUnlisted::AskAtCall, &[], &["echo"]);
    world.answer(&asked[0], true).await;
    world.over(&id).await;
    assert!(world.result(&id).contains("may not be called by this script"), "{}", world.result(&id));
    assert!(world.made().is_empty());
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runs_of_one_principal_that_wait_are_bounded() {
    let limits = Limits { hold_ms: 20, ..Limits::default() };
    let world = World::with(limits, |approvals| approvals.bounds.runs_per_principal = 2).await;
    for number in 0..3 {
        let report = world.begin("fake.echo(value=1)").report().await;
        assert_eq!(report.outcome.name(), if number < 2 { "awaiting-approval" } else { "denied" }, "{report:?}");
        assert!(number < 2 || text(&report).contains("too many calls wait for approval"), "{}", text(&report));
    }
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_does_not_cover_a_tool_that_has_changed_since() {
    for hold_ms in [20, LONG_HOLD_MS] {
        let world = World::new(hold_ms).await;
        let run = world.begin("try:\n    fake.echo(value=1)\nexcept ToolDenied as error:\n    result = error.message");
        let id = run.id().clone();
        let asked = world.asked(&id, 1).await;
        let mut run = Some(run);
        if hold_ms == 20 {
            run.take().expect("a run").report().await;
            world.until(&id, |state| *state == WaitingState::Parked).await;
        }
        describe(&world.folder, "sends it to everybody");
        let changed = world.begin("fake.change()");
        changed.report().await;
        let begun = Instant::now();
        let is_new = || {
            let namespace = world.gateway.gateway().namespace();
            let tool = namespace.server("fake").and_then(|server| server.tool("echo")).expect("it is there").clone();
            tool.descriptor.description.as_deref() == Some("sends it to everybody")
        };
        while !is_new() {
            assert!(begun.elapsed() < PATIENCE, "the list is as before");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        world.answer(&asked[0], true).await;
        if let Some(run) = run {
            run.report().await;
        }
        world.over(&id).await;
        let said = world.result(&id);
        assert!(said.starts_with("\"fake.echo was not called: ") && said.contains("asked about"), "{said}");
        assert!(!world.made().contains(&"1".to_owned()), "{:?}", world.made());
        world.gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repaired_script_that_is_parked_repeats_nothing_of_the_run_that_failed() {
    let world = World::new(20).await;
    world.policy(OnUnlisted::AskAtCall, &["answer"], &[]);
    let source = |end: &str| {
        format!(
            "a = fake.answer(result={{'content': [], 'n': 1}})\n{end}\nb = fake.answer(result={{'content': [], 'n': 2}})\nresult = 'done'"
        )
    };
    // The run that failed made both of its calls, and none in between.
    let first = world.begin(&(source("") + "\nraise ValueError('late')"));
    let failed = first.id().clone();
    assert_eq!(first.report().await.outcome.name(), "raised");
    assert_eq!(world.made().len(), 2);
    let repaired = json!({"code": source(""), "run": failed.as_str()});
    let (gateway, arguments) = (world.gateway.gateway(), repaired.as_object().expect("an object").clone());
    let answer =
        meta::call(gateway, &gateway.default_view(), &Client::new("test"), "executeToolCode", &arguments).await;
    let Ok(MetaAnswer::Run(run)) = answer else { panic!("{answer:?}") };
    assert_eq!(text(&run.report().await), "\"done\"");
    // What was done is not asked about anew, and a new call in between is.
    world.policy(OnUnlisted::AskAtCall, &[], &[]);
    let with_another = source("c = fake.echo(value=3)");
    let repaired = json!({"code": with_another, "run": failed.as_str()});
    let arguments = repaired.as_object().expect("an object").clone();
    let answer =
        meta::call(gateway, &gateway.default_view(), &Client::new("test"), "executeToolCode", &arguments).await;
    let Ok(MetaAnswer::Run(run)) = answer else { panic!("{answer:?}") };
    let id = run.id().clone();
    run.report().await;
    for call in [2, 3] {
        let asked = world.asked(&id, 1).await;
        assert_eq!(asked[0].call.map(|call| call.0), Some(call));
        world.until(&id, |state| *state == WaitingState::Parked).await;
        world.answer(&asked[0], true).await;
    }
    world.over(&id).await;
    assert_eq!(world.result(&id), "\"done\"");
    assert_eq!(world.made().len(), 4, "{:?}", world.made());
    world.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_be_parked_ends_as_awaiting_approval() {
    let world = World::on(Arc::default(), Limits { hold_ms: 20, ..Limits::default() }, |_| {}).await;
    let run = world.begin("result = fake.echo(value=1)['value']");
    let id = run.id().clone();
    let report = run.report().await;
    assert_eq!(report.outcome.name(), "awaiting-approval");
    assert!(text(&report).contains("to allow it without asking, their configuration needs:"), "{}", text(&report));
    assert_eq!(world.over(&id).await, WaitingState::Done);
    assert_eq!(world.end(&id).outcome, "awaiting-approval");
    assert_eq!(world.approvals(&id, ApprovalState::Void).await.len(), 1);
    world.gateway.stop().await;
}
