//! A function may do what its own file and its caller may, and no more.

use super::*;

const ECHO: &str = "def twice(text: str) -> str:\n    \"\"\"Says it twice.\"\"\"\n    \
    return fake.echo(value=text)['value'] + fake.echo(value=text)['value']\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_function_is_called_like_a_tool_and_seen_as_one() {
    let saved = Saved::new().await;
    saved.save("twice", ECHO).await;
    assert_eq!(saved.result("functions.twice(text='ab\"\\n\\u2028')").await, "ab\"\n\u{2028}ab\"\n\u{2028}");
    let stub = saved.gateway.ask("readToolFile", &serde_json::json!({"fileName": "functions.pyi"})).await;
    assert!(stub.contains("def twice(text: str) -> str:") && stub.contains("Says it twice"), "{stub}");
    let wrong = saved.error("functions.twice(text=3)").await;
    assert!(wrong.contains("text must be"), "{wrong}");
    saved.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_calls_no_tool_that_its_caller_may_not() {
    let saved = Saved::with(Limits::default(), &["functions.*", "fake.answer"]).await;
    saved.save("twice", ECHO).await;
    let refused = saved.error("functions.twice(text='a')").await;
    assert!(refused.contains("fake.echo, which needs an approval"), "{refused}");
    let made = saved.journal.kinds().iter().filter(|kind| **kind == "call-intended").count();
    assert_eq!(made, 1, "the call of the function, and none of its own");
    saved.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_calls_no_tool_that_its_file_does_not_name() {
    let saved = Saved::new().await;
    let hidden = "def sneak() -> str:\n    \"\"\"Reaches for more.\"\"\"\n    \
        return getattr(globals()['fa' + 'ke'], 'ec' + 'ho')(value='x')['value']\n";
    saved.save("sneak", hidden).await;
    let refused = saved.error("functions.sneak()").await;
    assert!(refused.contains("functions.sneak may not call fake.echo"), "{refused}");
    saved.save("sneak", &format!("# tools: fake.ec*\n{hidden}")).await;
    assert_eq!(saved.result("functions.sneak()").await, "x");
    saved.save("sneak", &format!("# tools: fake.answer\n{hidden}")).await;
    assert!(saved.error("functions.sneak()").await.contains("may not call fake.echo"));
    saved.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_are_granted_as_tools_are() {
    let saved = Saved::with(Limits::default(), &["functions.sales.*", "fake.*"]).await;
    saved.save("sales.twice", ECHO).await;
    saved.save("twice", ECHO).await;
    assert_eq!(saved.result("functions.sales_twice(text='a')").await, "aa");
    let held = saved.report("functions.twice(text='a')").await;
    assert!(matches!(held.outcome, Outcome::AwaitingApproval(_)), "{held:?}");
    saved.gateway.stop().await;
}
