//! Calls of one run that wait for approval together: asked and told of at once, and each made once.

use super::*;

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
        assert_eq!(
            ids(&world.approvals(&id, ApprovalState::Pending).await).len()
                + world.approvals(&id, ApprovalState::Approved).await.len(),
            10,
            "none is asked again"
        );
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

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_not_asked_about_before_others_are_answered_are_made_once_as_well() {
    let limits = Limits { hold_ms: 20, concurrent_calls: 3, ..Limits::default() };
    let world = World::with(limits, |approvals| approvals.held_together = 3).await;
    let run = world.begin(
        "import asyncio\nasync def all():\n    calls = [fake.echo(value=n) for n in range(7)]\n    last = fake.echo(value=7)\n    \
         return [one['value'] for one in [*await asyncio.gather(*calls), await last]]\nresult = await all()",
    );
    let id = run.id().clone();
    run.report().await;
    let begun = Instant::now();
    while world.store.waiting(&id).await.expect("read").is_none_or(|run| run.state != WaitingState::Done) {
        let pending = world.approvals(&id, ApprovalState::Pending).await;
        assert!(pending.len() <= 3, "{pending:?}");
        for approval in pending {
            world.answer(&approval, true).await;
        }
        assert!(begun.elapsed() < PATIENCE, "{:?}", world.journal.kinds());
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(world.result(&id), "[0,1,2,3,4,5,6,7]");
    let mut made = world.made();
    made.sort();
    assert_eq!(made, (0..8).map(|n| n.to_string()).collect::<Vec<_>>());
    world.replays(&id).await;
    world.gateway.stop().await;
}

struct Told(std::sync::Mutex<Vec<usize>>);

impl exuvia_gateway::ApprovalNotices for Told {
    fn asked(&self, asked: &exuvia_gateway::AskedApprovals) {
        assert!(asked.by_client && asked.client.as_deref() == Some("test"));
        self.0.lock().expect("no panic").push(asked.approvals.len());
    }
}

struct Pages;

impl exuvia_gateway::ApprovalLinks for Pages {
    fn link(&self, run: &RunId, approval: &ApprovalId) -> Option<String> {
        Some(format!("http://127.0.0.1/{run}/{approval}"))
    }

    fn page(&self, approval: &ApprovalId) -> Option<String> {
        Some(format!("http://127.0.0.1/{approval}"))
    }

    fn question_link(&self, _: &RunId, question: &str) -> Option<String> {
        Some(format!("https://here.example/question/{question}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_wait_together_are_told_of_once_with_their_links() {
    let world = World::new(150).await;
    let told = Arc::new(Told(std::sync::Mutex::default()));
    world.gateway.gateway().add_approval_notices(Arc::clone(&told) as _);
    world.gateway.gateway().set_approval_links(Arc::new(Pages));
    let run = world.begin("import asyncio\nawait asyncio.gather(*[fake.echo(value=n) for n in range(4)])");
    let id = run.id().clone();
    let said = text(&run.report().await);
    assert_eq!(said.matches(&format!(" on line 2: http://127.0.0.1/{id}/")).count(), 4, "{said}");
    assert!((1..=4).all(|n| said.contains(&format!("fake.echo, call {n} on line 2: "))), "{said}");
    let asked = world.asked(&id, 4).await;
    world.until(&id, |state| *state == WaitingState::Parked).await;
    world.answer(&asked[0], false).await;
    world.over(&id).await;
    assert_eq!(told.0.lock().expect("no panic").iter().sum::<usize>(), 4);
    world.gateway.stop().await;
}

/// Held calls have no turns, of which there are 32: nobody should answer three times for what they could see at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_calls_of_one_gather_are_asked_and_told_of_together() {
    let world = World::new(300).await;
    let told = Arc::new(Told(std::sync::Mutex::default()));
    world.gateway.gateway().add_approval_notices(Arc::clone(&told) as _);
    let run = world.begin(
        "import asyncio\ndone = await asyncio.gather(*[fake.echo(value=n) for n in range(100)])\n\
         result = sum(one['value'] for one in done)",
    );
    let id = run.id().clone();
    let report = run.report().await;
    assert_eq!(report.outcome.name(), "awaiting-approval");
    assert_eq!(*told.0.lock().expect("no panic"), [100]);
    world.until(&id, |state| *state == WaitingState::Parked).await;
    for approval in world.asked(&id, 100).await {
        world.answer(&approval, true).await;
    }
    world.over(&id).await;
    assert_eq!((world.result(&id), world.made().len()), ("4950".to_owned(), 100));
    assert_eq!(world.approvals(&id, ApprovalState::Used).await.len(), 100);
    world.replays(&id).await;
    world.gateway.stop().await;
}

/// As many as have turns, while others wait for their answers.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_approved_together_are_made_in_their_turns() {
    let limits = Limits { hold_ms: LONG_HOLD_MS, concurrent_calls: 2, ..Limits::default() };
    let world = World::with(limits, |_| {}).await;
    world.policy_asking_for(&["work"]);
    let run = world
        .begin("import asyncio\nawait asyncio.gather(*[fake.work(steps=1, step_ms=60) for n in range(6)])\nresult = 1");
    let id = run.id().clone();
    let asked = world.asked(&id, 6).await;
    let begun = Instant::now();
    for approval in asked {
        world.answer(&approval, true).await;
    }
    assert_eq!(text(&run.report().await), "1");
    assert!(begun.elapsed() >= Duration::from_millis(180), "more than two at a time");
    assert_eq!(world.made().len(), 6);
    world.replays(&id).await;
    world.gateway.stop().await;
}

/// The script blocks on a call that is not asked about: nothing is recorded of it when the run is parked.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_blocks_behind_held_calls_goes_on_as_well() {
    let limits = Limits { hold_ms: 20, concurrent_calls: 2, ..Limits::default() };
    let world = World::with(limits, |approvals| approvals.held_together = 2).await;
    let run = world.begin(
        "import asyncio\nasync def all():\n    held = asyncio.gather(*[fake.echo(value=n) for n in range(2)])\n    \
         last = fake.echo(value=2)['value']\n    return [last, [one['value'] for one in await held]]\nresult = await all()",
    );
    let id = run.id().clone();
    run.report().await;
    for approval in world.asked(&id, 2).await {
        world.answer(&approval, true).await;
    }
    let last = world.asked(&id, 1).await;
    world.answer(&last[0], true).await;
    world.over(&id).await;
    assert_eq!(world.result(&id), "[2,[0,1]]");
    assert_eq!(world.made().len(), 3);
    world.replays(&id).await;
    world.gateway.stop().await;
}
