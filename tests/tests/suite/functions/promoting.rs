//! Nothing is called that a person has not promoted as it is.

use exuvia_journal::{FunctionState, Retirement};
use serde_json::json;

use super::*;

const ONE: &str = "def one() -> int:\n    \"\"\"One.\"\"\"\n    return 1\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_called_once_it_is_promoted_and_not_when_it_has_changed() {
    let saved = Saved::new().await;
    saved.write("one", ONE);
    saved.seen().await;
    assert!(!saved.error("functions.one()").await.contains("promote"), "nobody knows of it");
    assert_eq!(saved.promote("one", ONE).await, 1);
    saved.seen().await;
    assert_eq!(saved.result("functions.one()").await, 1);

    let changed = ONE.replace("return 1", "return 11");
    saved.write("one", &changed);
    saved.seen().await;
    let error = saved.error("functions.one()").await;
    assert!(error.contains("exuvia functions promote one") && !error.contains("return 11"), "{error}");
    assert_eq!(saved.promote("one", &changed).await, 2);
    saved.seen().await;
    assert_eq!(saved.result("functions.one()").await, 11);

    // Back to the first text: its version is the first.
    saved.write("one", ONE);
    assert_eq!(saved.promote("one", ONE).await, 1);
    saved.seen().await;
    assert_eq!(saved.result("functions.one()").await, 1);
    std::fs::remove_file(saved.folder.path().join("one.py")).expect("removed");
    saved.seen().await;
    let error = saved.error("functions.one()").await;
    assert!(error.contains("its file is gone") && error.contains("exuvia functions retire one"), "{error}");
    saved.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_is_retired_is_not_called_by_a_script_that_runs_either() {
    let saved = Saved::new().await;
    saved.save("one", ONE).await;
    let act = FunctionAct { principal: Principal::Operator, at_ms: 2, run: None };
    let retirement = Retirement { name: "one".to_owned(), sha256: None, act };
    let script = saved.error("while True: functions.one()");
    let retire = async {
        let begun = std::time::Instant::now();
        while !saved.journal.kinds().contains(&"run-ended") {
            assert!(begun.elapsed() < std::time::Duration::from_secs(60), "the function is not called");
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        assert_eq!(saved.store.retire(&retirement).await.expect("retired"), 1);
        saved.library.refresh(&saved.config).await;
    };
    let (error, ()) = tokio::join!(script, retire);
    assert!(error.contains("changed or retired"), "{error}");
    saved.gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_proposes_and_nobody_calls_it_before_a_person_promotes_it() {
    let saved = Saved::new().await;
    let propose = |name: &str, code: &str| format!("functions.propose(name={}, code={})", json!(name), json!(code));
    let answer = saved.result(&propose("one", ONE)).await;
    assert_eq!(answer["state"], "proposed", "{answer}");
    saved.seen().await;
    saved.error("functions.one()").await;

    let stored = saved.store.list_functions().await.expect("read");
    let [one] = stored.as_slice() else { panic!("{stored:?}") };
    assert_eq!((one.state, one.version), (FunctionState::Proposed, None));
    assert!(one.proposed.as_ref().is_some_and(|act| act.run.is_some()));
    saved.promote("one", ONE).await;
    saved.seen().await;
    assert_eq!(saved.result("functions.one()").await, 1);
    assert_eq!(saved.result(&propose("one", ONE)).await["state"], "promoted");

    let wrong = saved.error(&propose("two", "def two(x):\n    'Two.'\n")).await;
    assert!(wrong.contains("line 1: parameter `x` has no type"), "{wrong}");
    for n in 0..3 {
        saved.result(&propose("many", &ONE.replace("one", "many").replace("1", &n.to_string()))).await;
    }
    let full = saved.error(&propose("more", &ONE.replace("one", "more"))).await;
    assert!(full.contains("3 proposals of yours wait"), "{full}");
    saved.gateway.stop().await;
}
