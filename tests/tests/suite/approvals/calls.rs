//! Calls that are held and answered while their run waits.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_held_call_that_is_approved_is_made_and_the_script_goes_on() {
    let world = World::new(LONG_HOLD_MS).await;
    let run = world.begin("x = fake.echo(value='one')\nresult = [x['value'], fake.echo(value='two')['value']]");
    let id = run.id().clone();
    for (number, value) in [(1, "\"one\""), (2, "\"two\"")] {
        let asked = world.asked(&id, 1).await;
        assert_eq!((asked[0].call.map(|call| call.0), asked[0].line), (Some(number), Some(number as u32)));
        assert_eq!(world.made().len() as u64, number - 1, "nothing is sent before");
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
    assert_eq!(text(&report), "[\"fake.echo was not called: a person denied it: not on a Sunday\",true]");
    assert!(!world.made().contains(&"1".to_owned()), "{:?}", world.made());
    world.over(&id).await;
    world.replays(&id).await;
    world.gateway.stop().await;
}
